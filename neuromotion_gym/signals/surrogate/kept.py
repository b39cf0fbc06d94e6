"""Arrays that are computed once and kept while there is memory for them."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

KEPT_BYTES = 192 * 2**20


class Kept:
    """Cache of numbered arrays, computed at their first use; beyond `KEPT_BYTES` the oldest is dropped.

    Several threads may use it. It is pickled without its arrays.

    Parameters
    ----------
    make : callable
        Function from a number to its array; all arrays have the same size.
    """

    def __init__(self, make: Callable[[int], np.ndarray]) -> None:
        self._make = make
        self._arrays: dict[int, np.ndarray] = {}
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"_make": self._make}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _arrays={}, _lock=Lock())

    def __getitem__(self, number: int) -> np.ndarray:
        found = self._arrays.get(number)
        if found is None:
            found = self._make(number)
            with self._lock:
                while self._arrays and (len(self._arrays) + 1) * found.nbytes > KEPT_BYTES:
                    del self._arrays[next(iter(self._arrays))]
                self._arrays[number] = found
        return found
