from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import OnnxDecoder, ProbabilityDecoder, load_decoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.training.evaluation import (
    Decisions,
    accuracy_by_person,
    confusion,
    decide,
    latency_to_first_right,
    permutation_chance,
    reliability,
    report,
)
from neuromotion_gym.training.report import evaluate_recordings


def decisions(posterior, truth, people=None, trials=None, onset=True):
    n = len(truth)
    return Decisions(
        ("rest", "left", "right"),
        np.asarray(posterior, np.float32),
        np.asarray(truth),
        np.asarray(["P"] * n if people is None else people),
        np.arange(n) if trials is None else np.asarray(trials),
        np.arange(n) * 0.5,
        np.full(n, onset),
    )


LEFT, RIGHT, REST = [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]


def test_balanced_accuracy_weighs_labels_alike_and_people_apart():
    some = decisions([LEFT, LEFT, LEFT, LEFT, RIGHT], [1, 1, 1, 2, 2], people=["A", "A", "A", "A", "B"])
    assert accuracy_by_person(some) == {"A": 0.5, "B": 1.0}
    assert confusion(some).tolist() == [[0, 0, 0], [0, 3, 0], [0, 1, 1]]


def test_a_contrast_leaves_other_labels_out():
    some = decisions([[0.8, 0.15, 0.05], LEFT, REST], [1, 2, 0])
    alone = some.restricted(("left", "right"))
    assert alone.posterior[0] == pytest.approx([0.75, 0.25])
    assert accuracy_by_person(alone) == {"P": 0.5}


def test_trial_is_decided_by_all_its_windows():
    some = decisions([LEFT, [0.3, 0.3, 0.4], [0.3, 0.3, 0.4]], [1, 1, 1], trials=[7, 7, 7])
    per_trial = some.per_trial()
    assert per_trial.posterior.argmax(axis=1).tolist() == [1]
    assert per_trial.trials.tolist() == [7]


def test_reliability_of_an_overconfident_decoder():
    some = decisions([[0, 0.9, 0.1]] * 10, [1] * 5 + [2] * 5)
    table, error = reliability(some)
    assert error == pytest.approx(0.4)
    assert table == [{"confidence": pytest.approx(0.9), "accuracy": 0.5, "windows": 10}]


def test_chance_of_a_decoder_that_knows_nothing_is_one_over_labels():
    generator = np.random.default_rng(0)
    truth = np.repeat(np.tile([0, 1, 2], 20), 5)
    posterior = generator.dirichlet([1, 1, 1], size=len(truth))
    mean, upper = permutation_chance(decisions(posterior, truth, trials=np.repeat(np.arange(60), 5)))
    assert mean == pytest.approx(1 / 3, abs=0.02)
    assert mean < upper < 0.5


def test_chance_of_windows_that_repeat_their_trial_is_wider():
    truth = np.tile([0, 1, 2], 20)
    posterior = np.eye(3)[truth]
    one = permutation_chance(decisions(posterior, truth))[1]
    many = permutation_chance(decisions(posterior.repeat(9, axis=0), truth.repeat(9), trials=np.arange(60).repeat(9)))[
        1
    ]
    assert many == pytest.approx(one, abs=0.05)  # nine windows of one trial are not nine trials


def test_latency_counts_from_onset_and_leaves_rest_out():
    some = decisions([REST, REST, LEFT, REST, REST], [1, 1, 1, 0, 2], trials=[0, 0, 0, 1, 2])
    assert latency_to_first_right(some, ("rest",)) == {"median_s": -1.0, "never": 0.5}
    assert latency_to_first_right(decisions([REST, LEFT], [1, 1], trials=[0, 0])) == {"median_s": 0.5, "never": 0.0}
    assert latency_to_first_right(decisions([LEFT], [1], onset=False)) is None


def test_decisions_of_a_recording_lie_inside_its_trials(tiny, tiny_folder):
    recording = tiny.recording(3)
    made = decide(OnnxDecoder(tiny_folder), [Session("nowhere", "P3", "0", (recording,))])
    # Trials of 40 samples, windows of 4, hop of 5: starts 0, 5 ... 35
    assert len(made.truth) == 8 * 8
    assert made.since_onset_s[:8] == pytest.approx(np.arange(4, 40, 5) / 100)
    assert accuracy_by_person(made)["P3"] > 0.9
    later = decide(OnnxDecoder(tiny_folder), [Session("nowhere", "P3", "0", (recording,))], skip_s=0.2)
    assert len(later.truth) == 8 * 4
    figures = report(made)
    assert figures["per_trial"]["balanced_accuracy"]["mean"] == 1.0
    assert figures["per_window"]["balanced_accuracy"]["low"] is None  # one person has no interval


def test_recordings_without_a_window_are_an_error(tiny, tiny_folder):
    with pytest.raises(NeuroMotionError, match="No window"):
        decide(OnnxDecoder(tiny_folder), [Session("nowhere", "P", "0", (tiny.recording(),))], skip_s=5)


class Listening:
    """Keeps the first channel of every window that it is given."""

    def __init__(self):
        self.windows = []

    def predict_proba(self, windows):
        self.windows += list(windows[:, 0])
        return np.full((len(windows), 2), 0.5)


def test_an_epoch_begins_so_many_seconds_after_the_onset_as_the_decoder_says(tiny):
    recording = tiny.recording()
    model = Listening()
    spec = tiny.spec(output="probabilities", pacing="trial", epoch_s=(0.1, 0.14))
    made = decide(ProbabilityDecoder(model, spec), [Session("nowhere", "P0", "0", (recording,))])
    onsets = [trial.start for trial in recording.trials]
    assert len(model.windows) == len(made.truth) == len(onsets)
    for onset, window in zip(onsets, model.windows, strict=True):
        assert np.array_equal(window, recording.samples[0, onset + 10 : onset + 14])
    assert made.since_onset_s == pytest.approx(np.full(8, 0.14))


def test_everybody_is_decoded_with_an_adaptation_of_their_own(tiny, head_folder):
    """People's first channels are shifted by as much to either side: anybody else's last layer sees one label alone."""
    people = [(1, 30.0), (2, -30.0), (3, 30.0)]
    sessions = [
        Session("nowhere", f"P{seed}", "0", (tiny.recording(seed, offset),), (tiny.recording(seed + 10, offset),))
        for seed, offset in people
    ]
    decoder = OnnxDecoder(head_folder)
    assert min(accuracy_by_person(decide(decoder, sessions)).values()) > 0.95
    swapped = [
        replace(session, calibration=other.calibration)
        for session, other in zip(sessions[:2], (sessions[1], sessions[0]), strict=True)
    ]
    assert max(accuracy_by_person(decide(decoder, swapped)).values()) < 0.6


def test_a_cue_that_lies_in_the_epoch_cannot_be_left_out(tiny):
    spec = tiny.spec(output="probabilities", pacing="trial", epoch_s=(0.1, 0.14))
    session = Session("nowhere", "P0", "0", (tiny.recording(),))
    assert len(decide(ProbabilityDecoder(Listening(), spec), [session], skip_s=0.1).truth) == 8
    with pytest.raises(NeuroMotionError, match=r"reads each trial from 0\.1 s on, so that the first 0\.2 s"):
        decide(ProbabilityDecoder(Listening(), spec), [session], skip_s=0.2)


def test_figures_without_a_label_of_the_decoder_say_so(band) -> None:
    decoder, recording = load_decoder("emg_armband"), band()
    short = [replace(one, stop=one.start + 30) if one.label == "hand_close" else one for one in recording.trials]
    with pytest.warns(NeuroMotionWarning, match="has the label hand_close: .* Accuracy and chance are of the other"):
        evaluate_recordings(decoder, replace(recording, trials=tuple(short)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate_recordings(decoder, recording)
