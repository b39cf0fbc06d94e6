"""The clock of restarts, drawn at reset, so that a restart carries no information about what the operator wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 128
"""Number of pieces drawn at a time: 64 s of EMG pieces of 0.5 s, the default mean length; longer for EEG."""


class RestartClock:
    """Lengths of the next pieces of each row, and the uniform numbers that choose what these pieces play.

    A row's numbers are drawn in blocks from the row's own generator. Their order depends on nothing else.

    Parameters
    ----------
    num_rows : int
        Size of the batch.
    shortest, longest : int
        Bounds of a piece in samples, both included; all lengths between them are equally likely.
    draws : int
        Number of uniform numbers in [0, 1) that are drawn with each piece.
    """

    def __init__(self, num_rows: int, shortest: int, longest: int, draws: int) -> None:
        self._span = longest - shortest + 1
        self._shortest = shortest
        self._numbers = np.zeros((num_rows, BLOCK, 1 + draws))
        self._next = np.full(num_rows, BLOCK)
        self._generators: list[np.random.Generator | None] = [None] * num_rows

    def reset(self, rows: np.ndarray, generators: Sequence[np.random.Generator]) -> None:
        """Start again in ``rows``, shape (m,), with m new generators, which only this clock may draw from."""
        for row, generator in zip(rows.tolist(), generators, strict=True):
            self._generators[row] = generator
            self._draw(row)

    def advance(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Next piece of ``rows``, shape (m,): lengths, int of shape (m,), and uniforms, shape (m, draws)."""
        for row in rows[self._next[rows] == BLOCK].tolist():
            self._draw(row)
        numbers = self._numbers[rows, self._next[rows]]
        self._next[rows] += 1
        return self._shortest + (numbers[:, 0] * self._span).astype(np.int64), numbers[:, 1:]

    def _draw(self, row: int) -> None:
        """Draw the next block of one row."""
        generator = self._generators[row]
        assert generator is not None, "reset comes before advance"
        generator.random(out=self._numbers[row])
        self._next[row] = 0
