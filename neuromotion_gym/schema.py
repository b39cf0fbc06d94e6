"""Pydantic models whose errors are the library's own: one sentence that names the field and what it may be."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neuromotion_gym.errors import NeuroMotionError

ModelT = TypeVar("ModelT", bound="Checked")


class Checked(BaseModel):
    """Frozen model that refuses unknown keys, NaN and infinities, and raises `NeuroMotionError` alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise NeuroMotionError(describe(error, type(self))) from None


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Say every fault of ``error`` in one sentence: where, what was given, what is allowed."""
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
    """Build ``model`` from what a file held.

    Raises
    ------
    NeuroMotionError
        If ``mapping`` is none, or its content does not fit; ``where`` (the file) stands in front.
    """
    if not isinstance(mapping, dict) or not all(isinstance(key, str) for key in mapping):
        raise NeuroMotionError(f"{where}: expected a table of names and values, found {shortened(mapping)}.")
    try:
        return model(**mapping)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{where}: {error}") from None
