"""Values under the keys of a `Reading`: the way through structures and cells, and their kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from neuromotion_gym.signals.reading_options import Keys


class Named(NamedTuple):
    """Values of one recording under the names of the fields of `Keys`; only those that are asked for."""

    values: dict[str, Any]
    place: tuple[int, ...]
    """Where it lies in cell arrays and arrays of structures, counted from 0; empty if there are none."""


def named_values(content: Mapping[str, Any], keys: Keys) -> Iterator[Named]:
    """The values of each place: of each cell, and of each structure of an array, on the way to the samples."""
    asked = {name: path for name, path in keys if isinstance(path, str)}
    for place, sizes in _places(content, keys.samples):
        values = {name: _at(content, path, place, sizes) for name, path in asked.items()}
        cells = values["samples"]
        if isinstance(cells, list) and not _one_each(values.get("label"), len(cells)):
            for index in range(len(cells)):  # a run in each cell
                here, counts = (*place, index), (*sizes, len(cells))
                yield Named({name: _at(content, path, here, counts) for name, path in asked.items()}, here)
        else:
            yield Named(values, place)


def _one_each(label: Any, count: int) -> bool:
    """Whether there are as many labels as cells: then each cell is a trial."""
    try:
        return label is not None and len(texts(label, "label")) == count
    except NeuroMotionError:  # a cell of it holds several labels
        return False


def _places(content: Mapping[str, Any], path: str) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Indices into the lists that lie on the way of a path, and lengths of these; a list at its end is not counted."""
    found: list[tuple[tuple[int, ...], tuple[int, ...], Any]] = [((), (), content)]
    for name in path.split("."):
        spread = [
            ((*place, index), (*sizes, len(value)), one)
            for place, sizes, value in found
            for index, one in (enumerate(value) if isinstance(value, list) else ())
        ]
        found = [(place, sizes, _field(value, name, path)) for place, sizes, value in (spread or found)]
    return [(place, sizes) for place, sizes, _ in found]


def _at(content: Mapping[str, Any], path: str, place: tuple[int, ...], sizes: tuple[int, ...]) -> Any:
    """The value at the end of a path, at a place of the samples; places that its own way does not have are not used.

    A list at its end holds a value for each place only if it is as long as the list of the samples (``sizes``);
    otherwise it is one value that all places share.
    """
    value: Any = content
    left = list(zip(place, sizes, strict=True))
    for name in path.split("."):
        if isinstance(value, list):
            if not left or left[0][1] != len(value):
                raise NeuroMotionError(f"{path!r} has {len(value)} values where samples has others")
            value = value[left.pop(0)[0]]
        value = _field(value, name, path)
    while isinstance(value, list) and left and left[0][1] == len(value):
        value = value[left.pop(0)[0]]
    return value


def _field(value: Any, name: str, path: str) -> Any:
    """A field of a structure.

    Raises
    ------
    NeuroMotionError
        If there is none; the message lists those that are there.
    """
    if not hasattr(value, "keys"):
        raise NeuroMotionError(f"there is no {path!r}: {name!r} is asked of {kind(value)}, which has no fields")
    if name not in value:
        raise NeuroMotionError(f"there is no {path!r}; there are {', '.join(map(str, value))}")
    return value[name]


def numbers(value: Any, what: str) -> np.ndarray:
    """Real numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
        raise NeuroMotionError(f"{what} is {kind(value)}; it has to be numbers")
    return value


def number(value: Any, what: str) -> float:
    """A single number."""
    array = numbers(value, what)
    if array.size != 1:
        raise NeuroMotionError(f"{what} has {array.size} values; it has to be one")
    return float(array.ravel()[0])


def texts(value: Any, what: str) -> np.ndarray:
    """Numbers or texts as texts, shape (n,)."""
    if isinstance(value, str):
        return np.array([value])
    if isinstance(value, list):
        parts = [texts(one, what) for one in value]
        if any(len(part) != 1 for part in parts):
            raise NeuroMotionError(f"{what} has a cell that holds more or less than one name")
        return np.concatenate(parts) if parts else np.array([], dtype=np.str_)
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return value.ravel()
    return numbers(value, what).ravel(order="F").astype(np.str_)


def kind(value: Any) -> str:
    """What a value is, for messages."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    return {"dict": "a structure", "list": "a cell array", "str": "a text"}.get(
        type(value).__name__, type(value).__name__
    )
