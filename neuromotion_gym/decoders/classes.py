"""Which column of a model's output belongs to which label, by the names of the model's classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened
from neuromotion_gym.signals.labels import map_labels, renamed

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec


def classes_of(model: Any) -> list[Any] | None:
    """The attribute ``classes_`` of a model as a list of texts or numbers; None if the model has none.

    Raises
    ------
    NeuroMotionError
        If ``classes_`` is no list of texts or numbers.
    """
    found = getattr(model, "classes_", None)
    if found is None:
        return None
    try:
        classes = np.asarray(found)
    except ValueError:  # lists of different lengths
        classes = np.empty((0, 0))
    if classes.ndim != 1 or not (_are_texts(classes.tolist()) or classes.dtype.kind in "iufb"):
        raise NeuroMotionError(
            f"classes_ of {type(model).__name__} is {shortened(found)}; it has to be one text or number for each class."
        )
    return classes.tolist()


def told_labels(classes: list[Any] | None, given: Any, model: str) -> dict[str, Any]:
    """The fields ``labels`` and ``renamed`` of a `DecoderSpec`, for a model with these classes.

    Parameters
    ----------
    classes : list of str or of numbers, or None
        The model's classes in the order of its columns; None if it does not name them.
    given : mapping, sequence or None
        What the user says: a map from class to label, or labels in the order of ``classes``. Labels with the names of
        the classes, or with other usual names of them, may be in any order.
    model : str
        The model's name, for messages.

    Raises
    ------
    NeuroMotionError
        If the labels cannot be told from ``given``, or do not belong to ``classes``; the message offers what would do.
    """
    if classes is None:
        if given is None:
            raise NeuroMotionError(f"{model} does not name its classes: pass labels=[…] in the order of its columns.")
        return {"labels": given}
    if given is not None and (isinstance(given, str) or not isinstance(given, Mapping | Sequence | np.ndarray)):
        raise NeuroMotionError(f"labels are a list, or a map from class to label, not {shortened(given)}.")
    if _are_texts(classes):
        return _from_names(classes, given, model)
    if given is None:
        raise NeuroMotionError(
            f"The classes of {model} are the numbers {_listed(classes)}, which say nothing of what they mean: pass "
            f"labels={_example(classes)}, or a list in this order."
        )
    if not isinstance(given, Mapping):
        if len(given) != len(classes):
            raise NeuroMotionError(
                f"{model} has {len(classes)} classes ({_listed(classes)}), but labels has {len(given)}."
            )
        return {"labels": [str(label) for label in given]}
    by_number = {_number(key): label for key, label in given.items()}
    if set(by_number) != set(classes):
        raise NeuroMotionError(
            f"The map of labels has {_listed(list(given))}, but the classes of {model} are {_listed(classes)}; "
            "each needs a label."
        )
    return {"labels": [by_number[number] for number in classes]}


def column_order(classes: list[Any] | None, spec: DecoderSpec, model: str) -> np.ndarray | None:
    """For each label of ``spec`` the index of the model's class; None if they are in the same order.

    Classes that are texts are matched by name, under their new names where ``spec.renamed`` says so. Classes that are
    numbers are taken in their order.

    Raises
    ------
    NeuroMotionError
        If the classes are not the labels.
    """
    if classes is None:
        return None
    if not _are_texts(classes):
        if len(classes) != len(spec.labels):
            raise NeuroMotionError(
                f"{model} has {len(classes)} classes ({_listed(classes)}), but its labels are {', '.join(spec.labels)}."
            )
        return None
    new = dict(spec.renamed or ())
    names = [new.get(name, name) for name in classes]
    if set(names) != set(spec.labels) or len(names) != len(spec.labels):
        _from_names(classes, list(spec.labels), model)  # raises, if the names have no other usual names either
        raise NeuroMotionError(
            f"The classes of {model} are {', '.join(classes)}, its labels {', '.join(spec.labels)}; pass a map from "
            "class to label."
        )
    order = np.array([names.index(label) for label in spec.labels])
    return None if np.array_equal(order, np.arange(len(order))) else order


def _from_names(classes: list[str], given: Any, model: str) -> dict[str, Any]:
    """As `told_labels`, for classes that are texts."""
    if given is None:
        return {"labels": classes}
    if isinstance(given, Mapping):
        mapped = map_labels(classes, given)
        labels = [str(label) for label in mapped.values()]
    else:
        labels = [str(label) for label in given]
        try:
            mapped = map_labels(classes, known=labels, strict=True)
        except NeuroMotionError as error:
            raise NeuroMotionError(f"The classes of {model} are not its labels: {error}") from None
    if None in mapped.values() or sorted(map(str, mapped.values())) != sorted(labels):
        raise NeuroMotionError(
            f"Each class of {model} ({', '.join(classes)}) needs a label of its own, "
            f"not {shortened(list(mapped.values()))}."
        )
    return {"labels": labels, "renamed": list(renamed(mapped).items()) or None}


def _are_texts(classes: Sequence[Any]) -> bool:
    return bool(classes) and all(isinstance(name, str) for name in classes)


def _number(key: Any) -> Any:
    """The number that a key of a map stands for; the key itself if it is none."""
    try:
        return float(key)
    except (TypeError, ValueError):
        return key


def _listed(classes: Sequence[Any]) -> str:
    return ", ".join(str(name) for name in classes[:12]) + (" …" if len(classes) > 12 else "")


def _example(classes: Sequence[Any]) -> str:
    return "{" + ", ".join(f"{number}: '…'" for number in classes[:12]) + "}"
