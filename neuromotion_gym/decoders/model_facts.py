"""The specification of a decoder from what is known of it: the call, its recipe, the metadata of its file, its graph.

A model from elsewhere does not say what it reads: labels, rate, unit and channels. What is missing is listed in one
error. Facts of the call take precedence over those of the recipe, and these over the file's metadata.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuromotion_gym.decoders.arrangement import mapped_channels
from neuromotion_gym.decoders.faults import Fault, FaultyDecoderError
from neuromotion_gym.decoders.folders import RECIPE
from neuromotion_gym.decoders.model_input import ADAPTATION, samples_of
from neuromotion_gym.decoders.model_output import guessed_kind
from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.decoders.spec import ONE_VALUE, DecoderSpec
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.plain_yaml import read_yaml
from neuromotion_gym.schema import from_mapping, shortened
from neuromotion_gym.signals.labels import map_labels
from neuromotion_gym.signals.units import unit_name

if TYPE_CHECKING:
    from pathlib import Path

    from neuromotion_gym.decoders.onnx_file import OnnxFile

METADATA = "neuromotion"
"""Key of an ONNX file's metadata that holds facts as JSON; the names of single facts are keys, too."""
NEEDED = {
    "modality": ("what the electrodes measure", "'eeg' or 'emg'"),
    "labels": ("its classes, in the order of the output", "['first label', 'second label']"),
    "channels": ("the channels that it reads, in order", "['C3', 'Cz', 'C4']"),
    "rate_hz": ("samples per second", "160"),
    "unit": ("the unit of the samples that it was trained on", "'V', 'mV', 'µV' or 'count'"),
    "window": ("the number of samples that one decision reads", "320"),
}
"""Facts that a decoder cannot do without: what each is, and an example."""
COMPARED = (
    "modality",
    "channels",
    "rate_hz",
    "unit",
    "window",
    "output",
    "positive",
    "pacing",
    "epoch_s",
    "resample_to",
)
"""Facts of a model that a call rarely means to change."""


def complete_spec(file: OnnxFile, facts: Mapping[str, Any], session: Any) -> DecoderSpec:
    """Put the specification of a model together.

    Parameters
    ----------
    file : OnnxFile
        A ``recipe.yaml`` beside it is read.
    facts : mapping
        Fields of `DecoderSpec` given in the call.
    session : onnxruntime.InferenceSession
        Of this file.

    Raises
    ------
    FaultyDecoderError
        If facts are missing; the message names all of them, with an example.
    NeuroMotionError
        If a fact has a wrong value, or the recipe is not valid.
    """
    path = file.path
    recipe_path, content = path.with_name(RECIPE), _content(path)
    section = _table(content["decoder"], f"{recipe_path}, decoder") if "decoder" in content else {}
    said = {**_from_metadata(session.get_modelmeta().custom_metadata_map, path), **section}
    _compare(said, facts, path)
    if said.get("labels") is None and len(file.classes) == 1:
        said["labels"] = list(*file.classes)
    known = {**said, **facts}
    if isinstance(known.get("labels"), Mapping):
        known["labels"] = _label_map(said.get("labels"), known["labels"], path)
    if isinstance(facts.get("channels"), Mapping) and isinstance(said.get("channels"), list | tuple | dict):
        known["channels"] = mapped_channels(said["channels"], facts["channels"])
    known = {**_from_graph(file, known, session), **known}
    if faults := missing(known):
        raise FaultyDecoderError(str(path), faults, _advice(path, faults))
    spec = from_mapping(DecoderSpec, known, str(recipe_path) if content and not facts else str(path))
    complete_recipe(path, spec)  # raises if another section is not valid
    return spec


def _compare(said: Mapping[str, Any], facts: Mapping[str, Any], path: Path) -> None:
    """Warn where the call contradicts what the recipe or the metadata say of a model.

    Raises
    ------
    NeuroMotionError
        If it has the same labels in another order: columns do not follow the call.
    """
    before, labels = (
        list(one) if isinstance(one, list | tuple) else [] for one in (said.get("labels"), facts.get("labels"))
    )
    if before != labels and sorted(map(str, before)) == sorted(map(str, labels)):
        raise NeuroMotionError(
            f"{path}: its columns are {', '.join(map(str, before))}, in this order, but labels has them in another "
            "order. Leave labels out; if the order that it states is wrong, give a map of columns, {0: 'first', …}."
        )
    other = [
        name
        for name in COMPARED  # a map of channels says itself that it changes them
        if None not in (said.get(name), facts.get(name))
        and not isinstance(facts[name], Mapping)
        and _plain(name, said[name]) != _plain(name, facts[name])
    ]
    if other:
        told = "; ".join(f"{name} {shortened(facts[name])}, not {shortened(said[name])}" for name in other)
        warn(f"{path} is used as the call says, and not as its recipe or metadata do: {told}.")


def _plain(name: str, value: Any) -> Any:
    """A fact in a form in which two that mean the same are equal."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    return unit_name(value) if name == "unit" and isinstance(value, str) else value


def describes_itself(path: Path, session: Any) -> bool:
    """Whether a recipe beside an ONNX file or its metadata describe it, as all graphs of the library are described."""
    return path.with_name(RECIPE).is_file() or METADATA in session.get_modelmeta().custom_metadata_map


def complete_recipe(path: Path, spec: DecoderSpec) -> Recipe:
    """The recipe beside an ONNX file, its section ``decoder`` replaced by a whole specification.

    Raises
    ------
    NeuroMotionError
        If another section of the file is not valid.
    """
    return from_mapping(Recipe, {**_content(path), "decoder": spec}, str(path.with_name(RECIPE)))


def _content(path: Path) -> dict[str, Any]:
    """Content of the recipe beside an ONNX file; empty if there is none."""
    recipe = path.with_name(RECIPE)
    return _table(read_yaml(recipe, "recipe"), str(recipe)) if recipe.is_file() else {}


def _label_map(labels: object, mapping: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """A map from all labels that the recipe, the metadata or the graph state, or from the numbers of all columns."""
    if set(mapping) == set(range(len(mapping))):
        return mapping
    if isinstance(labels, list | tuple) and all(isinstance(label, str) for label in labels):
        return map_labels(labels, mapping)
    raise NeuroMotionError(
        f"{path}: a label map renames the labels of the recipe, but there are none. "
        "Give labels as a list in the order of the output, or as a map of columns, {0: 'first', 1: 'second'}."
    )


def missing(known: Mapping[str, Any]) -> list[Fault]:
    """A fault for each fact that a decoder cannot do without and that is not known."""
    kind = known.get("output")
    needed = dict(NEEDED)
    if kind == "targets":
        del needed["labels"]
        needed["targets"] = ("the axes that it gives values for", "['first axis', 'second axis']")
    if kind in ONE_VALUE:
        needed["positive"] = ("the label that a high value stands for", "one of the labels")
    if known.get("pacing") == "trial":
        needed["epoch_s"] = ("start and end of the window, seconds after the onset", "[0.0, 4.0]")
    return [
        Fault(name, f"missing, {meaning}", f"{name}={example}" if name != "modality" else example)
        for name, (meaning, example) in needed.items()
        if known.get(name) is None
    ]


def _advice(path: Path, faults: list[Fault]) -> str:
    example = ", ".join(f"{fault.what}=…" for fault in faults)
    return (
        f"Say them in the call, load_decoder('{path.name}', {example}) or gym.make(…, decoder='{path.name}', "
        f"decoder_facts=dict({example})), in the section decoder of a {RECIPE} beside the file, or in its metadata."
    )


def _table(content: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise NeuroMotionError(f"{where}: expected a table of names and values, found {shortened(content)}.")
    return content


def _from_metadata(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Facts in the metadata of an ONNX file: values are JSON; names may also be separated by commas."""
    found: dict[str, Any] = {}
    for name in sorted(set(metadata) & set(DecoderSpec.model_fields)):
        try:
            found[name] = json.loads(metadata[name])
        except (ValueError, RecursionError):
            text = metadata[name]
            names = name in ("labels", "channels", "targets")
            found[name] = [part.strip() for part in text.split(",")] if names else text
    if METADATA in metadata:
        try:
            content = json.loads(metadata[METADATA])
        except (ValueError, RecursionError) as error:
            raise NeuroMotionError(f"Metadata {METADATA!r} of {path} is not JSON: {error}.") from None
        found |= _table(content, f"metadata {METADATA!r} of {path}")
    return found


def _from_graph(file: OnnxFile, known: Mapping[str, Any], session: Any) -> dict[str, Any]:
    """What the file itself shows: its name, the length of the window, the kind of output."""
    found: dict[str, Any] = {"name": _name(file.path)}
    inputs = [node for node in session.get_inputs() if node.name != ADAPTATION]
    channels = known.get("channels")
    if len(inputs) == 1 and isinstance(channels, list | tuple) and channels and known.get("resample_to") is None:
        found["window"] = samples_of(inputs[0].shape, len(channels), known.get("layout"))
    labels = known.get("labels")
    if isinstance(labels, list | tuple | Mapping):
        found["output"] = guessed_kind(session.get_outputs(), known, len(labels), file.ended_by)
    return {name: value for name, value in found.items() if value is not None}


def _name(path: Path) -> str:
    """A name from the file, or from the folder of a file called ``model.onnx``."""
    stem = path.resolve().parent.name if path.stem == "model" else path.stem
    return re.sub(r"[^A-Za-z0-9_.@-]+", "_", stem).strip("_.@-")[:100] or "model"
