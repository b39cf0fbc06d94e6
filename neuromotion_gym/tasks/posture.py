"""Target achievement: bring the axes that the labels move into a hidden posture, and hold them there.

An episode ends with a *selection*, right or wrong. If passing through a target were enough, a controller that slowly
visits every posture would succeed without using the decoder. A posture is selected by holding it: during the dwell time
the limb was away from home, and the ranges that its axes covered add up to no more than a small *box*. (If each axis
were judged separately, the change of the motion from one axis to the next would count as holding.) The selected posture
is the position at the end of the dwell time; the middle of the covered ranges would lag behind it by half the box.

Positions are scaled to [-1, 1] of the range of each axis, with home at 0. Every array has the rows of the batch first.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened
from neuromotion_gym.tasks.holding import FARTHEST, Holding, Reward, pace
from neuromotion_gym.tasks.task import FIRST_SELECTION, GoalSpace, Outcome, TaskFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.tasks.task import Timing

Level = Literal["easy", "standard", "hard"]
WrongSelection = Literal["end", "ignore"]
LEVELS: tuple[Level, ...] = ("easy", "standard", "hard")

START = 0.1
"""The start is drawn within this distance of home on every axis, independently of the goal."""
HOME = 0.2
"""Nothing is selected if at any time in the dwell time the limb was within this distance of home on every axis."""
TOLERANCE = 0.15
BOX = 0.2
"""A posture is held while the ranges of all axes over the dwell time add up to no more than this."""
REACH = 0.85
"""``hard``: goals are drawn uniformly from a box of this half side, outside the box of half side `HOME_BOX`."""
HOME_BOX = 0.35
BLIND_CEILING = 0.15
"""``hard``: highest success rate that the best constant posture may reach."""
MOST_CANDIDATES = 256
"""A level with more candidates is refused: controllers that infer the goal keep a belief over all of them."""


@dataclass(frozen=True, eq=False)
class PostureLevel:
    """One level of difficulty for a number of axes and a decoder's lag.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
        Level.
    goals : GoalSpace
        The possible goals: candidates, or a continuum on ``hard``.
    tolerance : float
        A goal is met within this distance on every axis.
    box : float
        Largest sum of the ranges of all axes over the dwell time at which a posture counts as held.
    speed : float
        Full speed of an axis, half ranges per second.
    dwell_s, time_limit_s : float
        Seconds.
    """

    name: Level
    goals: GoalSpace
    tolerance: float
    box: float
    speed: float
    dwell_s: float
    time_limit_s: float

    def chance(self, wrong_selection: WrongSelection = "end") -> float:
        """Success of the best policy without information.

        If a wrong selection ends the episode, the best policy is a constant posture, and its success is computed
        exactly. The posture is one of the candidates or, in a continuum, meets all goals within the tolerance, a box of
        side ``2 * tolerance`` that can lie completely within the range of goals.

        If wrong selections are ignored, a blind tour holds one posture after the other until the time limit. An upper
        bound on their number follows from the time between two selections: a dwell time, and the time to move from the
        edge of one target to the edge of the next, less the ``box`` that the limb may move while it holds.
        """
        axes, candidates = self.goals.axes, self.goals.candidates
        covered = 1.0
        if wrong_selection == "ignore":
            if candidates is None:
                # The faster of two ways: moving all the time while holding, or moving from one box of the tolerance to
                # the next and holding there
                sweep_s = 2 * self.tolerance / self.box * self.dwell_s
                between_s = min(sweep_s, self.dwell_s + (2 * self.tolerance - self.box) / self.speed)
                first_s = self.dwell_s
            else:
                apart = np.abs(candidates[:, None] - candidates).max(axis=2)
                nearest = float(apart[apart > 0].min(initial=2.0))
                between_s = self.dwell_s + max(0.0, nearest - 2 * self.tolerance - self.box) / self.speed
                out = float(np.abs(candidates).max(axis=1).min())
                first_s = self.dwell_s + max(0.0, out - self.tolerance - START - self.box) / self.speed
            covered += max(0.0, (self.time_limit_s - first_s) / between_s)
        if candidates is not None:
            return min(1.0, math.floor(covered + 1e-9) / len(candidates))
        volume = (2 * self.goals.reach) ** axes - (2 * self.goals.hole) ** axes
        return min(1.0, covered * (2 * self.tolerance) ** axes / volume)

    def facts(self, wrong_selection: WrongSelection = "end") -> TaskFacts:
        """What a controller may know; no ``choices`` for an information transfer rate if a blind tour may succeed."""
        chance, candidates = self.chance(wrong_selection), self.goals.candidates
        choices = 1 / chance if candidates is None else float(len(candidates))
        return TaskFacts(
            level=self.name,
            goals=self.goals,
            tolerance=self.tolerance,
            dwell_s=self.dwell_s,
            time_limit_s=self.time_limit_s,
            chance=chance,
            choices=choices if wrong_selection == "end" else None,
            ends=FIRST_SELECTION if wrong_selection == "end" else "An episode ends with the first right selection.",
        )


def posture_level(name: str, axes: int, lag_s: float, piece_s: float, rest: bool) -> PostureLevel:
    """Level ``name`` for ``axes`` axes and a decoder with a lag of ``lag_s`` seconds.

    Speed, dwell time and time limit follow from the lag, so that the oracle of every decoder succeeds; see
    `neuromotion_gym.tasks.holding.pace`.

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
        If the level is unknown, or has more candidates than `MOST_CANDIDATES`.
    """
    tolerance, candidates = TOLERANCE, None
    count = {"easy": 2 * axes, "standard": 4 if axes == 1 else 2**axes}.get(name, 0)
    if count > MOST_CANDIDATES:
        raise NeuroMotionError(
            f"Level {name!r} has {count} candidates on {axes} axes; {MOST_CANDIDATES} are allowed. "
            "'easy' has two per axis, and 'hard' none; or take a decoder whose labels move fewer axes."
        )
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
    speed, dwell_s, time_limit_s = pace(lag_s, piece_s, rest, axes, tolerance, box, strict=hard)
    goals = GoalSpace(axes, candidates, REACH, HOME_BOX) if hard else GoalSpace(axes, candidates)
    return PostureLevel(cast("Level", name), goals, tolerance, box, speed, dwell_s, time_limit_s)


class PostureTask:
    """Target achievement for a batch of limbs.

    Reward of a step: ``d - d' + right - wrong - 0.2 * control period / time limit``, where ``d`` and ``d'`` are the
    distances from the goal before and after it: the mean of ``|goal - position|`` over the axes, scaled so that a goal
    is at most 0.75 from a start. Over an episode this adds up to
    ``d(start) - d(end) + right - wrong - 0.2 * share of the time limit used``, whatever path the limb takes.

    Parameters
    ----------
    rules : PostureLevel
        Level of difficulty.
    limb : Limb
        The limb whose named sensors are read.
    drive : Drive
        The drive that moves the limb.
    axes : tuple of str
        Degrees of freedom along which error is measured.
    control_s : float
        Control period.
    wrong_selection : {"end", "ignore"}, default "end"
        Whether a wrong selection ends the episode and costs 1. "ignore" is the classical target achievement control
        test (Simon et al., J. Rehabil. Res. Dev. 48(6), 2011), in which a blind tour of all targets may succeed.
    discount : float, optional
        Has no effect any more; a warning says so.
    """

    levels = LEVELS

    def __init__(
        self,
        rules: PostureLevel,
        limb: Limb,
        drive: Drive,
        axes: tuple[str, ...],
        control_s: float,
        wrong_selection: WrongSelection = "end",
        discount: float | None = None,
    ) -> None:
        if not isinstance(wrong_selection, str) or wrong_selection not in ("end", "ignore"):
            raise NeuroMotionError(f"wrong_selection is 'end' or 'ignore', not {shortened(wrong_selection)}.")
        if discount is not None:
            if isinstance(discount, bool) or not isinstance(discount, int | float) or not 0 <= discount <= 1:
                raise NeuroMotionError(f"discount is a number from 0 to 1, or None, not {shortened(discount)}.")
            warnings.warn(
                "discount has no effect any more: the reward is not shaped by a discounted potential. Leave it out.",
                UserWarning,
                stacklevel=2,
            )
        self.rules, self.limb, self.drive, self.axes = rules, limb, drive, axes
        self.facts = rules.facts(wrong_selection)
        self.options: Mapping[str, Any] = {"wrong_selection": wrong_selection}
        self._ends = wrong_selection == "end"
        self._holding = Holding(round(rules.dwell_s / control_s), rules.box)
        self._reward = Reward(control_s, rules.time_limit_s)
        candidates = rules.goals.candidates
        farthest = rules.goals.reach if candidates is None else float(np.abs(candidates).mean(axis=1).max())
        self._scale = FARTHEST / (farthest + START) / len(axes)

    @classmethod
    def from_level(
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[..., Drive],
        timing: Timing,
        *,
        wrong_selection: WrongSelection = "end",
        discount: float | None = None,
    ) -> PostureTask:
        """See `neuromotion_gym.tasks.task.Task.from_level`, and the class for the options."""
        rest = intents.rest is not None
        rules = posture_level(level, len(intents.axes), timing.lag_s, timing.piece_s, rest)
        moved_by = drive(intents.axes, rules.speed)
        return cls(rules, limb, moved_by, intents.axes, timing.control_s, wrong_selection, discount)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        axes = len(self.axes)
        self.goal = np.zeros((num_rows, axes))
        self.decoy = np.zeros((num_rows, axes))
        self.home = np.zeros((num_rows, axes))
        self._holding.start(num_rows, axes)
        self._reward.start(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw start, goal and decoy of ``rows``, or take ``goals``; see `neuromotion_gym.tasks.task.Task.reset`.

        The decoy, a second goal drawn independently, is always drawn, so that later draws are the same whether the
        operator pursues it or not.
        """
        for row, generator in zip(rows, generators, strict=True):
            self.home[row] = generator.uniform(-START, START, len(self.axes))
            self.goal[row] = self.rules.goals.draw(generator)
            self.decoy[row] = self.rules.goals.draw(generator)
        if goals is not None:
            self.goal[rows] = goals
        self._holding.reset(rows, self.home[rows])
        self._reward.reset(rows, self._scale * np.abs(self.home[rows] - self.goal[rows]).sum(axis=1))
        return self.drive.reset(rows, self.home[rows])

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""
        position = self.limb.positions(sensors, self.axes)
        held = self._holding.step(position, np.maximum.reduce(np.abs(position), axis=1) <= HOME)
        error = np.abs(position - self.goal)
        reward = self._reward.step(self._scale * np.add.reduce(error, axis=1))
        if not np.count_nonzero(held):
            return Outcome(reward, held, held, held)
        right, wrong = self._selections(held, position, error)
        reward += right
        if not self._ends:
            return Outcome(reward, right, wrong, right)
        reward -= wrong
        return Outcome(reward, right, wrong, right | wrong)

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        """Goal (or decoy) minus position of the limb, shape (rows, axes)."""
        return (self.decoy if decoy else self.goal) - self.limb.positions(sensors, self.axes)

    def ghost(self, row: int) -> np.ndarray | None:
        """Joint positions of the limb at rest at the goal of one row, shape (nq,)."""
        return self.limb.qpos_at(self.goal[row][None], self.axes)[0]

    def _selections(self, held: np.ndarray, position: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the held postures are right and which are wrong selections."""
        candidates, tolerance = self.rules.goals.candidates, self.rules.tolerance
        right = held & (error <= tolerance).all(axis=1)
        if candidates is None:
            return right, held & ~right
        met = (np.abs(position[:, None, :] - candidates) <= tolerance).all(axis=2).any(axis=1)
        return right, held & met & ~right
