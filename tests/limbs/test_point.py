"""Laws of the drive that moves a point: its Jacobian, straight paths, ranges of joints, both sides of the body."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest

from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_map
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.point import LIMIT, PointDrive
from neuromotion_gym.registration import limb_file

if TYPE_CHECKING:
    from collections.abc import Callable

LABELS = ("rest", "left_fist", "right_fist", "both_fists", "both_feet")
CONTROL_S = 0.05
SPEED = 0.3


def make_drive(side: str = "right", rows: int = 1) -> PointDrive:
    limb = Limb.load("arm", "frontal_plane", side)
    intents = intent_map("arm", LABELS, "point")
    drive = PointDrive(limb, intents, intents.axes, SPEED, CONTROL_S)
    drive.start(rows)
    return drive


@pytest.fixture(scope="module")
def drives() -> dict[str, PointDrive]:
    return {side: make_drive(side, 8) for side in ("right", "left")}


def moved(drive: PointDrive, physics: Physics, action: np.ndarray) -> np.ndarray:
    """Simulate a step; return where the point is in the world, shape (rows, 3)."""
    physics.begin(drive.control(action, physics.sensors))
    physics.simulate()
    assert not physics.finish().any()
    return physics.sensors[:, drive.limb.sensor("point_position")]


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_jacobian_from_sensors_is_mujoco_s(drives: dict[str, PointDrive], side: str) -> None:
    drive = drives[side]
    model, chain = drive.limb.model, drive.chain
    data, exact = mujoco.MjData(model), np.zeros((3, model.nv))
    site, random = model.site("hand").id, np.random.default_rng(0)
    assert len(chain.qpos) == 7
    for _ in range(50):
        data.qpos[chain.qpos] = random.uniform(chain.low, chain.high)
        mujoco.mj_forward(model, data)
        mujoco.mj_jacSite(model, data, exact, None, site)
        sensors = np.stack([data.sensordata] * 2)
        found = chain.jacobian(sensors, sensors[:, drive.limb.sensor("point_position")])
        np.testing.assert_allclose(found, [exact[:, chain.qpos]] * 2, atol=1e-9)


@pytest.mark.parametrize("side", ["right", "left"])
def test_paths_are_straight_up_to_the_limit_and_back_and_joints_keep_their_ranges(
    drives: dict[str, PointDrive], side: str
) -> None:
    drive, rows = drives[side], np.arange(8)
    physics = Physics(drive.limb, CONTROL_S, 8, 1)
    physics.reset(rows, drive.reset(rows, np.zeros((8, 2))))
    turns = rows * np.pi / 4
    ways = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    ways /= np.abs(ways).max(axis=1, keepdims=True)
    across = np.stack([-ways[:, 1], ways[:, 0]], axis=1) / np.linalg.norm(ways, axis=1, keepdims=True)
    steps = int(LIMIT / SPEED / CONTROL_S)
    assert drive.motion(physics.sensors)[0] == pytest.approx(0, abs=1e-6)
    for phase, way in enumerate((ways, -ways)):
        for step in range(steps + 6):
            point = moved(drive, physics, way if step < steps else 0 * way)
            place = drive.motion(physics.sensors)[0]
            assert np.abs((place * across).sum(axis=1)).max() * drive.half_side_m < 0.003
            assert np.abs(point[:, 0] - drive.middle[0]).max() < 0.0025
            angles = physics.state[:, 1 + drive.chain.qpos]
            assert (angles > drive.chain.low - 0.01).all()
            assert (angles < drive.chain.high + 0.01).all()
        np.testing.assert_allclose(place, (1 - phase) * steps * SPEED * CONTROL_S * ways, atol=0.01)
    angles = physics.state[:, 1 + drive.chain.qpos]
    np.testing.assert_allclose(angles, np.broadcast_to(angles[:1], angles.shape), atol=0.03)


def test_right_and_up_are_directions_of_the_world_on_both_sides(drives: dict[str, PointDrive]) -> None:
    for drive in drives.values():
        physics, rows = Physics(drive.limb, CONTROL_S, 8, 1), np.arange(8)
        physics.reset(rows, drive.reset(rows, np.zeros((8, 2))))
        action = np.zeros((8, 2))
        action[0], action[1] = [1, 0], [0, 1]
        for _ in range(20):
            point = moved(drive, physics, action)
        way = SPEED * drive.half_side_m
        np.testing.assert_allclose(point[0] - drive.middle, [0, -way, 0], atol=0.002)
        np.testing.assert_allclose(point[1] - drive.middle, [0, 0, way], atol=0.002)
        np.testing.assert_allclose(drive.motion(physics.sensors)[1][0], [SPEED, 0], atol=0.08)
        np.testing.assert_allclose(drive.in_space(np.array([[0.5, 0.0]])), [drive.middle - [0, 0.1, 0]])
    assert drives["left"].middle[1] == -drives["right"].middle[1] > 0


def test_an_episode_begins_at_rest_at_its_place(drives: dict[str, PointDrive]) -> None:
    drive, rows = drives["right"], np.arange(8)
    places = np.random.default_rng(1).uniform(-1, 1, (8, 2))
    physics = Physics(drive.limb, CONTROL_S, 8, 1)
    physics.reset(rows, drive.reset(rows, places))
    np.testing.assert_allclose(drive.motion(physics.sensors)[0], places, atol=1e-7)
    for _ in range(10):
        moved(drive, physics, np.zeros((8, 2)))
    np.testing.assert_allclose(drive.motion(physics.sensors)[0], places, atol=2e-3)


def test_a_limb_that_was_put_elsewhere_goes_on_from_there(drives: dict[str, PointDrive]) -> None:
    drive, rows = drives["right"], np.arange(8)
    physics = Physics(drive.limb, CONTROL_S, 8, 1)
    physics.reset(rows, drive.reset(rows, np.zeros((8, 2))))
    moved(drive, physics, np.ones((8, 2)))
    home = drive.limb.model.key_qpos[0]
    physics.place(0, home, np.zeros(drive.limb.model.nv))
    drive.reset(rows[:1], np.zeros((1, 2)))
    before = physics.sensors[0, drive.limb.sensor("point_position")].copy()
    point = moved(drive, physics, np.zeros((8, 2)))[0]
    assert np.linalg.norm(point - before) < 0.26 * abs(before[0] - drive.middle[0]) + 0.002
    assert np.abs(point[1:] - before[1:]).max() < 0.004


def test_a_copy_goes_on_like_the_original() -> None:
    drive, rows, places = make_drive(), np.zeros(1, int), np.full((1, 2), 0.3)
    physics = Physics(drive.limb, CONTROL_S, 1, 1)
    physics.reset(rows, drive.reset(rows, places))
    sensors, action = physics.sensors, np.ones((1, 2))
    drive.control(action, sensors)
    others = (copy.deepcopy(drive), pickle.loads(pickle.dumps(drive)))  # noqa: S301 -- made here
    control, state = drive.control(action, sensors), drive.reset(rows, places)
    for other in others:
        np.testing.assert_array_equal(other.control(action, sensors), control)
        np.testing.assert_array_equal(other.reset(rows, places), state)


def test_what_a_point_cannot_do_is_refused() -> None:
    intents = intent_map("arm", LABELS, "point")
    with pytest.raises(NeuroMotionError, match="Limb 'arm' needs a site 'middle' in the world"):
        PointDrive(Limb.load("arm"), intents, intents.axes, SPEED, CONTROL_S)
    main = intent_map("arm", LABELS)
    with pytest.raises(NeuroMotionError, match="A point moves along up, right, forward .* elbow_flexion, grip"):
        PointDrive(Limb.load("arm", "frontal_plane"), main, main.axes, SPEED, CONTROL_S)
    spec = Limb.load("arm", "frontal_plane").spec()
    spec.site("middle").pos = [2.0, 0.0, 1.0]
    far = Limb("arm", spec.compile(), limb_file("arm"))
    with pytest.raises(NeuroMotionError, match=r"does not reach \[0.0, 0.0\] in the plane, at \[2.0, 0.0, 1.0\] m"):
        PointDrive(far, intents, intents.axes, SPEED, CONTROL_S)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda spec: spec.delete(spec.sensor("radius_x")), "Body 'radius' of limb 'arm' needs a sensor framexaxis"),
        (lambda spec: spec.delete(spec.sensor("point_velocity")), "has no sensor 'point_velocity'"),
        (lambda spec: spec.delete(spec.sensor("elbow_flexion_pos")), "needs a jointpos sensor"),
    ],
)
def test_a_sensor_that_is_missing_is_named(spoil: Callable[[mujoco.MjSpec], None], fault: str) -> None:
    limb = Limb.load("arm", "frontal_plane")
    spec = limb.spec()
    spoil(spec)
    limb.model = spec.compile()
    intents = intent_map("arm", LABELS, "point")
    with pytest.raises(NeuroMotionError, match=fault):
        PointDrive(limb, intents, intents.axes, SPEED, CONTROL_S)
