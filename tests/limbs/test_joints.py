"""Postures of a wearer along joints: how far the limb is towards which, and a drive that sets the joints."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_map
from neuromotion_gym.limbs import Limb
from neuromotion_gym.limbs.joints import JointDrive, WearerPostures

NAMES = ("index_flexion", "middle_flexion")
JOINTS = ("index_ip", "middle_ip", "ring_ip")
PLACES = np.array([[[0.8, 0.2, 0.0], [0.0, 0.6, 0.3]], [[0.4, 0.0, 0.0], [0.0, 0.9, 0.0]]])


@pytest.fixture(scope="module")
def hand() -> Limb:
    return Limb.load("hand")


def sensors_at(hand: Limb, positions: np.ndarray) -> np.ndarray:
    """Sensors with the joints at scaled positions (rows, joints) and everything else at home."""
    found = np.tile(hand.home_sensors, (len(positions), 1))
    for column, name in enumerate(JOINTS):
        degree, at = hand.degree(name), positions[:, column]
        half = np.where(at > 0, degree.high - degree.home, degree.home - degree.low)
        found[:, degree.position_sensor] = degree.home + at * half
    return found


def worn(hand: Limb) -> WearerPostures:
    postures = WearerPostures(hand, NAMES, JOINTS)
    postures.start(2)
    postures.wear(np.arange(2), PLACES)
    return postures


def test_progress_is_the_share_of_the_way_to_the_nearest_posture_of_the_rows_own_wearer(hand: Limb) -> None:
    postures = worn(hand)
    at = np.array([0.7 * PLACES[0, 0], 0.7 * PLACES[1, 1]])
    np.testing.assert_allclose(postures.progress(sensors_at(hand, at))[0], [[0.7, 0], [0, 0.7]], atol=1e-9)
    # Beyond a posture is at the posture, beside it still on the way to it, and on the other side of rest at rest
    at = np.array([1.1 * PLACES[0, 1], [0.4, 0.1, -0.1]])
    np.testing.assert_allclose(postures.progress(sensors_at(hand, at))[0], [[0, 1], [1, 0]], atol=1e-9)
    at = np.array([[0.0, 0.0, 0.0], [-0.5, -0.5, 0.0]])
    assert (postures.progress(sensors_at(hand, at))[0] == 0).all()


def test_postures_are_those_of_the_limb_until_the_wearer_is_known(hand: Limb) -> None:
    postures = WearerPostures(hand, NAMES, JOINTS)
    postures.start(1)
    assert postures.places[0, 0, 0] > 0.5
    assert postures.places[0, 1, 1] > 0.5
    postures.wear(np.array([0]), PLACES[:1])
    sensors = sensors_at(hand, PLACES[0, :1])
    sensors.setflags(write=False)  # as those of a loop, whose progress is kept for the step
    assert postures.progress(sensors)[0][0, 0] == pytest.approx(1)
    postures.wear(np.array([0]), 2 * PLACES[:1])
    assert postures.progress(sensors)[0][0, 0] == pytest.approx(0.5)


def test_the_drive_moves_joints_at_its_speed_and_starts_at_a_share_of_a_posture(hand: Limb) -> None:
    intents = intent_map("hand", ("rest", *NAMES))
    drive = JointDrive(hand, intents, intents.axes, 2.0, 0.05, JOINTS)
    drive.start(2)
    drive.postures.wear(np.arange(2), PLACES)
    states = drive.reset(np.arange(2), np.array([[0.5, 0.0], [0.0, 0.0]]))
    np.testing.assert_allclose(drive.target, [[0.4, 0.1, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(states, hand.state_at(drive.target, JOINTS))
    drive.control(np.array([[1.0, -5.0, 0.0], [0.5, 0.0, 0.0]]), np.zeros((2, 0)))
    np.testing.assert_allclose(drive.target, [[0.5, 0.0, 0.0], [0.05, 0.0, 0.0]])
    effect = drive.effect(np.array([[1, 1], [0, 0]]), sensors_at(hand, np.array([[0.0, 0.0, 0.0], 0.5 * PLACES[1, 0]])))
    np.testing.assert_allclose(effect, [[[0.1, 0], [0.1, 0]], [[0, 0], [-0.1, 0]]], atol=1e-9)


def test_a_drive_of_joints_needs_labels_that_are_postures(hand: Limb) -> None:
    arm = Limb.load("arm")
    labels = ("neutral", "wrist_flexion", "wrist_extension")
    intents = intent_map("arm", labels)
    with pytest.raises(NeuroMotionError, match="need labels that stand for postures"):
        JointDrive(arm, intents, intents.axes, 1.0, 0.05, ("wrist_flexion",))
