"""The leg's own part of its task: which joints are axes, lag of the muscles, figures of excitation."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_map
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.excitations import ExcitationDrive, lag_of_movement
from neuromotion_gym.tasks.leg_posture import LegPostureTask
from neuromotion_gym.tasks.posture import posture_level
from neuromotion_gym.tasks.task import Timing

CONTROL_S = 0.05
TIMING = Timing(CONTROL_S, 0.4, 0.5)
FOUR = ("VL", "BF", "TA", "LG")


@pytest.fixture(scope="module")
def leg() -> Limb:
    return Limb.load("leg", "orthosis")


def make_task(leg: Limb, level: str = "standard", labels: tuple[str, ...] = FOUR) -> LegPostureTask:
    intents = intent_map("leg", labels)
    return LegPostureTask.from_level(
        level, leg, intents, lambda axes, speed: ExcitationDrive(leg, intents, axes, speed, CONTROL_S), TIMING
    )


def test_the_delay_of_the_muscles_counts_as_lag(leg: Limb) -> None:
    task = make_task(leg)
    late = posture_level("standard", 2, TIMING.lag_s + lag_of_movement(CONTROL_S), TIMING.piece_s, rest=False)
    assert (task.rules.speed, task.facts.time_limit_s) == (late.speed, late.time_limit_s)
    assert task.drive.speed == late.speed < posture_level("standard", 2, TIMING.lag_s, TIMING.piece_s, rest=False).speed


@pytest.mark.parametrize(
    ("labels", "axes", "candidates"), [(FOUR, ("knee", "ankle"), 4), (("RF", "BF", "VM", "ST"), ("knee",), 2)]
)
def test_axes_and_candidates_follow_from_the_labels(leg: Limb, labels: tuple, axes: tuple, candidates: int) -> None:
    task = make_task(leg, "easy", labels)
    assert task.axes == axes
    assert task.facts.goals.candidates.shape == (candidates, len(axes))


def test_muscles_that_move_a_joint_one_way_are_refused(leg: Limb) -> None:
    with pytest.raises(NeuroMotionError, match="move ankle of limb 'leg' in one direction only"):
        make_task(leg, labels=("VL", "BF", "LG"))


@pytest.mark.parametrize(
    ("action", "opposed"),
    [
        ([1, 0, 0, 0], 0.0),  # one muscle of one joint
        ([1, 1, 0, 0], 1.0),  # a muscle and its antagonist
        ([1, 1, 1, 0], None),  # both, and a muscle of another joint
        ([0, 0, 0, 0], 0.0),  # nothing at all
    ],
)
def test_cocontraction_is_the_share_of_pulls_that_cancel(leg: Limb, action: list[int], opposed: float | None) -> None:
    task = make_task(leg)
    task.start(1)
    physics = Physics(leg, CONTROL_S, 1, 1)
    task.drive.start(1)
    task.reset(np.array([0]), [np.random.default_rng(0)])
    # With the knee so far bent no passive muscle helps the extensors or the flexors
    physics.reset(np.array([0]), task.drive.reset(np.array([0]), np.array([[0.98, -0.3]])))
    knee, _, ankle, _ = np.abs(task.drive.pull(physics.sensors).pulls[0]).max(axis=1)
    opposed = 2 * knee / (2 * knee + ankle) if opposed is None else opposed
    excitations = []
    for _ in range(10):
        control = task.drive.control(np.array([action]), physics.sensors)
        excitations.append(control[0, [leg.model.actuator(name).id for name in FOUR]].mean())
        columns = task.step(physics.sensors).columns
    assert columns["cocontraction"][0] == pytest.approx(opposed, abs=1e-3)
    assert columns["mean_excitation"][0] == pytest.approx(np.mean(excitations))
    assert (columns["mean_excitation"][0] > 0.01) == any(action)
    task.reset(np.array([0]), [np.random.default_rng(1)])
    task.drive.control(np.zeros((1, 4)), physics.sensors)
    assert task.step(physics.sensors).columns["mean_excitation"][0] == 0  # nothing is left of the last episode


def test_ghost_is_the_leg_at_its_goal(leg: Limb) -> None:
    task = make_task(leg)
    task.start(1)
    task.drive.start(1)
    task.reset(np.array([0]), [np.random.default_rng(3)])
    knee, ankle = leg.degrees
    wanted = [
        degree.home + goal * (degree.high - degree.home)
        for degree, goal in zip((knee, ankle), task.goal[0], strict=True)
    ]
    np.testing.assert_allclose(task.ghost(0), wanted)
