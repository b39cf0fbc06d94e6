"""A batch of limbs in MuJoCo: one call of `mujoco.rollout` per control step moves all of them, on native threads.

A single limb is stepped by `mujoco.mj_step` in the same way as by a rollout: the results are equal bit for bit, and the
states in between are not stored.

Bodies that lie still may sleep (``<flag sleep="enable"/>`` in a scene): MuJoCo then leaves them out until something
touches them. Which ones sleep, and since when they lie still, is not part of MuJoCo's state, so that a rollout cannot
be used. Every row then has MuJoCo's data of its own, and is stepped like a single limb.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
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
_AWAKE = ("ntree_awake", "nbody_awake", "nparent_awake", "nv_awake")
"""Numbers of what is awake in MuJoCo's data. Pickled data do not have them."""
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
        self._sleeps = bool(model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP)
        states = mujoco.mj_stateSize(model, _FULL)
        self.state: np.ndarray = np.zeros((num_rows, states))
        self._states: np.ndarray = np.empty((num_rows, self._substeps, states))
        self._sensors: np.ndarray = np.empty((num_rows, self._substeps, model.nsensordata))
        self._controls: np.ndarray = np.empty((num_rows, self._substeps, model.nu))
        self._stopped: np.ndarray = np.zeros(num_rows, dtype=bool)
        self._steady = True
        self._anew: np.ndarray = np.ones(num_rows, dtype=bool)
        self.sensors: np.ndarray = _read_only(np.zeros((num_rows, model.nsensordata)))
        self._open()

    def _open(self, data: list[mujoco.MjData] | None = None) -> None:
        """Make what holds no state between two steps: threads, and data to calculate with unless bodies may sleep."""
        rows, model = len(self.state), self.limb.model
        self._pool = Rollout(nthread=self._threads if self._threads > 1 else 0)
        self._workers = ThreadPoolExecutor(self._threads) if self._sleeps and self._threads > 1 else None
        self._data = data or [mujoco.MjData(model) for _ in range(rows if self._sleeps else self._threads)]
        self._warned = [data.warning.number for data in self._data]  # views
        self._models = [model] * rows

    def __getstate__(self) -> dict[str, Any]:
        opened = {"_pool", "_workers", "_data", "_warned", "_models"}
        kept = {key: value for key, value in self.__dict__.items() if key not in opened}
        if self._sleeps:
            kept["data"] = [(data, [getattr(data, name) for name in _AWAKE]) for data in self._data]
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state.pop("data", [])
        self.__dict__.update(state)
        _read_only(self.sensors)
        own = []
        for data, numbers in kept:
            for name, number in zip(_AWAKE, numbers, strict=True):
                setattr(data, name, number)
            own.append(mujoco.MjData(self.limb.model))  # a pickle has a model of its own
            mujoco.mj_copyData(own[-1], self.limb.model, data)
        self._open(own)

    def _data_for(self, row: int) -> mujoco.MjData:
        """The data that a row is calculated with."""
        return self._data[row if self._sleeps else 0]

    def reset(self, rows: np.ndarray, state: np.ndarray) -> None:
        """Put ``rows``, shape (m,), into ``state``, shape (m, nstate).

        Sensors of forces and accelerations read 0 until the first step.
        """
        self.state[rows] = state
        self._stopped[rows] = False
        self._anew[rows] = True
        self._controls[rows] = self.limb.home_control
        model = self.limb.model
        sensors = self.sensors.copy()
        for row in rows.tolist():
            data = self._data_for(row)
            if self._sleeps:
                mujoco.mj_resetData(model, data)  # everything is awake
            data.sensordata[:] = 0.0
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

    def begin(self, control: np.ndarray, *, ramp: bool = False) -> None:
        """Set the controls of the next step; then call `simulate` and `finish`.

        Parameters
        ----------
        control : float array, shape (rows, nu)
        ramp : bool
            Whether controls go there in a straight line from those of the step before, and are reached at the end.
            Otherwise they are there at once, as in the first step after a reset.
        """
        self._steady = not ramp
        if ramp:
            before = np.where(self._anew[:, None], control, self._controls[:, -1])[:, None, :]
            share = np.arange(1, self._substeps + 1)[:, None] / self._substeps
            self._controls[:] = before + share * (control[:, None, :] - before)
        else:
            self._controls[:] = control[:, None, :]
        self._anew[:] = False

    def simulate(self) -> None:
        """Simulate the step in one call of MuJoCo, during which other Python threads can run."""
        with no_log_file:
            if self._sleeps or len(self.state) == 1:
                self._step_by_step(np.flatnonzero(~self._stopped))
            elif np.count_nonzero(self._stopped):
                self._simulate_some(np.flatnonzero(~self._stopped))
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

    def _step_by_step(self, rows: np.ndarray) -> None:
        """Simulate ``rows`` alone, each with its own data, on all threads."""
        if self._workers is None:
            self._simulate_each(rows)
        else:
            list(self._workers.map(self._simulate_each, np.array_split(rows, self._threads)))

    def _simulate_each(self, rows: np.ndarray) -> None:
        """Do for one limb after the other what a rollout does."""
        model = self.limb.model
        for row in rows.tolist():
            data, warned = self._data[row], self._warned[row]
            mujoco.mj_setState(model, data, self.state[row], _FULL)
            data.qacc_warmstart[:] = 0.0
            for control in self._controls[row, :1] if self._steady else self._controls[row]:
                data.ctrl[:] = control
                mujoco.mj_step(model, data, self._substeps if self._steady else 1)
            mujoco.mj_getState(model, data, self._states[row, -1], _FULL)
            self._sensors[row, -1] = data.sensordata
            if np.count_nonzero(warned):
                if warned[list(UNSTABLE)].any():  # MuJoCo has reset the limb, where a rollout stops
                    self._states[row, -1] = np.nan
                warned[:] = 0

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
        if self._workers is not None:
            self._workers.shutdown()


def _read_only(values: np.ndarray) -> np.ndarray:
    values.setflags(write=False)
    return values
