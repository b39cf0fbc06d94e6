"""What several tasks share: when a place counts as held, how fast a limb may move for it, and what a step earns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SLOW_LAG_S = 0.7
"""If the lag (window, hop, clock of the source) is at least this, axes move at half speed with twice the dwell time."""
FARTHEST = 0.75
"""Largest distance of a goal from a start on the scale of the reward. With this value, a wrong selection next to the
goal, which costs 1, still earns less than standing still."""
TIME_COST = 0.2
"""Cost of an episode that lasts to the time limit."""


class Pace(NamedTuple):
    """Speed of an axis, half ranges per second, and the dwell time and time limit, in seconds, that go with it."""

    speed: float
    dwell_s: float
    time_limit_s: float


def pace(lag_s: float, piece_s: float, rest: bool, axes: int, tolerance: float, box: float, *, strict: bool) -> Pace:
    """Pace at which the oracle of a decoder can hold its goals.

    Full speed is 0.3 half ranges per second for a fast decoder and 0.15 for a slow one. The limb is even slower

    - without a rest label: it then swings around its goal, as far as it moves in twice the lag;
    - where a selection at any other place is wrong (``strict``): the limb stops too late, by the distance that it
      covers until the next restart of the source. The dwell time is longer, so that turning back does not count as
      holding.

    Parameters
    ----------
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    piece_s : float
        Mean length of the pieces that the source plays.
    rest : bool
        Whether one of the decoder's labels holds the limb still.
    axes : int
        Number of axes.
    tolerance : float
        Distance within which a goal is met.
    box : float
        Largest sum of the ranges of all axes over the dwell time at which a place counts as held.
    strict : bool
        Whether a selection at any place but the goal is wrong.
    """
    full = 0.15 if lag_s >= SLOW_LAG_S else 0.3
    if not rest:
        bound = (0.3 if strict else 0.5) * box / lag_s
    elif strict:
        bound = 1.1 * tolerance / piece_s
    else:
        bound = 0.45 / lag_s
    speed = min(full, bound)
    dwell_s = round((2.6 if strict else 1.5) * box / speed, 1)
    # Time for one axis after the other and a few corrections; swinging around the goal takes longer
    time_limit_s = round(max(6 / full, (1.8 + 1.4 * axes) / speed) * (1.0 if rest else 1.3))
    return Pace(speed, dwell_s, float(time_limit_s))


class Holding:
    """Finds the rows that hold a place.

    A row holds while, during the whole dwell time, it was away from home and the ranges that its axes covered add up to
    no more than a small *box*. (If each axis were judged separately, the change of the motion from one axis to the next
    would count as holding.)

    Parameters
    ----------
    dwell_steps : int
        Control steps of the dwell time.
    box : float
        Largest sum of ranges.
    """

    def __init__(self, dwell_steps: int, box: float) -> None:
        self._dwell_steps, self._box = dwell_steps, box

    def start(self, num_rows: int, axes: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        # Ring buffer of positions over the dwell time. All rows write at the same index, as one contiguous block
        self._tick = 0
        self._history = np.zeros((self._dwell_steps + 1, num_rows, axes))
        self._away_for = np.zeros(num_rows, dtype=int)

    def reset(self, rows: np.ndarray, positions: np.ndarray) -> None:
        """Begin an episode in ``rows``, shape (m,), at home, at ``positions`` of shape (m, axes)."""
        self._history[:, rows] = positions
        self._away_for[rows] = 0

    def step(self, position: np.ndarray, at_home: np.ndarray) -> np.ndarray:
        """Rows that hold a place, bool array of shape (rows,).

        Parameters
        ----------
        position : float array, shape (rows, axes)
        at_home : bool array, shape (rows,)
            Rows so near home that they can select nothing.
        """
        self._history[self._tick] = position
        self._tick = (self._tick + 1) % len(self._history)
        self._away_for += 1
        self._away_for[at_home] = 0
        held = self._away_for > self._dwell_steps
        if np.count_nonzero(held):
            spread = np.maximum.reduce(self._history, axis=0) - np.minimum.reduce(self._history, axis=0)
            held &= np.add.reduce(spread, axis=1) <= self._box
        return held


class Reward:
    """Reward of a step, before a selection: ``d - d' - 0.2 * control period / time limit``.

    ``d`` and ``d'`` are the distances from the goal before and after the step, scaled so that a goal is at most
    `FARTHEST` from a start. A right selection adds 1 and a wrong one subtracts 1. Over an episode this adds up to
    ``d(start) - d(end) + right - wrong - 0.2 * share of the time limit used``, whatever path the limb takes.

    Parameters
    ----------
    control_s, time_limit_s : float
        Control period and time limit, seconds.
    """

    def __init__(self, control_s: float, time_limit_s: float) -> None:
        self._time_cost = TIME_COST * control_s / time_limit_s

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        self._distance = np.zeros(num_rows)

    def reset(self, rows: np.ndarray, distance: np.ndarray) -> None:
        """Begin an episode in ``rows``, shape (m,), at scaled distances of shape (m,) from the goal."""
        self._distance[rows] = distance

    def step(self, distance: np.ndarray) -> np.ndarray:
        """Reward of a step that ends at scaled distances of shape (rows,) from the goal; a new array."""
        reward = self._distance - distance - self._time_cost
        self._distance = distance
        return np.asarray(reward)
