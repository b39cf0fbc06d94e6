"""A batch of limbs in MuJoCo: one call of `mujoco.rollout` per control step moves all of them, on native threads.

A single limb is stepped by `mujoco.mj_step` in the same way as by a rollout: the results are equal bit for bit, and the
states in between are not stored.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.posture import UNSTABLE
from neuromotion_gym.process_wide import no_log_file
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from neuromotion_gym.limbs.limb import Limb

_FULL = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)
_INPUTS = ("qpos", "qvel", "act", "ctrl", "qfrc_applied", "xfrc_applied", "mocap_pos", "mocap_quat", "qacc_warmstart")
LONGEST_STEP_S = 0.005


class Physics:
    """Simulates the limbs of a batch: takes controls, gives states and sensor readings.

    Sensor readings from MuJoCo lag the state by one physics step. A further forward pass would remove this lag, but
    take a twentieth of the time of a step.

    Parameters
    ----------
    limb : Limb
        The model.
    control_s : float
        Control period; a multiple of the model's time step.
    num_rows : int
        Size of the batch.
    threads : int
        Native threads. The result does not depend on it.

    Attributes
    ----------
    state : float array, shape (rows, nstate)
        ``mjSTATE_FULLPHYSICS`` at the end of the last step.
    sensors : float array, shape (rows, nsensordata)
        Sensor readings of the last step; read-only, and a new array after every step and reset.

    Raises
    ------
    NeuroMotionError
        If the physics step is longer than 5 ms or does not divide the control period.
    """

    def __init__(self, limb: Limb, control_s: float, num_rows: int, threads: int) -> None:
        step_s = float(limb.model.opt.timestep)
        self._substeps = round(control_s / step_s)
        if step_s > LONGEST_STEP_S + 1e-12 or abs(self._substeps * step_s - control_s) > 1e-9:
            raise NeuroMotionError(
                f"Limb {limb.name!r} has a physics step of {step_s * 1000:g} ms; it has to divide the control period "
                f"of {control_s * 1000:g} ms and to be {LONGEST_STEP_S * 1000:g} ms at most."
            )
        self.limb = limb
        self._control_s = control_s
        self._threads = max(1, min(threads, num_rows))
        model = limb.model
        states = mujoco.mj_stateSize(model, _FULL)
        self.state: np.ndarray = np.zeros((num_rows, states))
        self._states: np.ndarray = np.empty((num_rows, self._substeps, states))
        self._sensors: np.ndarray = np.empty((num_rows, self._substeps, model.nsensordata))
        self._controls: np.ndarray = np.empty((num_rows, self._substeps, model.nu))
        self._stopped: np.ndarray = np.zeros(num_rows, dtype=bool)
        self.sensors: np.ndarray = _read_only(np.zeros((num_rows, model.nsensordata)))
        self._open()

    def _open(self) -> None:
        """Make what holds no state between two steps: threads and the data that they calculate with."""
        self._pool = Rollout(nthread=self._threads if self._threads > 1 else 0)
        self._data = [mujoco.MjData(self.limb.model) for _ in range(self._threads)]
        self._warned = self._data[0].warning.number  # a view
        self._models = [self.limb.model] * len(self.state)

    def __getstate__(self) -> dict[str, Any]:
        opened = {"_pool", "_data", "_warned", "_models"}
        return {key: value for key, value in self.__dict__.items() if key not in opened}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _read_only(self.sensors)
        self._open()

    def reset(self, rows: np.ndarray, state: np.ndarray) -> None:
        """Put ``rows``, shape (m,), into ``state``, shape (m, nstate).

        Sensors of forces and accelerations read 0 until the first step.
        """
        self.state[rows] = state
        self._stopped[rows] = False
        self._controls[rows] = self.limb.home_control
        model, data = self.limb.model, self._data[0]
        sensors = self.sensors.copy()
        data.sensordata[:] = 0.0
        for row in rows.tolist():
            mujoco.mj_setState(model, data, self.state[row], _FULL)
            mujoco.mj_fwdPosition(model, data)
            mujoco.mj_sensorPos(model, data)
            mujoco.mj_fwdVelocity(model, data)
            mujoco.mj_sensorVel(model, data)
            sensors[row] = data.sensordata
        self.sensors = _read_only(sensors)

    def stop(self, rows: np.ndarray) -> None:
        """Leave ``rows``, shape (m,), as they are until their next `reset`: they are not simulated and cost nothing."""
        self._stopped[rows] = True

    def place(self, row: int, qpos: Any, qvel: Any, rest: np.ndarray | None = None) -> None:
        """Move the joints of one row; its time stays.

        Parameters
        ----------
        row : int
        qpos, qvel : float arrays, shape (nq,) and (nv,)
        rest : float array, shape (nstate,), optional
            State that everything but time and joints is taken from; by default the row's own.

        Raises
        ------
        NeuroMotionError
            If an array has another shape or holds something that is not a finite number.
        """
        model = self.limb.model
        state = (self.state[row] if rest is None else rest).copy()
        state[0] = self.state[row, 0]
        joints = ((1, "qpos", qpos, model.nq), (1 + model.nq, "qvel", qvel, model.nv))
        for first, name, given, size in joints:
            try:
                values = np.asarray(given, dtype=float)
            except (TypeError, ValueError):
                values = np.empty(0)
            if values.shape != (size,) or not np.isfinite(values).all():
                raise NeuroMotionError(
                    f"{name} holds {size} finite numbers, one per joint of limb {self.limb.name!r}, "
                    f"not {shortened(given)}."
                )
            state[first : first + size] = values
        self.reset(np.array([row]), state[None])

    def data_of(self, row: int) -> mujoco.MjData:
        """MuJoCo's data of one row as it is now, a new copy whose inputs are read-only."""
        model, data = self.limb.model, mujoco.MjData(self.limb.model)
        mujoco.mj_setState(model, data, self.state[row], _FULL)
        data.ctrl[:] = self._controls[row, 0]
        mujoco.mj_forward(model, data)
        for name in _INPUTS:
            getattr(data, name).flags.writeable = False
        return data

    def begin(self, control: np.ndarray) -> None:
        """Set the controls of the next step, shape (rows, nu); then call `simulate` and `finish`."""
        self._controls[:] = control[:, None, :]

    def simulate(self) -> None:
        """Simulate the step in one call of MuJoCo, during which other Python threads can run."""
        with no_log_file:
            if np.count_nonzero(self._stopped):
                self._simulate_some(np.flatnonzero(~self._stopped))
            elif len(self.state) == 1:
                self._simulate_one()
            else:
                self._roll_out(self.state, self._controls, self._states, self._sensors)

    def _roll_out(self, start: np.ndarray, controls: np.ndarray, states: np.ndarray, sensors: np.ndarray) -> None:
        """Simulate as many limbs as ``start`` has rows; write into ``states`` and ``sensors``."""
        self._pool.rollout(
            self._models[: len(start)],
            self._data,
            start,
            controls,
            nstep=self._substeps,
            state=states,
            sensordata=sensors,
            skip_checks=True,
        )

    def _simulate_some(self, rows: np.ndarray) -> None:
        """Simulate ``rows`` alone."""
        if rows.size:
            states, sensors = self._states[rows], self._sensors[rows]
            self._roll_out(self.state[rows], self._controls[rows], states, sensors)
            self._states[rows], self._sensors[rows] = states, sensors

    def _simulate_one(self) -> None:
        """Do for a single limb what a rollout does."""
        model, data = self.limb.model, self._data[0]
        mujoco.mj_setState(model, data, self.state[0], _FULL)
        data.qacc_warmstart[:] = 0.0
        data.ctrl[:] = self._controls[0, 0]
        mujoco.mj_step(model, data, self._substeps)
        mujoco.mj_getState(model, data, self._states[0, -1], _FULL)
        self._sensors[0, -1] = data.sensordata
        if np.count_nonzero(self._warned):
            if self._warned[list(UNSTABLE)].any():  # MuJoCo has reset the limb, where a rollout stops
                self._states[0, -1] = np.nan
            self._warned[:] = 0

    def finish(self) -> np.ndarray:
        """Make the result of `simulate` the current state.

        Returns
        -------
        bool array, shape (rows,)
            True for limbs whose physics became unstable; they stay in their last valid state.
        """
        state, sensors = self._states[:, -1].copy(), self._sensors[:, -1].copy()
        # MuJoCo resets a diverging simulation and stops its rollout: its time, the first number of the state, then lags
        late = state[:, 0] < self.state[:, 0] + self._control_s * (1 - 1e-6)
        if np.count_nonzero(self._stopped):
            state[self._stopped], sensors[self._stopped] = self.state[self._stopped], self.sensors[self._stopped]
            late &= ~self._stopped
        total = np.add.reduce(state, axis=None) + np.add.reduce(sensors, axis=None)
        if np.count_nonzero(late) or not math.isfinite(total):
            sound = ~late & np.isfinite(state).all(axis=1) & np.isfinite(sensors).all(axis=1)
            unstable = ~sound
            state[unstable], sensors[unstable] = self.state[unstable], self.sensors[unstable]
            late = unstable
        self.state, self.sensors = state, _read_only(sensors)
        return late

    def close(self) -> None:
        """Free the threads."""
        self._pool.close()


def _read_only(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values
