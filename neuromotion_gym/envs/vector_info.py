"""Infos of a batch as Gymnasium has them: arrays with the rows first, each with the mask ``_name`` of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


def masked(values: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, Any]:
    """Values of a batch, each with the mask of the rows that it belongs to, a bool array of shape (rows,)."""
    info: dict[str, Any] = {}
    for name, value in values.items():
        info[name], info[f"_{name}"] = value, rows.copy()
    return info


def for_each(value: Any, count: int) -> np.ndarray:
    """Array of objects, shape (count,), with the same ``value`` for every row."""
    array = np.empty(count, dtype=object)
    for row in range(count):
        array[row] = value
    return array


def observations_of(observation: np.ndarray | dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Observation of each of ``rows`` (bool array), and None for all other rows; array of objects, shape (rows,)."""
    array = np.full(len(rows), None, dtype=object)
    for row in rows.nonzero()[0].tolist():
        if isinstance(observation, dict):
            array[row] = {name: values[row].copy() for name, values in observation.items()}
        else:
            array[row] = observation[row].copy()
    return array
