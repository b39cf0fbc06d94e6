"""Keeps what was computed from the sensors of a step, since task, drive, operator and observation ask for the same."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Once(Generic[T]):
    """The result of the last computation, for the same array of sensors and the same question.

    It is kept only if the array cannot change: it is read-only and owns its memory. Then the arrays of the result
    become read-only, too.
    """

    def __init__(self) -> None:
        self._kept: tuple[np.ndarray, object, T] | None = None

    def get(self, sensors: np.ndarray, question: object = None) -> T | None:
        """What was kept for ``sensors``, the very same array, and ``question``; None without it."""
        kept = self._kept
        return kept[2] if kept is not None and kept[0] is sensors and kept[1] == question else None

    def keep(self, sensors: np.ndarray, result: T, arrays: tuple[np.ndarray, ...], question: object = None) -> T:
        """Keep ``result``, whose ``arrays`` others may see, if ``sensors`` cannot change; returns it."""
        flags = sensors.flags
        if flags.owndata and not flags.writeable:
            for values in arrays:
                values.setflags(write=False)
            self._kept = sensors, question, result
        return result
