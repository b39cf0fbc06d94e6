from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders.alignment import euclidean_alignment, inverse_square_root
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.preprocessing import causal_bandpass
from neuromotion_gym.signals.recording import Recording, SignalSpec


def recording(mixing: np.ndarray, length: int = 4000, seed: int = 0) -> Recording:
    samples = mixing @ np.random.default_rng(seed).normal(size=(2, length))
    return Recording(samples.astype(np.float32), SignalSpec("emg", ("a", "b"), 100.0, "V"), (), "nowhere", "P")


def aligned_spec(tiny, **changes):
    return tiny.spec(adaptation={"kind": "euclidean", "shape": (2, 2), "band_hz": (8, 30), "shrinkage": 0.0, **changes})


def test_aligned_calibration_run_has_the_identity_as_covariance(tiny):
    run = recording(np.array([[3.0, 0.0], [2.0, 0.5]]))
    matrix = euclidean_alignment((run,), aligned_spec(tiny))
    filtered, _ = causal_bandpass(matrix @ run.samples, 100.0, (8, 30))
    assert np.cov(filtered[:, 100:]) == pytest.approx(np.eye(2), abs=0.01)
    assert matrix == pytest.approx(matrix.T, abs=1e-6)


def test_two_people_who_differ_by_mixing_are_alike_after_alignment(tiny):
    left = recording(np.diag([1.0, 10.0]))
    right = recording(np.diag([5.0, 2.0]))
    spec = aligned_spec(tiny)
    one, two = (euclidean_alignment((run,), spec) @ run.samples for run in (left, right))
    assert one == pytest.approx(two, abs=0.1)  # the two samples correlate a little by chance


def test_lost_dimension_needs_shrinkage():
    flat = np.diag([1.0, 0.0])
    with pytest.raises(NeuroMotionError, match="shrinkage"):
        inverse_square_root(flat, 0.0)
    assert np.isfinite(inverse_square_root(flat, 0.01)).all()
    with pytest.raises(NeuroMotionError, match="singular"):
        inverse_square_root(np.zeros((2, 2)), 0.1)


def test_calibration_run_that_is_too_short_or_missing_is_refused(tiny):
    with pytest.raises(NeuroMotionError, match="more than 4 samples"):
        euclidean_alignment((recording(np.eye(2), length=102),), aligned_spec(tiny))
    with pytest.raises(NeuroMotionError, match="it has 0"):
        euclidean_alignment((), aligned_spec(tiny))


def test_calibration_run_that_does_not_fit_the_decoder_is_refused(tiny):
    run = recording(np.eye(2))
    with pytest.raises(NeuroMotionError, match=r"rate_hz 50\.0 instead of 100\.0"):
        euclidean_alignment((run.resampled(50.0),), aligned_spec(tiny))


def test_calibration_runs_are_counted_by_their_length(tiny):
    spec = aligned_spec(tiny)
    loud, quiet = recording(np.diag([4.0, 1.0]), 4000), recording(np.diag([1.0, 1.0]), 8100, seed=1)
    matrix = euclidean_alignment((loud, quiet), spec)
    filtered = [causal_bandpass(run.samples, 100.0, (8, 30))[0][:, 100:] for run in (loud, quiet)]
    together = np.concatenate(filtered, axis=1)
    assert matrix @ (together @ together.T / together.shape[1]) @ matrix == pytest.approx(np.eye(2), abs=1e-5)
