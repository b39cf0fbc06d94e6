"""Muscles against dampers: what the drive and its forward model say is what the physics does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest

from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import IntentMap, intent_map
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.excitations import RISE_S, STRONGEST, ExcitationDrive, moved_axes
from neuromotion_gym.limbs.muscles import moved_by_muscles, muscle, speeds_at

if TYPE_CHECKING:
    from pathlib import Path

CONTROL_S = 0.05
SPEED = 0.19
AXES = ("knee", "ankle")
FOUR = ("VL", "BF", "TA", "LG")
ALL = ("TA", "MG", "SOL", "BF", "ST", "VL", "RF", "LG", "VM")
CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
PLACES = np.concatenate([np.zeros((1, 2)), 0.6 * CORNERS])


@pytest.fixture(scope="module")
def leg() -> Limb:
    return Limb.load("leg", "orthosis")


def drive_of(leg: Limb, labels: tuple[str, ...] = ALL) -> ExcitationDrive:
    return ExcitationDrive(leg, intent_map("leg", labels), AXES, SPEED, CONTROL_S)


def excite(leg: Limb, drive: ExcitationDrive, places: np.ndarray, action: np.ndarray, steps: int) -> list[np.ndarray]:
    """Sensors at the start and after each control step of rows that start at places and take one action throughout."""
    rows = len(places)
    physics = Physics(leg, CONTROL_S, rows, 1)
    drive.start(rows)
    physics.reset(np.arange(rows), drive.reset(np.arange(rows), places))
    return simulated(physics, drive, action, steps)


def simulated(physics: Physics, drive: ExcitationDrive, action: np.ndarray, steps: int) -> list[np.ndarray]:
    """Sensors now and after each of some control steps with the same action."""
    seen = [physics.sensors]
    for _ in range(steps):
        asked = np.broadcast_to(action, (len(physics.sensors), drive.action_size))
        physics.begin(drive.control(asked, physics.sensors))
        physics.simulate()
        assert not physics.finish().any()
        seen.append(physics.sensors)
    return seen


@pytest.mark.parametrize("name", ALL)
def test_a_muscle_moves_the_limb_as_its_forward_model_says(leg: Limb, name: str) -> None:
    drive = drive_of(leg)
    label = ALL.index(name)
    seen = excite(leg, drive, PLACES, np.eye(len(ALL))[label], 14)
    moved = leg.positions(seen[-1], AXES) - leg.positions(seen[8], AXES)  # at full excitation since step 4
    said = np.sum([drive.effect(np.full(len(PLACES), label), sensors) for sensors in seen[8:-1]], axis=0)
    np.testing.assert_allclose(moved, said, atol=0.07 * SPEED * 6 * CONTROL_S)


def test_without_excitation_the_leg_stays_where_it_is(leg: Limb) -> None:
    drive = drive_of(leg)
    seen = excite(leg, drive, 0.9 * CORNERS, np.zeros(len(ALL)), 200)
    np.testing.assert_array_equal(drive.effect(np.zeros(4, dtype=int), seen[0])[:, 0], 0)  # a muscle of the ankle
    assert np.abs(drive.pull(seen[0]).speeds.drift).max() > 0.05  # friction holds it against passive muscles
    assert np.abs(leg.positions(seen[-1], AXES) - 0.9 * CORNERS).max() < 0.005


def test_the_movement_lags_behind_the_action_as_said(leg: Limb) -> None:
    """It begins later than it ends, since friction has to be overcome; the mean of both is the lag."""
    drive = drive_of(leg, FOUR)
    physics = Physics(leg, CONTROL_S, 1, 1)
    drive.start(1)
    physics.reset(np.array([0]), drive.reset(np.array([0]), PLACES[:1]))
    seen = simulated(physics, drive, np.array([1.0, 0.0, 0.0, 0.0]), 20)
    begun = leg.positions(seen[20], AXES)[0, 0] - leg.positions(seen[10], AXES)[0, 0]
    speed = begun / (10 * CONTROL_S)
    late = 20 * CONTROL_S - (leg.positions(seen[20], AXES)[0, 0] - PLACES[0, 0]) / speed
    seen = simulated(physics, drive, np.zeros(4), 12)
    after = (leg.positions(seen[-1], AXES)[0, 0] - leg.positions(seen[0], AXES)[0, 0]) / speed
    assert (late + after) / 2 == pytest.approx(drive.lag_s, abs=0.01)


def test_full_excitation_gives_the_same_speed_in_every_posture_unless_the_muscle_is_too_weak(leg: Limb) -> None:
    drive = drive_of(leg)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 2), axis=-1).reshape(-1, 2)
    (sensors,) = excite(leg, drive, grid, np.zeros(len(ALL)), 0)
    full = drive.pull(sensors).full
    effects = [drive.effect(np.full(len(grid), label), sensors) / CONTROL_S for label in range(len(ALL))]
    speeds = np.abs(effects).max(axis=2).T
    np.testing.assert_allclose(speeds[full < STRONGEST], SPEED)
    assert (speeds < SPEED + 1e-9).all()
    assert (full[:, ALL.index("RF")] == STRONGEST).any()  # slack near full extension of the knee
    assert np.median(full, axis=0).max() < STRONGEST


def test_muscles_that_pull_the_same_way_are_together_no_faster_than_one_alone(leg: Limb) -> None:
    drive = drive_of(leg)
    for together in (("VL", "VM", "RF"), ("BF", "ST"), ("SOL", "MG", "LG")):
        action = np.array([[float(name in together) for name in ALL]])
        seen = excite(leg, drive, np.zeros((1, 2)), action, 12)
        speed = np.abs(leg.motion(seen[-1], AXES)[1]).max()
        assert speed == pytest.approx(SPEED, rel=0.15), together


def test_pulls_are_kept_for_sensors_that_cannot_change(leg: Limb) -> None:
    drive = drive_of(leg)
    (sensors,) = excite(leg, drive, np.zeros((1, 2)), np.zeros(len(ALL)), 0)
    changing = sensors.copy()
    before = drive.pull(changing).full
    changing[:, leg.sensor("knee_pos")] += 0.4
    assert (drive.pull(changing).full != before).any()
    assert drive.pull(sensors) is drive.pull(sensors)


def test_a_muscle_of_two_joints_moves_both(leg: Limb) -> None:
    speeds = speeds_at(leg, ALL, AXES, PLACES).pulls
    for name in ("MG", "LG"):
        knee, ankle = speeds[:, ALL.index(name)].T
        assert (knee > 0).all()  # flexion
        assert (ankle < 0).all()  # plantar flexion
        assert (np.abs(ankle) > 3 * np.abs(knee)).all()


def test_excitation_rises_and_falls_linearly_and_actions_below_zero_ask_for_none(leg: Limb) -> None:
    drive = drive_of(leg, FOUR)
    physics = Physics(leg, CONTROL_S, 1, 1)
    drive.start(1)
    physics.reset(np.array([0]), drive.reset(np.array([0]), PLACES[:1]))
    shares, controls = [], []
    for asked in [1.0] * 5 + [-1.0] * 5:
        controls.append(drive.control(np.array([[asked, -asked, 0.5, 0.0]]), physics.sensors)[0])
        shares.append(drive.motion(physics.sensors)[0][0, 2:])
    step = CONTROL_S / RISE_S
    assert [share[0] for share in shares] == pytest.approx(
        [step, 2 * step, 3 * step, 1, 1, 3 * step, 2 * step, step, 0, 0]
    )
    assert [share[1] for share in shares] == pytest.approx([0] * 5 + [step, 2 * step, 3 * step, 1, 1])
    assert shares[-1][2] == 0.5
    full = drive.pull(physics.sensors).full[0]
    others = np.delete(controls[4], [leg.model.actuator(name).id for name in FOUR])
    assert controls[4][leg.model.actuator("VL").id] == pytest.approx(full[0])
    assert not others.any()


@pytest.mark.parametrize(
    ("labels", "axes"),
    [(FOUR, AXES), (("RF", "BF", "VM", "ST"), ("knee",)), (("rest", "TA", "SOL"), ("ankle",)), (ALL, AXES)],
)
def test_axes_are_the_joints_that_the_muscles_move_both_ways(leg: Limb, labels: tuple[str, ...], axes: tuple) -> None:
    assert moved_axes(leg, intent_map("leg", labels)) == axes


def test_a_joint_moved_one_way_only_is_refused(leg: Limb) -> None:
    with pytest.raises(NeuroMotionError, match="Muscles VL, BF, TA move ankle of limb 'leg' in one direction only"):
        moved_axes(leg, intent_map("leg", ("VL", "BF", "TA")))


def test_an_unknown_muscle_is_refused_with_those_that_there_are(leg: Limb) -> None:
    with pytest.raises(NeuroMotionError, match="no muscle 'VI'. Muscles: TA, MG, SOL"):
        muscle(leg, "VI")
    with pytest.raises(NeuroMotionError, match="no muscle 'knee_damper'"):
        ExcitationDrive(leg, IntentMap(("a",), ("knee_damper",), np.eye(1)), AXES, SPEED, CONTROL_S)


def test_a_speed_that_a_muscle_cannot_reach_is_refused(leg: Limb) -> None:
    with pytest.raises(NeuroMotionError, match=r"Muscles BF of limb 'leg' cannot move it at 0.7 half ranges"):
        ExcitationDrive(leg, intent_map("leg", FOUR), AXES, 0.7, CONTROL_S)


def test_a_joint_without_any_damping_is_refused(tmp_path: Path) -> None:
    spec = Limb.load("leg").spec()
    spec.joint("ankle").damping[0] = 0.0
    (tmp_path / "loose.xml").write_text(spec.to_xml(), encoding="utf-8")
    loose = Limb.load(tmp_path / "loose.xml")
    with pytest.raises(NeuroMotionError, match="no damping at ankle"):
        speeds_at(loose, FOUR, AXES, PLACES)


def test_muscles_move_the_joints_without_actuators(leg: Limb) -> None:
    assert moved_by_muscles(leg) == AXES
    assert moved_by_muscles(Limb.load("arm")) == ()


def test_home_of_a_limb_of_muscles_is_its_keyframe(leg: Limb) -> None:
    place = leg.model.key_qpos[mujoco.mj_name2id(leg.model, mujoco.mjtObj.mjOBJ_KEY, "home")]
    np.testing.assert_array_equal(leg.qpos_at(np.zeros((1, 2)), AXES)[0], place)
    np.testing.assert_array_equal([degree.home for degree in leg.degrees], place)
