"""The best policy without information: go to one posture, whatever the decoder says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.posture import HOME_BOX

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class Blind(HandWritten):
    """Goes to a constant posture and stays: with the default posture, the bound that every decoder has to beat.

    Its success is known exactly, `neuromotion_gym.tasks.PostureLevel.chance`: one candidate of all of them, or the
    goals within the tolerance of a posture that lies wholly among them.

    Parameters
    ----------
    layout : ObservationLayout
    posture : float array, shape (axes,), optional
        Where to go; one of the best when left out.
    """

    def __init__(self, layout: ObservationLayout, posture: np.ndarray | None = None) -> None:
        super().__init__(layout)
        if posture is None:
            posture = layout.candidates[0] if layout.candidates is not None else np.zeros(self.axes)
            if layout.candidates is None:
                posture[0] = HOME_BOX + layout.tolerance
        posture = np.asarray(posture, dtype=float)
        if posture.shape != (self.axes,) or not (np.abs(posture) <= 1).all():
            raise NeuroMotionError(f"A posture has {self.axes} positions in [-1, 1], not {posture.tolist()}.")
        self.posture = posture

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        stride = self.layout.speed * self.layout.control_s
        return (self.posture - seen.position) / (2 * stride), ()
