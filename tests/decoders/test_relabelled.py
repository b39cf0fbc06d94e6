"""A decoder under other names of its labels: same columns, a calibration run with the new names, the limb's names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import BoundDecoder, OnnxDecoder, ProbabilityDecoder, check_decoder, load_decoder
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.decoders.relabelled import RelabelledDecoder, for_limb
from neuromotion_gym.errors import NeuroMotionError


class Fixed:
    def __init__(self, columns):
        self.columns = columns

    def predict_proba(self, windows):
        return np.tile(np.arange(1, self.columns + 1) / np.arange(1, self.columns + 1).sum(), (len(windows), 1))


def decoder(tiny, *labels, **changes):
    return ProbabilityDecoder(Fixed(len(labels)), tiny.spec(output="probabilities", labels=labels, **changes))


def test_columns_stay_and_the_specification_keeps_the_names_of_the_model(tiny):
    renamed = RelabelledDecoder(decoder(tiny, "left_hand", "right_hand"), {"Left-Hand": "left_fist"})
    check_decoder(renamed)
    assert renamed.spec.labels == ("left_fist", "right_hand")
    assert renamed.spec.renamed == (("left_hand", "left_fist"),)
    assert renamed.predict_proba(np.zeros((1, 2, 4)))[0] == pytest.approx([1 / 3, 2 / 3])
    again = RelabelledDecoder(renamed, {"left_fist": "left"})
    assert again.spec.renamed == (("left_hand", "left"),)
    back = RelabelledDecoder(renamed, {"left_fist": "left_hand"})
    assert back.spec.renamed is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"left_hand": "right_hand"}, "unique"),
        ({"foot": "feet"}, "has 'foot', but the names are 'left_hand', 'right_hand'"),
        ({"left_hand": None}, "cannot be left out"),
    ],
)
def test_names_that_cannot_be_are_refused(tiny, labels, message):
    with pytest.raises(NeuroMotionError, match=message):
        RelabelledDecoder(decoder(tiny, "left_hand", "right_hand"), labels)


def test_a_calibration_run_has_the_new_names(tiny, head_folder):
    own = OnnxDecoder(head_folder)
    renamed = RelabelledDecoder(own, {"left": "west"})
    before = tiny.recording(1)
    trials = tuple(replace(trial, label={"left": "west"}.get(trial.label, trial.label)) for trial in before.trials)
    run = replace(before, trials=trials)
    assert np.array_equal(renamed.adapt([run]), own.adapt([before]))
    with pytest.raises(NeuroMotionError, match="left"):
        own.adapt([run])


def test_the_digest_changes_with_the_names(tiny_folder):
    own = OnnxDecoder(tiny_folder)
    west, east = (RelabelledDecoder(own, {"left": name}).digest() for name in ("west", "east"))
    assert len({own.digest(), west, east}) == 3
    assert RelabelledDecoder(own, {"left": "west"}).digest() == west
    assert RelabelledDecoder(own, {"left": "west"}).path == own.path


def test_an_object_without_a_digest_has_one_under_other_names(tiny):
    class Bare:
        spec = tiny.spec(output="probabilities", labels=("left_hand", "right_hand"))

    one, other = Bare(), Bare()
    first = RelabelledDecoder(one, {"left_hand": "left_fist"}).digest()
    assert first == RelabelledDecoder(one, {"left_hand": "left_fist"}).digest()
    assert first != RelabelledDecoder(other, {"left_hand": "left_fist"}).digest()


def test_a_limb_s_names_are_found_by_the_other_usual_ones(tiny):
    found = for_limb(decoder(tiny, "Right Hand", "left_hand", "rest"), "arm")
    assert found.spec.labels == ("right_fist", "left_fist", "rest")
    assert dict(found.spec.renamed) == {"Right Hand": "right_fist", "left_hand": "left_fist"}
    bound = for_limb(BoundDecoder("oracle", decoder(tiny, "right_hand", "left_hand")), "arm")
    assert (bound.kind, bound.spec.labels) == ("oracle", ("right_fist", "left_fist"))


def test_names_that_the_limb_has_stay_and_so_does_the_object(tiny):
    own = decoder(tiny, "rest", "left_fist", "right_fist")
    assert for_limb(own, "arm") is own


def test_among_several_names_for_rest_the_one_that_is_played_is_taken(tiny):
    assert for_limb(decoder(tiny, "hand_close", "hand_open", "no motion"), "arm").spec.labels[2] == "rest"
    own = decoder(tiny, "hand_close", "hand_open", "no motion", dataset="myo_armband")
    assert for_limb(own, "arm").spec.labels[2] == "neutral"
    played = for_limb(decoder(tiny, "hand_close", "hand_open", "rest"), "arm", ("neutral", "hand_open"))
    assert played.spec.labels == ("hand_close", "hand_open", "neutral")
    kept = for_limb(decoder(tiny, "hand_close", "neutral", "rest"), "arm", ("neutral", "rest"))
    assert kept.spec.labels == ("hand_close", "neutral", "rest")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (("lefthand", "right_fist"), r"cannot express 'lefthand'\. It can express.*labels=\{'lefthand': 'left_fist'\}"),
        (("left_hand", "Left Hand"), r"'left_hand', 'Left Hand'.*same movement.*labels="),
        (("left_hand", "left-fist"), "names of the same movement"),
    ],
)
def test_labels_that_the_limb_cannot_tell_are_refused_with_a_map(tiny, labels, message):
    with pytest.raises(NeuroMotionError, match=message):
        for_limb(decoder(tiny, *labels), "arm")


def test_a_decoder_that_does_not_fit_is_told_those_that_do():
    fit = ", ".join(name for name in list_decoders() if name.startswith("leg_"))
    with pytest.raises(NeuroMotionError, match=rf"Decoders that fit as they are: {fit}\.$"):
        for_limb(load_decoder("eeg_fists"), "leg")


def test_a_map_of_the_call_comes_before_the_usual_names(tiny):
    own = load_decoder(
        decoder(tiny, "left_hand", "right_hand"), labels={"left_hand": "hand_open", "right_hand": "hand_close"}
    )
    assert for_limb(own, "arm").spec.labels == ("hand_open", "hand_close")
