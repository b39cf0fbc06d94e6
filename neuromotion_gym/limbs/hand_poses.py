"""Joint positions that bring a body of a limb, such as a hand, to a pose in space.

Damped least squares on position and orientation together, with a weak pull towards a comfortable posture and within the
ranges of the joints (C. W. Wampler 1986, IEEE Trans. Syst. Man Cybern. 16(1):93-101).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS = 60
_COMFORT = 0.02
"""Weight of the pull towards the comfortable posture, per radian; a metre of the position weighs 10, a radian of the
orientation as much as the caller says."""
_MARGIN = 0.02
"""Distance that is kept from the end of every joint's range, radians."""
_LONGEST = 0.3
"""Largest change of a joint in one step, radians."""


class HandPoses:
    """Finds postures of some joints of a model.

    Parameters
    ----------
    model : mujoco.MjModel
    body : str
        Body whose pose is asked for.
    joints : sequence of str
        Hinges that move; all others stay as in ``qpos``.
    qpos : float array, shape (nq,)
        Posture of the other joints.
    comfortable : float array, shape (joints,)
        Angles of ``joints`` that are preferred.

    Attributes
    ----------
    low, high : float array, shape (joints,)
        Ends of the angles that are used.
    """

    def __init__(
        self, model: mujoco.MjModel, body: str, joints: Sequence[str], qpos: np.ndarray, comfortable: np.ndarray
    ) -> None:
        index = [model.joint(name).id for name in joints]
        self.places: np.ndarray = np.array(model.jnt_qposadr[index])
        """Addresses of the joints in ``qpos``."""
        self._model, self._data, self._body = model, mujoco.MjData(model), model.body(body).id
        self._dofs = np.array(model.jnt_dofadr[index])
        self.low, self.high = np.array(model.jnt_range[index].T) + np.array([[_MARGIN], [-_MARGIN]])
        self._qpos, self._comfortable = np.array(qpos, dtype=float), np.asarray(comfortable, dtype=float)

    def posture(self, position: np.ndarray, rotation: np.ndarray, turn: float, start: np.ndarray) -> np.ndarray:
        """Angles that bring the body to ``position`` and near ``rotation``.

        Parameters
        ----------
        position : float array, shape (3,)
            Of the body's frame, metres.
        rotation : float array, shape (3, 3)
            Wanted orientation of the body's frame.
        turn : float
            Weight of the orientation, per radian.
        start : float array, shape (joints,)
            Angles from which the search begins.

        Returns
        -------
        float array, shape (joints,)
        """
        model, data = self._model, self._data
        count = len(self.places)
        angles = np.clip(np.asarray(start, dtype=float), self.low, self.high)
        jacobian = np.zeros((2, 3, model.nv))
        data.qpos[:] = self._qpos
        for _ in range(_STEPS):
            data.qpos[self.places] = angles
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_jacBody(model, data, jacobian[0], jacobian[1], self._body)
            missing = np.concatenate(
                [
                    10.0 * (position - data.xpos[self._body]),
                    turn * _rotation_vector(rotation @ data.xmat[self._body].reshape(3, 3).T),
                    _COMFORT * (self._comfortable - angles),
                ]
            )
            moves = np.concatenate(
                [10.0 * jacobian[0][:, self._dofs], turn * jacobian[1][:, self._dofs], _COMFORT * np.eye(count)]
            )
            step = self._step(moves, missing, angles)
            angles = np.clip(angles + step, self.low, self.high)
            if np.abs(step).max() < 1e-6:
                break
        return angles

    def pose(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Position, shape (3,), and orientation, shape (3, 3), of the body with the joints at ``angles``."""
        self._data.qpos[:] = self._qpos
        self._data.qpos[self.places] = angles
        mujoco.mj_kinematics(self._model, self._data)
        return self._data.xpos[self._body].copy(), self._data.xmat[self._body].reshape(3, 3).copy()

    def _step(self, moves: np.ndarray, missing: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """Least-squares step of all joints but those that would leave their range."""
        free = np.ones(len(angles), dtype=bool)
        step = np.zeros(len(angles))
        for _ in range(len(angles)):
            step[:] = 0.0
            step[free] = np.linalg.lstsq(moves[:, free], missing, rcond=None)[0]
            out = free & (((angles >= self.high) & (step > 0)) | ((angles <= self.low) & (step < 0)))
            if not out.any():
                break
            free &= ~out
        return np.asarray(step * min(1.0, _LONGEST / max(np.abs(step).max(), 1e-12)))


def _rotation_vector(rotation: np.ndarray) -> np.ndarray:
    """Axis times angle of a rotation matrix, shape (3,)."""
    quat, vector = np.empty(4), np.empty(3)
    mujoco.mju_mat2Quat(quat, np.ascontiguousarray(rotation).ravel())
    mujoco.mju_quat2Vel(vector, quat, 1.0)
    return vector
