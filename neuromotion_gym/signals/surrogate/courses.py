"""Courses of continuous targets in a trial: straight lines between knots."""

from __future__ import annotations

import numpy as np


def lines(length: int, knots: int) -> np.ndarray:
    """Share of every knot in the value at every sample, float64 of shape (length, knots); rows sum to 1.

    Parameters
    ----------
    length : int
        Samples of a trial; the first knot is its first sample, the last one its last.
    knots : int
        Two or more.
    """
    place = np.linspace(0, knots - 1, length)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(knots)), 0.0)
