"""Target achievement: bring the axes that the labels move into a hidden posture, and hold it there.

What ends an episode is a *selection*, rightly or wrongly: if passing a target were enough, a controller that
slowly visits every posture would succeed without listening to the decoder. A posture is selected by holding it: over
the dwell time the limb stayed away from home and the ranges of its axes added up to little. (Were each axis judged by
itself, the moment at which the motion passes from one axis to the next would count as holding.) What is selected is
where the limb then stands: the middle of what it covered would lag behind it by half the box.

Positions are scaled to [-1, 1] of each axis' range with home at 0. The arithmetic is a batch's: every array has the
limbs in its first axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

Level = Literal["easy", "standard", "hard"]
WrongSelection = Literal["end", "ignore"]
LEVELS: tuple[Level, ...] = ("easy", "standard", "hard")

START = 0.1
"""The start is drawn within this distance of home on every axis, independently of the goal."""
HOME = 0.2
"""Nothing is selected while the limb was within this distance of home on every axis during the dwell time."""
TOLERANCE = 0.15
BOX = 0.2
"""Over the dwell time the ranges of all axes together stay within this, or the limb is not holding a posture."""
REACH = 0.85
"""``hard``: goals are uniform in a box of this half side, outside the home box."""
HOME_BOX = 0.35
BLIND_CEILING = 0.15
"""``hard``: success that the best constant posture may reach at most."""
SLOW_LAG_S = 0.7
"""From this lag on (window, hop, source clock) an axis moves at half speed and is held twice as long."""


@dataclass(frozen=True, eq=False)
class PostureLevel:
    """One level of difficulty for a number of axes and a decoder's lag.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
        Level.
    candidates : float array, shape (candidates, axes), or None
        Postures that the goal is drawn from; None on ``hard``.
    axes : int
        How many axes there are.
    tolerance : float
        A goal is met within this distance on every axis.
    box : float
        What the ranges of all axes over the dwell time add up to at most.
    speed : float
        Full speed of an axis, half ranges a second.
    dwell_s, time_limit_s : float
        Seconds.
    """

    name: Level
    candidates: np.ndarray | None
    axes: int
    tolerance: float
    box: float
    speed: float
    dwell_s: float
    time_limit_s: float

    @property
    def chance(self) -> float:
        """Success of the best policy without information: the best constant posture, computed exactly.

        On ``easy`` and ``standard`` one candidate can be selected in an episode. On ``hard`` a posture covers the
        goals within the tolerance, a box of side ``2 * tolerance`` that can lie wholly among the goals.
        """
        if self.candidates is not None:
            return 1 / len(self.candidates)
        volume = (2 * REACH) ** self.axes - (2 * HOME_BOX) ** self.axes
        return (2 * self.tolerance) ** self.axes / volume

    def draw_goal(self, generator: np.random.Generator) -> np.ndarray:
        """One goal, shape (axes,)."""
        if self.candidates is not None:
            return self.candidates[generator.integers(len(self.candidates))].copy()
        while True:  # a home box of 0.35 in a box of 0.85: at least 0.59 of the draws are kept
            goal = generator.uniform(-REACH, REACH, self.axes)
            if np.abs(goal).max() > HOME_BOX:
                return goal


def posture_level(name: str, axes: int, lag_s: float, piece_s: float, rest: bool) -> PostureLevel:
    """Level ``name`` for ``axes`` axes and a decoder that answers ``lag_s`` seconds late.

    Speed, dwell time and time limit follow from the lag, so that the oracle decoder succeeds whatever the decoder's
    shape: 0.3 half ranges a second, 1 s and 20 s for a quick one, 0.15, 2 s and 40 s for a slow one. Slower still

    - without a label that rests, since the limb then swings about its goal through what it covers in twice the lag;
    - on ``hard``, where stopping elsewhere is an error and what a stop misses by is what the limb covers until the
      source's next restart; the dwell time is longer there, so that turning back is not taken for holding.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
        Level.
    axes : int
        Number of axes.
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    piece_s : float
        Mean length of the pieces that the source plays.
    rest : bool
        Whether one of the decoder's labels holds the limb still.

    Raises
    ------
    NeuroMotionError
        If the level is unknown.
    """
    tolerance, candidates = TOLERANCE, None
    if name == "easy":
        candidates = np.concatenate([side * 0.6 * np.eye(axes)[[axis]] for axis in range(axes) for side in (-1, 1)])
    elif name == "standard" and axes == 1:
        candidates = np.array([[-0.8], [-0.3], [0.3], [0.8]])
    elif name == "standard":
        candidates = 0.6 * np.array(list(product((-1.0, 1.0), repeat=axes)))
    elif name == "hard":
        volume = (2 * REACH) ** axes - (2 * HOME_BOX) ** axes
        tolerance = min(TOLERANCE, (BLIND_CEILING * volume) ** (1 / axes) / 2)
    else:
        raise NeuroMotionError(f"Unknown level {name!r}. Levels: {', '.join(LEVELS)}.")
    hard = candidates is None
    box = BOX * tolerance / TOLERANCE
    full = 0.15 if lag_s >= SLOW_LAG_S else 0.3
    if not rest:
        bound = (0.3 if hard else 0.5) * box / lag_s
    elif hard:
        bound = 1.1 * tolerance / piece_s
    else:
        bound = 0.45 / lag_s
    speed = min(full, bound)
    dwell_s = round((2.6 if hard else 1.5) * box / speed, 1)
    # Room for every axis in turn and a few corrections; swinging about the goal takes longer
    time_limit_s = round(max(6 / full, (1.8 + 1.4 * axes) / speed) * (1.0 if rest else 1.3))
    return PostureLevel(cast("Level", name), candidates, axes, tolerance, box, speed, dwell_s, float(time_limit_s))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a step brought, each of shape (rows,)."""

    reward: np.ndarray
    success: np.ndarray
    wrong: np.ndarray


class PostureTask:
    """Target achievement for a batch of limbs.

    Parameters
    ----------
    level : PostureLevel
        Level of difficulty.
    control_s : float
        Control period.
    wrong_selection : {"end", "ignore"}, default "end"
        Whether a wrong selection ends the episode; "ignore" is the classical target achievement control test
        (Simon et al., J. Rehabil. Res. Dev. 48(6), 2011), in which a sweep through all targets succeeds.
    discount : float, default 0.99
        Discount of the potential that shapes the reward.
    """

    def __init__(
        self,
        level: PostureLevel,
        control_s: float,
        wrong_selection: WrongSelection = "end",
        discount: float = 0.99,
    ) -> None:
        if wrong_selection not in ("end", "ignore"):
            raise NeuroMotionError(f"wrong_selection is 'end' or 'ignore', not {wrong_selection!r}.")
        if not 0 < discount <= 1:
            raise NeuroMotionError(f"The reward's discount lies in (0, 1], not at {discount}.")
        self.level = level
        self.control_s = control_s
        self.wrong_selection = wrong_selection
        self.discount = discount
        self._dwell_steps = round(level.dwell_s / control_s)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        axes = self.level.axes
        self.goal = np.zeros((num_rows, axes))
        self.decoy = np.zeros((num_rows, axes))
        self.home = np.zeros((num_rows, axes))
        # Ring over the dwell time; its place is the batch's, so that a step writes one piece of it
        self._tick = 0
        self._history = np.zeros((self._dwell_steps + 1, num_rows, axes))
        self._away_for = np.zeros(num_rows, dtype=int)
        self._potential = np.zeros(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw start, goal and decoy of ``rows``, or take ``goals`` (m, axes); return the starts, shape (m, axes).

        The decoy, a second goal drawn independently, is always drawn: whether the operator pursues it or not, all
        that is drawn afterwards stays the same.
        """
        for row, generator in zip(rows, generators, strict=True):
            self.home[row] = generator.uniform(-START, START, self.level.axes)
            self.goal[row] = self.level.draw_goal(generator)
            self.decoy[row] = self.level.draw_goal(generator)
        if goals is not None:
            self.goal[rows] = goals
        self._history[:, rows] = self.home[rows]
        self._away_for[rows] = 0
        self._potential[rows] = -np.abs(self.home[rows] - self.goal[rows]).mean(axis=1)
        return self.home[rows]

    def step(self, position: np.ndarray) -> Outcome:
        """Judge one control step of every row.

        Parameters
        ----------
        position : float array, shape (rows, axes)
            Scaled positions.
        """
        self._history[self._tick] = position
        self._tick = (self._tick + 1) % len(self._history)
        self._away_for += 1
        self._away_for[np.maximum.reduce(np.abs(position), axis=1) <= HOME] = 0
        error = np.abs(position - self.goal)
        potential = np.add.reduce(error, axis=1) / -self.level.axes
        held = self._away_for > self._dwell_steps
        if np.count_nonzero(held):
            spread = np.maximum.reduce(self._history, axis=0) - np.minimum.reduce(self._history, axis=0)
            held &= np.add.reduce(spread, axis=1) <= self.level.box
        success, wrong = held, held.copy()
        if np.count_nonzero(held):
            success, wrong = self._selections(held, position, error)
            potential[success | wrong if self.wrong_selection == "end" else success] = 0.0
        reward = self.discount * potential - self._potential + success
        if self.wrong_selection == "end":
            reward -= wrong
        self._potential = potential
        return Outcome(reward, success, wrong)

    def _selections(self, held: np.ndarray, position: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the held postures are right and which are wrong selections."""
        success = held & (error <= self.level.tolerance).all(axis=1)
        if self.level.candidates is None:
            return success, held & ~success
        met = (np.abs(position[:, None, :] - self.level.candidates) <= self.level.tolerance).all(axis=2).any(axis=1)
        return success, held & met & ~success
