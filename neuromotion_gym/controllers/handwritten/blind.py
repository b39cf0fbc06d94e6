"""The best policy without information: go to one place and ignore the decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, check_places
from neuromotion_gym.controllers.stages import Stages
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class Blind(HandWritten):
    """Goes to one place and stays there: by default the bound that every decoder has to beat.

    If a wrong selection ends the episode, its success is known exactly: it is the ``chance`` of the task's facts. The
    place is a candidate, or a place whose tolerance box lies completely inside the space of goals. Where the limb has
    to return to 0 after a goal, it returns, and goes to the same place again.

    Parameters
    ----------
    layout : ObservationLayout
    posture : float array, shape (axes,), optional
        Place to go to; one of the best places when left out.

    Raises
    ------
    NeuroMotionError
        If the first observed positions do not lie along the axes of the goals.
    """

    name = "blind"

    def __init__(self, layout: ObservationLayout, posture: np.ndarray | None = None) -> None:
        super().__init__(layout)
        check_places(self)
        place = layout.facts.goals.best_place(layout.tolerance) if posture is None else np.asarray(posture, dtype=float)
        axes = layout.facts.goals.axes
        if place.shape != (axes,) or not (np.abs(place) <= 1).all():
            raise NeuroMotionError(f"A posture has {axes} positions in [-1, 1], not {place.tolist()}.")
        self.posture = place
        self.stages = Stages(layout)

    def fresh(self, n: int) -> Memory:
        """See `Stages.fresh`."""
        return self.stages.fresh(n)

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        stride = self.layout.speed * self.layout.control_s
        position = seen.position[:, : len(self.posture)]
        stage, memory = self.stages.step(position, memory)
        target = np.where(stage.returning[:, None], 0.0, self.posture)
        return self.steer((target - position) / (2 * stride)), memory
