"""MuJoCo's interactive viewer with the ghost of the goal and the marks of a task: for a person who plays."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering.framing import frame_movement
from neuromotion_gym.rendering.marks import add_mark
from neuromotion_gym.rendering.muscles import Muscles
from neuromotion_gym.rendering.scene import ACCENT, skinned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.limbs import Limb
    from neuromotion_gym.tasks.task import Mark

GHOST_OPACITY = 0.25
APART_M = 0.004
"""A part of the ghost is drawn where it is at least this far from the same part of the limb."""


class Viewer:
    """A window in which a person looks at a limb from any side and presses keys.

    Parameters
    ----------
    limb : Limb
    degrees : sequence of str or None
        Degrees of freedom that will move; they decide from where the limb is looked at first.
    on_key : callable
        Called with the character of every key that is pressed.

    Raises
    ------
    NeuroMotionError
        If there is no display.
    """

    def __init__(self, limb: Limb, degrees: Sequence[str] | None, on_key: Callable[[str], None]) -> None:
        import mujoco.viewer

        _check_display()
        self._limb = limb
        self._model = skinned(limb)
        self._data = mujoco.MjData(self._model)
        self._muscles = Muscles(self._model)
        self._ghost, self._ghost_of = mujoco.MjData(limb.model), np.empty(0)
        self._ghost_scene = mujoco.MjvScene(limb.model, maxgeom=2000)

        def pressed(code: int) -> None:
            with suppress(ValueError):
                on_key(chr(code))

        try:
            self._window: Any = mujoco.viewer.launch_passive(
                self._model, self._data, key_callback=pressed, show_left_ui=False, show_right_ui=False
            )
        except RuntimeError as error:  # on macOS the window has to belong to the main thread
            raise NeuroMotionError(f"The viewer does not open: {error}") from error
        camera, _ = frame_movement(limb, degrees, 1.5)
        with self._window.lock():
            for name in ("type", "fixedcamid", "azimuth", "elevation", "distance"):
                setattr(self._window.cam, name, getattr(camera, name))
            self._window.cam.lookat[:] = camera.lookat
            self._groups = np.array(self._window.opt.geomgroup)

    @property
    def is_open(self) -> bool:
        """Whether the person has not closed the window."""
        return bool(self._window.is_running())

    def show(self, qpos: np.ndarray, act: np.ndarray, ghost_qpos: np.ndarray | None, marks: Sequence[Mark]) -> None:
        """Show a posture, shape (nq,), activations of muscles, shape (na,), the ghost of the goal, and marks."""
        with self._window.lock():
            self._data.qpos[:] = qpos
            mujoco.mj_forward(self._model, self._data)
            # Digits stand for labels here, but the window takes them to hide geoms
            self._window.opt.geomgroup[:] = self._groups
            scene = self._window.user_scn
            scene.ngeom = 0
            self._muscles.add(self._data, act, scene)
            if ghost_qpos is not None:
                self._add_ghost(scene, ghost_qpos)
            for mark in marks:
                add_mark(scene, mark)
        self._window.sync()

    def say(self, left: str, right: str) -> None:
        """Write two columns of text into the corner of the window."""
        place = mujoco.mjtGridPos.mjGRID_TOPLEFT
        self._window.set_texts((mujoco.mjtFontScale.mjFONTSCALE_150, place, left, right))

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def _add_ghost(self, scene: mujoco.MjvScene, qpos: np.ndarray) -> None:
        if not np.array_equal(qpos, self._ghost_of):
            self._ghost_of = np.array(qpos)
            self._ghost.qpos[:] = qpos
            mujoco.mj_forward(self._limb.model, self._ghost)
            what = int(mujoco.mjtCatBit.mjCAT_DYNAMIC)
            option = mujoco.MjvOption()
            mujoco.mjv_updateScene(
                self._limb.model, self._ghost, option, None, mujoco.MjvCamera(), what, self._ghost_scene
            )
        colour = np.array([*(part / 255 for part in ACCENT), GHOST_OPACITY], dtype=np.float32)
        apart = np.linalg.norm(self._ghost.geom_xpos - self._data.geom_xpos, axis=1) > APART_M
        for geom in self._ghost_scene.geoms[: self._ghost_scene.ngeom]:
            if scene.ngeom >= scene.maxgeom:
                return
            if not apart[geom.objid]:
                continue
            copy = scene.geoms[scene.ngeom]
            mujoco.mjv_initGeom(copy, geom.type, geom.size, geom.pos, geom.mat.ravel(), colour)
            scene.ngeom += 1


def _check_display() -> None:
    """Refuse to open a window where none can be; GLFW would end the process."""
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", glfw.GLFWError)
        found = glfw.init()
    if not found:
        raise NeuroMotionError(
            "The viewer needs a display, and there is none here. On a machine without one, 'neuromotion record' writes "
            "a video of an episode."
        )
    if sys.platform == "darwin" and "MJPYTHON_BIN" not in os.environ:
        raise NeuroMotionError("On macOS the viewer has to run in 'mjpython', which comes with MuJoCo.")
