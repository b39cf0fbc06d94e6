"""Gesture matching: take up the posture of a hidden gesture, hold it, and return to rest.

The goal is one of the postures that the labels stand for. A gesture is *selected* by holding its posture for the dwell
time: every degree of freedom of the limb stays within the tolerance of the posture. If passing through a posture were
enough, a controller that takes up one after the other would succeed without the decoder; here its first gesture is its
only one, since a wrong selection ends the episode. After the right selection the limb has to return to rest, and to
stay there for the dwell time, if the labels have one for rest. Otherwise the return is left out. On the last level
three gestures follow each other, each drawn anew, so that one may come twice.

Without a label for rest, nothing is selected for a while after the start and after a selection: the limb takes some
gesture at the start, and still holds the last one when the next one is due.

While another gesture is taken, the operator wants the limb to rest, and then tries again.

Progress towards a gesture is 0 at rest and 1 at its posture. Every array has the rows of the batch first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.actuation import set_actuation
from neuromotion_gym.limbs.named_postures import NamedPostures
from neuromotion_gym.tasks.holding import FARTHEST, Reward
from neuromotion_gym.tasks.task import GoalSpace, Outcome, Ratio, TaskFacts, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.tasks.task import Timing

Level = Literal["easy", "standard", "hard"]
LEVELS: tuple[Level, ...] = ("easy", "standard", "hard")

TOLERANCE = 0.15
"""A posture is met if every degree of freedom is within this distance of it, in half ranges."""
TAKEN = 0.5
"""Progress from which the operator sees that the limb takes another gesture."""
CLOSING_S = 0.37
"""Time from rest to a posture: closing time of the Michelangelo hand (Front. Syst. Neurosci. 9:162, 2015, table 1)."""
REACTION_S = 0.6
"""The dwell time is the decoder's lag and this: a person sees another gesture after about 0.25 s (see
`neuromotion_gym.operators`), and can then still leave it before it is selected."""
SHORTEST_DWELL_S = 1.0
IN_A_ROW = 3
"""Number of gestures on the last level."""
SPARE = 4.0
"""The time limit of one gesture is so many times the time that it takes if nothing goes wrong."""
LATER = 0.75
"""If several gestures follow each other, the time limit of each is this share of that of a single one."""


@dataclass(frozen=True, eq=False)
class GestureLevel:
    """One level of difficulty.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
    candidates : tuple of int
        Axes of the gestures that may be the goal.
    in_a_row : int
        Number of gestures that follow each other in an episode.
    returns : bool
        Whether the limb has to return to rest after each.
    dwell_s, pause_s, time_limit_s : float
        Seconds.
    """

    name: Level
    candidates: tuple[int, ...]
    in_a_row: int
    returns: bool
    dwell_s: float
    pause_s: float
    time_limit_s: float

    def facts(self, axes: int) -> TaskFacts:
        """What a controller may know, on so many axes."""
        chance = (1 / len(self.candidates)) ** self.in_a_row
        return TaskFacts(
            level=self.name,
            goals=GoalSpace(axes, np.eye(axes)[list(self.candidates)]),
            tolerance=TOLERANCE,
            dwell_s=self.dwell_s,
            time_limit_s=self.time_limit_s,
            chance=chance,
            choices=1 / chance,
            columns=("gesture", "selected", "false_activations", "rest_s"),
            in_a_row=self.in_a_row,
            returns=self.returns,
            taken=TAKEN if self.returns else math.inf,
            ends=self._ends(),
            ratios=(Ratio("false activations a minute of rest", "false_activations", "rest_s", 60.0),),
        )

    def _ends(self) -> str:
        """How an episode ends, in a sentence."""
        right = "the right selection" if self.in_a_row == 1 else f"the last of {self.in_a_row} right selections"
        after = "the return to rest after " if self.returns else ""
        return f"An episode ends with the first wrong selection, or with {after}{right}."


def gesture_level(name: str, apart: np.ndarray, speed: float, lag_s: float, rest: bool) -> GestureLevel:
    """Level ``name`` for some postures and a decoder with a lag of ``lag_s`` seconds.

    ``easy`` has the two postures that are farthest from each other, the first two of several such pairs; the other
    levels have all.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
    apart : float array, shape (postures, postures)
        Distance of every two postures.
    speed : float
        Ways from rest to a posture per second.
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    rest : bool
        Whether one of the decoder's labels is rest.

    Raises
    ------
    NeuroMotionError
        If the level is unknown.
    """
    if name not in LEVELS:
        raise NeuroMotionError(f"Unknown level {name!r}. Levels: {', '.join(LEVELS)}.")
    everything = tuple(range(len(apart)))
    first, second = np.unravel_index(int(np.argmax(apart)), apart.shape)
    in_a_row = IN_A_ROW if name == LEVELS[-1] else 1
    dwell_s = max(SHORTEST_DWELL_S, round(lag_s + REACTION_S, 1))
    one_s = SPARE * 2 * (REACTION_S / 2 + lag_s + 1 / speed + dwell_s)
    return GestureLevel(
        name=name,
        candidates=(int(first), int(second)) if name == LEVELS[0] else everything,
        in_a_row=in_a_row,
        returns=rest,
        dwell_s=dwell_s,
        pause_s=0.0 if rest else lag_s,
        time_limit_s=float(round(one_s if in_a_row == 1 else LATER * in_a_row * one_s)),
    )


class _Course:
    """How far every row is with a sequence of gestures: with the scored one, or with that of the decoy.

    Attributes
    ----------
    sequence : int array, shape (rows, gestures in a row)
    turn : int array, shape (rows,)
        Number of gestures that are done with.
    returning : bool array, shape (rows,)
        Whether the limb has to return to rest now.
    goal : float array, shape (rows, axes)
        What has to be brought about now: 1 for a gesture; all 0 for rest.
    """

    def __init__(self, level: GestureLevel, axes: int, num_rows: int, control_s: float) -> None:
        self.level, self.axes = level, axes
        self._from = level.facts(axes).taken
        self._dwell, self._pause = round(level.dwell_s / control_s), round(level.pause_s / control_s)
        self._rows = np.arange(num_rows)
        self.sequence = np.zeros((num_rows, level.in_a_row), dtype=int)
        self.turn, self._clock, self._place, self._held = (np.zeros(num_rows, dtype=int) for _ in range(4))
        self.returning, self._taken = (np.zeros(num_rows, dtype=bool) for _ in range(2))
        self.goal = np.zeros((num_rows, axes))

    def begin(self, row: int, sequence: np.ndarray) -> None:
        """Begin an episode in one row."""
        self.sequence[row] = sequence
        self.turn[row] = self._held[row] = 0
        self._clock[row] = -self._pause
        self.returning[row] = self._taken[row] = False
        self.goal[row] = np.eye(self.axes)[sequence[0]]

    @property
    def gesture(self) -> np.ndarray:
        """Axis of the gesture that is due, or was last, int array of shape (rows,)."""
        return self.sequence[self._rows, np.minimum(self.turn, self.level.in_a_row - 1)]

    @property
    def done(self) -> np.ndarray:
        """Rows that are done with all gestures."""
        return self.turn == self.level.in_a_row

    def step(self, place: np.ndarray, progress: np.ndarray) -> np.ndarray:
        """Go on by one control step; return the rows in which another gesture was selected.

        Parameters
        ----------
        place : int array, shape (rows,)
            Posture that is met; the number of axes for rest, -1 for neither.
        progress : float array, shape (rows, axes)
        """
        gesture, rest = self.gesture, self.axes
        self._clock += 1
        self._held = np.where((place == self._place) & (self._clock > 0), self._held, 0) + (self._clock > 0)
        self._place = place
        others = progress.copy()
        others[self._rows, gesture] = 0.0
        self._taken = (self._taken | (others.max(axis=1) > self._from)) & (place != rest)
        held = (self._held >= self._dwell) & (place >= 0)
        right = held & (place == gesture) & ~self.returning & ~self.done
        back = held & (place == rest) & self.returning
        wrong = held & (place != gesture) & (place != rest)
        over = back if self.level.returns else right
        self.turn += over
        if self.level.returns:
            self.returning = (self.returning | right) & ~back
        if np.count_nonzero(right | back):
            self._clock[right | back] = -self._pause
            self._held[right | back] = 0
            self.goal = np.eye(self.axes)[self.gesture] * ~(self.returning | self.done)[:, None]
        return wrong

    def aim(self) -> np.ndarray:
        """What the operator tries to bring about: the goal, or rest while another gesture is taken, if it can rest."""
        return np.where(self._taken[:, None], 0.0, self.goal)

    def left(self, progress: np.ndarray) -> np.ndarray:
        """Ways that are left, in ways from rest to a gesture, shape (rows,): to the goal, and after it."""
        now = np.abs(self.goal - progress).sum(axis=1) * ~self.done
        return np.asarray(now + self._later())

    def _later(self) -> np.ndarray:
        """Ways that follow the present goal; between two gestures without rest two, or none if they are the same."""
        number = np.arange(self.level.in_a_row)
        if self.level.returns:
            each = np.where(number == self.turn[:, None], ~self.returning[:, None] * 1.0, 2.0)
            return np.asarray((each * (number >= self.turn[:, None])).sum(axis=1))
        change = 2.0 * (self.sequence[:, 1:] != self.sequence[:, :-1])
        return np.asarray((change * (number[1:] > self.turn[:, None])).sum(axis=1))


class GestureTask:
    """Gesture matching for a batch of limbs.

    Reward of a step: ``d - d' + right - wrong - 0.2 * control period / time limit``. ``d`` and ``d'`` are what was left
    to do before and after it: the way from the limb's progress to the goal (the sum of ``|goal - progress|``), and the
    ways after it, back to rest and to further gestures, scaled so that it is at most 0.75 at the start. Over an episode
    this adds up to ``d(start) - d(end) + right - wrong - 0.2 * share of the time limit used``.

    ``info["goal"]`` is what has to be brought about now, one number a gesture: 1 for the gesture that is due, all 0
    while the limb has to return to rest and at the end. The task's own columns are ``gesture``, the index of the
    gesture that is due or was last; ``selected``, the number of gestures that were selected rightly;
    ``false_activations``, how often the limb left rest while it had to stay there, and ``rest_s``, the time for which
    this was counted.

    The option ``actuation`` names the hand whose closing time and strength the limb takes over, of those in its file
    ``actuation.yaml`` (see `neuromotion_gym.limbs.actuation`). Without it the limb needs `CLOSING_S` from rest to a
    posture, and has the strength of its MJCF.

    Parameters
    ----------
    level : GestureLevel
    postures : NamedPostures
        Postures of the limb, one a gesture; the limb's named sensors are read through them.
    drive : Drive
        The drive that moves the limb.
    control_s : float
        Control period.
    options : mapping of str to object
        What makes results not comparable.
    """

    levels = LEVELS
    following_s = 0.0
    """Time by which the limb comes later than the decoder's lag says."""

    def __init__(
        self,
        level: GestureLevel,
        postures: NamedPostures,
        drive: Drive,
        control_s: float,
        options: Mapping[str, Any],
    ) -> None:
        self.rules, self.postures, self.drive, self.axes = level, postures, drive, postures.names
        self.facts = level.facts(len(self.axes))
        self.options: Mapping[str, Any] = {**options, "return_to_rest": level.returns}
        self._control_s = control_s
        longest = 2.0 * level.in_a_row if level.returns else 2.0 * level.in_a_row - 1.0
        self._scale = FARTHEST / longest
        self._reward = Reward(control_s, level.time_limit_s)

    @classmethod
    def from_level(
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[..., Drive],
        timing: Timing,
        *,
        actuation: str | None = None,
    ) -> Self:
        """See `neuromotion_gym.tasks.task.Task.from_level`, and the class for the option."""
        closing_s = CLOSING_S if actuation is None else set_actuation(limb, actuation).closing_s
        moved_by = drive(intents.axes, 1 / closing_s)
        postures = NamedPostures(limb, intents.axes)
        apart = postures.apart()
        check_postures(postures.names, apart)
        lag_s, rest = timing.lag_s + cls.following_s, intents.rest is not None
        rules = gesture_level(level, apart[:-1, :-1], moved_by.speed, lag_s, rest)
        return cls(rules, postures, moved_by, timing.control_s, {"actuation": actuation})

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        axes = len(self.axes)
        self._scored, self._pursued = (_Course(self.rules, axes, num_rows, self._control_s) for _ in range(2))
        self._reward.start(num_rows)
        self._rest, self._false = np.zeros(num_rows), np.zeros(num_rows)
        self._came_home, self._at_home = np.zeros(num_rows, dtype=bool), np.zeros(num_rows, dtype=bool)

    @property
    def goal(self) -> np.ndarray:
        """Scored goal of every row now, shape (rows, axes): 1 for the gesture that is due; all 0 for rest."""
        return self._scored.goal

    @property
    def decoy(self) -> np.ndarray:
        """The same of the decoy."""
        return self._pursued.goal

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw the gestures of ``rows`` and those of their decoys; see `neuromotion_gym.tasks.task.Task.reset`.

        ``goals`` are the first gestures. If one differs from the gesture that was drawn, every gesture of that episode
        is moved on in the order of the candidates by as many places as the first one, so that a test that gives two
        goals compares two sequences that differ everywhere. The limb starts at rest.

        Raises
        ------
        NeuroMotionError
            If a given goal is not one of the candidates.
        """
        candidates, count = np.array(self.rules.candidates), self.rules.in_a_row
        for index, (row, generator) in enumerate(zip(rows, generators, strict=True)):
            drawn = generator.integers(len(candidates), size=(2, count))
            if goals is not None:
                drawn[0] += self._given(goals[index]) - drawn[0, 0]
            scored, pursued = candidates[drawn % len(candidates)]
            self._scored.begin(row, scored)
            self._pursued.begin(row, pursued)
        nothing = np.zeros((len(rows), len(self.axes)))
        self._reward.reset(rows, (self._scale * self._scored.left(np.zeros_like(self.goal)))[rows])
        self._rest[rows] = self._false[rows] = 0.0
        self._came_home[rows] = self._at_home[rows] = False
        return self.drive.reset(rows, nothing)

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""
        progress, place = self.position(sensors), self._place(sensors)
        course = self._scored
        before = course.done
        self._count_false(place)
        wrong = course.step(place, progress) & ~before
        self._pursued.step(place, progress)
        right = course.done & ~before
        distance = self._scale * course.left(progress)
        reward = self._reward.step(distance) + right - wrong
        columns = {
            "gesture": course.gesture.astype(float),
            "selected": course.turn + course.returning.astype(float),
            "false_activations": self._false,
            "rest_s": self._rest,
        }
        return Outcome(reward, right, wrong, right | wrong, columns)

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        """What the operator tries to bring about, less the progress towards every gesture, shape (rows, axes)."""
        return np.asarray((self._pursued if decoy else self._scored).aim() - self.position(sensors))

    def position(self, sensors: np.ndarray) -> np.ndarray:
        """Progress towards every gesture, shape (rows, axes)."""
        return self.postures.progress(sensors)[0]

    def sequence(self, *, decoy: bool = False) -> np.ndarray:
        """See `neuromotion_gym.tasks.task.Sequenced`: the gestures, and after each the return to rest, if it is due."""
        gestures = np.eye(len(self.axes))[(self._pursued if decoy else self._scored).sequence]
        if not self.rules.returns:
            return gestures
        return np.stack([gestures, np.zeros_like(gestures)], axis=2).reshape(len(gestures), -1, len(self.axes))

    def ghost(self, row: int) -> np.ndarray | None:
        """Joint positions of the posture that has to be taken up now, shape (nq,)."""
        goal, postures = self._scored.goal[row], self.postures
        return postures.limb.joint_positions(postures.states[goal.argmax()] if goal.any() else postures.home)

    def words(self, row: int, right: bool, wrong: bool) -> Words:
        """Which gesture is due, and how the episode ended; see `neuromotion_gym.tasks.task.Worded`."""
        course, count = self._scored, self.rules.in_a_row
        outcome = "Wrong gesture" if wrong else ""
        if right:
            outcome = "Right gesture" if count == 1 else f"{count} right gestures"
            outcome += ", then rest" if self.rules.returns else ""
        gesture = self.axes[course.gesture[row]]
        turn = f" ({min(course.turn[row] + 1, count)} of {count})" if count > 1 else ""
        resting = self.rules.returns and not course.goal[row].any()
        return Words(outcome, "Gestures", ("back to rest" if resting else gesture) + turn)

    def _place(self, sensors: np.ndarray) -> np.ndarray:
        """Posture that is met, int array of shape (rows,): the number of axes for rest, -1 for neither."""
        distances = self.postures.distances(sensors)
        return np.where(distances.min(axis=1) <= TOLERANCE, distances.argmin(axis=1), -1)

    def _count_false(self, place: np.ndarray) -> None:
        """Count the limb's departures from rest while it has to stay there."""
        course, home = self._scored, place == len(self.axes)
        self._came_home = (self._came_home | home) & course.returning
        self._rest += self._control_s * self._came_home
        self._false += self._came_home & self._at_home & ~home
        self._at_home = home

    def _given(self, goal: np.ndarray) -> int:
        """Place of a given goal among the candidates."""
        for place, axis in enumerate(self.rules.candidates):
            if np.array_equal(goal, np.eye(len(self.axes))[axis]):
                return place
        names = ", ".join(self.axes[axis] for axis in self.rules.candidates)
        raise NeuroMotionError(f"A goal is 1 for one of the gestures {names} and 0 for all others, not {goal}.")


def check_postures(names: Sequence[str], apart: np.ndarray) -> None:
    """Refuse postures that cannot be told apart, from their distances and those of home, which is last.

    Raises
    ------
    NeuroMotionError
        If there are fewer than two, or two are nearer to each other than twice the tolerance.
    """
    if len(names) < 2:
        raise NeuroMotionError(f"Gesture matching needs labels for two postures or more; these labels have {names}.")
    all_names = [*names, "home"]
    near = [
        f"{all_names[one]} and {all_names[other]} ({apart[one, other]:.2f})"
        for one in range(len(all_names))
        for other in range(one)
        if apart[one, other] <= 2 * TOLERANCE
    ]
    if near:
        raise NeuroMotionError(
            f"Postures have to be more than {2 * TOLERANCE:g} half ranges apart on one degree of freedom; "
            f"too near each other: {', '.join(near)}."
        )
