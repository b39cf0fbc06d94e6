from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import OnnxDecoder, check_decoder, load_decoder
from neuromotion_gym.decoders.calibration import calibrate, calibration_windows, fit_added_weights
from neuromotion_gym.decoders.evaluation import accuracy_by_person, decide
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session


def session(recording, calibration=()):
    return Session("nowhere", recording.subject, "0", (recording,), tuple(calibration))


def test_zero_is_the_decoder_as_trained_and_calibration_mends_a_shifted_channel(tiny, head_folder):
    decoder = OnnxDecoder(head_folder)
    played, calibration = tiny.recording(1, offset=10.0), tiny.recording(2, offset=10.0)
    windows, labels = calibration_windows([played], decoder.spec)
    as_trained = decoder.predict_proba(windows, np.zeros((len(windows), 2, 3), np.float32)).argmax(axis=1)
    assert (as_trained == 0).all()  # the channel that is 10 higher always wins
    after = accuracy_by_person(decide(decoder, [session(played, [calibration])]))
    assert after["P1"] > 0.95
    assert set(labels) == {0, 1}


def test_calibrated_folder_is_a_decoder_of_its_own(tiny, head_folder, tmp_path):
    calibration, played = tiny.recording(2, offset=10.0), tiny.recording(1, offset=10.0)
    folder = calibrate(head_folder, calibration, tmp_path / "mine")
    mine = load_decoder(folder)
    check_decoder(mine)
    assert mine.spec.adaptation.kind == "none"
    assert accuracy_by_person(decide(mine, [session(played)]))["P1"] > 0.95
    assert sorted(path.name for path in folder.iterdir()) == ["adaptation.npy", "model.onnx", "recipe.yaml"]


def test_calibration_says_what_it_lacks(tiny, head_folder, tiny_folder, tmp_path):
    with pytest.raises(NeuroMotionError, match="none of right"):
        calibrate(head_folder, tiny.recording(0, labels=("left",)), tmp_path / "x")
    with pytest.raises(NeuroMotionError, match="not 'head'"):
        calibrate(tiny_folder, tiny.recording(), tmp_path / "x")
    with pytest.raises(NeuroMotionError, match="own folder"):
        calibrate(head_folder, tiny.recording(), head_folder)
    assert not (tmp_path / "x").exists()


def test_recording_of_another_rate_is_refused_with_both(tiny, head_folder):
    with pytest.raises(NeuroMotionError, match=r"rate_hz 50\.0 instead of 100\.0"):
        OnnxDecoder(head_folder).adapt([tiny.recording().resampled(50.0)])


def test_added_weights_are_at_the_minimum():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(60, 3)), generator.integers(3, size=60)
    start = generator.normal(size=(60, 3))

    def loss(added):
        logits = start + np.c_[features, np.ones(60)] @ added.T
        log_posterior = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        each = -log_posterior[np.arange(60), labels]
        return np.mean([each[labels == label].mean() for label in range(3)]) + 0.01 / 2 * (added**2).sum()

    added = fit_added_weights(features, start, labels, 0.01).astype(float)
    for _ in range(20):
        assert loss(added + 0.03 * generator.normal(size=added.shape)) > loss(added)


def test_strong_prior_leaves_the_decoder_alone():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(60, 3)), generator.integers(2, size=60)
    assert np.abs(fit_added_weights(features, np.zeros((60, 2)), labels, 1e6)).max() < 1e-5
