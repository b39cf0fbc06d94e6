"""Size and camera of the pictures of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mujoco

from neuromotion_gym.envs.arguments import is_whole
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from neuromotion_gym.limbs.limb import Limb

SMALLEST, LARGEST = 64, 4096
"""Bounds of the width and the height of a picture, in pixels."""
LOWEST_OVERLAY = 240
"""Smallest height of a picture with the overlay, whose text could not be read otherwise."""
OVERLAY_ASPECT = 1.2
"""Smallest ratio of width to height of a picture with the overlay, which has panels on both sides."""


@dataclass(frozen=True)
class Picture:
    """Size and camera of pictures.

    Parameters
    ----------
    width, height : int
        Size in pixels.
    camera : str or None
        Name of a camera of the MJCF; None for a view that shows everything that moves.
    """

    width: int = 1280
    height: int = 720
    camera: str | None = None

    @classmethod
    def checked(cls, limb: Limb, render_mode: str | None, width: Any, height: Any, camera: Any) -> Picture:
        """The picture, if the limb has the camera and the size is possible in this render mode.

        Raises
        ------
        NeuroMotionError
            If a size is out of range, or the limb has no such camera.
        """
        for name, value in (("width", width), ("height", height)):
            if not is_whole(value) or not SMALLEST <= value <= LARGEST:
                raise NeuroMotionError(
                    f"{name} is a whole number of pixels from {SMALLEST} to {LARGEST}, not {shortened(value)}."
                )
        if render_mode in ("overlay", "human") and (height < LOWEST_OVERLAY or width < OVERLAY_ASPECT * height):
            raise NeuroMotionError(
                f"Pictures of render_mode {render_mode!r} are at least {LOWEST_OVERLAY} pixels high and at least "
                f"{OVERLAY_ASPECT} times as wide as high, not {width} x {height}."
            )
        known = [limb.model.camera(index).name for index in range(limb.model.ncam)]
        if camera is not None and not (isinstance(camera, str) and camera in known):
            raise NeuroMotionError(
                f"Limb {limb.name!r} has no camera {shortened(camera)}. Cameras: {', '.join(known) or 'none'}; or None."
            )
        return cls(int(width), int(height), camera)

    def fixed(self, limb: Limb) -> mujoco.MjvCamera | None:
        """The named camera; None without one."""
        if self.camera is None:
            return None
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        view.fixedcamid = limb.model.camera(self.camera).id
        return view
