"""Label maps: a map of one's own first, then other usual names of the labels that are wanted."""

from __future__ import annotations

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_table, meanings, plain_name
from neuromotion_gym.registration import limb_names
from neuromotion_gym.signals.labels import map_labels, renamed

FISTS = ("rest", "left_fist", "right_fist")
GESTURES = ("neutral", "radial_deviation", "wrist_flexion", "ulnar_deviation", "wrist_extension", "hand_close")


def test_usual_names_of_imagined_movement_get_the_labels_of_the_decoder():
    mapped = map_labels(["left_hand", "Right Hand", "rest"], known=FISTS)
    assert mapped == {"left_hand": "left_fist", "Right Hand": "right_fist", "rest": "rest"}
    assert renamed(mapped) == {"left_hand": "left_fist", "Right Hand": "right_fist"}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Wrist Flexion", "wrist_flexion"),
        ("wave-out", "wrist_extension"),
        ("No Motion", "neutral"),
        ("rest", "neutral"),
        ("Fist", "hand_close"),
        ("Wrist Radial Deviation", "radial_deviation"),
        ("WRIST_ADDUCTION", "ulnar_deviation"),
    ],
)
def test_usual_names_of_gestures_get_the_labels_of_the_decoder(name, label):
    assert map_labels([name], known=GESTURES) == {name: label}


def test_a_map_works_both_ways_because_names_are_compared_by_what_they_mean():
    assert map_labels(["left_fist"], known=("left_hand", "right_hand")) == {"left_fist": "left_hand"}


def test_a_map_of_one_s_own_comes_first_in_any_spelling_and_leaves_out():
    mapped = map_labels(["Left-Hand", "tongue"], {"left hand": "right_fist", "tongue": None}, known=FISTS)
    assert mapped == {"Left-Hand": "right_fist", "tongue": None}
    assert renamed(mapped) == {"Left-Hand": "right_fist"}


def test_numbers_in_a_map_stand_for_the_names_that_are_written_with_them():
    assert map_labels(["0", "1"], {0: "rest", 1: "left_fist"}, known=FISTS) == {"0": "rest", "1": "left_fist"}


def test_names_that_mean_nothing_are_kept_or_refused_with_the_map_that_would_help():
    assert map_labels(["lefthand", "left_fist"], known=FISTS)["lefthand"] == "lefthand"
    with pytest.raises(NeuroMotionError, match=r"'leftfist', 'sneeze'; known: rest.*labels=\{'leftfist': 'left_fist'"):
        map_labels(["leftfist", "rest", "sneeze"], known=FISTS, strict=True)


def test_without_wanted_labels_every_name_is_kept():
    assert map_labels(["left_hand", "x"]) == {"left_hand": "left_hand", "x": "x"}


def test_a_name_that_may_mean_two_wanted_labels_is_refused():
    with pytest.raises(NeuroMotionError, match=r"'No Motion' may mean 'rest' or 'neutral'.*labels=\{'No Motion'"):
        map_labels(["No Motion"], known=("rest", "neutral"))
    assert map_labels(["No Motion"], {"no_motion": "rest"}, known=("rest", "neutral")) == {"No Motion": "rest"}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"left": "left_fist"}, r"has 'left', but the names are 'left_hand', 'rest'"),
        ({"left_hand": 3}, "leave it out, not 3"),
        ({"left_hand": ""}, "leave it out, not ''"),
        ({"left_hand": "left_fist", "Left-Hand": "right_fist"}, "twice"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(mapping, message):
    with pytest.raises(NeuroMotionError, match=message):
        map_labels(["left_hand", "rest"], mapping)


@pytest.mark.parametrize("limb", limb_names())
def test_another_name_of_a_label_is_never_a_label_that_moves_otherwise(limb):
    """A name that is listed beside one label and is itself a label has to give the same command."""
    table = intent_table(limb)
    plain = {plain_name(label): intent for label, intent in table.items()}
    assert len(plain) == len(table)
    for label in table:
        assert {table[meant] for meant in meanings(label, limb)} == {table[label]}
