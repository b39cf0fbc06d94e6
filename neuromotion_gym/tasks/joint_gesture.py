"""Gesture matching with joints that follow a decoder's continuous targets: the postures are the wearer's own.

The rules are those of `neuromotion_gym.tasks.gesture`. What differs is when a posture is met. Joints that follow a
decoded value never stand still, and no person ends a movement twice in the same place. So every place of the limb
belongs to one posture or to rest: to the posture that the limb is on the way to, from half of that way on, and to rest
before. A posture is selected by staying with it for the dwell time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.joints import JointDrive
from neuromotion_gym.limbs.named_postures import NamedPostures
from neuromotion_gym.tasks.gesture import GestureTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.tasks.gesture import GestureLevel

HALF = 0.5
"""Share of the way to a posture from which a place belongs to it and no more to rest."""
FOLLOWING_S = 0.5
"""Time by which joints come later than the decoder's lag says, since decoded values have to be smoothed. The dwell time
is longer by it: a person who sees another posture can then still leave it before it is selected."""


class JointGestureTask(GestureTask):
    """Gesture matching for a batch of limbs whose joints follow targets; see the module and `GestureTask`.

    The option ``actuation`` is that of `GestureTask`; its closing time is here the time in which a joint moves by half
    its range.

    Parameters
    ----------
    level, control_s, options
        See `GestureTask`.
    postures : NamedPostures
        Postures of the limb, which stand for those of a wearer until these are known.
    drive : JointDrive
        Moves the limb, and knows the postures of the wearers.
    """

    following_s = FOLLOWING_S

    def __init__(
        self,
        level: GestureLevel,
        postures: NamedPostures,
        drive: Drive,
        control_s: float,
        options: Mapping[str, Any],
    ) -> None:
        if not isinstance(drive, JointDrive):
            raise NeuroMotionError(f"Joints that follow targets need a JointDrive, not {type(drive).__name__}.")
        super().__init__(level, postures, drive, control_s, options)
        self._joints = drive

    def wear(self, rows: np.ndarray, places: np.ndarray) -> None:
        """Postures of the wearers of ``rows``; see `neuromotion_gym.tasks.task.Worn`."""
        self._joints.postures.wear(rows, places)

    def position(self, sensors: np.ndarray) -> np.ndarray:
        """Progress towards every posture of the wearer, shape (rows, axes)."""
        return self._joints.postures.progress(sensors)[0]

    def ghost(self, row: int) -> np.ndarray:
        """Joint positions of the posture that has to be taken up now, shape (nq,)."""
        place = np.add.reduce(self.goal[row][:, None] * self._joints.postures.places[row], axis=0)
        return self._joints.limb.qpos_at(place[None], self._joints.columns)[0]

    def _place(self, sensors: np.ndarray) -> np.ndarray:
        progress = self.position(sensors)
        return np.where(progress.max(axis=1) >= HALF, progress.argmax(axis=1), len(self.axes))
