"""Windows with continuous targets: none reaches over a gap; each belongs to the movement that it is in or before."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Targets, Trial
from neuromotion_gym.signals.target_windows import blocks_at, targets_at, window_ends

SPEC = SignalSpec("emg", ("a",), 10.0, "V")


def recording(**changes: object) -> Recording:
    samples = np.random.default_rng(0).normal(size=(1, 60)).astype(np.float32)
    values = np.linspace(-1, 1, 120).reshape(2, 60).astype(np.float32)
    trials = (Trial("rest", 0, 8, False), Trial("bend", 12, 20, False), Trial("rest", 20, 30, False))
    facts = {"bad_spans": ((20, 20), (40, 50)), "targets": Targets(("x", "y"), values)}
    facts["trials"] = (*trials, Trial("stretch", 30, 40, False))
    return Recording(samples=samples, spec=SPEC, dataset="toy", subject="P1", **{**facts, **changes})


def test_no_window_reaches_over_a_gap_or_a_bad_span() -> None:
    assert window_ends(recording(), 6, 4).tolist() == [6, 10, 14, 18, 26, 30, 34, 38, 56, 60]
    assert window_ends(recording(bad_spans=()), 6, 20).tolist() == [6, 26, 46]
    assert window_ends(recording(), 21, 1).tolist() == []


def test_targets_are_those_of_the_last_sample_in_the_order_that_is_asked_for() -> None:
    one = recording()
    found = targets_at(one, ("y", "x"), np.array([1, 60]))
    np.testing.assert_array_equal(found, one.targets.values[::-1][:, [0, 59]].T)
    with pytest.raises(NeuroMotionError, match=r"has no target z \(it has x, y\)"):
        targets_at(one, ("x", "z"), np.array([1]))
    with pytest.raises(NeuroMotionError, match=r"has no target x \(it has none\)"):
        targets_at(recording(targets=None), ("x",), np.array([1]))


def test_a_moment_belongs_to_the_movement_that_it_is_in_or_before() -> None:
    label, trial, since = blocks_at(recording(), np.array([6, 13, 20, 21, 40, 60]), "rest")
    assert label.tolist() == ["bend", "bend", "bend", "stretch", "stretch", "stretch"]
    assert trial.tolist() == [0, 0, 0, 1, 1, 1]
    assert since.tolist() == [-7, 0, 7, -10, 9, 29]
    resting = recording(trials=recording().trials[:1])
    assert blocks_at(resting, np.array([6, 60]), "rest").label.tolist() == ["", ""]
