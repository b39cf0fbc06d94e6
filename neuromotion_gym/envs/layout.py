"""All that a controller may know in advance: elements of an observation, facts of the task, periods of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.tasks.task import TaskFacts


@dataclass(frozen=True, eq=False)
class ObservationLayout:
    """Layout of the flat observation ``[position, velocity, situation, decoded, effort]``, and the facts of the task.

    A controller is built from this and from nothing else, so that it cannot see a goal.

    Parameters
    ----------
    intents : IntentMap
        Labels of the decoder, and the action that each of them asks for.
    facts : TaskFacts
        What a controller may know about the task.
    columns : tuple of str
        Names of the observed quantities of the limb, each with a position and a velocity. For set points these are the
        axes.
    effort : bool
        Whether the decoder gives effort; it is then the last element of the observation.
    control_s : float
        Control period in seconds.
    hop_s : float
        Time between two decisions of the decoder; its output is held in between.
    window_s : float
        Length of the window that one decision reads.
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    speed : float
        Movement of the limb per second at an action of 1; for set points in half ranges.
    targets : tuple of str
        Names of the continuous targets of a decoder that regresses; empty for one that classifies.
    context : tuple of str
        Names of what the agent sees of the limb's surroundings, such as an object in the hand.
    axes : tuple of str
        Axes of the goals; empty if they are the columns. Otherwise they come first among the columns.
    moves : float array, shape (labels, axes of the goals), or None
        Movement along every axis while a label is asked for, with the limb at home, as a share of ``speed``; None if it
        is ``intents.directions``.
    settles : bool
        Whether every label brings the limb to a place of its own and keeps it there.
    """

    intents: IntentMap
    facts: TaskFacts
    columns: tuple[str, ...]
    effort: bool
    control_s: float
    hop_s: float
    window_s: float
    lag_s: float
    speed: float
    targets: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    moves: np.ndarray | None = None
    settles: bool = False

    def __post_init__(self) -> None:
        if self.moves is not None:
            moves = np.array(self.moves)
            moves.setflags(write=False)
            object.__setattr__(self, "moves", moves)

    @property
    def candidates(self) -> np.ndarray | None:
        """Goals that are equally likely, shape (candidates, axes); None where goals are drawn from a continuum."""
        return self.facts.goals.candidates

    @property
    def tolerance(self) -> float:
        """Largest distance on any axis at which a goal counts as met."""
        return self.facts.tolerance

    @property
    def dwell_s(self) -> float:
        """Time for which a goal has to be held, seconds."""
        return self.facts.dwell_s

    @property
    def time_limit_s(self) -> float:
        """Longest duration of an episode, seconds."""
        return self.facts.time_limit_s

    @property
    def position(self) -> slice:
        """Elements with the position of the limb; for set points -1..1 of the range of each axis, with home at 0."""
        return slice(0, len(self.columns))

    @property
    def velocity(self) -> slice:
        """Elements with the velocity of the limb; for set points half ranges per second."""
        return slice(len(self.columns), 2 * len(self.columns))

    @property
    def situation(self) -> slice:
        """Elements with the limb's surroundings, -1..1; their names are in `context`."""
        first = 2 * len(self.columns)
        return slice(first, first + len(self.context))

    @property
    def decoded(self) -> slice:
        """Elements with the output of the decoder: a posterior over the labels, or one value per target."""
        first = self.situation.stop
        return slice(first, first + len(self.targets or self.intents.labels))

    @property
    def posterior(self) -> slice:
        """Elements with the posterior over the decoder's labels.

        Raises
        ------
        NeuroMotionError
            If the decoder gives continuous targets.
        """
        if self.targets:
            raise NeuroMotionError(f"The decoder gives the targets {', '.join(self.targets)} and no posterior.")
        return self.decoded

    @property
    def size(self) -> int:
        """Length of the observation."""
        return self.decoded.stop + int(self.effort)
