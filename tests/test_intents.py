"""Laws of the table of intents."""

from __future__ import annotations

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import INTENTS, intent_map
from neuromotion_gym.limbs.limb import Limb


@pytest.mark.parametrize("limb", sorted(INTENTS))
def test_every_intent_moves_a_degree_that_the_limb_has(limb: str) -> None:
    degrees = {degree.name for degree in Limb.load(limb).degrees}
    assert {intent.degree for intent in INTENTS[limb].values()} - {None} <= degrees


def test_fists_move_one_degree_in_opposite_directions_and_rest_holds() -> None:
    intents = intent_map("arm", ("rest", "left_fist", "right_fist"))
    assert intents.directions.tolist() == [[0.0], [-1.0], [1.0]]
    assert intents.rest == 0


def test_six_arm_labels_move_three_axes_and_none_rests() -> None:
    labels = ("elbow_bend", "elbow_extend", "hand_close", "hand_open", "wrist_left", "wrist_right")
    intents = intent_map("arm", labels)
    assert len(intents.axes) == 3
    assert intents.rest is None
    assert (intents.directions.sum(axis=0) == 0).all()


def test_a_label_that_the_limb_cannot_express_lists_those_it_can() -> None:
    with pytest.raises(NeuroMotionError, match=r"'tongue'.*hand_close"):
        intent_map("arm", ("rest", "tongue"))


def test_an_axis_with_one_way_only_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="grip"):
        intent_map("arm", ("rest", "hand_close"))


def test_labels_that_move_nothing_are_refused() -> None:
    with pytest.raises(NeuroMotionError, match="None of the labels"):
        intent_map("arm", ("rest", "neutral"))
