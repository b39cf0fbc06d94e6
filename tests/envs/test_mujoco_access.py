"""Model and data of the limb, as users of MuJoCo's environments expect them."""

from __future__ import annotations

import gymnasium as gym
import mujoco
import numpy as np
import pytest

from neuromotion_gym.envs import NeuroEnv
from neuromotion_gym.errors import NeuroMotionError

Options = "Callable[..., dict[str, object]]"


def test_data_show_the_limb_as_it_is(options: Options) -> None:
    env = NeuroEnv(**options())
    env.reset(seed=0)
    np.testing.assert_array_equal(env.data.ctrl, env.loop.parts.limb.home_control)
    for _ in range(10):
        env.step(np.ones(1, np.float32))
    data = env.data
    assert data.time == pytest.approx(0.5)
    np.testing.assert_array_equal(data.qpos, env.loop.physics.state[0, 1 : 1 + env.model.nq])
    drive = env.loop.parts.drive
    np.testing.assert_array_equal(data.ctrl, drive.limb.control(drive.target, drive.axes)[0])
    moved = mujoco.MjData(env.model)
    moved.qpos[:] = data.qpos
    mujoco.mj_kinematics(env.model, moved)
    np.testing.assert_allclose(data.xpos, moved.xpos)


def test_data_cannot_be_written_into_the_loop(options: Options) -> None:
    env, twin = NeuroEnv(**options()), NeuroEnv(**options())
    for one in (env, twin):
        one.reset(seed=0)
    for name in ("qpos", "qvel", "ctrl", "xfrc_applied"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(env.data, name)[:] = 1
    mujoco.mj_step(env.model, env.data)
    for _ in range(5):
        assert (env.step(np.ones(1, np.float32))[0] == twin.step(np.ones(1, np.float32))[0]).all()


def test_a_state_that_was_set_is_where_the_limb_is_and_stays(options: Options) -> None:
    env = NeuroEnv(**options())
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.ones(1, np.float32))
    qpos = env.loop.parts.limb.qpos_at(np.array([[-0.7]]), env.loop.parts.task.axes)[0]
    env.set_state(qpos, np.zeros(env.model.nv))
    np.testing.assert_array_equal(env.data.qpos, qpos)
    assert env.data.time == pytest.approx(0.15)
    assert env.loop.position[0, 0] == pytest.approx(-0.7, abs=0.01)
    assert env.loop.observation()[0, 0] == pytest.approx(-0.7, abs=0.01)
    for _ in range(20):
        observation, *_ = env.step(np.zeros(1, np.float32))
    assert observation[0] == pytest.approx(-0.7, abs=0.02)


def test_blocks_that_were_judged_are_not_offered_again_after_a_state_was_set() -> None:
    env = gym.make("NeuroGrasp-v0", decoder="oracle:emg_armband", source="surrogate").unwrapped
    env.reset(seed=0)
    drive, loop = env.loop.parts.drive, env.loop
    drive.transport.block[:] = 3
    loop.parts.task.step(loop.physics.sensors)
    waits, phase = drive.transport.waits.copy(), drive.transport.phase.copy()
    env.set_state(env.data.qpos, np.zeros(env.model.nv))
    assert drive.transport.block.tolist() == [3]
    np.testing.assert_array_equal(drive.transport.waits, waits)
    np.testing.assert_array_equal(drive.transport.phase, phase)
    env.close()


def test_velocities_are_set_too(options: Options) -> None:
    env = NeuroEnv(**options())
    env.reset(seed=0)
    qvel = np.linspace(-0.1, 0.1, env.model.nv)
    env.set_state(env.data.qpos, qvel)
    np.testing.assert_array_equal(env.data.qvel, qvel)


@pytest.mark.parametrize(
    ("qpos", "qvel", "message"),
    [
        ("nonsense", 0, "qpos holds 27 finite numbers"),
        (np.zeros(3), 0, "qpos holds 27"),
        (0, np.full(27, np.nan), "qvel holds 27 finite numbers"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(options: Options, qpos: object, qvel: object, message: str) -> None:
    env = NeuroEnv(**options())
    with pytest.raises(NeuroMotionError, match="before reset"):
        env.set_state(np.zeros(27), np.zeros(27))
    env.reset(seed=0)
    before = env.data.qpos
    with pytest.raises(NeuroMotionError, match=message):
        env.set_state(np.zeros(27) if isinstance(qpos, int) else qpos, np.zeros(27) if isinstance(qvel, int) else qvel)
    np.testing.assert_array_equal(env.data.qpos, before)
