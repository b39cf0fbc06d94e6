"""Pydantic models that raise the library's own error: one sentence that names the field and its allowed values."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neuromotion_gym.errors import NeuroMotionError

ModelT = TypeVar("ModelT", bound="Checked")


class Checked(BaseModel):
    """Frozen model that refuses unknown keys, NaN and infinities, and raises only `NeuroMotionError`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise NeuroMotionError(describe(error, type(self))) from None


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Describe all faults of ``error`` in one sentence: the field, the value given, the values allowed."""
    faults = []
    for fault in error.errors(include_url=False):
        place = ".".join(str(part) for part in fault["loc"])
        inner = fault.get("ctx", {}).get("error")
        if isinstance(inner, NeuroMotionError):
            text = str(inner).rstrip(".")
            faults.append(f"in {place!r}, {text}" if place else text)
        elif fault["type"] == "missing":
            faults.append(f"{place!r} is missing")
        elif fault["type"] == "extra_forbidden":
            faults.append(f"{place!r} is not known (known: {', '.join(sorted(model.model_fields))})")
        else:
            faults.append(f"{place!r} is {shortened(fault['input'])}: {fault['msg'][0].lower()}{fault['msg'][1:]}")
    return f"{model.__name__}: {'; '.join(faults)}."


def shortened(value: object, limit: int = 80) -> str:
    """``repr(value)``, cut to ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def from_mapping(model: type[ModelT], mapping: object, where: str) -> ModelT:
    """Build ``model`` from the content of a file.

    Raises
    ------
    NeuroMotionError
        If ``mapping`` is not a mapping, or its content does not fit; the message begins with ``where`` (the file).
    """
    if not isinstance(mapping, dict) or not all(isinstance(key, str) for key in mapping):
        raise NeuroMotionError(f"{where}: expected a table of names and values, found {shortened(mapping)}.")
    try:
        return model(**mapping)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{where}: {error}") from None
