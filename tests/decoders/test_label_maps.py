"""Labels of a specification as a map, and labels of recordings under other usual names."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.labels import usual_names


def test_a_map_names_the_columns_by_their_numbers_in_any_order(tiny):
    assert tiny.spec(labels={1: "right", 0: "left"}).labels == ("left", "right")
    assert tiny.spec(labels={1: "right", 0: "left"}).renamed is None


def test_a_map_from_names_keeps_their_order_and_what_was_renamed(tiny):
    spec = tiny.spec(labels={"b": "right", "left": "left"})
    assert spec.labels == ("right", "left")
    assert spec.renamed == (("b", "right"),)
    assert spec == tiny.spec(labels=["right", "left"], renamed=[["b", "right"]])


@pytest.mark.parametrize("positive", ["b", "right"])
def test_the_positive_label_is_renamed_with_the_others(tiny, positive):
    assert tiny.spec(labels={"b": "right", "a": "left"}, output="logit", positive=positive).positive == "right"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({0: "a", 2: "b"}, "0 to 1, not 0, 2"),
        ({0: "a", "x": "b"}, "0 to 1, not 0, x"),
        ({"a": "x", "b": "x"}, "unique"),
        ({"a": None, "b": "x"}, r"labels\.0"),
        ({}, "two or more"),
    ],
)
def test_maps_that_name_no_columns_are_refused(tiny, labels, message):
    with pytest.raises(NeuroMotionError, match=message):
        tiny.spec(labels=labels)


def test_a_file_s_labels_are_renamed_by_the_call(tiny_folder):
    decoder = load_decoder(tiny_folder, labels={"Left": "left_fist"})
    assert decoder.spec.labels == ("left_fist", "right")
    assert decoder.spec.renamed == (("left", "left_fist"),)
    windows = np.zeros((1, 2, 4), np.float32)
    windows[0, 0] = 5
    assert decoder.predict_proba(windows).argmax() == 0
    with pytest.raises(NeuroMotionError, match=r"has 'lefft', but the names are 'left', 'right'"):
        load_decoder(tiny_folder, labels={"lefft": "left_fist"})


def under(recording, names):
    trials = tuple(replace(trial, label=names.get(trial.label, trial.label)) for trial in recording.trials)
    return replace(recording, trials=trials)


def test_trials_under_another_usual_name_get_the_decoder_s_label_and_it_is_said(tiny):
    recording = under(tiny.recording(), {"left": "left_hand", "right": "Right Hand"})
    spec = tiny.spec(labels=["left_fist", "right_fist"])
    with pytest.warns(NeuroMotionWarning, match=r"left_hand = left_fist, Right Hand = right_fist"):
        found = fitted(recording, spec)
    assert [trial.label for trial in found.trials] == ["left_fist", "right_fist"] * 4


def test_a_label_that_is_there_itself_takes_no_other_trials(tiny):
    """A pause before the task is not rest, if the recording says what rest is."""
    recording = under(tiny.recording(labels=("rest", "baseline")), {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fitted(recording, tiny.spec(labels=["rest", "left_fist"]))
    assert [trial.label for trial in found.trials] == ["rest", "baseline"] * 4


def test_another_spelling_of_a_label_that_is_there_is_said(tiny):
    recording = under(tiny.recording(labels=("rest", "left_fist", "Left Fist")), {})
    with pytest.warns(
        NeuroMotionWarning, match=r"in their spelling alone, and are not used: 'Left Fist' is not 'left_fist'"
    ):
        fitted(recording, tiny.spec(labels=["rest", "left_fist"]))


def test_two_names_for_one_label_are_refused_with_a_map():
    with pytest.raises(NeuroMotionError, match=r"'baseline' and 'relax' both stand for 'rest'.*labels="):
        usual_names(["baseline", "relax", "left_fist"], ["rest", "left_fist"])
    assert usual_names(["baseline", "left_fist"], ["rest", "left_fist"]) == {"baseline": "rest"}
