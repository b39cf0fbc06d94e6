"""Laws of the physics: a row depends on neither batch nor threads, and a fault stops one limb alone."""

from __future__ import annotations

import copy
import pickle
import threading

import mujoco
import numpy as np
import pytest

from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs import Limb

CONTROL_S = 0.05
FULL = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)


@pytest.fixture
def limb() -> Limb:
    return Limb.load("arm")


def moved(
    limb: Limb, rows: int, threads: int, steps: int = 6, stopped: dict[int, list[int]] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """States and sensors after some steps with different controls in every row; ``stopped``: rows, by step."""
    physics = Physics(limb, CONTROL_S, rows, threads)
    physics.reset(np.arange(rows), np.tile(start(limb), (rows, 1)))
    low, high = limb.model.actuator_ctrlrange.T
    for step in range(steps):
        physics.stop(np.array((stopped or {}).get(step, []), dtype=int))
        share = np.random.default_rng([step]).uniform(0.3, 0.7, (5, limb.model.nu))[:rows]
        physics.begin(low + share * (high - low))
        physics.simulate()
        assert not physics.finish().any()
    physics.close()
    return physics.state, physics.sensors


def start(limb: Limb) -> np.ndarray:
    data = mujoco.MjData(limb.model)
    mujoco.mj_resetDataKeyframe(limb.model, data, 0)
    state = np.empty(mujoco.mj_stateSize(limb.model, FULL))
    mujoco.mj_getState(limb.model, data, state, FULL)
    return state


@pytest.mark.parametrize("step_s", [0.005, 0.0025, 0.001])
def test_a_physics_step_that_divides_the_control_period_is_accepted(limb: Limb, step_s: float) -> None:
    limb.model.opt.timestep = step_s
    physics = Physics(limb, CONTROL_S, 1, 1)
    physics.reset(np.arange(1), start(limb)[None])
    physics.begin(np.array(limb.model.key_ctrl[:1]))
    physics.simulate()
    physics.finish()
    physics.close()
    assert physics.state[0, 0] == pytest.approx(CONTROL_S)  # the first number of a state is its time


@pytest.mark.parametrize("step_s", [0.00625, 0.003, 0.05, 0.0051])
def test_a_physics_step_that_is_long_or_does_not_divide_the_control_period_is_refused(
    limb: Limb, step_s: float
) -> None:
    limb.model.opt.timestep = step_s
    with pytest.raises(NeuroMotionError, match=f"physics step of {step_s * 1000:g} ms.* 5 ms at most"):
        Physics(limb, CONTROL_S, 1, 1)


def test_a_row_does_not_depend_on_the_size_of_its_batch_or_on_threads(limb: Limb) -> None:
    states, sensors = moved(limb, 5, 1)
    assert len(np.unique(states[:, 1])) == 5
    for rows, threads in ((1, 1), (1, 4), (3, 2), (5, 3)):
        fewer = moved(limb, rows, threads)
        np.testing.assert_array_equal(fewer[0], states[:rows])
        np.testing.assert_array_equal(fewer[1], sensors[:rows])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stopped_row_stays_as_it_is_and_the_others_move_on(limb: Limb, threads: int) -> None:
    states, sensors = moved(limb, 3, threads, stopped={2: [1], 4: [0, 2]})
    for row, steps in enumerate((4, 2, 4)):
        until = moved(limb, 3, 1, steps)
        np.testing.assert_array_equal(states[row], until[0][row])
        np.testing.assert_array_equal(sensors[row], until[1][row])


def test_a_stopped_row_moves_again_after_a_reset(limb: Limb) -> None:
    physics, home = Physics(limb, CONTROL_S, 2, 1), start(limb)
    everyone = np.arange(2)
    physics.reset(everyone, np.tile(home, (2, 1)))
    physics.stop(everyone)
    controls = limb.model.actuator_ctrlrange[:, 1]
    for again in (False, True):
        if again:
            physics.reset(everyone[1:], home[None])
        physics.begin(np.tile(controls, (2, 1)))
        physics.simulate()
        assert not physics.finish().any()
        assert ((physics.state != home).any(axis=1)).tolist() == [False, again]
    physics.close()


def test_a_limb_moves_as_a_loop_of_mj_step_moves_it(limb: Limb) -> None:
    states, sensors = moved(limb, 1, 1)
    model, data = limb.model, mujoco.MjData(limb.model)
    mujoco.mj_setState(model, data, start(limb), FULL)
    low, high = model.actuator_ctrlrange.T
    for step in range(6):
        data.ctrl[:] = low + np.random.default_rng([step]).uniform(0.3, 0.7, (5, model.nu))[0] * (high - low)
        data.qacc_warmstart[:] = 0
        for _ in range(round(CONTROL_S / model.opt.timestep)):
            mujoco.mj_step(model, data)
    expected = np.empty(mujoco.mj_stateSize(model, FULL))
    mujoco.mj_getState(model, data, expected, FULL)
    np.testing.assert_array_equal(states[0], expected)
    np.testing.assert_array_equal(sensors[0], data.sensordata)


@pytest.mark.parametrize("rows", [1, 3])
def test_an_unstable_limb_stays_where_it_was_and_goes_on_after_a_reset(
    limb: Limb, rows: int, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path)
    physics = Physics(limb, CONTROL_S, rows, 1)
    everyone, home = np.arange(rows), np.tile(start(limb), (rows, 1))
    physics.reset(everyone, home)
    controls = np.tile(limb.model.key_ctrl[0], (rows, 1))

    def step() -> np.ndarray:
        physics.begin(controls)
        physics.simulate()
        return physics.finish()

    assert not step().any()
    broken = physics.state.copy()
    broken[0, 1 + limb.model.nq] = 1e12
    physics.state = broken
    before = physics.sensors.copy()
    assert step().tolist() == [True] + [False] * (rows - 1)
    np.testing.assert_array_equal(physics.state[0], broken[0])
    np.testing.assert_array_equal(physics.sensors[0], before[0])
    assert np.isfinite(physics.sensors).all()
    physics.reset(everyone[:1], home[:1])
    for _ in range(3):
        assert not step().any()
    assert physics.state[0, 0] == pytest.approx(3 * CONTROL_S)
    physics.close()


def test_sensors_of_a_reset_are_those_of_the_state_and_cannot_be_written(limb: Limb) -> None:
    states, _ = moved(limb, 1, 1)
    physics = Physics(limb, CONTROL_S, 2, 1)
    physics.reset(np.array([1]), states)
    data = mujoco.MjData(limb.model)
    mujoco.mj_setState(limb.model, data, states[0], FULL)
    mujoco.mj_forward(limb.model, data)
    known = np.zeros(limb.model.nsensordata, dtype=bool)
    for index in range(limb.model.nsensor):
        first = limb.model.sensor_adr[index]
        stage = limb.model.sensor_needstage[index]
        known[first : first + limb.model.sensor_dim[index]] = stage < int(mujoco.mjtStage.mjSTAGE_ACC)
    np.testing.assert_array_equal(physics.sensors[1, known], data.sensordata[known])
    assert known.sum() > 20
    assert (physics.sensors[1, ~known] == 0).all()  # forces and accelerations
    assert (physics.sensors[0] == 0).all()
    with pytest.raises(ValueError, match="read-only"):
        physics.sensors[:] = 1
    physics.close()


@pytest.mark.parametrize("rows", [1, 2])
def test_controls_go_in_a_straight_line_from_those_before_if_they_shall(limb: Limb, rows: int) -> None:
    physics, data = Physics(limb, CONTROL_S, rows, 1), mujoco.MjData(limb.model)
    physics.reset(np.arange(rows), np.tile(start(limb), (rows, 1)))
    mujoco.mj_setState(limb.model, data, start(limb), FULL)
    low, high = limb.model.actuator_ctrlrange.T
    before = low + 0.4 * (high - low)  # at once after a reset
    for share in (0.4, 0.6, 0.5):
        control = low + share * (high - low)
        physics.begin(np.tile(control, (rows, 1)), ramp=True)
        physics.simulate()
        assert not physics.finish().any()
        data.qacc_warmstart[:] = 0
        for step in range(1, 11):
            data.ctrl[:] = before + step / 10 * (control - before)
            mujoco.mj_step(limb.model, data)
        before = control
    expected = np.empty(mujoco.mj_stateSize(limb.model, FULL))
    mujoco.mj_getState(limb.model, data, expected, FULL)
    np.testing.assert_array_equal(physics.state, np.tile(expected, (rows, 1)))
    physics.close()


@pytest.fixture(scope="module")
def beside_blocks() -> Limb:
    return Limb.load("arm", "box_and_blocks")


def falling(limb: Limb, rows: int, threads: int = 1) -> Physics:
    """Rows in which the first block is in the air, in each at another height, and all others lie."""
    physics = Physics(limb, CONTROL_S, rows, threads)
    states = np.tile(start(limb), (rows, 1))
    states[:, 3 + limb.model.joint("block_1").qposadr[0]] += 0.02 * (1 + np.arange(rows))
    physics.reset(np.arange(rows), states)
    return physics


def go_on(physics: Physics, steps: int) -> tuple[np.ndarray, np.ndarray]:
    for _ in range(steps):
        physics.begin(np.tile(physics.limb.home_control, (len(physics.state), 1)))
        physics.simulate()
        assert not physics.finish().any()
    return physics.state.copy(), physics.sensors


def test_blocks_that_lie_still_sleep_until_they_are_moved(beside_blocks: Limb) -> None:
    physics, height = falling(beside_blocks, 1), 3 + beside_blocks.model.joint("block_1").qposadr[0]
    floor = physics.state[0, height] - 0.02
    go_on(physics, 16)
    assert physics._data[0].ntree_awake == 1  # the limb alone
    assert physics.state[0, height] == pytest.approx(floor, abs=5e-4)
    qpos, qvel = np.split(
        physics.state[0, 1 : 1 + beside_blocks.model.nq + beside_blocks.model.nv], [-beside_blocks.model.nv]
    )
    qpos[height - 1] += 0.02  # without a velocity
    physics.place(0, qpos, qvel)
    go_on(physics, 16)
    assert physics.state[0, height] == pytest.approx(floor, abs=5e-4)
    physics.close()


def test_sleeping_blocks_leave_a_row_independent_of_its_batch_its_threads_and_its_past(beside_blocks: Limb) -> None:
    physics = falling(beside_blocks, 3)
    first = go_on(physics, 16)
    physics.reset(np.array([1]), falling(beside_blocks, 3).state[1:2])
    second = go_on(physics, 16)
    np.testing.assert_array_equal(second[0][1], first[0][1])  # as if nothing had been before
    for rows, threads in ((1, 1), (3, 2)):
        other = go_on(falling(beside_blocks, rows, threads), 16)
        for one, expected in zip(other, first, strict=True):
            np.testing.assert_array_equal(one, expected[:rows])


@pytest.mark.parametrize("before", [3, 16])
def test_copies_know_which_blocks_sleep(beside_blocks: Limb, before: int) -> None:
    physics = falling(beside_blocks, 2)
    go_on(physics, before)
    copies = copy.deepcopy(physics), pickle.loads(pickle.dumps(physics))  # noqa: S301 -- written in this process
    awake = [data.ntree_awake for data in physics._data]
    expected = go_on(physics, 14)
    for copied in copies:
        assert [data.ntree_awake for data in copied._data] == awake
        for one, other in zip(go_on(copied, 14), expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_thread_stays_after_the_end(beside_blocks: Limb) -> None:
    before = threading.active_count()
    physics = falling(beside_blocks, 2, threads=2)
    go_on(physics, 1)
    assert before < threading.active_count() <= before + 2  # one thread alone, where it ends before the other begins
    physics.close()
    assert threading.active_count() == before
