"""Centre-out reaching after ISO 9241-411: bring a point from the middle of a plane into a hidden target, and hold it.

Targets are circles around the middle, in as many directions as labels can steer. Direction, distance and width of the
target are drawn independently of each other. An episode ends with a *selection*, right or wrong: a place that is held,
see `neuromotion_gym.tasks.holding.Holding`. The selection is right if the point is then inside the target; in another
target, and outside every target, it is wrong. A policy without information can therefore select one place only, and its
success rate is at most the share of targets that contain this place.

The agent is told neither distance nor width: speed, dwell time and time limit are those of the level. The operator
knows the width of its own target.

Places are in half sides of the plane, with the middle at 0. Every array has the rows of the batch first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.holding import FARTHEST, Holding, Pace, Reward, pace
from neuromotion_gym.tasks.task import GoalSpace, Mark, Outcome, TaskFacts, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.limbs.point import PointDrive
    from neuromotion_gym.tasks.task import Timing

Level = Literal["easy", "standard", "hard"]
LEVELS: tuple[Level, ...] = get_args(Level)

DISTANCES = (0.5, 0.72, 0.95)
"""Distances of targets from the middle."""
WIDTHS: dict[str, tuple[float, ...]] = {
    "easy": (0.28, 0.36, 0.46),
    "standard": (0.2, 0.27, 0.36),
    "hard": (0.14, 0.2, 0.28),
}
"""Widths of targets: diameters of their circles. With the distances they give indices of difficulty ``log2(distance /
width + 1)`` from 1.1 to 2.1, 1.3 to 2.5 and 1.5 to 3.0 bit. All targets of one direction lie in its own sector of the
plane, so that no place is inside the targets of two directions."""
START = 0.05
"""The start is drawn within this distance of the middle on every axis, independently of the target."""
HOME = 0.2
"""Nothing is selected if at any time in the dwell time the point was within this distance of the middle."""
BOX = 4 / 3
"""A place is held while the ranges of all axes over the dwell time add up to no more than this times the radius of the
smallest target."""
TARGET, QUIET, MIDDLE_M = (0.0, 0.59, 0.57), (0.55, 0.6, 0.64), 0.006
"""Colours of the target and of the others, red, green and blue; radius of the mark in the middle."""
ROUNDING = 1e-3
"""A given goal may lie so far from the places of targets, since people write directions with few digits."""
MOST_AXES = 2
"""ISO 9241-411 tests in a plane."""


@dataclass(frozen=True, eq=False)
class Rays(GoalSpace):
    """Goals in some directions from 0, at unknown distances.

    Parameters
    ----------
    directions : float array, shape (directions, axes)
        Unit vectors, all equally likely.
    nearest : float
        Smallest distance of a goal; `reach` is the largest.
    best : float
        Distance that is inside most of the goals of one direction.
    """

    directions: np.ndarray = field(default_factory=lambda: np.eye(1))
    nearest: float = 0.0
    best: float = 0.0

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Draw one goal, shape (axes,)."""
        return np.asarray(
            self.directions[generator.integers(len(self.directions))] * generator.uniform(self.nearest, self.reach)
        )

    def spread(self, spacing: float, limit: int) -> np.ndarray:
        """Points that represent all goals, shape (n, axes); see `GoalSpace.spread`."""
        steps = min(round((self.reach - self.nearest) / spacing) + 1, limit // len(self.directions))
        distances = np.linspace(self.nearest, self.reach, max(2, steps))
        return np.asarray((self.directions[:, None] * distances[:, None]).reshape(-1, self.axes))

    def best_place(self, tolerance: float) -> np.ndarray:
        """A place that is inside as many goals as any, shape (axes,)."""
        return np.asarray(self.best * self.directions[0])


@dataclass(frozen=True, eq=False)
class ReachLevel:
    """One level of difficulty for a number of axes and a decoder's lag.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
    directions : float array, shape (directions, axes)
        Unit vectors from the middle to the targets.
    widths : tuple of float
        Widths of targets.
    box : float
        Largest sum of the ranges of all axes over the dwell time at which a place counts as held.
    pace : Pace
        Speed, dwell time and time limit.
    """

    name: Level
    directions: np.ndarray
    widths: tuple[float, ...]
    box: float
    pace: Pace

    def facts(self) -> TaskFacts:
        """What a controller may know. Its tolerance is that of the smallest target, on every axis."""
        count, axes = self.directions.shape
        best, share = best_distance(self.widths)
        return TaskFacts(
            level=self.name,
            goals=Rays(axes, None, max(DISTANCES), HOME, self.directions, min(DISTANCES), best),
            tolerance=min(self.widths) / 2 / math.sqrt(axes),
            dwell_s=self.pace.dwell_s,
            time_limit_s=self.pace.time_limit_s,
            chance=share / count,
            choices=float(count),
            columns=("distance", "width", "travelled", "along", "across"),
            combinations=("distance", "width"),
        )


def best_distance(widths: Sequence[float]) -> tuple[float, float]:
    """The distance from the middle that is inside most targets of one direction, and the share of those targets.

    The number of targets that contain a place changes only at their edges. A place beside the line through the centres
    is inside no target that does not also contain the place on the line that is nearest to it.
    """
    targets = list(product(DISTANCES, widths))
    edges = sorted(distance + sign * width / 2 for distance, width in targets for sign in (-1, 1))
    between = [(one + other) / 2 for one, other in pairwise(edges)]
    counts = [sum(abs(place - distance) < width / 2 for distance, width in targets) for place in between]
    return between[counts.index(max(counts))], max(counts) / len(targets)


def reach_level(name: str, axes: int, lag_s: float, piece_s: float, rest: bool) -> ReachLevel:
    """Level ``name`` for ``axes`` axes and a decoder with a lag of ``lag_s`` seconds.

    On one axis there are two directions. On two axes ``easy`` has the four directions of the labels; the other levels
    have the eight of ISO's ring of targets, half of which need two labels.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
    axes : int
    lag_s, piece_s : float
        See `neuromotion_gym.tasks.task.Timing`.
    rest : bool
        Whether one of the decoder's labels holds the limb still.

    Raises
    ------
    NeuroMotionError
        If the level is unknown, or the labels steer more than two axes.
    """
    level = next((each for each in LEVELS if each == name), None)
    if level is None:
        raise NeuroMotionError(f"Unknown level {name!r}. Levels: {', '.join(LEVELS)}.")
    if axes > MOST_AXES:
        raise NeuroMotionError(f"Targets lie in a plane, so labels steer one axis or two, not {axes}.")
    count = 2 if axes == 1 else 4 if level == "easy" else 8
    turns = 2 * np.pi * np.arange(count) / count
    directions = np.stack([np.cos(turns), np.sin(turns)], axis=1)[:, :axes].round(15)
    widths = WIDTHS[level]
    radius = min(widths) / 2
    box = BOX * radius
    return ReachLevel(level, directions, widths, box, pace(lag_s, piece_s, rest, axes, radius, box, strict=True))


class ReachTask:
    """Centre-out reaching for a batch of limbs.

    Reward of a step: see `neuromotion_gym.tasks.holding.Reward`; the distance is that from the point to the centre of
    the target.

    The task's own columns, in half sides of the plane: ``distance`` of the target from the middle and its ``width``,
    whose combinations are told apart; how far the point has ``travelled`` from its start towards the target; and where
    it is, ``along`` and ``across`` the line from start to target, measured from the centre of the target.

    Parameters
    ----------
    rules : ReachLevel
    drive : PointDrive
    axes : tuple of str
        Directions in space along which error is measured.
    control_s : float
        Control period.
    """

    levels = LEVELS

    def __init__(self, rules: ReachLevel, drive: PointDrive, axes: tuple[str, ...], control_s: float) -> None:
        self.rules, self.drive, self.axes = rules, drive, axes
        self.facts = rules.facts()
        self.options: Mapping[str, Any] = {}
        self._holding = Holding(round(rules.pace.dwell_s / control_s), rules.box)
        self._reward = Reward(control_s, rules.pace.time_limit_s)
        self._scale = FARTHEST / (max(DISTANCES) + START * math.sqrt(len(axes)))

    @classmethod
    def from_level(
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[..., PointDrive],
        timing: Timing,
    ) -> ReachTask:
        """See `neuromotion_gym.tasks.task.Task.from_level`."""
        rules = reach_level(level, len(intents.axes), timing.lag_s, timing.piece_s, intents.rest is not None)
        return cls(rules, drive(intents.axes, rules.pace.speed), intents.axes, timing.control_s)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        axes = len(self.axes)
        self.goal, self.decoy, self.home = (np.zeros((num_rows, axes)) for _ in range(3))
        self.width, self.decoy_width, self.distance = (np.zeros(num_rows) for _ in range(3))
        self._line = np.zeros((num_rows, axes))  # unit vectors from start to target
        self._holding.start(num_rows, axes)
        self._reward.start(num_rows)

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw start, target and decoy of ``rows``; with ``goals`` the width is drawn, and the centre is given.

        Raises
        ------
        NeuroMotionError
            If a given goal is no place at which a target may be.
        """
        for row, generator in zip(rows, generators, strict=True):
            self.home[row] = generator.uniform(-START, START, len(self.axes))
            self.goal[row], self.width[row] = self._draw(generator)
            self.decoy[row], self.decoy_width[row] = self._draw(generator)
        if goals is not None:
            self.goal[rows] = [self._given(goal) for goal in goals]
        goal, home = self.goal[rows], self.home[rows]
        self.distance[rows] = np.linalg.norm(goal, axis=1)
        way = np.linalg.norm(goal - home, axis=1)
        self._line[rows] = (goal - home) / np.where(way > 0, way, 1.0)[:, None]
        self._holding.reset(rows, home)
        self._reward.reset(rows, self._scale * way)
        return self.drive.reset(rows, home)

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""
        position = self.drive.motion(sensors)[0]
        held = self._holding.step(position, np.add.reduce(position**2, axis=1) <= HOME**2)
        miss = position - self.goal
        apart = np.sqrt(np.add.reduce(miss**2, axis=1))
        reward = self._reward.step(self._scale * apart)
        inside = apart <= self.width / 2
        right, wrong = held & inside, held & ~inside
        reward += right
        reward -= wrong
        return Outcome(reward, right, wrong, held, self._columns(position, miss))

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        """Centre of the target (or decoy) minus position of the point, shape (rows, axes)."""
        return np.asarray((self.decoy if decoy else self.goal) - self.drive.motion(sensors)[0])

    def tolerances(self, *, decoy: bool = False) -> np.ndarray:
        """Radius of the target (or decoy) of every row, shape (rows,)."""
        return np.asarray((self.decoy_width if decoy else self.width) / 2)

    def ghost(self, row: int) -> np.ndarray | None:
        """None: the targets are drawn, see `marks`."""
        return None

    def marks(self, row: int) -> list[Mark]:
        """The middle, and targets in all directions, as wide and as far as that of one row, which stands out."""
        targets = self.drive.in_space(self.distance[row] * self.rules.directions)
        goal = self.drive.in_space(self.goal[row][None])
        middle = self.drive.in_space(np.zeros((1, len(self.axes))))
        radius, normal = self.width[row] / 2 * self.drive.half_side_m, self.drive.normal
        half = 0.001
        return [
            *(Mark("disc", place, (radius, half, 0.0), QUIET, 0.35, normal) for place in targets),
            *(Mark("disc", place, (radius, 2 * half, 0.0), TARGET, 0.8, normal) for place in goal),
            *(Mark("disc", place, (MIDDLE_M, half, 0.0), QUIET, 0.8, normal) for place in middle),
        ]

    def words(self, row: int, right: bool, wrong: bool) -> Words:
        """How the episode ended; see `neuromotion_gym.tasks.task.Worded`."""
        return Words("Target selected" if right else "Another place selected" if wrong else "", "Hand (wearer's view)")

    def _draw(self, generator: np.random.Generator) -> tuple[np.ndarray, float]:
        """Centre and width of a target."""
        direction, distance, width = (
            generator.integers(len(choices)) for choices in (self.rules.directions, DISTANCES, self.rules.widths)
        )
        return self.rules.directions[direction] * DISTANCES[distance], self.rules.widths[width]

    def _given(self, goal: np.ndarray) -> np.ndarray:
        """A given goal, which lies in one of the directions, no nearer and no farther than targets are."""
        distance = np.linalg.norm(goal)
        beside = np.linalg.norm(goal - distance * self.rules.directions, axis=1).min()
        if not (beside <= ROUNDING and DISTANCES[0] - ROUNDING <= distance <= DISTANCES[-1] + ROUNDING):
            listed = ", ".join(str(each.tolist()) for each in self.rules.directions.round(3))
            raise NeuroMotionError(
                f"A goal is {DISTANCES[0]} to {DISTANCES[-1]} times one of the directions {listed} of level "
                f"{self.rules.name!r}, not {goal}."
            )
        return goal

    def _columns(self, position: np.ndarray, miss: np.ndarray) -> dict[str, np.ndarray]:
        line = self._line
        across = miss[:, 1] * line[:, 0] - miss[:, 0] * line[:, 1] if len(self.axes) > 1 else np.zeros(len(miss))
        return {
            "distance": self.distance,
            "width": self.width,
            "travelled": np.add.reduce((position - self.home) * line, axis=1),
            "along": np.add.reduce(miss * line, axis=1),
            "across": across,
        }
