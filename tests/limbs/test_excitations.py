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
PLACES = np.array([[0.0, 0.0], [0.6, 0.6], [-0.6, 0.6], [0.6, -0.6], [-0.6, -0.6]])


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
    seen = [physics.sensors]
    for _ in range(steps):
        physics.begin(drive.control(np.broadcast_to(action, (rows, drive.action_size)), physics.sensors))
        physics.simulate()
        assert not physics.finish().any()
        seen.append(physics.sensors)
    physics.close()
    return seen


@pytest.mark.parametrize("name", ALL)
def test_a_muscle_moves_the_limb_as_its_forward_model_says(leg: Limb, name: str) -> None:
    drive = drive_of(leg)
    label = ALL.index(name)
    seen = excite(leg, drive, PLACES, np.eye(len(ALL))[label], 14)
    moved = leg.positions(seen[-1], AXES) - leg.positions(seen[8], AXES)  # at full excitation since step 4
    said = np.sum([drive.effect(np.full(len(PLACES), label), sensors) for sensors in seen[8:-1]], axis=0)
    np.testing.assert_allclose(moved, said, atol=0.05 * SPEED * 6 * CONTROL_S)


def test_without_excitation_the_limb_drifts_as_said_and_slowly(leg: Limb) -> None:
    drive = drive_of(leg)
    seen = excite(leg, drive, PLACES, np.zeros(len(ALL)), 20)
    drift = (leg.positions(seen[-1], AXES) - PLACES) / 20 / CONTROL_S
    np.testing.assert_allclose(drift, drive.pull(seen[10]).drift, atol=0.02 * SPEED)
    assert np.abs(drift).max() < SPEED / 4


def test_the_movement_lags_behind_the_action_as_said(leg: Limb) -> None:
    drive = drive_of(leg, FOUR)
    seen = excite(leg, drive, PLACES[:1], np.array([1.0, 0.0, 0.0, 0.0]), 20)
    knee = np.array([leg.positions(sensors, AXES)[0, 0] for sensors in seen])
    steady = (knee[-1] - knee[10]) / 10
    late = 20 - (knee[-1] - knee[0]) / steady  # steps by which it is behind a movement without any delay
    assert late * CONTROL_S == pytest.approx(drive.lag_s, abs=0.01)


def test_full_excitation_gives_the_same_speed_in_every_posture_unless_the_muscle_is_too_weak(leg: Limb) -> None:
    drive = drive_of(leg)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 2), axis=-1).reshape(-1, 2)
    drive.start(len(grid))
    physics = Physics(leg, CONTROL_S, len(grid), 1)
    physics.reset(np.arange(len(grid)), drive.reset(np.arange(len(grid)), grid))
    pull = drive.pull(physics.sensors)
    main = np.abs(pull.speeds).max(axis=2)
    assert pull.full.max() <= STRONGEST
    np.testing.assert_allclose(main[pull.full < STRONGEST], SPEED)
    assert (main < SPEED + 1e-9).all()
    assert (pull.full[:, drive.muscles.index("RF")] == STRONGEST).any()  # slack near full extension of the knee
    assert np.median(pull.full, axis=0).max() < STRONGEST


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
    with pytest.raises(NeuroMotionError, match=r"Muscles BF of limb 'leg' cannot move it at 0.4 half ranges"):
        ExcitationDrive(leg, intent_map("leg", FOUR), AXES, 0.4, CONTROL_S)


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
