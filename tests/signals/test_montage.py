"""Electrodes of the 10-10 system: the other side of the head, and regions."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import frontal_temporal, mirrored_channels


def test_mirroring_twice_gives_the_same_channels():
    channels = ("FC5", "FCz", "FC6", "C3", "C4", "T9", "T10")
    order = mirrored_channels(channels)
    assert [channels[i] for i in order] == ["FC6", "FCz", "FC5", "C4", "C3", "T10", "T9"]
    np.testing.assert_array_equal(order[order], np.arange(7))


def test_a_missing_counterpart_is_named():
    with pytest.raises(NeuroMotionError, match="C4"):
        mirrored_channels(("C3", "Cz"))


def test_frontal_and_temporal_electrodes_are_told_by_name():
    channels = ("Fp1", "F7", "FC3", "C3", "T10", "TP7", "CP4", "Oz")
    outer = [name for name, is_outer in zip(channels, frontal_temporal(channels), strict=True) if is_outer]
    assert outer == ["Fp1", "F7", "T10", "TP7"]
