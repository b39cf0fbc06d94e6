"""``metrics.json`` of a decoder's folder: all figures that its card shows, and which weights they are of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from neuromotion_gym.decoders.folders import model_digest
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

METRICS = "metrics.json"


def read_metrics(folder: Path) -> dict[str, Any]:
    """Content of a folder's ``metrics.json``; empty where there is none.

    Raises
    ------
    NeuroMotionError
        If it is not JSON.
    """
    path = folder / METRICS
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NeuroMotionError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise NeuroMotionError(f"{path} should hold a table of figures.")
    return content


def current_metrics(folder: Path) -> dict[str, Any]:
    """The stored figures that are of the graph in ``folder``, whose digest they then hold as ``model``.

    Figures of an older graph are left out; figures that do not say of which they are are taken for its.
    """
    stored, model = read_metrics(folder), model_digest(folder)
    if model is None:
        return stored
    return (stored if stored.get("model", model) == model else {}) | {"model": model}


def write_metrics(folder: Path, metrics: dict[str, Any]) -> dict[str, Any]:
    """Write ``metrics.json``; return its content, whose figures are rounded to four decimal places."""
    content: dict[str, Any] = _rounded(metrics)
    write_text(folder / METRICS, json.dumps(content, indent=1) + "\n")
    return content


def _rounded(value: Any) -> Any:
    """Figures rounded to four decimal places; the intervals are wider than this rounding."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
