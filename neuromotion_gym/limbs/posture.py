"""Postures at rest: the full physics state of a limb after a control was held until the limb stopped.

The states come from simulation, because no formula tells where coupled joints and tendons come to rest. A limb that
muscles alone move has no control that brings it to a posture; its keyframe is its home as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.process_wide import no_log_file

if TYPE_CHECKING:
    from collections.abc import Callable

UNSTABLE = tuple(
    int(kind)
    for kind in (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
)
_FULL = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)


class PostureTable:
    """States at rest along each degree of freedom, simulated on first use and kept.

    Parameters
    ----------
    model : mujoco.MjModel
        The limb.
    key : int
        Keyframe of the posture ``home``.

    Attributes
    ----------
    places : float array, shape (9,)
        Scaled positions of the knots.
    home : float array, shape (nstate,)
        Full physics state at rest at home; time and velocities 0.
    home_sensordata : float array, shape (nsensordata,)
        Readings of all sensors in that state.
    qpos : slice
        The joint positions within a state.

    Raises
    ------
    NeuroMotionError
        If the simulation becomes unstable.
    """

    longest_s = 4.0
    """Longest simulation of one posture; a limb that still moves then is taken as it is."""

    def __init__(self, model: mujoco.MjModel, key: int) -> None:
        self.model = model
        self.places: np.ndarray = np.linspace(-1.0, 1.0, 9)
        start = mujoco.mj_stateSize(model, int(mujoco.mjtState.mjSTATE_TIME))
        self.qpos = slice(start, start + model.nq)
        self._velocity = slice(start + model.nq, start + model.nq + model.nv)
        self._data = mujoco.MjData(model)
        mujoco.mj_resetDataKeyframe(model, self._data, key)
        muscles_alone = bool((model.actuator_dyntype == int(mujoco.mjtDyn.mjDYN_MUSCLE)).all())
        self.home = self._at_rest() if muscles_alone else self._settle(np.array(model.key_ctrl[key]))
        mujoco.mj_forward(model, self._data)
        self.home_sensordata: np.ndarray = np.array(self._data.sensordata)
        self._tables: dict[str, np.ndarray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_data"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._data = mujoco.MjData(self.model)  # every simulation sets its whole state first

    def named(self, key: int) -> tuple[np.ndarray, np.ndarray]:
        """The state at rest in a keyframe, shape (nstate,), and the readings of all sensors, shape (nsensordata,)."""
        mujoco.mj_resetDataKeyframe(self.model, self._data, key)
        self._data.time = 0.0
        self._data.qvel[:] = 0.0
        mujoco.mj_forward(self.model, self._data)
        state = np.empty(mujoco.mj_stateSize(self.model, _FULL))
        mujoco.mj_getState(self.model, self._data, state, _FULL)
        return state, np.array(self._data.sensordata)

    def offsets(self, degree: str, controls: Callable[[np.ndarray], np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Difference between home and the state at rest with one degree of freedom moved.

        Parameters
        ----------
        degree : str
            Name of the degree of freedom; its table is kept under this name.
        controls : callable
            Maps scaled positions, shape (9, 1), to the controls, shape (9, nu), that hold the limb there; called once.
        targets : float array, shape (n,)
            Scaled positions of the degree of freedom, -1 to 1.

        Returns
        -------
        float array, shape (n, nstate)
        """
        if degree not in self._tables:
            self._tables[degree] = self._tabulate(controls(self.places[:, None]))
        table = self._tables[degree]
        exact = (targets + 1.0) * (len(self.places) - 1) / 2
        below = np.minimum(exact.astype(int), len(self.places) - 2)
        share = (exact - below)[:, None]
        return np.asarray((1.0 - share) * table[below] + share * table[below + 1])

    def _tabulate(self, controls: np.ndarray) -> np.ndarray:
        middle = len(self.places) // 2
        table = np.zeros((len(self.places), len(self.home)))
        for way in (range(middle + 1, len(self.places)), range(middle - 1, -1, -1)):
            mujoco.mj_setState(self.model, self._data, self.home, _FULL)
            for knot in way:
                table[knot] = self._settle(controls[knot]) - self.home
        return table

    def _settle(self, control: np.ndarray) -> np.ndarray:
        model, data = self.model, self._data
        data.ctrl[:] = control
        data.qvel[:] = 0.0
        data.qacc_warmstart[:] = 0.0
        with no_log_file:
            for _ in range(int(self.longest_s / model.opt.timestep)):
                mujoco.mj_step(model, data)
                if np.abs(data.qvel).max(initial=0.0) < 1e-7:
                    break
        return self._at_rest()

    def _at_rest(self) -> np.ndarray:
        """The joints and actuators as they are in the simulation, at time 0 and without velocities."""
        model, data = self.model, self._data
        state = np.empty(mujoco.mj_stateSize(model, _FULL))
        mujoco.mj_getState(model, data, state, _FULL)
        state[: self.qpos.start] = 0.0
        state[self._velocity] = 0.0
        if not np.isfinite(state).all() or any(data.warning.number[kind] for kind in UNSTABLE):
            raise NeuroMotionError(
                "The limb becomes unstable while it moves to a posture. Shorten the time step of its model."
            )
        return state
