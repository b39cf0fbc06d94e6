"""Laws of named postures: how far the limb is towards each, and how the drive moves it from one to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np
import pytest
from mujoco import rollout

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import IntentMap
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.named_postures import NamedPostureDrive, NamedPostures

if TYPE_CHECKING:
    from pathlib import Path

CONTROL_S = 0.05
SPEED = 2.0
FINGERS = ("one", "two", "three")
POSTURES = {"home": (0.0, 0.0, 0.0), "fist": (0.9, 0.9, 0.9), "point": (0.0, 0.9, 0.9), "spread": (-0.6, -0.6, -0.6)}
NAMES = ("fist", "point", "spread")
LABELS = ("still", *NAMES)
DIRECTIONS = np.array([[-1.0, -1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def claw(folder: Path) -> Limb:
    """A limb with three fingers of one joint each, and a few named postures."""
    bodies = "".join(
        f'<body pos="0 {0.1 * i} 0"><joint name="{name}" axis="0 1 0" range="-1 1" damping="0.01"/>'
        f'<geom type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" mass="0.05" contype="0" conaffinity="0"/></body>'
        for i, name in enumerate(FINGERS)
    )
    servos = "".join(f'<position name="{n}" joint="{n}" kp="5" kv="0.2" ctrlrange="-1 1"/>' for n in FINGERS)
    sensors = "".join(f'<jointpos name="{n}_pos" joint="{n}"/><jointvel name="{n}_vel" joint="{n}"/>' for n in FINGERS)
    keys = "".join(
        f'<key name="{name}" qpos="{" ".join(map(str, at))}" ctrl="{" ".join(map(str, at))}"/>'
        for name, at in POSTURES.items()
    )
    path = folder / "claw.xml"
    path.write_text(
        f'<mujoco><compiler angle="radian"/><option timestep="0.005" gravity="0 0 0"/><worldbody>{bodies}</worldbody>'
        f"<actuator>{servos}</actuator><sensor>{sensors}</sensor><keyframe>{keys}</keyframe></mujoco>",
        encoding="utf-8",
    )
    return Limb.load(path)


@pytest.fixture(scope="module")
def limb(tmp_path_factory: pytest.TempPathFactory) -> Limb:
    return claw(tmp_path_factory.mktemp("claw"))


@pytest.fixture
def drive(limb: Limb) -> NamedPostureDrive:
    intents = IntentMap(LABELS, NAMES, DIRECTIONS, exclusive=NAMES)
    made = NamedPostureDrive(limb, intents, NAMES, SPEED, CONTROL_S)
    made.start(1)
    made.reset(np.array([0]), np.zeros((1, 3)))
    return made


def seen(limb: Limb, fingers: np.ndarray) -> np.ndarray:
    """Sensors with the fingers at these scaled positions, shape (rows, 3)."""
    fingers = np.atleast_2d(np.asarray(fingers, dtype=float))
    sensors = np.zeros((len(fingers), limb.model.nsensordata))
    sensors[:, 0::2] = fingers
    return sensors


def told(limb: Limb, drive: NamedPostureDrive, action: list[float]) -> np.ndarray:
    return drive.control(np.array([action]), seen(limb, [0, 0, 0]))[0]


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_progress_is_the_share_of_the_way_to_a_posture_and_nothing_towards_the_others(limb, name, share) -> None:
    progress, velocity = NamedPostures(limb, NAMES).progress(seen(limb, share * np.array(POSTURES[name])))
    assert progress[0] == pytest.approx([share * (name == other) for other in NAMES])
    assert (velocity == 0).all()


def test_the_velocity_is_that_of_the_progress(limb) -> None:
    postures, sensors = NamedPostures(limb, NAMES), seen(limb, [0.0, 0.45, 0.45])
    sensors[:, 1::2] = [0.0, 0.9, 0.9]
    assert postures.progress(sensors)[1][0] == pytest.approx([0.0, 1.0, 0.0])


def test_progress_stays_between_0_and_1(limb) -> None:
    progress = NamedPostures(limb, NAMES).progress(seen(limb, [[1, 1, 1], [-1, -1, -1], [1, -1, 0], [0, 0, 0]]))[0]
    assert (progress >= 0).all()
    assert (progress <= 1).all()
    assert (np.count_nonzero(progress, axis=1) <= 1).all()


def test_a_posture_is_as_far_as_its_farthest_degree(limb) -> None:
    found = NamedPostures(limb, NAMES).distances(seen(limb, [0.5, 0.9, 0.9]))[0]
    assert found == pytest.approx([0.4, 0.5, 1.5, 0.9])


def test_the_distance_of_postures_counts_home_too(limb) -> None:
    apart = NamedPostures(limb, NAMES).apart()
    assert apart[0] == pytest.approx([0.0, 0.9, 1.5, 0.9])
    assert apart == pytest.approx(apart.T)


def test_a_label_brings_the_limb_to_its_posture_in_the_time_that_the_speed_says(limb, drive) -> None:
    steps = [told(limb, drive, [1, -1, -1]) for _ in range(12)]
    assert steps[4] == pytest.approx(np.array(POSTURES["fist"]) / 2)
    assert steps[9] == pytest.approx(POSTURES["fist"])
    assert steps[11] == pytest.approx(POSTURES["fist"])


def test_an_action_is_a_share_of_full_speed_and_0_keeps_the_posture(limb, drive) -> None:
    for _ in range(5):
        told(limb, drive, [0.5, -1, -1])
    assert told(limb, drive, [0, 0, 0]) == pytest.approx(np.array(POSTURES["fist"]) / 4)
    assert told(limb, drive, [-0.5, 0, 0]) == pytest.approx(np.array(POSTURES["fist"]) / 5)


def test_the_limb_goes_home_before_it_takes_up_another_posture(limb, drive) -> None:
    for _ in range(5):
        told(limb, drive, [1, -1, -1])
    way = [told(limb, drive, [-1, -1, 1]) for _ in range(15)]
    assert way[3] == pytest.approx(np.array(POSTURES["fist"]) / 10)
    assert way[4] == pytest.approx([0, 0, 0], abs=1e-12)
    assert way[14] == pytest.approx(POSTURES["spread"])


def test_what_is_left_of_a_step_at_home_goes_to_the_next_posture(limb, drive) -> None:
    told(limb, drive, [0.5, -1, -1])
    assert told(limb, drive, [-1, -1, 1]) == pytest.approx(0.05 * np.array(POSTURES["spread"]))


def test_a_posture_is_kept_while_it_is_not_left(limb, drive) -> None:
    for _ in range(20):
        command = told(limb, drive, [0, 1, 1])
    assert command == pytest.approx(POSTURES["point"])
    assert told(limb, drive, [1, 0, 1]) == pytest.approx(POSTURES["point"])


def test_of_several_postures_the_one_with_the_largest_action_is_taken_up(limb, drive) -> None:
    assert told(limb, drive, [0.2, 0.3, 1.0]) == pytest.approx(0.1 * np.array(POSTURES["spread"]))


def test_actions_beyond_1_are_full_speed(limb, drive) -> None:
    for share in (0.1, 0.2, 0.3):
        assert told(limb, drive, [9, -9, -9]) == pytest.approx(share * np.array(POSTURES["fist"]))
    assert told(limb, drive, [-9, 0, 0]) == pytest.approx(0.2 * np.array(POSTURES["fist"]))


def test_what_is_computed_once_a_step_is_that_of_the_step(limb) -> None:
    postures, steps = NamedPostures(limb, NAMES), [seen(limb, POSTURES[name]) for name in NAMES]
    for sensors in steps:
        sensors.setflags(write=False)
    found = [postures.progress(sensors)[0] for sensors in steps]
    assert np.array_equal(np.concatenate(found), np.eye(3))
    assert postures.progress(steps[-1])[0] is found[-1]


def test_the_effect_of_a_label_is_the_mean_over_the_way_to_its_place(limb, drive) -> None:
    labels, stride = np.arange(4), SPEED * CONTROL_S
    at_home = drive.effect(labels, seen(limb, np.zeros((4, 3))))
    assert at_home == pytest.approx(stride * np.concatenate([np.zeros((1, 3)), np.eye(3)]))
    in_fist = drive.effect(labels, seen(limb, np.tile(POSTURES["fist"], (4, 1))))
    half = stride / 2
    assert (drive.effect(labels[:1], seen(limb, 1e-3 * np.array(POSTURES["fist"]))) == 0).all()
    assert (drive.effect(labels[1:2], seen(limb, 0.999 * np.array(POSTURES["fist"]))) == 0).all()
    assert in_fist == pytest.approx(np.array([[-stride, 0, 0], [0, 0, 0], [-half, half, 0], [-half, 0, half]]))


def test_a_label_that_is_ignored_has_no_effect(limb) -> None:
    intents = IntentMap(("flick", *LABELS), NAMES, np.vstack([np.zeros(3), DIRECTIONS]), ("flick",), NAMES)
    drive = NamedPostureDrive(limb, intents, NAMES, SPEED, CONTROL_S)
    assert (drive.effect(np.array([0]), seen(limb, POSTURES["fist"])) == 0).all()


def test_an_episode_starts_at_rest_in_a_place(limb, drive) -> None:
    states = drive.reset(np.array([0]), np.array([[0.0, 0.5, 0.0]]))
    with rollout.Rollout(nthread=0) as pool:
        control = np.tile(told(limb, drive, [0, 0, 0]), (1, 40, 1))
        _, sensors = pool.rollout(limb.model, [mujoco.MjData(limb.model)], states, control)
    assert drive.motion(sensors[:, -1])[0][0] == pytest.approx([0, 0.5, 0], abs=0.01)
    assert np.abs(drive.motion(sensors[:, 0])[1]).max() < 0.05


def test_a_row_of_a_batch_has_the_same_bits_as_alone(limb) -> None:
    fingers = np.random.default_rng(0).uniform(-1, 1, (7, 3))
    postures = NamedPostures(limb, NAMES)
    together = postures.progress(seen(limb, fingers))[0]
    assert all(
        np.array_equal(postures.progress(seen(limb, one))[0][0], row)
        for one, row in zip(fingers, together, strict=True)
    )


def test_labels_that_move_something_else_are_refused(limb) -> None:
    intents = IntentMap(("up", "down"), ("one",), np.array([[1.0], [-1.0]]))
    with pytest.raises(NeuroMotionError, match="labels move one"):
        NamedPostureDrive(limb, intents, ("one",), SPEED, CONTROL_S)


def test_an_unknown_posture_lists_those_there_are(limb) -> None:
    with pytest.raises(NeuroMotionError, match="no posture 'ok'. Its keyframes are: home, fist, point, spread"):
        NamedPostures(limb, ("fist", "ok"))
