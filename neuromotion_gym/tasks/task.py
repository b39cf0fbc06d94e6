"""The protocol of tasks: goal, reward, success and termination, for a batch of limbs. A task knows nothing of signals.

`docs/design/protocols.md` applies it to five tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.limb import Limb


@dataclass(frozen=True, eq=False)
class GoalSpace:
    """The possible goals: a few candidates, or a continuum, uniform in a box with a hole around home.

    Parameters
    ----------
    axes : int
        Number of axes.
    candidates : float array, shape (candidates, axes), or None
        Goals that are equally likely; None for a continuum.
    reach : float
        Half side of the box of a continuum: ``|goal| <= reach`` on every axis.
    hole : float
        Half side of the hole: no goal has ``|goal| <= hole`` on every axis.
    """

    axes: int
    candidates: np.ndarray | None = None
    reach: float = 1.0
    hole: float = 0.0

    def __post_init__(self) -> None:
        if self.candidates is not None:
            candidates = np.array(self.candidates)
            candidates.setflags(write=False)  # controllers have them, and goals are drawn from them
            object.__setattr__(self, "candidates", candidates)

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Draw one goal, shape (axes,)."""
        if self.candidates is not None:
            return np.array(self.candidates[generator.integers(len(self.candidates))])
        while True:
            goal = generator.uniform(-self.reach, self.reach, self.axes)
            if np.abs(goal).max() > self.hole:
                return goal

    def spread(self, spacing: float, limit: int) -> np.ndarray:
        """Points that represent all goals, shape (n, axes): the candidates, or a grid over the continuum.

        Parameters
        ----------
        spacing : float
            Approximate distance between neighbours of the grid along an axis.
        limit : int
            Largest number of points. If a grid would have more, this number of points of a Halton sequence is used
            instead (Halton, Numer. Math. 2, 1960), because a grid grows exponentially with the number of axes.
        """
        if self.candidates is not None:
            return np.array(self.candidates)
        line = np.linspace(-self.reach, self.reach, round(2 * self.reach / spacing) + 1)
        if len(line) ** self.axes <= 2 * limit:
            grid = np.stack(np.meshgrid(*[line] * self.axes, indexing="ij"), axis=-1).reshape(-1, self.axes)
            grid = grid[np.abs(grid).max(axis=1) > self.hole]
            if len(grid) <= limit:
                return grid
        from scipy.stats import qmc

        points = qmc.Halton(self.axes, scramble=False).random(4 * limit)
        points = self.reach * (2 * points - 1)
        return np.asarray(points[np.abs(points).max(axis=1) > self.hole][:limit])

    def best_place(self, tolerance: float) -> np.ndarray:
        """One of the constant places that meet most goals within ``tolerance``, shape (axes,)."""
        if self.candidates is not None:
            return np.array(self.candidates[0], dtype=float)
        place = np.zeros(self.axes)
        # So near the hole that the tolerance box just lies outside it, or in the middle if there is no room
        room = self.hole + 2 * tolerance <= self.reach
        place[0] = self.hole + tolerance if room else (self.hole + self.reach) / 2
        return place


class Ratio(NamedTuple):
    """A figure of many episodes that reports show: sum of one column over the sum of another, times a factor."""

    name: str
    over: str
    under: str
    factor: float = 1.0


FIRST_SELECTION = "An episode ends with the first selection, right or wrong."


@dataclass(frozen=True, eq=False)
class TaskFacts:
    """All that a controller may know about a task; reports show the same facts.

    Parameters
    ----------
    level : str
        Level of difficulty.
    goals : GoalSpace
    tolerance : float
        A goal is met within this distance on every axis; where goals differ in size, the smallest one is.
    dwell_s, time_limit_s : float
        Time for which a goal has to be held, and longest duration of an episode; seconds.
    chance : float
        Success of the best policy without information under the rules that are played.
    choices : float or None
        Number of equally likely goals, for the information transfer rate; None if such a rate means nothing.
    columns : tuple of str
        Names of the task's own figures, one value of each per episode.
    in_a_row : int
        Number of goals that follow each other in an episode, each drawn anew.
    returns : bool
        Whether the limb has to come back to 0 on every axis after each of them, and stay there for the dwell time.
    taken : float
        Share of the way to a place other than the goal from which the operator tries to rest; infinite where it never
        does. It means something only for limbs that labels bring to places of their own.
    combinations : tuple of str
        Columns whose combinations are told apart in a test of speed, such as distance and width of the goal; empty in
        other tasks. Such a task also has the columns ``travelled`` and ``along``, from which reports compute the
        throughput of every combination.
    ends : str
        How an episode ends before its time limit: a sentence for reports.
    ratios : tuple of Ratio
        Figures of many episodes, from `columns`.
    lasts_s : float or None
        Mean time after which the goal may be another one without notice; None if it stays, or changes as said above.
    """

    level: str
    goals: GoalSpace
    tolerance: float
    dwell_s: float
    time_limit_s: float
    chance: float
    choices: float | None
    columns: tuple[str, ...] = ()
    in_a_row: int = 1
    returns: bool = False
    taken: float = math.inf
    combinations: tuple[str, ...] = ()
    lasts_s: float | None = None
    ends: str = FIRST_SELECTION
    ratios: tuple[Ratio, ...] = ()


@dataclass(frozen=True)
class Timing:
    """Times of a loop, from which a task sets its rules.

    Parameters
    ----------
    control_s : float
        Control period.
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    piece_s : float
        Mean time between two restarts of the source.
    """

    control_s: float
    lag_s: float
    piece_s: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """Results of one control step; every array has shape (rows,).

    Parameters
    ----------
    reward : float array
    right, wrong : bool array
        Whether the right goal, or a wrong one, was selected in this step.
    ended : bool array
        Rows whose episode ends with this step. A timed test also ends in this way; it is not truncated.
    columns : mapping of str to array
        The task's own figures.
    """

    reward: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    ended: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


Shape = Literal["sphere", "box", "disc"]


@dataclass(frozen=True, eq=False)
class Mark:
    """A shape that people are shown in the picture, such as a target; agents never see it.

    Parameters
    ----------
    shape : {"sphere", "box", "disc"}
    position : float array, shape (3,)
        Centre in the world, metres.
    size : tuple of three floats
        Radii of a sphere or half sides of a box; for a disc its radius, half its thickness, and 0. Metres.
    colour : tuple of three floats
        Red, green and blue, 0 to 1.
    opacity : float
        0 to 1.
    normal : tuple of three floats
        Direction of the disc's axis.
    """

    shape: Shape
    position: np.ndarray
    size: tuple[float, float, float]
    colour: tuple[float, float, float]
    opacity: float = 0.6
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0)


@runtime_checkable
class Surrounded(Protocol):
    """What a task has besides if the agent sees more than the limb, such as an object in the hand."""

    context: tuple[str, ...]
    """Names of what is seen. It must not tell the goal."""

    def situation(self, sensors: np.ndarray) -> np.ndarray:
        """What is seen now, -1..1, shape (rows, len(context)), from sensors of shape (rows, nsensordata)."""


@runtime_checkable
class Placed(Protocol):
    """What a task has besides if operators pursue something other than the goal for a while."""

    def position(self, sensors: np.ndarray) -> np.ndarray:
        """Position of the limb along the axes, shape (rows, axes), from sensors of shape (rows, nsensordata)."""


@runtime_checkable
class Worn(Protocol):
    """What a task has besides if its postures are those of the wearer, whom a row plays."""

    def wear(self, rows: np.ndarray, places: np.ndarray) -> None:
        """Take over the postures of the wearers of ``rows``; called before every `Task.reset` of these rows.

        Parameters
        ----------
        rows : int array, shape (m,)
        places : float array, shape (m, axes, targets)
            Where the wearer's joints are at the end of the movement of each axis, -1 to 1.
        """


@runtime_checkable
class Sequenced(Protocol):
    """What a task has besides if several goals follow each other in an episode. The operator knows them beforehand."""

    def sequence(self, *, decoy: bool = False) -> np.ndarray:
        """Goals (or decoys) of every row in their order, shape (rows, goals, axes); a return to rest is a goal, too."""


@runtime_checkable
class SizedGoals(Protocol):
    """What a task has besides if its goals differ in size. The operator knows the size of its goal; agents do not."""

    def tolerances(self, *, decoy: bool = False) -> np.ndarray:
        """Distance from the goal (or decoy) of every row within which it counts as met, shape (rows,)."""


@dataclass(frozen=True)
class Words:
    """What people are told of a row; general words stand for what is empty.

    Parameters
    ----------
    outcome : str
        How the episode ended.
    axes : str
        What the axes are, such as "Joints".
    goal : str
        What the goal is now.
    """

    outcome: str = ""
    axes: str = "Movement"
    goal: str = "target"


@runtime_checkable
class Worded(Protocol):
    """What a task has besides if people are told of its goal and of how an episode ended in words of its own."""

    def words(self, row: int, right: bool, wrong: bool) -> Words:
        """Words for one row now, whose last step selected the right goal, a wrong one, or neither."""


@runtime_checkable
class Marked(Protocol):
    """What a task has besides if people are shown more than a ghost, such as targets."""

    def marks(self, row: int) -> Sequence[Mark]:
        """Shapes that are drawn beside the limb of one row."""


class Task(Protocol):
    """Goals, reward, success and termination of a batch of limbs; reads named sensors and nothing else.

    The keyword parameters of `from_level` are options of ``gym.make``.
    """

    levels: ClassVar[tuple[str, ...]]
    """Names of its levels of difficulty, the easiest first."""
    axes: tuple[str, ...]
    """Axes along which error is measured: degrees of freedom, directions in space, named postures, joints."""
    facts: TaskFacts
    drive: Drive
    """The drive that moves the limb."""
    options: Mapping[str, Any]
    """Options of the task that make results not comparable, for ``info["about"]`` and reports."""
    goal: np.ndarray
    """Scored goals, shape (rows, axes)."""
    decoy: np.ndarray
    """A second goal of every row, drawn independently of the scored one: for tests."""

    @classmethod
    def from_level(
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[..., Drive],
        timing: Timing,
    ) -> Task:
        """Build the task.

        Parameters
        ----------
        level : str
            One of `levels`.
        limb : Limb
        intents : IntentMap
            Labels of the decoder.
        drive : callable
            Builds the environment's drive: ``drive(axes, speed, **options)``, with the axes along which error is
            measured, the full speed, and options of its class.
        timing : Timing

        Raises
        ------
        NeuroMotionError
            If the level is unknown, or does not fit the limb or the labels.
        """

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """Begin an episode in ``rows``, shape (m,).

        Parameters
        ----------
        rows : int array, shape (m,)
        generators : sequence of m numpy.random.Generator
        goals : float array, shape (m, axes), optional
            Goals to use instead of drawn ones.

        Returns
        -------
        float array, shape (m, nstate)
            Initial states of the physics, ``mjSTATE_FULLPHYSICS``.
        """

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        """Error that the operator corrects: goal (or decoy) minus position of the limb, signed, shape (rows, axes)."""

    def ghost(self, row: int) -> np.ndarray | None:
        """Joint positions of the ghost, which shows the goal of one row, shape (nq,); None if the task has no ghost."""


def middle_level(levels: Sequence[str]) -> str:
    """The middle level, which is used if none is named."""
    return levels[len(levels) // 2]
