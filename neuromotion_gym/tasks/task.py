"""The protocol of tasks: goal, reward, success and termination, for a batch of limbs. A task knows nothing of signals.

`docs/design/protocols.md` shows it on five tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.limb import Limb


@dataclass(frozen=True, eq=False)
class GoalSpace:
    """Where goals come from: one of some candidates, or uniform in a box with a hole around home.

    Parameters
    ----------
    axes : int
        How many axes there are.
    candidates : float array, shape (candidates, axes), or None
        Goals that are equally likely; None for a continuum.
    reach : float
        A continuum of goals fills ``|goal| <= reach`` on every axis ...
    hole : float
        ... but for the box ``|goal| <= hole`` on every axis.
    """

    axes: int
    candidates: np.ndarray | None = None
    reach: float = 1.0
    hole: float = 0.0

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """One goal, shape (axes,)."""
        if self.candidates is not None:
            return np.array(self.candidates[generator.integers(len(self.candidates))])
        while True:
            goal = generator.uniform(-self.reach, self.reach, self.axes)
            if np.abs(goal).max() > self.hole:
                return goal

    def spread(self, spacing: float, limit: int) -> np.ndarray:
        """Points that stand for all goals, shape (n, axes): the candidates, or a grid over the continuum.

        Parameters
        ----------
        spacing : float
            Distance of two neighbours of the grid on an axis, about.
        limit : int
            Where the grid would have more points than this, so many points of a Halton sequence are taken instead
            (Halton, Numer. Math. 2, 1960): a grid grows with the power of the axes.
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


@dataclass(frozen=True, eq=False)
class TaskFacts:
    """All that a controller may know of a task, and what a report says of it.

    Parameters
    ----------
    level : str
        Its level of difficulty.
    goals : GoalSpace
    tolerance : float
        A goal is met within this distance on every axis.
    dwell_s, time_limit_s : float
        How long a goal has to be held, and how long an episode lasts, seconds.
    chance : float
        Success of the best policy without information under the rules that are played.
    choices : float or None
        Number of equally likely goals for a rate of information; None where such a rate means nothing.
    columns : tuple of str
        Names of the task's own figures in the row of an episode.
    """

    level: str
    goals: GoalSpace
    tolerance: float
    dwell_s: float
    time_limit_s: float
    chance: float
    choices: float | None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timing:
    """Clocks of a loop, from which a task sets its rules.

    Parameters
    ----------
    control_s : float
        Control period.
    lag_s : float
        Expected time from a change of intent to a change of what is decoded.
    piece_s : float
        Mean time between two restarts of the source.
    """

    control_s: float
    lag_s: float
    piece_s: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one control step brought; every array has shape (rows,).

    Parameters
    ----------
    reward : float array
    right, wrong : bool array
        Whether the right goal, or a wrong one, was selected in this step.
    ended : bool array
        Rows whose episode ends by this outcome. A timed test ends so, too; it is not cut off.
    columns : mapping of str to array
        The task's own figures.
    """

    reward: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    ended: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


class Task(Protocol):
    """Goals, reward, success and termination of a batch of limbs; reads named sensors and nothing else.

    What `from_level` takes as keywords are options of ``gym.make``.
    """

    levels: ClassVar[tuple[str, ...]]
    """Names of its levels of difficulty."""
    default_level: ClassVar[str]
    axes: tuple[str, ...]
    """What error is measured along: degrees of freedom, directions in space, named postures, joints."""
    facts: TaskFacts
    drive: Drive
    """What moves the limb."""
    options: Mapping[str, Any]
    """Its options that make figures incomparable, for ``info["about"]`` and reports."""
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
        drive: Callable[[tuple[str, ...], float], Drive],
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
            Builds the environment's drive, from the axes along which error is measured and the full speed.
        timing : Timing

        Raises
        ------
        NeuroMotionError
            If the level is unknown, or does not go with limb or labels.
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
            Goals in place of the drawn ones.

        Returns
        -------
        float array, shape (m, nstate)
            States in which the physics begins, ``mjSTATE_FULLPHYSICS``.
        """

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        """What the operator wants mended: goal (or decoy) less where the limb is, signed, shape (rows, axes)."""

    def ghost(self, row: int) -> np.ndarray | None:
        """Joint positions of the goal of one row for people to look at, shape (nq,); None where there are none."""
