"""The arm over the box: where it can bring the hand, and what becomes of blocks in physics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest

from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import IntentMap
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.assisted_grip import AssistedGripDrive
from neuromotion_gym.limbs.hand_poses import HandPoses
from neuromotion_gym.limbs.transport import BACK, CARRIED, OFFERED, PAST, WAITING, Transport, arm_plan

if TYPE_CHECKING:
    from pathlib import Path

CONTROL_S = 0.05
INTENTS = IntentMap(("close", "open"), ("grip",), np.array([[1.0], [-1.0]]))


@pytest.fixture(scope="module")
def limb() -> Limb:
    return Limb.load("arm", "box_and_blocks")


def drive_of(limb: Limb, period_s: float = 2.5, blocks: int = 2) -> AssistedGripDrive:
    return AssistedGripDrive(limb, INTENTS, ("grip",), 1.0, CONTROL_S, period_s=period_s, blocks=blocks)


def test_blocks_are_offered_taken_left_and_dropped_in_physics(limb: Limb) -> None:
    """Row 0 closes and opens past the partition, row 1 never closes, row 2 opens on the way, row 3 never opens."""
    drive, physics = drive_of(limb), Physics(limb, CONTROL_S, 4, 1)
    drive.start(4)
    rows, transport = np.arange(4), drive.transport
    physics.reset(rows, drive.reset(rows, np.zeros((4, 1))))
    transport.waits[:, 1:] = 10.0  # no second offer
    carried = np.zeros(4, dtype=bool)
    lowest = np.full(4, np.inf)
    for _ in range(120):
        phase = transport.phase
        closes = np.isin(phase, (OFFERED, CARRIED))
        action = np.where(closes, 1.0, -1.0)
        action[1] = -1.0
        action[2] = 1.0 if phase[2] == OFFERED else -1.0
        action[3] = 1.0
        physics.begin(drive.control(action[:, None], physics.sensors), ramp=drive.ramp)
        physics.simulate()
        assert not physics.finish().any()
        carried |= transport.phase == CARRIED
        lowest = np.minimum(lowest, physics.sensors[:, transport.blocks_read[:, 2]].min(axis=1))
    across = physics.sensors[:, transport.blocks_read[0, 1]] - transport.plan.partition
    assert carried.tolist() == [True, False, True, True]
    assert (across > 0).tolist() == [True, False, False, True]
    assert transport.block.tolist() == [1, 1, 1, 0]  # the last one waits past the partition until the hand opens
    assert transport.phase[3] == PAST
    assert transport.in_hand[3]
    assert transport.past[3]
    assert lowest.min() > 0.6615  # what is seen of blocks that fall lies less than 1 mm in the floor


def test_the_first_block_is_offered_after_its_wait_to_a_hand_that_comes_down(limb: Limb) -> None:
    drive, physics = drive_of(limb), Physics(limb, CONTROL_S, 1, 1)
    drive.start(1)
    physics.reset(np.zeros(1, dtype=int), drive.reset(np.zeros(1, dtype=int), np.zeros((1, 1))))
    transport = drive.transport
    transport.waits[:] = 0.28
    tips, phases, heights = [limb.sensor(f"{digit}_tip_position") for digit in ("thumb", "index")], [], []
    for _ in range(24):
        physics.begin(drive.control(np.full((1, 1), -1.0), physics.sensors))
        physics.simulate()
        physics.finish()
        phases.append(int(transport.phase[0]))
        middle = np.mean([physics.sensors[0, tip] for tip in tips], axis=0)
        heights.append(middle[2] - physics.sensors[0, transport.blocks_read[0, 2]])
    assert phases == [WAITING] * 5 + [OFFERED] * 19
    assert min(heights[:5]) > 0.03
    assert abs(heights[-1]) < 0.01


def test_a_hand_that_closes_above_a_block_stays_there_until_it_opens(limb: Limb) -> None:
    transport, sensors = Transport(limb, CONTROL_S, 2.5, 2), np.tile(limb.home_sensors, (2, 1))
    transport.start(2)
    transport.reset(np.arange(2))
    steps, early = [], []
    for grip in (-1.0, -1.0, 0.0, 0.0, -1.0):
        transport.advance(sensors, np.array([grip, -1.0]))
        steps.append((transport._step - transport.plan.hover).tolist())
        early.append(transport.closed_early.tolist())
    assert steps == [[0, 0], [-1, -1], [-1, -2], [-1, -3], [-2, -4]]
    assert early == [[False, False], [False, False], [True, False], [True, False], [False, False]]


@pytest.mark.parametrize(("back", "steps"), [(1, [4, 3, 2, 1, 0]), (2, [3, 1, 0, 0, 0])])
def test_an_arm_without_a_block_comes_back_at_its_own_speed(limb: Limb, back: int, steps: list[int]) -> None:
    transport = Transport(limb, CONTROL_S, 2.5, 2, back=back)
    transport.start(1)
    transport.reset(np.zeros(1, dtype=int))
    transport.phase[:] = BACK
    transport._step += 5
    seen = []
    for _ in steps:
        transport.advance(limb.home_sensors[None], -np.ones(1))
        seen.append(int(transport._step[0]) - transport.plan.hover)
    assert seen == steps


def test_a_limb_that_is_put_elsewhere_goes_on_with_its_block(limb: Limb) -> None:
    drive, row = drive_of(limb, blocks=4), np.array([1])
    drive.start(2)
    drive.reset(np.arange(2), np.zeros((2, 1)))
    transport = drive.transport
    transport.block[:], transport.waits[:] = 2, 0.7
    transport.phase[:] = CARRIED
    drive.moved(row, np.array([[0.4]]))
    assert drive.target[:, 0].tolist() == [-1.0, 0.4]
    assert (transport.block.tolist(), transport.phase.tolist()) == ([2, 2], [CARRIED, CARRIED])
    assert (transport.waits == 0.7).all()


def test_no_block_is_offered_to_a_closed_hand(limb: Limb) -> None:
    drive, physics = drive_of(limb, period_s=1.0), Physics(limb, CONTROL_S, 1, 1)
    drive.start(1)
    physics.reset(np.zeros(1, dtype=int), drive.reset(np.zeros(1, dtype=int), np.zeros((1, 1))))
    drive.transport.waits[:] = 0.5
    before = physics.sensors[0, drive.transport.blocks_read[1]]
    for _ in range(100):  # the first offer passes with the hand open, then it closes
        action = -1.0 if drive.transport.block[0] == 0 else 1.0
        physics.begin(drive.control(np.full((1, 1), action), physics.sensors))
        physics.simulate()
        physics.finish()
    assert (drive.transport.block[0], drive.transport.phase[0]) == (1, WAITING)
    np.testing.assert_allclose(physics.sensors[0, drive.transport.blocks_read[1]], before, atol=1e-3)


def test_the_hand_comes_to_every_block_with_the_fingers_down(limb: Limb) -> None:
    plan = arm_plan(limb, CONTROL_S)
    home = np.array(limb.model.key_qpos[0])
    poses = HandPoses(limb.model, "hand", plan.joints, home, plan.path[0, 0])
    low, high = limb.model.jnt_range[[limb.model.joint(name).id for name in plan.joints]].T
    offsets = []
    for path, place in zip(plan.path, plan.places, strict=True):
        position, rotation = poses.pose(path[0])
        offsets.append(position - place)
        assert rotation[2, 2] > 0.7  # the wrist is above the fingers
        assert (path > low).all()
        assert (path < high).all()
        nudged = path[0] + plan.shift[len(offsets) - 1] @ np.array([0.003, -0.003])
        np.testing.assert_allclose(poses.pose(nudged)[0] - position, [0.003, -0.003, 0.0], atol=4e-4)
    np.testing.assert_allclose(offsets, offsets[:1] * len(offsets), atol=1e-3)


def test_the_left_arm_moves_as_the_right_one(limb: Limb) -> None:
    right, left = (arm_plan(one, CONTROL_S) for one in (limb, Limb.load("arm", "box_and_blocks", "left")))
    np.testing.assert_allclose(left.path, right.path, atol=1e-5)
    np.testing.assert_allclose(left.places, right.places * np.array([1.0, -1.0, 1.0]))


def test_postures_for_poses_out_of_reach_stay_within_the_ranges_of_the_joints(limb: Limb) -> None:
    home = np.array(limb.model.key_qpos[mujoco.mj_name2id(limb.model, mujoco.mjtObj.mjOBJ_KEY, "home")])
    plan = arm_plan(limb, CONTROL_S)
    poses = HandPoses(limb.model, "hand", plan.joints, home, np.zeros(7))
    angles = poses.posture(np.array([2.0, 0.0, 1.0]), np.eye(3), 1.0, np.zeros(7))
    low, high = limb.model.jnt_range[[limb.model.joint(name).id for name in plan.joints]].T
    assert (angles > low).all()
    assert (angles < high).all()


def test_scenes_and_axes_that_do_not_fit_are_refused(limb: Limb) -> None:
    with pytest.raises(NeuroMotionError, match="has 12 blocks, not 13"):
        Transport(limb, CONTROL_S, 1.0, 13)
    with pytest.raises(NeuroMotionError, match="needs a scene with bodies block_1"):
        Transport(Limb.load("arm"), CONTROL_S, 1.0, 1)
    two = IntentMap(("close", "bend"), ("grip", "wrist_flexion"), np.eye(2))
    with pytest.raises(NeuroMotionError, match="has one axis; the labels move grip, wrist_flexion"):
        AssistedGripDrive(limb, two, ("grip", "wrist_flexion"), 1.0, CONTROL_S, period_s=1.0, blocks=1)


def test_a_plan_is_computed_again_if_a_file_that_the_model_includes_changes(limb: Limb, tmp_path: Path) -> None:
    file, included = tmp_path / "arm.xml", tmp_path / "inside.xml"
    file.write_text('<mujoco><include file="inside.xml"/></mujoco>', encoding="utf-8")
    text = limb.spec().to_xml()
    inner = text[text.index(">", text.index("<mujoco")) + 1 :]
    places = []
    for shift in (0.0, 0.01):
        spec = mujoco.MjSpec.from_string(f"<mujoco>{inner}")
        spec.body("block_1").pos = spec.body("block_1").pos + np.array([shift, 0.0, 0.0])
        included.write_text(spec.to_xml(), encoding="utf-8")
        places.append(arm_plan(Limb.load(file), CONTROL_S).places[0, 0])
    assert places[1] - places[0] == pytest.approx(0.01)
