"""Vector autoregression: it finds the process that made the samples, and never grows without bound."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.signals.surrogate.autoregression import VectorAutoregression, stable


def _session() -> Session:
    """Two labels; in "b" the second channel follows the first by one sample."""
    generator = np.random.default_rng(0)
    pieces = []
    for trial in range(12):
        x = generator.standard_normal((2, 600))
        for t in range(1, 600):
            x[0, t] += 0.8 * x[0, t - 1]
            x[1, t] += 0.9 * x[0, t - 1] * (trial % 2)
        pieces.append(x)
    trials = tuple(Trial("ab"[i % 2], i * 600, (i + 1) * 600) for i in range(12))
    spec = SignalSpec("eeg", ("x", "y"), 160.0, "V")
    samples = np.concatenate(pieces, axis=1).astype(np.float32)
    recording = Recording(samples, spec, trials, "toy", "P1")
    return Session("toy", "P1", "0", (recording,), (recording,))


def test_generated_trials_have_the_covariances_over_time_of_their_label():
    made = VectorAutoregression(order=3, trials=20).generate(_session(), ("a", "b"))
    lagged = {}
    for name, session in (("real", _session()), ("made", made)):
        for label in "ab":
            pairs = [
                (samples[0, :-1] * samples[1, 1:]).sum() / (samples[0] ** 2).sum()
                for trial, samples in session.recordings[0].trial_samples()
                if trial.label == label
            ]
            lagged[name, label] = np.mean(pairs)
    assert lagged["made", "b"] == pytest.approx(lagged["real", "b"], abs=0.06)
    assert lagged["made", "a"] == pytest.approx(lagged["real", "a"], abs=0.06)
    assert len(made.recordings[0].trials) == 40
    assert made.calibration[0].samples.shape == _session().calibration[0].samples.shape
    assert made.calibration[0].samples.std() == pytest.approx(_session().calibration[0].samples.std(), rel=0.15)


def test_a_process_that_would_grow_is_damped():
    damped = stable(np.array([[1.2]]))
    assert damped[0, 0] == pytest.approx(0.995)
    np.testing.assert_array_equal(stable(np.array([[0.5]])), [[0.5]])


def test_label_without_trials_is_named():
    with pytest.raises(NeuroMotionError, match="no trials of 'c'"):
        VectorAutoregression().generate(_session(), ("a", "c"))
