"""Places the camera: in the direction of the limb's own camera, and as near as the movement allows."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.limbs import Limb

_DIRECTION = (135.0, -15.0)
"""Azimuth and elevation, in degrees, for a limb that has no camera of its own."""
_FURTHEST = 0.95
"""How far each degree of freedom is moved to find what has to stay in the picture, in half ranges."""
_COMBINED = 3
"""Up to this many degrees of freedom are moved to all combinations of their ends; more of them one by one."""
_MOVES_M = 0.005


def frame_movement(
    limb: Limb, degrees: Sequence[str] | None, aspect: float, filled: float = 0.96
) -> tuple[mujoco.MjvCamera, bool]:
    """Place a camera so that everything that ``degrees`` move stays in the picture.

    The direction is that of the MJCF camera named after the body that moves, or after the nearest body above it that
    has one; otherwise that of the camera ``overview``. A scene may have a camera of its own name: it is used as it is.

    Parameters
    ----------
    limb : Limb
    degrees : sequence of str or None
        Degrees of freedom that move; with None the camera ``overview`` is used.
    aspect : float
        Width of the picture divided by its height.
    filled : float
        Share of the picture, in height and width, that the movement may fill.

    Returns
    -------
    camera : mujoco.MjvCamera
    close : bool
        Whether it is a close-up, a camera named after a body.
    """
    model = limb.model
    view = mujoco.MjvCamera()
    of_scene = -1 if limb.scene is None else mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, limb.scene.stem)
    if of_scene >= 0:
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        view.fixedcamid = of_scene
        return view, False
    points, radii, body = _reach(limb, [d.name for d in limb.degrees] if degrees is None else list(degrees))
    names = ["overview"]
    while degrees is not None and body > 0:
        names.insert(len(names) - 1, model.body(body).name)
        body = int(model.body_parentid[body])
    found = [mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name) for name in names]
    index = next((camera for camera in found if camera >= 0), -1)
    mujoco.mjv_defaultFreeCamera(model, view)
    if index >= 0 and degrees is None:
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        view.fixedcamid = index
        return view, False
    if index >= 0:
        backward = np.array(model.cam_mat0[index]).reshape(3, 3)[:, 2]
        view.azimuth = float(np.degrees(np.arctan2(-backward[1], -backward[0])))
        view.elevation = float(np.degrees(np.arcsin(np.clip(-backward[2], -1, 1))))
    else:
        view.azimuth, view.elevation = _DIRECTION
    azimuth, elevation = np.radians(view.azimuth), np.radians(view.elevation)
    forward = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    up = np.cross(right, forward)
    axes = np.stack([right, up, forward])
    places = points @ axes.T
    low, high = (places - radii[:, None]).min(axis=0), (places + radii[:, None]).max(axis=0)
    view.lookat[:] = (low + high) / 2 @ axes
    tall = max(high[1] - low[1], (high[0] - low[0]) / aspect)
    view.distance = float(tall / filled / 2 / np.tan(np.radians(model.vis.global_.fovy) / 2) + (high[2] - low[2]) / 2)
    return view, index >= 0 and index != found[-1]


def _reach(limb: Limb, degrees: list[str]) -> tuple[np.ndarray, np.ndarray, int]:
    """Centres and radii of the geoms that move, at home and at the ends of the degrees; and the first moving body."""
    model, data = limb.model, mujoco.MjData(limb.model)
    if len(degrees) <= _COMBINED:
        combinations = np.array(list(product((-_FURTHEST, 0.0, _FURTHEST), repeat=len(degrees))))
        postures = limb.qpos_at(combinations[np.argsort(np.abs(combinations).sum(axis=1))], degrees)
    else:
        ends = np.array([[0.0], [-_FURTHEST], [_FURTHEST]])
        postures = np.concatenate([limb.qpos_at(ends, (name,)) for name in degrees])
    centres = []
    for qpos in postures:
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        centres.append(np.array(data.geom_xpos))
    stack = np.stack(centres)
    moves = np.linalg.norm(stack - stack[0], axis=-1).max(axis=0) > _MOVES_M
    if not moves.any():
        moves[:] = True
    points = stack[:, moves].reshape(-1, 3)
    radii = np.tile(np.minimum(np.array(model.geom_rbound)[moves], 0.5), len(stack))
    return points, radii, int(np.array(model.geom_bodyid)[moves].min())
