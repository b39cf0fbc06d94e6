"""The physics step that a limb ships with is long; trajectories stay close to those of a fine simulation."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from neuromotion_gym.intents import intent_table
from neuromotion_gym.limbs import Limb, limb_names

CONTROL_S, FINE_S = 0.05, 0.0005
SPEED = 0.3
"""Full speed of the fastest level, half ranges a second."""
POSITION, VELOCITY = 0.002, 0.02
"""Allowed: largest difference, a 75th of the tolerance of a goal; its mean square root, a fifteenth of full speed."""


def driven(name: str) -> tuple[str, ...]:
    """Degrees of freedom that labels move by set points."""
    moved = {intent.degree: None for intent in intent_table(name).values() if intent.degree and not intent.one_way}
    return tuple(moved) or pytest.skip("labels of this limb name postures or muscles")


def trajectory(name: str, step_s: float, seconds: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """Scaled positions and velocities at every control period, shape (periods, degrees), of a limb told to wander."""
    limb = Limb.load(name)
    degrees = driven(name)
    limb.model.opt.timestep = step_s
    data = mujoco.MjData(limb.model)
    full = mujoco.mjtState.mjSTATE_FULLPHYSICS
    mujoco.mj_setState(limb.model, data, limb.state_at(np.zeros((1, len(degrees))), degrees)[0], full)
    rng = np.random.default_rng(0)
    target, positions, velocities = np.zeros(len(degrees)), [], []
    for period in range(round(seconds / CONTROL_S)):
        if period % 12 == 0:  # another direction of every degree, full speed or none
            direction = rng.integers(-1, 2, len(degrees))
        target = np.clip(target + SPEED * CONTROL_S * direction, -1, 1)
        data.ctrl[:] = limb.control(target[None], degrees)[0]
        for _ in range(round(CONTROL_S / step_s)):
            mujoco.mj_step(limb.model, data)
        mujoco.mj_forward(limb.model, data)  # the sensors of a step are those of its beginning
        sensors = np.array(data.sensordata)[None]
        positions.append(limb.positions(sensors, degrees)[0])
        velocities.append(limb.motion(sensors, degrees)[1][0])
    return np.array(positions), np.array(velocities)


@pytest.mark.parametrize("name", limb_names())
def test_trajectories_stay_with_the_fine_simulation(name: str) -> None:
    shipped = float(Limb.load(name).model.opt.timestep)
    assert shipped >= 4 * FINE_S
    (position, velocity), (fine, fine_velocity) = trajectory(name, shipped), trajectory(name, FINE_S)
    assert np.ptp(fine, axis=0).min() > 0.3, "every degree moved"
    assert np.abs(position - fine).max() <= POSITION
    assert np.sqrt(np.mean((velocity - fine_velocity) ** 2)) <= VELOCITY
