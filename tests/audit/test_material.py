"""Materials: trials as units, rest left out, and one clear message for arrays that do not fit each other."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.audit.material import Material
from neuromotion_gym.errors import NeuroMotionError

sys.path.insert(0, str(Path(__file__).parent))

from materials import material, trials


def test_windows_of_one_trial_are_one_unit():
    given = trials(people=1, sessions=1, count=4)
    doubled = {name: np.repeat(value, 2, axis=0) if np.ndim(value) else value for name, value in given.items()}
    found = Material.of_windows(**{**doubled, "channels": given["channels"]})
    assert len(found.units.labels) == 4
    assert found.trial_of_excerpt.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    rows = np.arange(8.0)[:, None]
    assert found.per_trial(rows).ravel().tolist() == [0.5, 2.5, 4.5, 6.5]


def test_trials_are_in_order_of_time_within_sessions():
    given = trials(people=1, sessions=1, count=4)
    given["labels"] = np.array(["right", "left", "left", "right"])
    found = Material.of_windows(**{**given, "start_s": np.array([3.0, 2.0, 1.0, 0.0])})
    assert [found.names[label] for label in found.units.labels] == ["right", "left", "left", "right"][::-1]
    assert found.trial_of_excerpt.tolist() == [3, 2, 1, 0]


def test_rest_is_left_out_where_two_labels_remain():
    labels = trials()["labels"].copy()
    labels[::4] = "still"
    found = material(labels=labels, rest_label="still")
    assert found.names == ("left", "right")
    assert len(found.units.labels) == (labels != "still").sum()
    assert (found.trial_of_excerpt == -1).tolist() == (labels == "still").tolist()
    alone = material(labels=np.where(labels == "still", "still", "left"), rest_label="still")
    assert alone.names == ("left", "still")


def test_flat_channels_are_no_eyes():
    windows = trials()["windows"].copy()
    assert material(eyes=("F7",)).eye_channels.tolist() == [True, False, False, False]
    windows[:, 0] = 1e-9
    assert material(windows=windows, eyes=("F7",)).eye_channels.tolist() == [False, True, False, False]
    assert not material(channels=["a", "b", "c", "d"]).eye_channels.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["left"]}, r"labels has the shape \(1,\); there are 192 excerpts"),
        ({"windows": np.zeros((3, 4))}, r"Windows are float64 of shape \(3, 4\); numbers of shape"),
        ({"windows": np.full((192, 4, 50), np.nan)}, "NaN or infinite"),
        ({"channels": ["a"]}, "1 channels are named"),
        ({"rate_hz": 0.0}, "rate has to be above 0"),
        ({"claim": "world"}, "claim is 'world'; it has to be one of trial, session, subject"),
        ({"groups": np.zeros(192)}, "Trial '0.0' of 'P0' has more than one label"),
    ],
)
def test_wrong_arrays_are_refused(changes, message):
    with pytest.raises(NeuroMotionError, match=message):
        material(**changes)
