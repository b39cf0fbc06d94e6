"""How fast muscles move the axes of a limb whose joints are damped so much that inertia does not matter.

On such dampers a torque moves a joint at the velocity ``(torque - friction) / damping``, and not at all if the friction
is larger. Torques are those of muscles, force times moment arm, and of whatever else acts on the joints (passive
muscles, weight). All of this depends on the posture and is read from the model; nothing is simulated.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.limbs.limb import Limb

STEP = 0.02
"""Distance, in half ranges, over which lengths are differentiated."""
KNOTS = 9
"""Postures of a `SpeedTable` along every axis."""


class Speeds(NamedTuple):
    """Torques in n postures of a limb with m muscles and k axes, divided by damping: half ranges per second.

    Parameters
    ----------
    pulls : float array, shape (n, m, k)
        Those of each muscle at its largest isometric force.
    drift : float array, shape (n, k)
        Those of all else, without active muscles.
    friction : float array, shape (n, k)
        Largest torques of friction.
    """

    pulls: np.ndarray
    drift: np.ndarray
    friction: np.ndarray

    def of_axes(self, pulls: np.ndarray) -> np.ndarray:
        """Speed of each axis with the given pulls of muscles and with all else, shape (n, k)."""
        driven = pulls + self.drift
        return np.asarray(driven - bounded(driven, self.friction))


def moved_by_muscles(limb: Limb) -> tuple[str, ...]:
    """Names of the degrees of freedom that have no actuator of their own."""
    return tuple(degree.name for degree in limb.degrees if not degree.actuators)


def muscle(limb: Limb, name: str) -> int:
    """Index of a muscle actuator.

    Raises
    ------
    NeuroMotionError
        If the limb has no muscle of that name; the message lists all.
    """
    model = limb.model
    kinds = model.actuator_gaintype == int(mujoco.mjtGain.mjGAIN_MUSCLE)
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, name)
    if index < 0 or not kinds[index]:
        known = ", ".join(model.actuator(int(i)).name for i in np.flatnonzero(kinds)) or "none"
        raise NeuroMotionError(f"Limb {limb.name!r} has no muscle {name!r}. Muscles: {known}.")
    return int(index)


def speeds_at(limb: Limb, muscles: Sequence[str], axes: Sequence[str], places: np.ndarray) -> Speeds:
    """Speeds in given postures.

    The loss of force with speed is left out; it is below 2 % at the speeds of a task.

    Parameters
    ----------
    limb : Limb
    muscles : sequence of m str
    axes : sequence of k str
        Degrees of freedom that muscles move; all others are at home.
    places : float array, shape (n, k)
        Postures, scaled as by `Limb.positions`.

    Raises
    ------
    NeuroMotionError
        If the limb lacks one of the muscles, or an axis has no damping.
    """
    model, count = limb.model, len(axes)
    actuators = [muscle(limb, name) for name in muscles]
    low, high = (np.clip(places[:, None, :] + way * STEP * np.eye(count), -1.0, 1.0) for way in (-1, 1))
    width = np.einsum("naa->na", high - low)[:, :, None]
    every = _read(limb, np.concatenate([low, high], axis=1).reshape(-1, count), axes, actuators)
    joints, tendons, lengths = (
        np.diff(values.reshape(len(places), 2, count, -1), axis=1)[:, 0] / width
        for values in (every.joints, every.tendons, every.lengths)
    )
    # Damping of the axes against each other, shape (n, k, k), of joints and of tendons
    damping = (joints * model.dof_damping) @ joints.transpose(0, 2, 1)
    damping = damping + (tendons * model.tendon_damping) @ tendons.transpose(0, 2, 1)
    loose = [name for axis, name in enumerate(axes) if not (damping[:, axis, axis] > 0).all()]
    if loose:
        raise NeuroMotionError(
            f"Limb {limb.name!r} has no damping at {', '.join(loose)}: with muscles alone, no posture can be held "
            "there. Give the joint a damping, or add a scene with a damped tendon."
        )
    own = _read(limb, places, axes, actuators)
    friction = np.abs(joints) @ model.dof_frictionloss + np.abs(tendons) @ model.tendon_frictionloss
    torques = [own.pulls[:, None, :] * lengths, joints @ own.passive[:, :, None], friction[:, :, None]]
    speeds = np.linalg.solve(damping, np.concatenate(torques, axis=2)).transpose(0, 2, 1)
    return Speeds(speeds[:, :-2], speeds[:, -2], speeds[:, -1])


class SpeedTable:
    """`speeds_at` over the whole range of the axes, linear between the postures of a grid.

    Parameters
    ----------
    limb : Limb
    muscles : sequence of m str
    axes : sequence of k str
        As in `speeds_at`.

    Attributes
    ----------
    grid : Speeds
        Speeds in all postures whose positions on every axis are nine from -1 to 1.
    """

    def __init__(self, limb: Limb, muscles: Sequence[str], axes: Sequence[str]) -> None:
        knots = np.linspace(-1.0, 1.0, KNOTS)
        places = np.stack(np.meshgrid(*[knots] * len(axes), indexing="ij"), axis=-1).reshape(-1, len(axes))
        self.grid = speeds_at(limb, muscles, axes, places)
        self._all = np.concatenate([self.grid.pulls, self.grid.drift[:, None], self.grid.friction[:, None]], axis=1)
        self._strides = KNOTS ** np.arange(len(axes))[::-1]
        self._corners = np.array(list(product((False, True), repeat=len(axes))))
        self._offsets = self._corners @ self._strides

    def at(self, places: np.ndarray) -> Speeds:
        """Speeds in postures (n, k); beyond the range those at its end."""
        exact = (bounded(places, 1.0) + 1.0) * (KNOTS - 1) / 2
        below = np.minimum(exact.astype(int), KNOTS - 2)
        share = (exact - below)[:, None, :]
        weight = np.multiply.reduce(np.where(self._corners, share, 1.0 - share), axis=2)
        around = self._all.take((below @ self._strides)[:, None] + self._offsets, axis=0)
        found = np.add.reduce(weight[:, :, None, None] * around, axis=1)
        return Speeds(found[:, :-2], found[:, -2], found[:, -1])


class _Read(NamedTuple):
    """The model in n postures: joint positions (n, nv), lengths of tendons (n, ntendon) and of m muscles (n, m).

    ``pulls`` are the largest isometric forces of the muscles (n, m), negative; ``passive`` is all else that acts on the
    joints at rest (n, nv).
    """

    joints: np.ndarray
    tendons: np.ndarray
    lengths: np.ndarray
    pulls: np.ndarray
    passive: np.ndarray


def _read(limb: Limb, places: np.ndarray, axes: Sequence[str], actuators: Sequence[int]) -> _Read:
    model, data = limb.model, mujoco.MjData(limb.model)
    postures, n = limb.qpos_at(places, axes), len(places)
    sizes = (model.nv, model.ntendon, len(actuators), len(actuators), model.nv)
    read = _Read(*(np.empty((n, size)) for size in sizes))
    for row, qpos in enumerate(postures):
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        mujoco.mj_differentiatePos(model, read.joints[row], 1.0, postures[0], qpos)
        read.tendons[row], read.lengths[row] = data.ten_length, data.actuator_length[actuators]
        read.pulls[row] = [_largest(model, index, float(data.actuator_length[index])) for index in actuators]
        read.passive[row] = data.qfrc_actuator + data.qfrc_passive - data.qfrc_bias  # at rest, so without damping
    return read


def _largest(model: mujoco.MjModel, index: int, length: float) -> float:
    return float(
        mujoco.mju_muscleGain(
            length,
            0.0,
            model.actuator_lengthrange[index],
            float(model.actuator_acc0[index]),
            model.actuator_gainprm[index, :9],
        )
    )
