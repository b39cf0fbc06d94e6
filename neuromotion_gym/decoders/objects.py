"""From an object of another library, and a few facts that it cannot know, to a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuromotion_gym.decoders.checks import random_inputs
from neuromotion_gym.decoders.classes import classes_of, told_labels
from neuromotion_gym.decoders.faults import FaultyDecoderError
from neuromotion_gym.decoders.libemg import inner_model
from neuromotion_gym.decoders.model_facts import missing
from neuromotion_gym.decoders.model_output import batch_fault
from neuromotion_gym.decoders.relabelled import RelabelledDecoder
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.torch_modules import is_torch_module
from neuromotion_gym.decoders.wrapped import ProbabilityDecoder
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder

OF_THE_CALL = ("features", "feature_parameters")
"""Facts that are no fields of a specification: they say what the object is given."""


def decoder_of(model: Any, facts: Mapping[str, Any]) -> Decoder:
    """The decoder that an object is, or that is made from it.

    Parameters
    ----------
    model : object
        A decoder, or an object of another library, see `neuromotion_gym.decoders.wrapped.ProbabilityDecoder`.
    facts : mapping
        Fields of `DecoderSpec`, and ``features`` and ``feature_parameters``. ``labels`` may be left out if the object's
        classes are texts; they may be a map from its classes to labels. By default ``name`` is the name of the object's
        class, and ``output`` is "probabilities" for ``predict_proba``, "logits" for a network of PyTorch and
        "class_index" for an object that has only ``predict``. For an object that is a decoder already, a map of labels
        is the only fact.

    Raises
    ------
    NeuroMotionError
        If the object is none of these, facts are missing or wrong, or it cannot read windows as they say.
    """
    if hasattr(model, "spec") and callable(getattr(model, "decode", None)):
        return _renamed(model, facts)
    kind = _output(model)
    if kind is None:
        raise NeuroMotionError(
            "A decoder is a name, a folder, an ONNX file, an object with predict_proba or predict, or a network of "
            f"PyTorch, not {type(model).__name__}."
        )
    name = type(model).__name__
    fields = {"name": name, "output": kind, **{key: value for key, value in facts.items() if key not in OF_THE_CALL}}
    classes = None if fields["output"] == "targets" else classes_of(inner_model(model))
    if faults := missing({"labels": classes, **fields}):
        example = ", ".join(f"{fault.what}=…" for fault in faults)
        advice = f"Say them in the call: gym.make(…, decoder=…, decoder_facts=dict({example}))."
        raise FaultyDecoderError(name, faults, advice)
    if fields["output"] != "targets":
        fields.update(told_labels(classes, fields.pop("labels", None), name))
    decoder = ProbabilityDecoder(
        model, DecoderSpec(**fields), **{key: facts[key] for key in OF_THE_CALL if key in facts}
    )
    windows = random_inputs(decoder.spec, 2)[0]
    among = decoder.decode(windows)[0]  # what cannot be called at all is refused here, not in an episode
    if fault := batch_fault(among[0], decoder.decode(windows[:1])[0][0]):
        raise FaultyDecoderError(name, [fault])
    decoder.warn_of_sigmoid()
    return decoder


def _output(model: Any) -> str | None:
    """The kind of output that an object gives unless it is said; None for an object that cannot be called."""
    inner = inner_model(model)
    if is_torch_module(inner):
        return "logits"
    if callable(getattr(inner, "predict_proba", None)):
        return "probabilities"
    return "class_index" if callable(getattr(inner, "predict", None)) else None


def _renamed(decoder: Decoder, facts: Mapping[str, Any]) -> Decoder:
    """A decoder under the facts that may be said of it."""
    labels = facts.get("labels", {})
    other = [name for name in facts if name != "labels" or not isinstance(labels, Mapping)]
    if other:
        raise NeuroMotionError(
            f"{type(decoder).__name__} is a decoder with a specification of its own; "
            f"{', '.join(other)} cannot be said again, only a map of its labels."
        )
    return RelabelledDecoder(decoder, labels) if labels else decoder
