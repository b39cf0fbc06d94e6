"""Read what ONNX Runtime does not tell of an ONNX file: weights in other files, operators at its end, names of classes.

An ONNX file is a message of Protocol Buffers: a row of fields, each a number and a value, and a value may itself be a
message. The few messages on the way to tensors and to nodes are walked here. Everything else is copied as it is.

Weights in files of their own (PyTorch writes ``model.onnx`` and ``model.onnx.data``) are read from the folder of the
ONNX file alone, and are put into the model before ONNX Runtime sees it. ONNX Runtime would look for them in the working
directory if a model is handed over as bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LARGEST = 2**31 - 1
"""Largest model in bytes; a message of Protocol Buffers cannot be longer."""
_DEEPEST = 60
"""Largest number of messages inside one another; a graph inside a graph takes four."""
_MOST_PARTS = 200_000
"""Largest number of nodes, attributes and tensors: more of them take long to read, however small the file is."""

_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""For each message on the way to a tensor: numbers of its fields that lead on, and what they hold (onnx.proto)."""
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 9, 13, 14, 1
_GRAPH, _NODE, _NODE_INPUT, _NODE_OUTPUT, _OPERATOR, _ATTRIBUTE, _INITIALIZER = 7, 1, 1, 2, 4, 5, 5
_ATTRIBUTE_NAME, _STRINGS, _STRING_DATA = 1, 9, 6
_PASSING = ("Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Dropout")
"""Operators that leave the values of their first input as they are."""


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """The content of an ONNX file.

    Parameters
    ----------
    path : pathlib.Path
    content : bytes
        The model, with all weights inside.
    weights : tuple of pathlib.Path
        Files that the weights came from, besides the ONNX file.
    ended_by : dict of str to str
        For each value that a node of the graph computes: the operator that made it, such as ``"Softmax"``. Operators
        that only pass values on are left out.
    classes : set of tuple of str
        Lists of names in the graph that may be its classes, in the order of the columns.
    """

    path: Path
    content: bytes
    weights: tuple[Path, ...]
    ended_by: dict[str, str]
    classes: set[tuple[str, ...]]


def read_onnx(path: Path, what: str) -> OnnxFile:
    """Read an ONNX file and the weights that it names.

    Parameters
    ----------
    path : pathlib.Path
    what : str
        Kind of model, for messages: "decoder" or "policy".

    Raises
    ------
    NeuroMotionError
        If a file cannot be read, is no ONNX model, has too many parts, or names weights outside of its own folder.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NeuroMotionError(f"No {what} can be read from {path}: {error.strerror}.") from None
    reader = _Weights(path)
    try:
        whole = bytes(_with_weights(memoryview(content), "model", reader, 0))
        graphs = _messages(memoryview(whole), _GRAPH)
        ended_by = _operators(graphs)
        classes = _class_names(graphs)
    except _DamagedError as error:
        raise NeuroMotionError(f"{path} is not an ONNX model that can be run: {error}.") from None
    if len(whole) > LARGEST:
        raise NeuroMotionError(f"{path} and its weights are {len(whole):,} bytes; at most {LARGEST:,} can be run.")
    return OnnxFile(path, whole, tuple(sorted(reader.files)), ended_by, classes)


class _DamagedError(Exception):
    """The bytes are no message of Protocol Buffers."""


class _Weights:
    """Reads weights from files in the folder of a model, each file once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files: dict[Path, memoryview] = {}
        self._parts = 0

    def count(self) -> None:
        """Count a part of the model, and refuse a model of too many."""
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _DamagedError(f"it has more than {_MOST_PARTS:,} nodes, attributes and tensors")

    def read(self, entries: dict[str, str]) -> memoryview:
        """Bytes of one tensor, from its entries ``location``, ``offset`` and ``length``."""
        path = self._inside_folder(entries.get("location", ""))
        if path not in self.files:
            try:
                self.files[path] = memoryview(path.read_bytes())
            except OSError as error:
                raise NeuroMotionError(
                    f"{self._path} keeps weights in the file {path.name!r}, which cannot be read from the same folder: "
                    f"{error.strerror}."
                ) from None
        data = self.files[path]
        try:
            offset = int(entries.get("offset", "0"))
            length = int(entries["length"]) if "length" in entries else len(data) - offset
        except ValueError:
            raise _DamagedError("it does not say where its weights are") from None
        if offset < 0 or length < 0 or offset + length > len(data):
            raise NeuroMotionError(
                f"{self._path} needs {offset + length:,} bytes of {path.name!r}, which has {len(data):,}: "
                "the two files do not belong together."
            )
        return data[offset : offset + length]

    def _inside_folder(self, location: str) -> Path:
        folder = self._path.parent
        parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
        windows = PureWindowsPath(location)
        outside = not location or "\0" in location or ".." in parts
        outside = outside or PurePosixPath(location).is_absolute() or bool(windows.drive or windows.root)
        if not outside:
            # A link may lead out of the folder
            outside = not (folder / location).resolve().is_relative_to(folder.resolve())
        if outside:
            raise NeuroMotionError(
                f"{self._path} keeps weights in {location!r}, outside of its own folder. "
                "They have to lie beside the model; export it again, or save it as one file."
            )
        return folder / location


def _with_weights(message: memoryview, kind: str, weights: _Weights, depth: int) -> memoryview:
    """The message with every tensor's external weights inside; the same object if there are none."""
    if depth > _DEEPEST:
        raise _DamagedError(f"more than {_DEEPEST} parts inside one another")
    weights.count()
    if kind == "tensor":
        return _tensor_with_weights(message, weights)
    parts: list[bytes | memoryview] = []
    copied = 0
    for number, value, start, stop in _fields(message):
        inside = _INSIDE[kind].get(number)
        if inside is None or not isinstance(value, memoryview):
            continue
        changed = _with_weights(value, inside, weights, depth + 1)
        if changed is not value:
            parts += [message[copied:start], _length_delimited(number, changed)]
            copied = stop
    return memoryview(b"".join([*parts, message[copied:]])) if parts else message


def _tensor_with_weights(tensor: memoryview, weights: _Weights) -> memoryview:
    entries: dict[str, str] = {}
    external = False
    kept: list[bytes | memoryview] = []
    for number, value, start, stop in _fields(tensor):
        if number == _EXTERNAL_DATA and isinstance(value, memoryview):
            pair = {key: _text(text) for key, text, *_ in _fields(value) if isinstance(text, memoryview)}
            entries[pair.get(1, "")] = pair.get(2, "")
        elif number == _DATA_LOCATION:
            external = value == _EXTERNAL
        else:
            kept.append(tensor[start:stop])
    if not external:
        return tensor
    return memoryview(b"".join([*kept, _length_delimited(_RAW_DATA, weights.read(entries))]))


def _operators(graphs: Sequence[memoryview]) -> dict[str, str]:
    """For each value that a node computes: the operator that made it."""
    made_by: dict[str, tuple[str, str]] = {}
    for graph in graphs:
        for node in _messages(graph, _NODE):
            inputs = [_text(value) for value in _messages(node, _NODE_INPUT)]
            operator = "".join(_text(value) for value in _messages(node, _OPERATOR))
            outputs = [_text(value) for value in _messages(node, _NODE_OUTPUT)]
            made_by.update(dict.fromkeys(outputs, (operator, inputs[0] if inputs else "")))
    found = {}
    for name, (operator, source) in made_by.items():
        seen = {name}
        while operator in _PASSING and source in made_by and source not in seen:
            seen.add(source)
            operator, source = made_by[source]
        found[name] = operator
    return found


def _class_names(graphs: Sequence[memoryview]) -> set[tuple[str, ...]]:
    """Lists of names in the nodes' attribute ``classlabels_strings`` and in constant tensors of texts."""
    found = set()
    for graph in graphs:
        for tensor in _messages(graph, _INITIALIZER):
            found.add(tuple(_text(value) for value in _messages(tensor, _STRING_DATA)))
        for node in _messages(graph, _NODE):
            for attribute in _messages(node, _ATTRIBUTE):
                if [_text(value) for value in _messages(attribute, _ATTRIBUTE_NAME)] == ["classlabels_strings"]:
                    found.add(tuple(_text(value) for value in _messages(attribute, _STRINGS)))
    return {names for names in found if len(set(names)) == len(names) > 1}


def _messages(message: memoryview, wanted: int) -> list[memoryview]:
    """Contents of all fields with the number ``wanted``."""
    return [value for number, value, *_ in _fields(message) if number == wanted and isinstance(value, memoryview)]


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview, int, int]]:
    """Each field: its number, its value (bytes if its length is stated, else a whole number), and where it stands."""
    place = 0
    while place < len(message):
        start = place
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        value: int | memoryview
        if wire == 0:
            value, place = _varint(message, place)
        elif wire == 2:
            length, place = _varint(message, place)
            value, place = message[place : place + length], place + length
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
            value, place = message[place : place + length], place + length
        else:
            raise _DamagedError("it is damaged")
        if place > len(message) or number == 0:
            raise _DamagedError("it is cut off or damaged")
        yield number, value, start, place


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number in groups of seven bits, the lowest first, and the place after it."""
    value = shift = 0
    while place < len(message) and shift < 70:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise _DamagedError("it is cut off or damaged")


def _length_delimited(number: int, content: bytes | memoryview) -> bytes:
    return _encoded(number << 3 | 2) + _encoded(len(content)) + bytes(content)


def _encoded(value: int) -> bytes:
    """A whole number in groups of seven bits; the reverse of `_varint`."""
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8", "replace")
