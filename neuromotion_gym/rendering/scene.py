"""Pictures of a limb, and of its goal posture as a translucent ghost.

MuJoCo draws only the limb, on a flat colour. A background with a gradient and soft shadows are added afterwards, since
shadow maps are slow in a software renderer. The shadows come from the depth buffer: a pixel is darker where its
surroundings are nearer to the camera
(T. Luft, C. Colditz, O. Deussen 2006, "Image enhancement by unsharp masking the depth buffer", ACM Trans Graph
25(3):1206-1213). Outlines are mixed with this background, see `neuromotion_gym.rendering.outline`. The ghost is drawn
once for each posture and laid over the picture by comparing depths.
"""

from __future__ import annotations

import atexit
import copy
import weakref
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.model import limb_spec, model_digest
from neuromotion_gym.rendering.backend import make_context
from neuromotion_gym.rendering.framing import frame_movement
from neuromotion_gym.rendering.marks import add_mark
from neuromotion_gym.rendering.muscles import Muscles
from neuromotion_gym.rendering.outline import mend_outline
from neuromotion_gym.rendering.shell import Shell
from neuromotion_gym.rendering.skin import add_skins

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.limbs import Limb
    from neuromotion_gym.limbs.model import Side
    from neuromotion_gym.tasks.task import Mark

ACCENT = (0, 150, 146)
"""Colour of the ghost, RGB: teal, which people with any kind of colour vision can tell from skin."""
TOP, BOTTOM = (247, 248, 248), (221, 226, 230)
"""Background, RGB."""

_FADE = 40 / 720
"""Width of the border in which a picture inside a window fades out, as a share of the picture's height."""
_THROUGH = 0.25
"""Opacity of a mark where the limb hides it."""
_FLAGS = mujoco.mjtRndFlag


class SceneRenderer:
    """Draws a limb with MuJoCo's renderer, without a display.

    Parameters
    ----------
    limb : Limb
        What to draw.
    width, height : int
        Size of the picture in pixels.
    degrees : sequence of str, optional
        Degrees of freedom that will move: the picture shows everything that they can reach. Without them the camera
        ``overview`` shows the whole limb.
    window : tuple of int, optional
        Left, top, right and bottom of the part of the picture that the limb may fill, in pixels; the rest stays free.
    smooth : bool
        Whether to draw a skin over the geoms; see `neuromotion_gym.rendering.skin`.
    camera : mujoco.MjvCamera, optional
        Camera to take instead of one that shows everything that moves.

    Raises
    ------
    NeuroMotionError
        If this machine cannot draw; see `neuromotion_gym.rendering.backend`.
    """

    def __init__(
        self,
        limb: Limb,
        width: int = 1280,
        height: int = 720,
        degrees: Sequence[str] | None = None,
        window: tuple[int, int, int, int] | None = None,
        smooth: bool = True,
        camera: mujoco.MjvCamera | None = None,
    ) -> None:
        self.width, self.height = width, height
        left, top, right, bottom = window or (0, 0, width, height)
        self._part = (slice(top, bottom), slice(left, right))
        self._rectangle = mujoco.MjrRect(0, 0, right - left, bottom - top)
        self._background = np.linspace(TOP, BOTTOM, height)[:, None, :].repeat(width, axis=1).astype(np.uint8)
        border = round(_FADE * height)
        self._fade = _feather(bottom - top, right - left, border) if window else None

        self._context = make_context(right - left, bottom - top)
        self._context.make_current()
        self._model = skinned(limb) if smooth else copy.copy(limb.model)
        filled = 1 - 2 * border / min(right - left, bottom - top) if window else 0.96
        self._camera, close = camera, False
        if camera is None:
            self._camera, close = frame_movement(limb, degrees, (right - left) / (bottom - top), filled)
        if close:
            _hide_bystanders(self._model)
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = right - left, bottom - top
        self._muscles = Muscles(self._model)
        self._ghost_model = _ghostly(self._model)
        self._shell = Shell.of(self._model)
        self._data = mujoco.MjData(self._model)
        try:
            self._mjr = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except mujoco.FatalError as error:  # the context was made, but it does not draw: a display that is not there
            raise NeuroMotionError(f"Frames cannot be drawn here: OpenGL does not start ({error}).") from error
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._mjr)
        self._release = weakref.finalize(self, _release, self._context, self._mjr)
        # At exit this has to run before the back end, imported by now, closes its display: weakref's own hook may run
        # after it, and the context could not be made current any more
        self._release.atexit = False
        atexit.register(self._release)
        self._scene, self._ghost_scene = _plain_scene(self._model), _plain_scene(self._ghost_model)
        self._shell_scene = None if self._shell is None else _plain_scene(self._shell.model)
        self._marks_scene = _plain_scene(limb.model)  # without skins
        self._ghost_scene.flags[_FLAGS.mjRND_SKYBOX] = self._marks_scene.flags[_FLAGS.mjRND_SKYBOX] = 0
        self._option = mujoco.MjvOption()
        self._ghost: _Ghost | None = None

    def frame(
        self,
        qpos: np.ndarray,
        ghost_qpos: np.ndarray | None = None,
        act: np.ndarray | None = None,
        marks: Sequence[Mark] = (),
    ) -> np.ndarray:
        """Draw one picture.

        Parameters
        ----------
        qpos : float array, shape (nq,)
            Posture of the limb.
        ghost_qpos : float array, shape (nq,), optional
            Posture of the ghost. Its picture is kept between calls and drawn again only if the posture changes.
        act : float array, shape (na,), optional
            Activations of muscles, 0 to 1, in the order of the muscle actuators: a muscle grows thicker and redder.
        marks : sequence of Mark
            Shapes that are drawn beside the limb.

        Returns
        -------
        uint8 array, shape (height, width, 3)
        """
        self._context.make_current()
        if ghost_qpos is not None and (self._ghost is None or not np.array_equal(self._ghost.qpos, ghost_qpos)):
            colour, depth = self._draw(self._ghost_model, self._ghost_scene, ghost_qpos, mujoco.mjtCatBit.mjCAT_DYNAMIC)
            self._ghost = _Ghost(np.array(ghost_qpos), colour, depth)
        colour, depth = self._draw(self._model, self._scene, qpos, mujoco.mjtCatBit.mjCAT_ALL, (act, ()))
        picture = self._background.copy()
        under = picture[self._part]
        drawn = np.isfinite(depth)
        if marks:  # translucent shapes leave no depth: they are found where the picture changes
            plain = colour
            colour, _ = self._draw(self._model, self._scene, qpos, mujoco.mjtCatBit.mjCAT_ALL, (act, marks))
            seen = (colour != plain).any(axis=-1)
            drawn |= seen
        limb = np.where(drawn[..., None], colour, under) * _shade(depth)[..., None]
        layers = []
        if self._shell is None or self._shell_scene is None:
            mend_outline(limb, colour, drawn)
        else:
            skin = self._draw(self._shell.model, self._shell_scene, qpos, mujoco.mjtCatBit.mjCAT_DYNAMIC)
            nearest = np.minimum(depth, skin[1])
            shade = _shade(nearest)[..., None]
            limb = np.where(drawn[..., None], limb, under * shade)
            mend_outline(limb, colour, drawn)
            self._shell.blend(limb, depth, skin[0] * shade, skin[1])
            mend_outline(limb, skin[0], np.isfinite(skin[1]), skin[1] < depth)
            depth = nearest
            layers.append(skin[1])
        if marks:
            hidden_colour, hidden_depth = self._draw_marks(marks)
            hidden = np.isfinite(hidden_depth) & ~seen
            limb[hidden] += (hidden_colour[hidden] - limb[hidden]) * _THROUGH
        if ghost_qpos is not None and self._ghost is not None:
            self._ghost.blend(limb, depth, layers)
        if self._fade is not None:
            limb = under + (limb - under) * self._fade[..., None]
        picture[self._part] = limb.astype(np.uint8)
        return picture

    def close(self) -> None:
        """Free the OpenGL context."""
        self._release()
        atexit.unregister(self._release)

    def __enter__(self) -> SceneRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(
        self,
        model: mujoco.MjModel,
        scene: mujoco.MjvScene,
        qpos: np.ndarray,
        what: mujoco.mjtCatBit,
        extra: tuple[np.ndarray | None, Sequence[Mark]] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours, and distances from the camera's plane in metres (infinite where nothing was drawn).

        ``extra`` are activations and marks; without it muscles and marks are not drawn.
        """
        data = self._data
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        mujoco.mj_tendon(model, data)
        mujoco.mjv_updateScene(model, data, self._option, None, self._camera, int(what), scene)
        if extra is not None:
            act, marks = extra
            self._muscles.add(data, act, scene)
            for mark in marks:
                add_mark(scene, mark)
        return self._read(model, scene)

    def _draw_marks(self, marks: Sequence[Mark]) -> tuple[np.ndarray, np.ndarray]:
        """Colours and distances of marks alone, opaque, from the camera of the last picture."""
        scene = self._marks_scene
        mujoco.mjv_updateCamera(self._model, self._data, self._camera, scene)
        mujoco.mjv_makeLights(self._model, self._data, scene)
        scene.ngeom = 0
        for mark in marks:
            add_mark(scene, replace(mark, opacity=1.0))
        return self._read(self._model, scene)

    def _read(self, model: mujoco.MjModel, scene: mujoco.MjvScene) -> tuple[np.ndarray, np.ndarray]:
        """Render a scene; see `_draw`."""
        shape = (self._rectangle.height, self._rectangle.width)
        colour, depth = np.empty((*shape, 3), dtype=np.uint8), np.empty(shape, dtype=np.float32)
        mujoco.mjr_render(self._rectangle, scene, self._mjr)
        mujoco.mjr_readPixels(colour, depth, self._rectangle, self._mjr)
        near, far = (x * model.stat.extent for x in (model.vis.map.znear, model.vis.map.zfar))
        distance = near * far / (far - depth * (far - near))  # inverse of OpenGL's projection
        return colour[::-1], np.where(distance < 0.5 * far, distance, np.inf)[::-1]  # beyond is background


def _plain_scene(model: mujoco.MjModel) -> mujoco.MjvScene:
    scene = mujoco.MjvScene(model, maxgeom=2000)
    for flag in (_FLAGS.mjRND_SHADOW, _FLAGS.mjRND_REFLECTION, _FLAGS.mjRND_HAZE):
        scene.flags[flag] = 0
    return scene


class _Ghost:
    """The ghost, drawn alone, and how it is blended into a picture."""

    front, behind, rim = 0.45, 0.10, 0.80
    touching = (-0.004, 0.025)
    """From 4 mm in front of the limb's surface to 25 mm behind it the two coincide, and only the limb is drawn."""
    border_px, apart_m = 2, 0.05
    """Where the limb is further away than this, it does not cover the place, and the nearest of the surrounding pixels
    counts: the ghost's outline may be drawn a little beside the limb's, and would stand out as dots."""
    speck = 0.01
    """Separate pieces smaller than this share of the largest one are not drawn: beside a bent joint the skins of limb
    and ghost differ a little, though both belong to a part that does not move."""

    def __init__(self, qpos: np.ndarray, colour: np.ndarray, depth: np.ndarray) -> None:
        from scipy.ndimage import binary_erosion

        self.qpos = qpos
        mask = np.isfinite(depth)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        pad = 3
        self.part = (slice(0, 0), slice(0, 0))
        if rows.size:
            self.part = (
                slice(max(rows[0] - pad, 0), rows[-1] + 1 + pad),
                slice(max(columns[0] - pad, 0), columns[-1] + 1 + pad),
            )
        self.mask = mask[self.part]
        self.edge = self.mask & ~binary_erosion(self.mask, iterations=2)
        self.depth = depth[self.part]
        self.colour = colour[self.part].astype(np.float32)
        self.colour[self.edge] = ACCENT

    def blend(self, picture: np.ndarray, depth: np.ndarray, layers: Sequence[np.ndarray] = ()) -> None:
        """Blend the ghost into a picture, in place: strongly in front of the limb, faintly behind it.

        ``depth`` is that of the picture; ``layers`` are depths of parts of the limb that something else may hide.
        """
        from scipy.ndimage import minimum_filter

        nearest, farthest = self.touching
        with np.errstate(invalid="ignore"):
            gap = self.depth - depth[self.part]
            before = gap < nearest
            shown = self.mask & (before | (gap > farthest))
            for layer in (depth, *layers):
                here = self.depth - layer[self.part]
                near = self.depth - minimum_filter(layer[self.part], size=2 * self.border_px + 1, mode="nearest")
                here = np.where(np.abs(here) <= self.apart_m, here, near)
                shown &= ~((here >= nearest) & (here <= farthest))
        shown = self._without_specks(shown & before) | self._without_specks(shown & ~before)
        share = np.where(shown, np.where(before, self.front, self.behind), 0.0)
        share = np.where(self.edge & shown & before, self.rim, share).astype(np.float32)[..., None]
        picture[self.part] += (self.colour - picture[self.part]) * share

    def _without_specks(self, mask: np.ndarray) -> np.ndarray:
        """The mask without its small separate pieces."""
        from scipy.ndimage import label

        pieces, count = label(mask, np.ones((3, 3)))
        if count < 2:
            return mask
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0  # what is not in the mask
        return np.asarray((sizes >= self.speck * sizes.max())[pieces])


def _shade(depth: np.ndarray, radius_px: float = 26.0, strength: float = 0.5, wall_m: float = 0.25) -> np.ndarray:
    """Brightness, 0 to 1, shape (height, width): darker where the surroundings are nearer to the camera."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    drawn = np.isfinite(depth)
    step = 4
    small = depth[::step, ::step]
    if not np.isfinite(small).any():
        return np.ones_like(depth)
    wall = float(small[np.isfinite(small)].max()) + wall_m
    around = gaussian_filter(np.minimum(small, wall).astype(np.float32), radius_px / step, mode="nearest")
    image = Image.fromarray(around).resize((depth.shape[1], depth.shape[0]), Image.Resampling.BILINEAR)
    hidden = np.clip((np.minimum(depth, wall) - np.asarray(image)) / wall_m, 0.0, 1.0)
    return np.asarray(1.0 - strength * np.where(drawn, np.float32(1.0), np.float32(0.35)) * hidden, dtype=np.float32)


def _feather(height: int, width: int, border: int) -> np.ndarray:
    """1 inside, falling smoothly to 0 at the border. Shape (height, width)."""
    down, across = (np.minimum(np.arange(n), np.arange(n)[::-1]) / border for n in (height, width))
    x = np.clip(np.minimum(down[:, None], across[None, :]), 0.0, 1.0)
    return np.asarray(x * x * (3 - 2 * x), dtype=np.float32)


def skinned(limb: Limb) -> mujoco.MjModel:
    """The limb with its skin, for drawing; a copy. Skins take seconds to compute; they are kept until MJCF changes."""
    return copy.copy(_skinned(limb.path, limb.scene, limb.side, model_digest(limb.spec().compile())))


@lru_cache(maxsize=4)
def _skinned(path: Path, scene: Path | None, side: Side, digest: str) -> mujoco.MjModel:
    return add_skins(limb_spec(path, scene, side))


def _ghostly(model: mujoco.MjModel) -> mujoco.MjModel:
    ghost = copy.copy(model)
    colour = np.array([*ACCENT, 255]) / 255
    ghost.mat_rgba[:] = colour
    ghost.mat_specular[:] = 0.1
    ghost.geom_rgba[:, :3] = colour[:3]
    _hide_bystanders(ghost)
    return ghost


def _hide_bystanders(model: mujoco.MjModel) -> None:
    """Hide skins that are bound to the world, such as a torso, which does not move."""
    for skin in range(model.nskin):
        first = int(model.skin_boneadr[skin])
        if 0 in model.skin_bonebodyid[first : first + int(model.skin_bonenum[skin])]:
            model.skin_group[skin] = 5


def _release(context: Any, mjr: mujoco.MjrContext) -> None:
    context.make_current()
    mjr.free()
    context.free()
