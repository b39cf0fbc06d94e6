"""Causal filter banks, and labels of the other side."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.labels import mirrored_labels
from neuromotion_gym.training.bands import apply_filters, filter_bank


def test_filtered_samples_depend_on_the_past_alone():
    filters = filter_bank(160, [[8, 30]], 81)
    samples = np.random.default_rng(0).normal(size=(2, 400))
    changed = samples.copy()
    changed[:, 300:] = 0
    before, after = apply_filters(samples, filters), apply_filters(changed, filters)
    np.testing.assert_allclose(before[:, :, :300], after[:, :, :300], atol=1e-12)
    assert not np.allclose(before[:, :, 300:], after[:, :, 300:])


def test_a_band_passes_and_slow_waves_do_not():
    filters = filter_bank(160, [[8, 30]], 81)
    time = np.arange(640) / 160
    gain = {f: apply_filters(np.sin(2 * np.pi * f * time)[None], filters)[0, 0, 80:].std() * 2**0.5 for f in (2, 15)}
    assert gain[15] == pytest.approx(1, abs=0.02)
    assert gain[2] < 0.01


@pytest.mark.parametrize(("bands", "taps"), [([[8, 30]], 80), ([[30, 8]], 81), ([[8, 90]], 81), ([], 81)])
def test_impossible_filter_bank_is_refused(bands, taps):
    with pytest.raises(NeuroMotionError):
        filter_bank(160, bands, taps)


def test_labels_without_a_side_keep_their_place():
    np.testing.assert_array_equal(mirrored_labels(("rest", "left_fist", "right_fist", "both_fists")), [0, 2, 1, 3])
