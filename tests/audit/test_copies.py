"""Runs of samples: copies are found in another unit and shifted, noise and constant stretches are not."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.audit.copies import Runs


def windows(seed: int = 0, n: int = 20, channels: int = 8, samples: int = 100) -> np.ndarray:
    signal = np.random.default_rng(seed).standard_normal((channels, n * samples + samples)).astype(np.float32)
    return np.stack([signal[:, i * samples : (i + 1) * samples] for i in range(n + 1)])


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_overlapping_windows_are_found(share):
    signal = np.random.default_rng(0).standard_normal((3, 1000)).astype(np.float32)
    starts = [0, 500, round(50 * (1 - share)), 700]
    runs = Runs([signal[:, start : start + 50] for start in starts])
    assert runs.sharing(np.array([2, 3]), np.array([0, 1])).tolist() == [True, False]


def test_standardised_copies_are_found_by_the_signs_of_their_steps():
    given = windows()
    scaled = (given[4:5] * np.arange(1, 9)[None, :, None] + 3).astype(np.float32)
    runs = Runs(np.concatenate([given, scaled, windows(1)]))
    assert runs.sharing(np.array([21, 22]), np.arange(21)).tolist() == [True, False]


def test_windows_of_ten_rows_of_three_channels_that_share_nine_are_found():
    rows = np.random.default_rng(0).integers(0, 1024, (3, 200)).astype(np.float32)
    runs = Runs([rows[:, start : start + 10] for start in (0, 1, 40, 80)])
    assert runs.sharing(np.array([1, 3]), np.array([0, 2])).tolist() == [True, False]


def test_labels_are_looked_up_where_samples_were_seen():
    rows = np.random.default_rng(0).integers(0, 1024, (3, 200)).astype(np.float32)
    runs = Runs([rows[:, start : start + 10] for start in (0, 40, 1, 42, 80)])
    votes = runs.looked_up(np.array([2, 3, 4]), np.array([0, 1]), np.array([2, 1, 0, 0, 0]))
    assert votes.argmax(axis=1).tolist() == [2, 1, 0]
    assert (votes.max(axis=1) > 0).tolist() == [True, True, False]


def test_stretches_that_stand_still_are_no_copies():
    given = windows(channels=2)
    given[3, :, 10:90] = given[7, :, 10:90] = 0
    assert not Runs(given).sharing(np.array([3]), np.array([7])).any()
