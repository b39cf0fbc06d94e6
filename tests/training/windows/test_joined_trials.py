"""Windows that run on over trials: stretches are put together again, and labels are of the sample after a window."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.training.data import ChosenWindows, samples_of
from neuromotion_gym.training.preparations import prepared_windows

SPEC = SignalSpec("emg", ("a", "b"), 100.0, "count")
RECIPE = {
    "decoder": {
        "name": "small",
        "modality": "emg",
        "dataset": "nowhere",
        "labels": ["lift", "press"],
        "channels": ["b", "a"],
        "rate_hz": 100,
        "unit": "count",
        "window": 4,
        "hop_s": 0.05,
        "output": "logits",
        "split": "overlapping-windows",
    },
    "data": {"preparation": "joined_trials", "stride_s": 0.01, "tune": None, "overlapping": {"share": 0.3}},
    "network": {"name": "cnn_lstm"},
    "training": {},
}


def session(block: int, labels: tuple[str, str] = ("press", "lift")) -> Session:
    """Samples are numbered as in one table: press 0 to 11, lift 100 to 111, six of each in a block."""
    numbers = np.concatenate([np.arange(6) + 6 * block, 100 + np.arange(6) + 6 * block]).astype(np.float32)
    trials = tuple(Trial(label, 6 * i, 6 * i + 6, has_onset=False) for i, label in enumerate(labels))
    recording = Recording(np.stack([numbers, -numbers]), SPEC, trials, "nowhere", "P1", str(block))
    return Session("nowhere", "P1", str(block), (recording,), ())


def test_stretches_are_joined_and_a_window_has_the_label_of_the_sample_after_it() -> None:
    windows = prepared_windows(Recipe(**RECIPE), [session(0), session(1)])
    assert len(windows.labels) == 24 - 4
    assert samples_of(windows)[:, 1].tolist() == [*range(12), *range(100, 112)]
    cut = windows.windows(np.arange(20))
    assert cut.shape == (20, 2, 4)
    assert cut[3].tolist() == [[-3, -4, -5, -6], [3, 4, 5, 6]]
    assert cut[8, 1].tolist() == [8, 9, 10, 11]
    # The window before the change has the label of what comes then
    assert windows.labels.tolist() == [1] * 8 + [0] * 12
    assert windows.trials.tolist() == [0] * 8 + [1] * 12
    chosen = ChosenWindows(windows, np.array([8, 2]))
    assert chosen.windows(np.array([0]))[0, 1].tolist() == [8, 9, 10, 11]
    assert chosen.labels.tolist() == [0, 1]
    assert samples_of(chosen).shape == (24, 2)


def test_what_cannot_be_joined_is_refused() -> None:
    recipe = Recipe(**RECIPE)
    with pytest.raises(NeuroMotionError, match="recordings with the same trials"):
        prepared_windows(recipe, [session(0), session(1, ("lift", "press"))])
    content = copy.deepcopy(RECIPE)
    content["data"]["start_s"] = 0.1
    with pytest.raises(NeuroMotionError, match=r"no adaptation, data\.start_s and data\.stop_s"):
        prepared_windows(Recipe(**content), [session(0)])


def test_windows_set_aside_at_random_have_to_be_marked() -> None:
    for section, key, value in (("decoder", "split", "subject"), ("data", "tune", "tune")):
        content = copy.deepcopy(RECIPE)
        content[section][key] = value
        with pytest.raises(NeuroMotionError, match=r"data\.overlapping needs decoder\.split 'overlapping-windows'"):
            Recipe(**content)
