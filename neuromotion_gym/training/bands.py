"""Causal filter banks as finite impulse responses, which an ONNX graph applies inside its window without any state.

A window of ``samples`` gives ``samples - taps + 1`` filtered samples, each computed from the past alone; the first
``taps - 1`` samples of a window are context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence


def filter_bank(rate_hz: float, bands_hz: Sequence[Sequence[float]], taps: int) -> np.ndarray:
    """Linear-phase band-pass filters (Hamming windows); their delay is (taps - 1) / 2 samples.

    Parameters
    ----------
    rate_hz : float
        Sampling rate.
    bands_hz : sequence of (float, float)
        Lower and upper edge of each band (-6 dB).
    taps : int
        Length of every filter, odd.

    Returns
    -------
    float64 array, shape (bands, taps)

    Raises
    ------
    NeuroMotionError
        If a band does not lie between 0 and half the rate, or ``taps`` is even or below 3.
    """
    from scipy.signal import firwin

    if taps < 3 or taps % 2 == 0:
        raise NeuroMotionError(f"A filter bank needs an odd number of taps of at least 3, not {taps}.")
    for band in bands_hz:
        if len(band) != 2 or not 0 < band[0] < band[1] < rate_hz / 2:
            raise NeuroMotionError(
                f"Band {tuple(band)} has to rise between 0 and half the sampling rate, {rate_hz / 2:g} Hz."
            )
    if not len(bands_hz):
        raise NeuroMotionError("A filter bank needs at least one band.")
    return np.stack([firwin(taps, tuple(band), pass_zero=False, fs=rate_hz) for band in bands_hz])


def filtering_matrices(
    rate_hz: float, bands_hz: Sequence[Sequence[float]], taps: int, samples: int
) -> list[np.ndarray]:
    """Matrices that filter windows causally by a product, one a band; see `filter_bank`.

    Only every so-many-th complete output is kept, as few as the bands allow, and always the last.

    Parameters
    ----------
    rate_hz : float
    bands_hz : sequence of (float, float)
    taps : int
        Less than samples.
    samples : int
        Samples of a window.

    Returns
    -------
    list of float64 array, shape (samples, outputs)

    Raises
    ------
    NeuroMotionError
        If the filters are longer than the window, or as in `filter_bank`.
    """
    if taps >= samples:
        raise NeuroMotionError(f"Filters of {taps} taps leave nothing of a window of {samples} samples.")
    filters = filter_bank(rate_hz, bands_hz, taps)
    step = max(1, int(rate_hz / 2 / max(float(high) for _, high in bands_hz)))
    return [shifted(one, samples, step) for one in filters]


def shifted(taps: np.ndarray, samples: int, step: int) -> np.ndarray:
    """Matrix that filters windows causally by a product, and keeps every ``step``-th complete output, also the last.

    Parameters
    ----------
    taps : float array, shape (taps,)
    samples : int
        Samples of a window, more than taps.
    step : int

    Returns
    -------
    float64 array, shape (samples, outputs)
    """
    ends = np.arange(samples - 1, len(taps) - 2, -step)[::-1]
    matrix = np.zeros((samples, len(ends)))
    for column, end in enumerate(ends):
        matrix[end - len(taps) + 1 : end + 1, column] = taps[::-1]
    return matrix


def apply_filters(samples: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Causal filtering: sample ``t`` of the result is computed from samples up to ``t``, with zeros before the first.

    Parameters
    ----------
    samples : float array, shape (channels, samples)
    filters : float array, shape (bands, taps)

    Returns
    -------
    float array, shape (bands, channels, samples)
        The first ``taps - 1`` samples are the filter's transient.
    """
    from scipy.signal import oaconvolve

    length = samples.shape[1]
    return np.stack([oaconvolve(samples, taps[None], axes=1)[:, :length] for taps in filters])
