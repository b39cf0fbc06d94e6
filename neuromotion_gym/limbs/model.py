"""The MJCF of a limb as it is used: with a scene around it, and mirrored for the other side of the body."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, get_args
from xml.sax.saxutils import quoteattr

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from pathlib import Path

Side = Literal["right", "left"]
SIDES: tuple[Side, ...] = get_args(Side)
STOPS = "_stops"

_Kind = mujoco.mjtJoint
_ACROSS = np.array([1.0, -1.0, 1.0])
"""Mirror across the plane y = 0: x is forward, y to the person's left, z up."""
_TURNED = np.array([1.0, -1.0, 1.0, -1.0])
"""The same for a rotation as a quaternion, and for the axis of a hinge, whose angles then keep their meaning."""


def limb_spec(path: Path, scene: Path | None = None, side: Side = "right") -> mujoco.MjSpec:
    """Read the MJCF of a limb, which is drawn as a right one.

    Parameters
    ----------
    path : pathlib.Path
        MJCF file of the limb.
    scene : pathlib.Path, optional
        MJCF file of a scene, added after the limb; keyframes of the limb get the scene's own posture. A numeric
        ``d_stops`` of the scene limits the joint of the degree of freedom ``d``, which muscles move, to two angles;
        home is the middle between them.
    side : {"right", "left"}, default "right"
        With ``"left"``, limb and scene are mirrored across the plane y = 0. Joint values keep their meaning.

    Returns
    -------
    mujoco.MjSpec
        Compiled once, so that keyframes have their full length.

    Raises
    ------
    NeuroMotionError
        If the side is unknown, MuJoCo cannot read a file, stops belong to no joint that muscles move, or the model has
        parts that cannot be mirrored.
    """
    if not isinstance(side, str) or side not in SIDES:
        raise NeuroMotionError(f"side is {' or '.join(map(repr, SIDES))}, not {shortened(side)}.")
    try:
        spec = mujoco.MjSpec.from_file(str(path)) if scene is None else _together(path, scene)
        model = spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        reason = " ".join(str(error).split())
        raise NeuroMotionError(f"MuJoCo cannot read the limb {str(path)!r}: {reason}") from error
    _add_stops(spec, model)
    return spec if side == "right" else _mirrored(spec)


def model_digest(model: mujoco.MjModel) -> str:
    """Digest of all that a compiled model holds: whatever came from it can be kept under this name.

    Times of files would not do, because a file may include others.
    """
    content = np.empty(mujoco.mj_sizeModel(model), dtype=np.uint8)
    mujoco.mj_saveModel(model, None, content)
    return hashlib.sha256(content.tobytes()).hexdigest()


def _add_stops(spec: mujoco.MjSpec, model: mujoco.MjModel) -> None:
    for stops in [numeric for numeric in spec.numerics if numeric.name.endswith(STOPS)]:
        degree, (low, high) = stops.name.removesuffix(STOPS), stops.data
        sensor, limits = spec.sensor(f"{degree}_pos"), spec.numeric(f"{degree}_range")
        joint = None if sensor is None else spec.joint(sensor.objname)
        if joint is None or limits is None:
            raise NeuroMotionError(f"{stops.name}: the limb has no degree of freedom {degree!r} that muscles move.")
        joint.range = limits.data = (low, high)
        home, place = spec.key("home"), int(model.joint(joint.name).qposadr[0])
        home.qpos = [(low + high) / 2 if index == place else value for index, value in enumerate(home.qpos)]


def _together(path: Path, scene: Path) -> mujoco.MjSpec:
    parts = "".join(f"<include file={quoteattr(str(file.resolve()))}/>" for file in (path, scene))
    return mujoco.MjSpec.from_string(f"<mujoco model={quoteattr(path.stem)}>{parts}</mujoco>")


def _mirrored(spec: mujoco.MjSpec) -> mujoco.MjSpec:
    if spec.meshes or spec.hfields or spec.skins or any(int(e.type) in _ANCHORED for e in spec.equalities):
        raise NeuroMotionError(
            "Meshes, height fields, skins and the equalities connect and weld cannot be mirrored; "
            "this limb has one side only."
        )
    spec = mujoco.MjSpec.from_string(spec.to_xml())  # every orientation is a quaternion there
    for body in spec.bodies:
        body.pos, body.quat = body.pos * _ACROSS, body.quat * _TURNED
        body.ipos, body.iquat = body.ipos * _ACROSS, body.iquat * _TURNED
    for part in (*spec.geoms, *spec.sites, *spec.frames):
        part.pos, part.quat = part.pos * _ACROSS, part.quat * _TURNED
    for joint in spec.joints:
        joint.pos = joint.pos * _ACROSS
        joint.axis = joint.axis * (_ACROSS if joint.type == _Kind.mjJNT_SLIDE else -_ACROSS)
    for light in spec.lights:
        light.pos, light.dir = light.pos * _ACROSS, light.dir * _ACROSS
    for camera in spec.cameras:
        camera.pos, camera.quat = camera.pos * _ACROSS, _mirrored_view(camera.quat)
    model = spec.compile()
    for key in spec.keys:
        key.qpos = _mirrored_posture(model, np.array(key.qpos))
    return spec


_ANCHORED = (int(mujoco.mjtEq.mjEQ_CONNECT), int(mujoco.mjtEq.mjEQ_WELD))


def _mirrored_view(quat: np.ndarray) -> np.ndarray:
    """Orientation of a camera that shows the mirrored scene mirrored: right and left change places, up stays up."""
    rotation, result = np.empty(9), np.empty(4)
    mujoco.mju_quat2Mat(rotation, np.array(quat, dtype=float))
    turned = _ACROSS[:, None] * rotation.reshape(3, 3) * np.array([-1.0, 1.0, 1.0])
    mujoco.mju_mat2Quat(result, turned.ravel())
    return result


def _mirrored_posture(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """Joint positions of the mirrored model: those of hinges and slides are the same, free and ball joints change."""
    for joint in range(model.njnt):
        start, kind = int(model.jnt_qposadr[joint]), int(model.jnt_type[joint])
        if kind == int(_Kind.mjJNT_FREE):
            qpos[start : start + 3] *= _ACROSS
            start += 3
        if kind in (int(_Kind.mjJNT_FREE), int(_Kind.mjJNT_BALL)):
            qpos[start : start + 4] *= _TURNED
    return qpos
