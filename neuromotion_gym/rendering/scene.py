"""Pictures of a limb, and of the posture that it is meant to take as a translucent ghost."""

from __future__ import annotations

import copy
import weakref
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from neuromotion_gym.rendering.backend import make_context
from neuromotion_gym.rendering.skin import add_skins

if TYPE_CHECKING:
    from neuromotion_gym.limbs import Limb

ACCENT = (0.0, 0.62, 0.60)
"""Colour of the ghost: teal, far from skin for any colour vision."""

_FLAGS = mujoco.mjtRndFlag


class SceneRenderer:
    """Draws a limb with MuJoCo's renderer, without a display.

    Parameters
    ----------
    limb : Limb
        What to draw. A camera named ``overview`` frames it; without one, MuJoCo's free camera does.
    width, height : int
        Of the picture, in pixels.
    smooth : bool
        Whether to draw a skin over the geoms; see `neuromotion_gym.rendering.skin`.

    Raises
    ------
    NeuroMotionError
        If this machine cannot draw; see `neuromotion_gym.rendering.backend`.
    """

    def __init__(self, limb: Limb, width: int = 1280, height: int = 720, smooth: bool = True) -> None:
        self.width, self.height = width, height
        self._context = make_context(width, height)
        self._context.make_current()
        self._model = add_skins(mujoco.MjSpec.from_file(str(limb.path))) if smooth else copy.copy(limb.model)
        self._model.vis.global_.offwidth = max(width, self._model.vis.global_.offwidth)
        self._model.vis.global_.offheight = max(height, self._model.vis.global_.offheight)
        self._ghost_model = _ghostly(self._model)
        self._data = mujoco.MjData(self._model)
        self._mjr = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._mjr)
        self._scene = mujoco.MjvScene(self._model, maxgeom=2000)
        self._ghost_scene = mujoco.MjvScene(self._ghost_model, maxgeom=2000)
        for flag in (_FLAGS.mjRND_SKYBOX, _FLAGS.mjRND_SHADOW, _FLAGS.mjRND_REFLECTION):
            self._ghost_scene.flags[flag] = 0
        self._scene.flags[_FLAGS.mjRND_REFLECTION] = 0
        self._camera = mujoco.MjvCamera()
        self._camera.fixedcamid = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_CAMERA, "overview")
        if self._camera.fixedcamid >= 0:
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        else:
            mujoco.mjv_defaultFreeCamera(self._model, self._camera)
        self._option = mujoco.MjvOption()
        self._rectangle = mujoco.MjrRect(0, 0, width, height)
        self._ghost: _Ghost | None = None
        self._release = weakref.finalize(self, _release, self._context, self._mjr)

    def frame(self, qpos: np.ndarray, ghost_qpos: np.ndarray | None = None) -> np.ndarray:
        """Draw one picture.

        Parameters
        ----------
        qpos : float array, shape (nq,)
            Posture of the limb.
        ghost_qpos : float array, shape (nq,), optional
            Posture of the ghost; it is kept between calls, so that a resting ghost costs nothing.

        Returns
        -------
        uint8 array, shape (height, width, 3)
        """
        self._context.make_current()
        if ghost_qpos is not None and (self._ghost is None or not np.array_equal(self._ghost.qpos, ghost_qpos)):
            colour, depth = self._draw(self._ghost_model, self._ghost_scene, ghost_qpos, mujoco.mjtCatBit.mjCAT_DYNAMIC)
            self._ghost = _Ghost(np.array(ghost_qpos), colour, self._metres(depth))
        colour, depth = self._draw(self._model, self._scene, qpos, mujoco.mjtCatBit.mjCAT_ALL)
        if ghost_qpos is not None and self._ghost is not None:
            self._ghost.blend(colour, self._metres(depth))
        return np.ascontiguousarray(colour[::-1])

    def _metres(self, depth: np.ndarray) -> np.ndarray:
        """Distance from the camera's plane; infinite where nothing was drawn. From window depth, OpenGL's projection."""
        extent = self._model.stat.extent
        near, far = self._model.vis.map.znear * extent, self._model.vis.map.zfar * extent
        distance = near * far / (far - depth * (far - near))
        return np.where(depth < 1.0, distance, np.inf)

    def close(self) -> None:
        """Free the OpenGL context."""
        self._release()

    def __enter__(self) -> SceneRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(
        self, model: mujoco.MjModel, scene: mujoco.MjvScene, qpos: np.ndarray, what: mujoco.mjtCatBit
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours and depths, bottom row first."""
        data = self._data
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        mujoco.mjv_updateScene(model, data, self._option, None, self._camera, int(what), scene)
        colour = np.empty((self.height, self.width, 3), dtype=np.uint8)
        depth = np.empty((self.height, self.width), dtype=np.float32)
        mujoco.mjr_render(self._rectangle, scene, self._mjr)
        mujoco.mjr_readPixels(colour, depth, self._rectangle, self._mjr)
        return colour, depth


class _Ghost:
    """The ghost, drawn alone, and how it shines through a picture. Arrays have the bottom row first."""

    front, behind, rim = 0.50, 0.14, 0.85
    touching = 0.004
    """Where limb and ghost are nearer to each other than this, in metres, only the limb is drawn."""

    def __init__(self, qpos: np.ndarray, colour: np.ndarray, depth: np.ndarray) -> None:
        from scipy.ndimage import binary_dilation, binary_erosion

        self.qpos = qpos
        mask = np.isfinite(depth)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            rows = columns = np.array([0])
        pad = 3
        self.part = (slice(max(rows[0] - pad, 0), rows[-1] + 1 + pad), slice(max(columns[0] - pad, 0), columns[-1] + 1 + pad))
        mask = mask[self.part]
        self.depth = depth[self.part]
        self.edge = binary_dilation(mask, iterations=1) & ~binary_erosion(mask, iterations=1)
        self.mask = mask
        self.colour = colour[self.part].astype(np.float32)
        self.colour[self.edge] = np.array(ACCENT) * 255

    def blend(self, colour: np.ndarray, depth: np.ndarray) -> None:
        """Lay it over a picture, in place: strong where it stands in front, faint where the limb hides it."""
        limb = depth[self.part]
        visible, apart = self.depth <= limb, ~(np.abs(self.depth - limb) < self.touching)
        share = np.where(self.mask & apart, np.where(visible, self.front, self.behind), 0.0)
        share = np.where(self.edge & apart, np.where(visible, self.rim, 2 * self.behind), share)[..., None]
        under = colour[self.part]
        colour[self.part] = (under * (1 - share) + self.colour * share).astype(np.uint8)


def _ghostly(model: mujoco.MjModel) -> mujoco.MjModel:
    ghost = copy.copy(model)
    colour = np.array([*ACCENT, 1.0])
    ghost.mat_rgba[:] = colour
    ghost.mat_specular[:] = 0.1
    ghost.geom_rgba[:, :3] = colour[:3]
    for skin in range(model.nskin):  # what stands still with the world, a torso, has no posture to show
        first = int(model.skin_boneadr[skin])
        if 0 in model.skin_bonebodyid[first : first + int(model.skin_bonenum[skin])]:
            ghost.skin_group[skin] = 5
    return ghost


def _release(context: Any, mjr: mujoco.MjrContext) -> None:
    context.make_current()
    mjr.free()
    context.free()
