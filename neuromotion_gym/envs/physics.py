"""A batch of limbs in MuJoCo: one call of `mujoco.rollout` a control step, for all of them, on native threads.

A single limb is stepped by `mujoco.mj_step` as a rollout would: the same bits, without keeping what lies between.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.posture import UNSTABLE
from neuromotion_gym.process_wide import no_log_file

if TYPE_CHECKING:
    from neuromotion_gym.limbs.limb import Limb

_FULL = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)
LONGEST_STEP_S = 0.005


class Physics:
    """Limbs whose set-points move at the speed that an action asks for.

    The sensors that come back from MuJoCo lag the state by one physics step; a further forward pass to close that gap
    would cost a twentieth of the step.

    Parameters
    ----------
    limb : Limb
        The model.
    axes : tuple of str
        Degrees of freedom that actions move, in order; all others are held at home.
    control_s : float
        Control period; a multiple of the model's time step.
    speed : float
        Full speed, half ranges a second.
    num_rows : int
        Size of the batch.
    threads : int
        Native threads. The result does not depend on it.

    Raises
    ------
    NeuroMotionError
        If the physics step is longer than 5 ms or does not divide the control period.
    """

    def __init__(
        self, limb: Limb, axes: tuple[str, ...], control_s: float, speed: float, num_rows: int, threads: int
    ) -> None:
        step_s = float(limb.model.opt.timestep)
        self._substeps = round(control_s / step_s)
        if step_s > LONGEST_STEP_S + 1e-12 or abs(self._substeps * step_s - control_s) > 1e-9:
            raise NeuroMotionError(
                f"Limb {limb.name!r} has a physics step of {step_s * 1000:g} ms; it has to divide the control period "
                f"of {control_s * 1000:g} ms and to be {LONGEST_STEP_S * 1000:g} ms at most."
            )
        self.limb = limb
        self.axes = axes
        self._stride = speed * control_s
        self._control_s = control_s
        model = limb.model
        threads = max(1, min(threads, num_rows))
        self._pool = Rollout(nthread=threads if threads > 1 else 0)
        self._data = [mujoco.MjData(model) for _ in range(threads)]
        self._warned = self._data[0].warning.number  # a view
        self._models = [model] * num_rows
        states = mujoco.mj_stateSize(model, _FULL)
        self.state: np.ndarray = np.zeros((num_rows, states))
        self._states: np.ndarray = np.empty((num_rows, self._substeps, states))
        self._sensors: np.ndarray = np.empty((num_rows, self._substeps, model.nsensordata))
        self._controls: np.ndarray = np.empty((num_rows, self._substeps, model.nu))
        self.target: np.ndarray = np.zeros((num_rows, len(axes)))
        self.position: np.ndarray = np.zeros((num_rows, len(axes)))
        self.velocity: np.ndarray = np.zeros((num_rows, len(axes)))

    def reset(self, rows: np.ndarray, posture: np.ndarray) -> None:
        """Put ``rows`` at rest in ``posture``, shape (m, axes), scaled."""
        self.target[rows] = posture
        self.state[rows] = self.limb.state_at(posture, self.axes)
        model, data = self.limb.model, self._data[0]
        sensors = np.empty((len(rows), model.nsensordata))
        for row, sensed in zip(rows.tolist(), sensors, strict=True):
            mujoco.mj_setState(model, data, self.state[row], _FULL)
            mujoco.mj_fwdPosition(model, data)
            mujoco.mj_sensorPos(model, data)
            sensed[:] = data.sensordata
        self.position[rows] = self.limb.positions(sensors, self.axes)
        self.velocity[rows] = 0.0

    def step(self, action: np.ndarray) -> np.ndarray:
        """Move for one control period.

        Parameters
        ----------
        action : float array, shape (rows, axes)
            Fraction of full speed, -1 to 1.

        Returns
        -------
        bool array, shape (rows,)
            Limbs whose physics became unstable; they stay in their last sound state.
        """
        self.begin(action)
        self.simulate()
        return self.finish()

    def begin(self, action: np.ndarray) -> None:
        """First third of `step`: set-points from the actions."""
        self.target = bounded(self.target + self._stride * bounded(action, 1.0), 1.0)
        self._controls[:] = self.limb.control(self.target, self.axes)[:, None, :]

    def simulate(self) -> None:
        """Second third of `step`: the one call of MuJoCo, during which other Python threads run."""
        with no_log_file:
            if len(self.state) == 1:
                self._simulate_one()
                return
            self._pool.rollout(
                self._models,
                self._data,
                self.state,
                self._controls,
                nstep=self._substeps,
                state=self._states,
                sensordata=self._sensors,
                skip_checks=True,
            )

    def _simulate_one(self) -> None:
        """What a rollout does for one limb."""
        model, data = self.limb.model, self._data[0]
        mujoco.mj_setState(model, data, self.state[0], _FULL)
        data.qacc_warmstart[:] = 0.0
        data.ctrl[:] = self._controls[0, 0]
        mujoco.mj_step(model, data, self._substeps)
        mujoco.mj_getState(model, data, self._states[0, -1], _FULL)
        self._sensors[0, -1] = data.sensordata
        if np.count_nonzero(self._warned):
            if self._warned[list(UNSTABLE)].any():  # MuJoCo has begun anew, where a rollout would have stopped
                self._states[0, -1] = np.nan
            self._warned[:] = 0

    def finish(self) -> np.ndarray:
        """Last third of `step`: take over what was simulated; which rows became unstable."""
        state = self._states[:, -1].copy()
        position, velocity = self.limb.motion(self._sensors[:, -1], self.axes)
        # MuJoCo resets a diverging simulation and stops its rollout: its clock, the state's first number, then is late
        late = state[:, 0] < self.state[:, 0] + self._control_s * (1 - 1e-6)
        total = np.add.reduce(state, axis=None) + np.add.reduce(position + velocity, axis=None)
        if np.count_nonzero(late) or not math.isfinite(total):
            sound = ~late & np.isfinite(state).all(axis=1) & np.isfinite(position + velocity).all(axis=1)
            self.state[sound] = state[sound]
            self.position[sound], self.velocity[sound] = position[sound], velocity[sound]
            self.velocity[~sound] = 0.0
            return np.asarray(~sound)
        self.state, self.position, self.velocity = state, position, velocity
        return np.asarray(late)

    def close(self) -> None:
        """Give the threads back."""
        self._pool.close()
