"""The last layer of a decoder of targets: a ridge regression on the calibration run, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.target_head import (
    Moments,
    explained,
    fit_target_head,
    fitted_target_head,
    ridge,
    target_windows,
)
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Targets, Trial

CHANNELS = ("a", "b", "c")
MAP = np.array([[0.2, -0.1, 0.0], [0.0, 0.3, 0.1]])


def spec(**changes: object) -> DecoderSpec:
    facts = {"name": "two", "modality": "emg", "labels": ["rest", "bend"], "targets": ["x", "y"], "channels": CHANNELS}
    facts |= {"rate_hz": 100, "unit": "V", "window": 10, "hop_s": 0.05, "output": "targets"}
    facts["adaptation"] = {"kind": "head", "shape": [2, 4], "shrinkage": 0.001}
    return DecoderSpec.model_validate(facts | changes)


def calibration(seed: int = 0, length: int = 2000, **changes: object) -> Recording:
    """Targets are a linear map of slow signals, and 0.1."""
    generator = np.random.default_rng(seed)
    samples = np.repeat(generator.normal(size=(3, length // 20)), 20, axis=1)
    values = np.clip(MAP @ samples + 0.1, -1, 1).astype(np.float32)
    facts = {"targets": Targets(("y", "z", "x"), values[[1, 0, 0]])}
    trials = (Trial("bend", 0, length, False),)
    noisy = (samples + generator.normal(0, 0.01, samples.shape)).astype(np.float32)
    return Recording(noisy, SignalSpec("emg", CHANNELS, 100.0, "V"), trials, "toy", "P1", **{**facts, **changes})


def last_of(windows: np.ndarray) -> np.ndarray:
    return windows[:, :, -1]


def test_the_map_of_the_person_is_found() -> None:
    fit = fitted_target_head(last_of, [calibration(0), calibration(1)], spec())
    assert fit.head.dtype == np.float32
    np.testing.assert_allclose(fit.head[:, :-1], MAP, atol=0.01)
    np.testing.assert_allclose(fit.head[:, -1], 0.1, atol=0.01)
    assert fit.explained > 0.99


def test_what_is_explained_is_of_parts_that_were_left_out_of_the_fit() -> None:
    """Features that only tell the place in the run explain all that a fit has seen, and nothing of what is left out."""

    def places(windows: np.ndarray) -> np.ndarray:
        return np.eye(len(windows))

    run = calibration()
    count = (2000 - 10) // 5 + 1
    one = spec(adaptation={"kind": "head", "shape": [2, count + 1], "shrinkage": 1e-6})
    fit = fitted_target_head(places, [run], one)
    features = np.eye(count)
    said = features @ fit.head[:, :-1].T + fit.head[:, -1]
    ends = np.arange(10, 2001, 5)
    truth = run.targets.values[[2, 0]][:, ends - 1].T
    assert explained(truth, said) > 0.99
    assert fit.explained < 0.05
    with pytest.warns(UserWarning, match="explains nothing: R² .* on parts of the run that were left out"):
        fit_target_head(lambda windows: np.random.default_rng(5).normal(size=(len(windows), 3)), [run], spec())


def test_every_part_that_is_left_out_has_trials_of_every_label() -> None:
    run = calibration(length=2000)
    marks = [Trial("rest" if i % 2 else "bend", 200 * i, 200 * i + 200, False) for i in range(10)]
    sorted_by_label = replace(run, trials=tuple(marks))
    found = target_windows([sorted_by_label], spec())
    ends = np.arange(10, 2001, 5)
    trial = (ends - 1) // 200
    for label in (0, 1):
        mine = trial % 2 == label
        assert found.parts[mine].tolist() == (trial[mine] // 2 % 4).tolist()
    alone = target_windows([replace(run, trials=(Trial("bend", 0, 2000, False),))], spec()).parts
    assert alone.tolist() == sorted(alone.tolist())
    assert np.bincount(alone).tolist() == [100, 100, 100, 99]


def test_a_penalty_makes_weights_smaller() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(500, 3))
    values = features @ MAP.T
    weights = [np.abs(ridge(Moments.of(features, values), share)[:, :-1]).sum() for share in (0.0, 0.1, 0.5)]
    assert weights[0] > weights[1] > weights[2]
    assert weights[2] == pytest.approx(weights[0] / 2, rel=0.1)  # the penalty is the variance of the features
    with pytest.raises(NeuroMotionError, match="shrinkage has to be above 0"):
        ridge(Moments.of(np.zeros((10, 2)), np.ones((10, 1))), 0.0)


@pytest.mark.parametrize(
    ("runs", "changes", "message"),
    [
        ([], {}, "needs a recording with 0.1 s without a gap"),
        ([calibration(targets=None)], {}, "has no target x, y"),
        ([calibration(length=40)], {}, "needs at least 8 windows, 0.45 s without a gap; there are 7"),
        ([calibration()], {"adaptation": {"kind": "head", "shape": [2, 5]}}, r"has to be \(2, 4\), not \(2, 5\)"),
        ([calibration()], {"channels": ("a", "b", "d")}, "no channel d"),
    ],
)
def test_a_run_that_does_not_fit_is_refused(runs: list[Recording], changes: dict[str, object], message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        fitted_target_head(last_of, runs, spec(**changes))


def test_moments_of_parts_add_up_to_those_of_the_whole() -> None:
    generator = np.random.default_rng(0)
    features, values = generator.normal(3, 1, (60, 4)), generator.normal(size=(60, 2))
    parts = [Moments.of(features[rows], values[rows]) for rows in np.array_split(np.arange(60), 3)]
    whole = ridge(Moments.of(features, values), 0.0)
    np.testing.assert_allclose(ridge(Moments.total(parts), 0.0), whole)
    exact = np.linalg.lstsq(np.concatenate([features, np.ones((60, 1))], axis=1), values, rcond=None)[0].T
    np.testing.assert_allclose(whole, exact, rtol=1e-6)


def test_targets_that_do_not_move_are_left_out_of_what_is_explained() -> None:
    truth = np.stack([np.arange(4.0), np.zeros(4)], axis=1)
    assert explained(truth, truth + np.array([0, 5])) == 1
    assert np.isnan(explained(0 * truth, truth))
    still = calibration(targets=replace(calibration().targets, values=0 * calibration().targets.values))
    with pytest.warns(UserWarning, match="explains nothing"):
        fit_target_head(last_of, [still], spec())
