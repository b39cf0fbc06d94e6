"""The clock by which sources restart, drawn at reset: a restart tells nothing of what the operator wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 128
"""Pieces drawn at a time: more than a minute of the shortest."""


class RestartClock:
    """Lengths of the coming pieces of each row, and the uniform numbers that choose what they play.

    A row's numbers are drawn in blocks from that row's own generator, in an order that depends on nothing else.

    Parameters
    ----------
    num_rows : int
        Size of the batch.
    shortest, longest : int
        Bounds of a piece in samples, both included; every length between is equally likely.
    draws : int
        Uniform numbers in [0, 1) that come with each piece.
    """

    def __init__(self, num_rows: int, shortest: int, longest: int, draws: int) -> None:
        self._span = longest - shortest + 1
        self._shortest = shortest
        self._numbers = np.zeros((num_rows, BLOCK, 1 + draws))
        self._next = np.full(num_rows, BLOCK)
        self._generators: list[np.random.Generator | None] = [None] * num_rows

    def reset(self, rows: np.ndarray, generators: Sequence[np.random.Generator]) -> None:
        """Begin anew in ``rows``, shape (m,), with m generators that are this clock's own from now on."""
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
