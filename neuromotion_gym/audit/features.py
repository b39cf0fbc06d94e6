"""Cheap features of excerpts of signal: amplitude, level, power in bands, and the course of slow potentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALLEST = 1e-30
"""Least power whose logarithm is taken."""
BINS_PER_S = 8
"""Bins a second of slow potentials: their course up to 4 Hz."""


def amplitude_and_level(excerpts: Sequence[np.ndarray]) -> np.ndarray:
    """Logarithm of the variance, and mean, of every channel; float array of shape (n, 2 * channels)."""
    rows = []
    for excerpt in excerpts:
        signal = np.asarray(excerpt, np.float64)
        rows.append(np.concatenate([np.log(signal.var(axis=1) + SMALLEST), signal.mean(axis=1)]))
    return np.stack(rows)


def log_variance(excerpts: Sequence[np.ndarray]) -> np.ndarray:
    """Logarithm of the variance of every channel; float array of shape (n, channels)."""
    return np.stack([np.log(np.asarray(excerpt, np.float64).var(axis=1) + SMALLEST) for excerpt in excerpts])


def band_power(
    excerpts: Sequence[np.ndarray], rates_hz: np.ndarray, bands_hz: Sequence[tuple[float, float]]
) -> np.ndarray:
    """Logarithm of the mean power of every channel in some bands; float array of shape (n, bands * channels).

    The power is that of the spectrum of the whole excerpt, under a Hann window.
    """
    rows = []
    for excerpt, rate in zip(excerpts, rates_hz, strict=True):
        signal = excerpt - excerpt.mean(axis=1, keepdims=True, dtype=np.float64)
        power = np.abs(np.fft.rfft(signal * np.hanning(signal.shape[1]), axis=1)) ** 2
        frequency = np.fft.rfftfreq(signal.shape[1], 1 / rate)
        row = []
        for low, high in bands_hz:
            inside = (frequency >= low) & (frequency < high)
            row.append(power[:, inside].mean(axis=1) if inside.any() else np.zeros(len(signal)))
        rows.append(np.log(np.concatenate(row) + SMALLEST))
    return np.stack(rows)


def slow_course(
    excerpts: Sequence[np.ndarray], rates_hz: np.ndarray, channels: np.ndarray, seconds: tuple[float, float]
) -> np.ndarray:
    """Means of some channels in bins of an eighth of a second, less the mean of the stretch.

    Parameters
    ----------
    excerpts : sequence of float array, each of shape (channels, samples)
    rates_hz : float array, shape (n,)
    channels : bool array, shape (channels,)
    seconds : (float, float)
        Stretch of each excerpt, from its beginning.

    Returns
    -------
    float array, shape (n, chosen channels * bins)
    """
    bins = max(2, round((seconds[1] - seconds[0]) * BINS_PER_S))
    rows = []
    for excerpt, rate in zip(excerpts, rates_hz, strict=True):
        edges = np.round(np.linspace(*seconds, bins + 1) * rate).astype(int)
        part = excerpt[channels, edges[0] : edges[-1]].astype(np.float64)
        means = np.add.reduceat(part, edges[:-1] - edges[0], axis=1) / np.diff(edges)
        rows.append((means - part.mean(axis=1, keepdims=True)).ravel())
    return np.stack(rows)


def shortest_s(excerpts: Sequence[np.ndarray], rates_hz: np.ndarray) -> float:
    """Length of the shortest excerpt in seconds."""
    return float(min(excerpt.shape[1] / rate for excerpt, rate in zip(excerpts, rates_hz, strict=True)))
