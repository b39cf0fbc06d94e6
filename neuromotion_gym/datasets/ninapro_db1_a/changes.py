"""Changes from the rest just before: what is left of samples when the place in the recording says nothing.

Movements were recorded in blocks of ten repetitions. The hand rests differently in each block, so that samples at rest
tell the block, and with it the movement. The mean of the last second of the rest before is therefore taken from all
samples until the next rest is over. This is causal: the rest has ended before the first sample that it is taken from.
"""

from __future__ import annotations

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

SETTLE_S = 1.0
"""Time after the film of a movement until the hand is at rest; ``restimulus`` ends at most 0.9 s after the film."""
REFERENCE_S = 1.0
"""Length of the end of a rest whose mean is the reference."""


def movements(stimulus: np.ndarray) -> np.ndarray:
    """First sample of the film of each movement and the sample after the last, int array of shape (movements, 2).

    Parameters
    ----------
    stimulus : int array, shape (samples,)
        Movement that is shown; 0 at rest.
    """
    edges = np.diff(np.concatenate([[0], (stimulus > 0).astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)], axis=1)


def rests(stimulus: np.ndarray, rate_hz: float) -> np.ndarray:
    """Rest before each movement, from `SETTLE_S` after the one before, int array of shape (movements, 2).

    Raises
    ------
    NeuroMotionError
        If a rest is shorter than its reference, `REFERENCE_S`.
    """
    films = movements(stimulus)
    starts = np.concatenate([[0], films[:-1, 1] + round(SETTLE_S * rate_hz)])
    found = np.stack([starts, films[:, 0]], axis=1)
    if (short := np.diff(found, axis=1).ravel() < round(REFERENCE_S * rate_hz)).any():
        raise NeuroMotionError(
            f"The rest before movement number {int(np.flatnonzero(short)[0]) + 1} is shorter than {REFERENCE_S:g} s, "
            f"counted from {SETTLE_S:g} s after the movement before it."
        )
    return found


def changes_from_rest(values: np.ndarray, stimulus: np.ndarray, rate_hz: float) -> np.ndarray:
    """Values less their mean over the end of the last rest that is over.

    Parameters
    ----------
    values : float array, shape (channels, samples)
        Envelopes or joint sensors.
    stimulus : int array, shape (samples,)
        Movement that is shown; 0 at rest.
    rate_hz : float
        Samples per second.

    Returns
    -------
    float array, shape (channels, samples). NaN until the end of the first rest.

    Raises
    ------
    NeuroMotionError
        If a rest is too short; see `rests`.
    """
    ends = rests(stimulus, rate_hz)[:, 1]
    length = round(REFERENCE_S * rate_hz)
    references = np.stack([values[:, end - length : end].mean(axis=1) for end in ends], axis=1)
    last = np.searchsorted(ends, np.arange(values.shape[1]), side="right") - 1
    return np.where(last >= 0, values - references[:, last], np.nan)
