"""What holds for every limb that ships with the library."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from mujoco import rollout

from neuromotion_gym.intents import intent_table
from neuromotion_gym.limbs import Limb, limb_names

CONTROL_S = 0.05
FULL_SPEED = 0.6
"""Half ranges a second: twice the speed of any task."""


@pytest.fixture(scope="module", params=limb_names())
def limb(request: pytest.FixtureRequest) -> Limb:
    return Limb.load(request.param)


def names(limb: Limb) -> list[str]:
    return [degree.name for degree in limb.degrees]


def set_points(limb: Limb) -> list[str]:
    """Degrees of freedom that actuators move; the test is for them alone."""
    found = [degree.name for degree in limb.degrees if degree.actuators]
    return found or pytest.skip("muscles move this limb")


def simulate(limb: Limb, states: np.ndarray, controls: np.ndarray, step_s: float | None = None) -> np.ndarray:
    """Sensor data after each control period; controls of shape (n, periods, nu)."""
    model = limb.model
    if step_s is not None:
        model = mujoco.MjModel.from_xml_path(str(limb.path))
        model.opt.timestep = step_s
    steps = round(CONTROL_S / model.opt.timestep)
    with rollout.Rollout(nthread=0) as pool:
        _, sensors = pool.rollout(model, [mujoco.MjData(model)], states, np.repeat(controls, steps, axis=1))
    return sensors[:, steps - 1 :: steps]


def test_every_joint_actuator_sensor_and_moving_body_is_named(limb):
    model = limb.model
    for kind, count in (
        ("JOINT", model.njnt),
        ("ACTUATOR", model.nu),
        ("SENSOR", model.nsensor),
        ("BODY", model.nbody),
    ):
        unnamed = [i for i in range(count) if not mujoco.mj_id2name(model, getattr(mujoco.mjtObj, f"mjOBJ_{kind}"), i)]
        assert not unnamed, f"{kind} {unnamed}"


def test_all_degrees_that_the_intents_move_exist(limb):
    model, intents = limb.model, intent_table(limb.name).values()
    muscles = {model.actuator(int(i)).name for i in np.flatnonzero(model.actuator_actadr >= 0)}
    assert {intent.degree for intent in intents if intent.degree and not intent.one_way} <= set(names(limb))
    postures = {model.key(i).name for i in range(model.nkey)}
    assert {intent.degree for intent in intents if intent.one_way} <= muscles | postures


def test_physics_step_divides_the_control_period(limb):
    step = limb.model.opt.timestep
    assert step <= 0.005
    assert CONTROL_S / step == pytest.approx(round(CONTROL_S / step))


@pytest.mark.parametrize("place", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_resting_state_reads_the_place_it_was_asked_for(limb, place):
    for name in set_points(limb):
        target = np.array([[place]])
        sensors = simulate(limb, limb.state_at(target, (name,)), limb.control(target, (name,))[:, None])
        assert limb.positions(sensors[:, -1], (name,))[0, 0] == pytest.approx(place, abs=0.02), name


def test_holding_a_posture_moves_nothing(limb):
    rng = np.random.default_rng(0)
    apart = [degree.name for degree in limb.degrees if len(degree.actuators) == 1]
    for degrees in ([name] for name in set_points(limb)), [apart]:
        for group in degrees:
            targets = rng.uniform(-1, 1, size=(6, len(group)))
            states, control = limb.state_at(targets, group), limb.control(targets, group)
            sensors = simulate(limb, states, np.repeat(control[:, None], round(1 / CONTROL_S), axis=1))
            drift = limb.positions(sensors[:, -1], group) - limb.positions(sensors[:, 0], group)
            assert np.abs(drift).max() < 0.01, group
            assert np.abs(limb.positions(sensors[:, -1], group) - targets).max() < 0.02, group


@pytest.mark.parametrize("sign", [-1, 1])
def test_moving_set_point_is_followed_without_lag_or_overshoot(limb, sign):
    for name in set_points(limb):
        targets = np.minimum(np.arange(1, 51) * FULL_SPEED * CONTROL_S, 0.9)[:, None] * sign
        sensors = simulate(limb, limb.state_at(np.zeros((1, 1)), (name,)), limb.control(targets, (name,))[None])
        behind = sign * (targets[:, 0] - limb.positions(sensors[0], (name,))[:, 0])
        assert behind.max() < 0.02, f"{name} lags"
        assert behind.min() > -0.01, f"{name} overshoots"
        assert abs(behind[-1]) < 0.005, f"{name} does not arrive"


def test_physics_step_is_as_good_as_one_of_a_millisecond(limb):
    rng = np.random.default_rng(1)
    apart = [degree.name for degree in limb.degrees if degree.name in set_points(limb) and len(degree.actuators) == 1]
    speeds = np.repeat(rng.uniform(-FULL_SPEED, FULL_SPEED, size=(12, len(apart))), 8, axis=0)
    targets = np.clip(np.cumsum(speeds * CONTROL_S, axis=0), -0.9, 0.9)
    controls, start = limb.control(targets, apart)[None], limb.state_at(np.zeros((1, len(apart))), apart)
    coarse, fine = (limb.positions(simulate(limb, start, controls, step)[0], apart) for step in (None, 0.001))
    assert np.abs(coarse - fine).max() < 0.02


def test_twenty_seconds_of_random_control_stay_finite(limb):
    rng = np.random.default_rng(2)
    low, high = limb.model.actuator_ctrlrange.T
    controls = rng.uniform(low, high, size=(2, round(20 / CONTROL_S), limb.model.nu))
    start = limb.state_at(np.zeros((2, 1)), names(limb)[:1])
    sensors = simulate(limb, start, controls)
    assert np.isfinite(sensors).all()
    assert (np.ptp(sensors[:, -20:], axis=1) > 0).any(), "reset by MuJoCo, which hides that it became unstable"
    for degree in limb.degrees:
        if len(degree.actuators) == 1:
            beyond = np.abs(sensors[..., degree.position_sensor] - (degree.low + degree.high) / 2).max()
            assert beyond < 1.5 * (degree.high - degree.low), degree.name


def test_batch_row_equals_a_batch_of_one(limb):
    name = names(limb)[-1]
    targets = np.linspace(-1, 1, 5)[:, None]
    whole = limb.state_at(targets, (name,))
    for row in range(5):
        np.testing.assert_array_equal(whole[row], limb.state_at(targets[row : row + 1], (name,))[0])


def test_loading_twice_gives_the_same_bits(limb):
    other, name = Limb.load(limb.name), names(limb)[-1]
    targets = np.array([[0.37]])
    np.testing.assert_array_equal(limb.state_at(targets, (name,)), other.state_at(targets, (name,)))
    assert limb.degrees == other.degrees
