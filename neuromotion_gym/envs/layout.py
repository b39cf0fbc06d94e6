"""What stands where in an observation, and the clocks behind it: all that a controller may know beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neuromotion_gym.intents import IntentMap


@dataclass(frozen=True, eq=False)
class ObservationLayout:
    """Layout of the flat observation ``[position, velocity, posterior, effort]`` and the facts of the task.

    A controller is built from this and from nothing else, so that it cannot see a goal.

    Parameters
    ----------
    intents : IntentMap
        Labels of the decoder, axes that they move, directions.
    effort : bool
        Whether the decoder gives effort (then the last element of the observation).
    control_s : float
        Control period in seconds.
    hop_s : float
        Time between two decisions of the decoder; the posterior is held in between.
    window_s : float
        Length of the window that one decision reads.
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    speed : float
        Full speed of an axis, in half ranges a second: an action of 1 moves an axis by ``speed * control_s``.
    dwell_s : float
        How long a posture has to be held to be selected.
    time_limit_s : float
        Length of an episode.
    tolerance : float
        Largest distance on any axis at which a goal counts as met.
    candidates : float array, shape (candidates, axes), or None
        Postures that the goal is drawn from; None where it is drawn from a continuum.
    """

    intents: IntentMap
    effort: bool
    control_s: float
    hop_s: float
    window_s: float
    lag_s: float
    speed: float
    dwell_s: float
    time_limit_s: float
    tolerance: float
    candidates: np.ndarray | None

    @property
    def position(self) -> slice:
        """Axes' positions, each -1..1 of its range with home at 0."""
        return slice(0, len(self.intents.axes))

    @property
    def velocity(self) -> slice:
        """Axes' velocities, half ranges a second."""
        axes = len(self.intents.axes)
        return slice(axes, 2 * axes)

    @property
    def posterior(self) -> slice:
        """Posterior over the decoder's labels."""
        axes = len(self.intents.axes)
        return slice(2 * axes, 2 * axes + len(self.intents.labels))

    @property
    def size(self) -> int:
        """Length of the observation."""
        return 2 * len(self.intents.axes) + len(self.intents.labels) + int(self.effort)
