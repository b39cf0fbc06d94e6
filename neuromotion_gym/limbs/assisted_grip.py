"""A drive for a hand that picks blocks out of a box: the grip is the agent's, the transport of the arm is assisted.

The grip is a pinch of thumb and index finger. A block is held by contact and friction alone. The scene says in
``<custom>`` how digits move: tuple ``held_by`` has their actuators, numeric ``held_open`` and ``held_closed`` their set
points at both ends of the grip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.transport import Transport, members, numbers
from neuromotion_gym.process_wide import no_log_file

if TYPE_CHECKING:
    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb

_SETTLE_S = 1.0


class AssistedGripDrive:
    """Moves the set point of the grip at the speed that an action asks for, while a state machine moves the arm.

    Parameters
    ----------
    limb : Limb
        With a scene as in `neuromotion_gym.limbs.transport`.
    intents : IntentMap
        Labels that close and open the grip.
    axes : tuple of str
        The grip alone.
    speed : float
        Full speed of the grip, half ranges per second: open is -1, closed 1.
    control_s : float
        Control period.
    period_s : float
        Time for which a block is offered.
    blocks : int
        Number of blocks that are offered.
    pace : float, default 1.0
        How many times as fast as usual the arm moves, except around a block.
    back : int, default 1
        How many times as fast as it carries a block the arm comes back without one.

    Raises
    ------
    NeuroMotionError
        If the axes are not those that the labels move, or there is more than one, or the scene does not fit.
    """

    position_bound = 2.0
    velocity_bound = 10.0
    action_size = 1
    lag_s = 0.0
    steady = True
    ramp = True
    """Set points that jump from step to step shake the hand, and a block slips in it."""

    def __init__(
        self,
        limb: Limb,
        intents: IntentMap,
        axes: tuple[str, ...],
        speed: float,
        control_s: float,
        *,
        period_s: float,
        blocks: int,
        pace: float = 1.0,
        back: int = 1,
    ) -> None:
        if tuple(axes) != intents.axes or len(axes) != 1:
            raise NeuroMotionError(
                f"The assisted grip has one axis; the labels move {', '.join(intents.axes)}, and the task measures "
                f"error along {', '.join(axes)}."
            )
        self.limb, self.speed = limb, speed
        self.columns = tuple(axes)
        self.transport = Transport(limb, control_s, period_s, blocks, pace, back)
        self._stride = speed * control_s
        self._effects = self._stride * np.asarray(intents.directions, dtype=float)
        model = limb.model
        self._arm, self._digits = members(model, "carried_by"), members(model, "held_by")
        self._open, self._closed = numbers(model, "held_open"), numbers(model, "held_closed")
        names = ("thumb", "index")
        pinching = [self._digits.tolist().index(model.actuator(name).id) for name in names]
        self._read = np.array([limb.sensor(f"{name}_{kind}").start for kind in ("pos", "vel") for name in names])
        self._middle = (self._closed + self._open)[pinching] / 2
        self._half = (self._closed - self._open)[pinching] / 2
        self._start_state = self._above_first_block()

    def start(self, num_rows: int) -> None:
        """See `Drive.start`."""
        self.target: np.ndarray = np.full((num_rows, 1), -1.0)
        self.transport.start(num_rows)

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Drive.reset`: the hand is open above the first block, wherever ``places`` are."""
        self.target[rows] = -1.0
        self.transport.reset(rows)
        return np.tile(self._start_state, (len(rows), 1))

    def moved(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Continuing.moved`: the set point of the grip follows; the arm goes on with the block that it was at."""
        self.target[rows] = bounded(places, 1.0)
        return np.tile(self._start_state, (len(rows), 1))

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.control`; an action is a fraction of full speed, -1 to 1, and closes if it is positive."""
        arm = self.transport.advance(sensors, self.motion(sensors)[0][:, 0])
        self.target = bounded(self.target + self._stride * bounded(action, 1.0), 1.0)
        return self._control(arm, self.target)

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Drive.motion`; mean of thumb and index finger, -1 open and 1 closed, and its change per second."""
        read = sensors[:, self._read]
        count = len(self._half)
        position, velocity = (read[:, :count] - self._middle) / self._half, read[:, count:] / self._half
        return position.mean(axis=1, keepdims=True), velocity.mean(axis=1, keepdims=True)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.effect`."""
        return self._effects.take(labels, axis=0)

    def _control(self, arm: np.ndarray, grip: np.ndarray) -> np.ndarray:
        """Controls, shape (rows, nu), for set points of the arm, shape (rows, 7), and of the grip, shape (rows, 1)."""
        control = np.empty((len(grip), len(self.limb.home_control)))
        control[:] = self.limb.home_control
        control[:, self._arm] = arm
        control[:, self._digits] = self._open + (grip + 1) / 2 * (self._closed - self._open)
        return control

    def _above_first_block(self) -> np.ndarray:
        """State of the physics at rest with the hand open above the first block, shape (nstate,); time 0."""
        model, plan, home = self.limb.model, self.transport.plan, self.limb.home_control
        arm = [model.joint(name).qposadr[0] for name in plan.joints]
        data = mujoco.MjData(model)
        mujoco.mj_resetDataKeyframe(model, data, mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, "home"))
        above = plan.path[0, plan.hover]
        data.qpos[arm] = above
        target = self._control(above[None], np.full((1, 1), -1.0))[0]
        # Fingers move to their place in the air, where they touch nothing, and blocks settle on the floor. The fingers
        # move slowly: their servos oscillate after a large step
        steps = round(_SETTLE_S / model.opt.timestep)
        with no_log_file:
            for step in range(steps):
                data.ctrl[:] = target
                share = min(1.0, 2 * step / steps)
                data.ctrl[self._digits] = (1 - share) * home[self._digits] + share * target[self._digits]
                mujoco.mj_step(model, data)
        state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_FULLPHYSICS))
        data.time, data.qvel[:] = 0.0, 0.0
        mujoco.mj_getState(model, data, state, int(mujoco.mjtState.mjSTATE_FULLPHYSICS))
        return state
