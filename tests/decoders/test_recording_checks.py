"""What is wrong between a decoder and a labelled recording is found and named, each with what would be right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import OnnxDecoder, ProbabilityDecoder, find_faults
from neuromotion_gym.decoders.recording_checks import check_recordings
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.preprocessing import fit_ocular


@pytest.fixture
def decoder(tiny_folder):
    return OnnxDecoder(tiny_folder)


def only(faults):
    assert len(faults) == 1, faults
    return faults[0]


def test_a_recording_that_fits_has_no_faults_and_its_accuracy_is_counted(tiny, decoder):
    recording = tiny.recording()
    assert find_faults(decoder, [recording]) == []
    agreement = check_recordings(decoder, [recording]).agreement
    hop = 5
    windows = [
        (trial.label, samples[:, start : start + 4])
        for trial, samples in recording.trial_samples()
        for start in range(0, 37, hop)
    ]
    right = [label == ("left", "right")[int(window.mean(axis=1).argmax())] for label, window in windows]
    by_label = [
        np.mean([ok for ok, (name, _) in zip(right, windows, strict=True) if name == label])
        for label in ("left", "right")
    ]
    assert agreement.windows == len(windows) == 64
    assert agreement.accuracy == pytest.approx(np.mean(by_label))
    assert (agreement.trials, agreement.right, agreement.chance) == (8, 8, 0.5)
    assert str(agreement).startswith(f"{agreement.accuracy:.2f} of 64 windows are right")


def test_every_misfit_of_the_signal_is_listed(tiny, decoder):
    recording = tiny.recording()
    wrong = replace(
        recording, spec=replace(recording.spec, modality="eeg", rate_hz=50.0, unit="count", channels=("a", "z"))
    )
    faults = find_faults(decoder, [wrong, wrong])
    assert [fault.what for fault in faults] == ["modality", "rate_hz", "unit", "channels"]
    assert "50.0 instead of 100.0" in faults[1].found
    assert "and 1 more" in faults[1].found
    assert "100 Hz" in faults[1].right
    assert "no channel b (it has a, z)" in faults[3].found


def test_an_amplitude_that_is_off_is_named_with_both_figures(tiny, decoder):
    recording = tiny.recording()
    scaled = OnnxDecoder(decoder.path, tiny.spec(scale=0.01))
    fault = only(find_faults(scaled, [recording]))
    assert fault.what == "amplitude"
    assert "0.01 V, as in training" in fault.right
    assert find_faults(OnnxDecoder(decoder.path, tiny.spec(scale=1.0)), [recording]) == []


def test_labels_that_the_decoder_does_not_have(tiny, decoder):
    fault = only(find_faults(decoder, [tiny.recording(labels=("up", "down"))]))
    assert (fault.what, fault.found) == ("labels", "up, down")
    assert "left, right" in fault.right


def test_another_order_of_labels_is_named(tiny, decoder):
    swapped = OnnxDecoder(decoder.path, tiny.spec(labels=("right", "left")))
    fault = only(find_faults(swapped, [tiny.recording(seed) for seed in range(3)]))
    assert fault.what == "order of labels"
    assert (
        "it says right for left, left for right" in fault.found
        or "it says left for right, right for left" in fault.found
    )


def test_two_of_three_labels_that_changed_places_are_named_alone(tiny):
    class Means:
        def predict_proba(self, windows):
            return np.exp(windows.mean(axis=2)) / np.exp(windows.mean(axis=2)).sum(axis=1, keepdims=True)

    generator = np.random.default_rng(0)
    samples = generator.normal(size=(3, 1800)).astype(np.float32)
    base = tiny.recording()
    trials = []
    for index in range(30):
        trials.append(replace(base.trials[0], label="abc"[index % 3], start=60 * index, stop=60 * index + 60))
        samples[index % 3, 60 * index : 60 * index + 60] += 4
    spec = replace(base.spec, channels=("x", "y", "z"))
    recording = replace(base, samples=samples, spec=spec, trials=tuple(trials))
    facts = {"channels": ("x", "y", "z"), "output": "probabilities"}
    right = ProbabilityDecoder(Means(), tiny.spec(labels=("a", "b", "c"), **facts))
    assert find_faults(right, [recording]) == []
    wrong = ProbabilityDecoder(Means(), tiny.spec(labels=("a", "c", "b"), **facts))
    found = only(find_faults(wrong, [recording])).found
    assert "c for b" in found
    assert "b for c" in found
    assert "for a" not in found


def test_a_decoder_at_chance_is_named(tiny, decoder):
    recording = tiny.recording()
    shuffled = replace(
        recording, samples=np.random.default_rng(1).normal(size=recording.samples.shape).astype(np.float32)
    )
    fault = only(find_faults(decoder, [shuffled]))
    assert fault.what == "accuracy"
    assert "chance 0.50" in fault.found
    assert find_faults(decoder, [replace(shuffled, trials=shuffled.trials[:4])]) == []  # too few to tell


def test_a_posterior_that_never_changes_asks_for_the_unit(tiny, tmp_path):
    # Trained on microvolts, declared as volts: it sees nearly the same number everywhere
    path = tmp_path / "m.onnx"
    path.write_bytes(tiny.foreign())
    decoder = OnnxDecoder(path, {**tiny.facts, "output": "logits"})
    base = tiny.recording()
    quiet = replace(base, samples=base.samples * np.float32(1e-6))
    fault = only(find_faults(decoder, [quiet]))
    assert fault.what == "posterior"
    assert "is V the unit" in fault.right


def test_a_decoder_that_is_adapted_is_checked_with_its_calibration_run(head_folder, tiny):
    decoder = OnnxDecoder(head_folder)
    reading = {"calibration": {"run": ["cal"]}}
    recordings = [replace(tiny.recording(1), run="cal", subject="P"), replace(tiny.recording(2), run="1", subject="P")]
    found = check_recordings(decoder, recordings, reading)
    assert found.faults == []
    off = OnnxDecoder(decoder.path, decoder.spec.model_copy(update={"scale": 1e-4}))
    assert [fault.what for fault in check_recordings(off, recordings, reading).faults] == ["amplitude", "amplitude"]
    assert found.agreement.trials == 8
    with pytest.raises(NeuroMotionError, match="no recordings"):
        find_faults(decoder, [])


def test_a_mirrored_ring_is_named():
    from neuromotion_gym.decoders.arrangement import Arrangement
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

    names, labels = tuple("12345678"), ("a", "b", "c", "d")

    class Loudest:
        def predict_proba(self, windows):
            power = windows.std(axis=2)[:, :4] * 4
            odds = np.exp(power - power.max(axis=1, keepdims=True))
            return odds / odds.sum(axis=1, keepdims=True)

    facts = {"name": "ring", "modality": "emg", "rate_hz": 100, "unit": "count", "window": 20, "ring": True}
    decoder = ProbabilityDecoder(Loudest(), DecoderSpec(channels=names, labels=labels, **facts))
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(8, 2000)).astype(np.float32)
    trials = tuple(Trial(labels[index % 4], 100 * index, 100 * index + 100) for index in range(20))
    for index in range(20):
        samples[index % 4, 100 * index : 100 * index + 100] *= 5
    plain = Recording(samples, SignalSpec("emg", names, 100, "count"), trials, "own", "P")
    assert find_faults(decoder, [plain]) == []
    mirrored = replace(plain, samples=samples[Arrangement(6, True).order(8)])
    fault = only(find_faults(decoder, [mirrored]))
    assert fault.what == "channels"
    assert "mirrored" in fault.found
    assert "7, 6, 5, 4, 3, 2, 1, 8" in fault.right


def test_every_label_without_a_trial_is_named(tiny, decoder):
    found = check_recordings(decoder, [tiny.recording(labels=("left",))])
    assert [(fault.what, fault.found) for fault in found.faults] == [("labels", "no trial of right")]
    assert found.agreement.labels == ("left",)


def test_a_decoder_trained_without_the_eyes_is_checked_without_them(tiny, decoder):
    regressing = OnnxDecoder(decoder.path, tiny.spec(ocular="regress"))

    def with_eyes(seed):
        base, generator = tiny.recording(seed), np.random.default_rng(seed)
        eyes = 50 * np.sin(2 * np.pi * 3.1 * np.arange(base.samples.shape[1])[None] / 100 + seed)
        samples = np.vstack([base.samples + eyes * [[1], [-2]], eyes, generator.normal(size=eyes.shape)])
        spec = replace(base.spec, channels=("a", "b", "eye", "trigger"))
        return replace(base, samples=samples.astype(np.float32), spec=spec, subject="P", run=str(seed))

    recordings, reading = [with_eyes(1), with_eyes(2)], {"calibration": {"run": ["1"]}, "ocular_channels": ["eye"]}
    with pytest.warns(NeuroMotionWarning, match="trigger .*left out of the average reference"):
        found = check_recordings(regressing, recordings, reading).agreement
    matrix = fit_ocular([recordings[0].pick(("a", "b", "eye"))], ["eye"])
    clean = recordings[1].pick(("a", "b", "eye")).transformed(matrix)
    right = check_recordings(decoder, [clean]).agreement
    assert np.array_equal(found.confusion, right.confusion)
    assert found.accuracy > check_recordings(decoder, recordings[1:]).agreement.accuracy + 0.1
    with pytest.raises(NeuroMotionError, match="no ocular channels that are named"):
        check_recordings(regressing, recordings, {"calibration": {"run": ["1"]}})
