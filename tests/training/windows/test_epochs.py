"""One window of each trial, where the decoder reads it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.training.preparations import prepared_windows

RECIPE = {
    "decoder": {
        "name": "small", "modality": "eeg", "dataset": "nowhere", "labels": ["left", "right"], "channels": ["C3", "C4"],
        "rate_hz": 100, "unit": "mV", "window": 31, "hop_s": 0.05, "pacing": "trial", "epoch_s": [0.1, 0.4],
        "output": "logit", "positive": "right",
    },
    "data": {"preparation": "epochs", "stride_s": 0.3},
    "network": {"name": "cnn_transformer"},
    "training": {},
}  # fmt: skip


def session(*trials: Trial, length: int = 400) -> Session:
    samples = np.arange(2 * length, dtype=np.float32).reshape(2, length)
    recording = Recording(samples * 1e-3, SignalSpec("eeg", ("C3", "C4"), 100.0, "V"), trials, "nowhere", "P1")
    return Session("nowhere", "P1", "0", (recording,), ())


def test_a_window_is_the_epoch_with_both_ends_in_the_decoder_s_unit() -> None:
    given = session(
        Trial("left", 0, 41), Trial("rest", 50, 100), Trial("right", 100, 140), Trial("left", 200, 239),
        Trial("right", 360, 400),
    )  # fmt: skip
    windows = prepared_windows(Recipe(**RECIPE), [given])
    # The second is one sample longer than its trial, the third trial is too short, the last begins a sample earlier
    assert windows.where[:, 1].tolist() == [10, 110, 369]
    assert windows.labels.tolist() == [0, 1, 1]
    assert windows.trials.tolist() == [0, 1, 2]
    found = windows.windows(np.array([0]))
    np.testing.assert_allclose(found[0, 0], np.arange(10, 41), rtol=1e-6)
    assert found.shape == (1, 2, 31)


def test_a_decoder_of_windows_and_a_label_without_an_epoch_are_refused() -> None:
    content = copy.deepcopy(RECIPE)
    content["decoder"] |= {"pacing": "sliding"}
    with pytest.raises(NeuroMotionError, match="needs decoder.pacing 'trial'"):
        prepared_windows(Recipe(**content), [session(Trial("left", 0, 50))])
    with pytest.raises(NeuroMotionError, match="No trial of right is as long"):
        prepared_windows(Recipe(**RECIPE), [session(Trial("left", 0, 50), Trial("right", 60, 90))])
