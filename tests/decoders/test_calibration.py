from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders import OnnxDecoder
from neuromotion_gym.decoders.calibration import BLOCKS, best_factor, calibration_windows, discriminant, fit_head
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session, Trial
from neuromotion_gym.training.evaluation import accuracy_by_person, decide


def session(recording, calibration=()):
    return Session("nowhere", recording.subject, "0", (recording,), tuple(calibration))


def test_wearer_with_a_shifted_channel_is_decoded_after_calibration(tiny, head_folder):
    decoder = OnnxDecoder(head_folder)
    played, calibration = tiny.recording(1, offset=10.0), tiny.recording(2, offset=10.0)
    windows, labels, _ = calibration_windows([played], decoder.spec)
    identity = np.tile(np.eye(2, 3, dtype=np.float32), (len(windows), 1, 1))
    assert (decoder.predict_proba(windows, identity).argmax(axis=1) == 0).all()  # the higher channel always wins
    after = accuracy_by_person(decide(decoder, [session(played, [calibration])]))
    assert after["P1"] > 0.95
    assert set(labels) == {0, 1}


def test_recording_of_another_rate_is_refused_with_both(tiny, head_folder):
    with pytest.raises(NeuroMotionError, match=r"rate_hz 50\.0 instead of 100\.0"):
        OnnxDecoder(head_folder).adapt([tiny.recording().resampled(50.0)])


def test_discriminant_agrees_with_scikit_learn():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    generator = np.random.default_rng(0)
    labels = np.arange(90) % 3
    features = generator.normal(size=(90, 4)) @ generator.normal(size=(4, 4)) + labels[:, None]
    head = discriminant(features, labels, 1e-12)
    theirs = (
        LinearDiscriminantAnalysis(solver="lsqr", priors=[1 / 3] * 3).fit(features, labels).decision_function(features)
    )
    ours = features @ head[:, :-1].T + head[:, -1]
    # Up to what is the same for all labels
    assert ours - ours[:, :1] == pytest.approx(theirs - theirs[:, :1], rel=1e-6)


def test_shrinkage_of_one_is_the_nearest_mean():
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(60, 3)), np.arange(60) % 2
    head = discriminant(features, labels, 1.0)
    means = np.stack([features[labels == label].mean(axis=0) for label in range(2)])
    nearest = ((features[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert ((features @ head[:, :-1].T + head[:, -1]).argmax(axis=1) == nearest).all()


def test_features_that_do_not_vary_need_shrinkage():
    with pytest.raises(NeuroMotionError, match="shrinkage"):
        discriminant(np.ones((6, 2)), np.arange(6) % 2, 0.0)


def test_factor_makes_the_posterior_as_sure_as_it_is_right():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 3))
    posterior = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([generator.choice(3, p=row) for row in posterior])
    assert best_factor(5 * logits, labels) == pytest.approx(0.2, rel=0.1)


def test_few_windows_of_a_label_are_refused(tiny, head_folder):
    recording = tiny.recording()
    short = replace(recording, trials=(*recording.trials[:1], Trial("right", 40, 50)))
    with pytest.raises(NeuroMotionError, match="at least 8 windows of every label.*right"):
        OnnxDecoder(head_folder).adapt([short])


def test_as_many_windows_as_there_have_to_be_are_enough(tiny):
    spec = tiny.spec(adaptation={"kind": "head", "shape": (2, 3), "shrinkage": 0.1})
    recording = tiny.recording()
    length = spec.window + (2 * BLOCKS - 1) * round(spec.hop_s * spec.rate_hz)

    def head(samples):
        trials = [trial for trial in recording.trials if trial.stop - trial.start >= samples]
        first = [next(one for one in trials if one.label == label) for label in spec.labels]
        short = replace(recording, trials=tuple(replace(one, stop=one.start + samples) for one in first))
        return fit_head(lambda windows: windows.mean(axis=2), [short], spec)

    assert head(length).shape == (2, 3)
    with pytest.raises(NeuroMotionError, match="at least 8 windows"):
        head(length - 1)


@pytest.mark.parametrize(("hop_s", "hop"), [(0.001, 1), (0.01, 1), (0.02, 2), (0.05, 5)])
def test_windows_of_a_calibration_run_are_a_hop_apart(tiny, hop_s, hop):
    windows, labels, _ = calibration_windows([tiny.recording()], tiny.spec(hop_s=hop_s))
    starts = range(0, 40 - 4 + 1, hop)
    assert len(windows) == len(labels) == 8 * len(starts)
    assert windows.shape[1:] == (2, 4)
    samples = tiny.recording().samples
    np.testing.assert_array_equal(windows[1], samples[:, hop : hop + 4])
    np.testing.assert_array_equal(windows[len(starts)], samples[:, 40:44])  # the second trial
