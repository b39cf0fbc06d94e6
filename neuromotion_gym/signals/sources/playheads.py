"""State of every row of a source: its session, the trial and label that play, and the position in the piece.

Replay and surrogate differ in where their samples come from. The times of restarts and the choice of trials are the
same for both, and this module computes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.sources.clock import RestartClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Restart(NamedTuple):
    """Rows that begin a piece.

    Parameters
    ----------
    places : int array, shape (m,)
        Index of each of these rows in the ``rows`` of `Playheads.move`.
    rows : int array, shape (m,)
    trials : int array, shape (m,)
        Trial that each row plays now.
    uniform : float array, shape (m, draws)
        Numbers in [0, 1) that were drawn with the piece.
    going_on : bool array, shape (m,)
        Whether a piece was playing before.
    ended : int array, shape (m,)
        Length of that piece in samples.
    """

    places: np.ndarray
    rows: np.ndarray
    trials: np.ndarray
    uniform: np.ndarray
    going_on: np.ndarray
    ended: np.ndarray


class Playheads:
    """State of ``num_rows`` rows.

    The times of the restarts are given by a clock, drawn at reset. At every restart a row begins to play the label that
    is asked for, with another trial of it.

    Parameters
    ----------
    num_rows : int
    pieces : (int, int)
        Shortest and longest piece in samples.
    draws : int
        Uniform numbers drawn with each piece; the first chooses the trial.
    first, count : int array, shape (sessions, labels)
        Trials of a session and label are ``first`` to ``first + count - 1``.
    """

    def __init__(
        self, num_rows: int, pieces: tuple[int, int], draws: int, first: np.ndarray, count: np.ndarray
    ) -> None:
        self._first, self._count = first, count
        self._clock = RestartClock(num_rows, *pieces, draws=draws)
        self.all_rows = np.arange(num_rows)
        self.session = np.full(num_rows, -1)
        self.label = np.full(num_rows, -1)
        self.trial = np.full(num_rows, -1)
        self.length = np.zeros(num_rows, np.int64)
        self.position = np.zeros(num_rows, np.int64)
        self._played = np.zeros((num_rows, int(count.sum())), bool)
        self._readable = np.zeros(num_rows, bool)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None
    ) -> list[np.random.Generator]:
        """Begin a new episode in ``rows``; returns the generators of the episodes, for further draws of the source.

        Parameters
        ----------
        rows : int array, shape (m,)
        generators : sequence of m numpy.random.Generator
            A child of each is kept for the episode.
        sessions : int array, shape (m,), or None
            Drawn at random where None.
        """
        children = [generator.spawn(1)[0] for generator in generators]
        # Drawn even if the session is given, so that later draws are the same in both cases
        drawn = np.array([child.integers(len(self._first)) for child in children])
        self.session[rows] = drawn if sessions is None else sessions
        self._clock.reset(rows, children)
        self.label[rows] = self.trial[rows] = -1
        self.length[rows] = self.position[rows] = 0
        self._played[rows] = False
        self._readable[rows] = True
        return children

    def check_readable(self, rows: np.ndarray) -> None:
        """Refuse rows that have no samples.

        Raises
        ------
        NeuroMotionError
            If a row was never reset, or was passed over since its last reset.
        """
        if np.count_nonzero(self._readable[rows]) < len(rows):
            raise NeuroMotionError(
                "A row can be read after a reset, unless it was passed over since: call start and reset before read."
            )

    def move(self, rows: np.ndarray, labels: np.ndarray, n_samples: int) -> Iterator[Restart]:
        """Move ``rows`` on by ``n_samples``; yield the rows that begin a new piece, as often as some do.

        Parameters
        ----------
        rows : int array, shape (m,)
        labels : int array, shape (m,)
            The label that each row plays from its next restart on.
        n_samples : int
        """
        position = self.position[rows] + n_samples
        self.position[rows] = position
        while (over := (position > self.length[rows]).nonzero()[0]).size:
            late = rows[over]
            self.position[late] -= self.length[late]
            yield self._restart(over, late, labels[over])
            position = self.position[rows]

    def pass_over(self, labels: np.ndarray, n_samples: int, rows: np.ndarray | None) -> None:
        """Move on without samples: labels, restarts and trials are the same as with `read`; see `Cued.pass_over`."""
        rows = self.all_rows if rows is None else np.asarray(rows)
        if np.count_nonzero(self.session[rows] < 0):
            raise NeuroMotionError("A row can be passed over only after a reset: call start and reset first.")
        self._readable[rows] = False
        for _ in self.move(rows, np.asarray(labels), n_samples):
            pass

    def trials_played(self, row: int) -> frozenset[int]:
        """Distinct trials that ``row`` played since its last reset."""
        return frozenset(self._played[row].nonzero()[0].tolist())

    def _restart(self, places: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> Restart:
        going_on, ended = self.label[rows] >= 0, self.length[rows]
        lengths, uniform = self._clock.advance(rows)
        first, count = self._first[self.session[rows], labels], self._count[self.session[rows], labels]
        # Not the last trial again, if the label has others
        last = self.trial[rows] - first
        excluded = (last >= 0) & (last < count) & (count > 1)
        choice = (uniform[:, 0] * (count - excluded)).astype(np.int64)
        choice += excluded & (choice >= last)
        trials = first + choice
        self.trial[rows], self.label[rows], self.length[rows] = trials, labels, lengths
        self._played[rows, trials] = True
        return Restart(places, rows, trials, uniform, going_on, ended)
