"""Simulated recordings with bursts of known onset, and how well a method finds them; used by ``leg_bursts.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.statistics import studentised_bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable

RATE_HZ = 1000.0
SNRS_DB = (0, 3, 6, 9, 12, 18, 24)
"""Power of a burst over that of the noise."""
RECORDINGS, SECONDS = 20, 30.0
SPECTRUM_HZ = (60.0, 120.0)
"""Corner frequencies of the power spectrum of surface EMG (Stulen and De Luca, IEEE Trans Biomed Eng 28:515, 1981)."""
BURST_S, PAUSE_S, RAMP_S = (0.2, 1.0), (0.3, 1.5), 0.05
"""Shortest and longest burst and pause, and rise and fall of a burst: ours, of the size of those of gait."""
OVERLAP = 0.5
"""A burst is found if what is found and what is there share this part of their union."""
SILENT = 1_000_000
"""Seed of recordings without bursts."""
MOVEMENT_HZ, MOVEMENT = 15.0, 5.0
"""Slow movement of the electrode: noise below this frequency, of so many standard deviations of the white noise."""


def simulated(snr_db: float, movement: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A recording with bursts of known onset.

    Parameters
    ----------
    snr_db : float
        Power inside a mean burst over that of the white noise.
    movement : float
        Standard deviation of slow movement, as a multiple of that of the white noise.
    generator : numpy.random.Generator

    Returns
    -------
    samples : float array, shape (samples,)
    bursts : int array, shape (bursts, 2)
    """
    from scipy.signal import butter, sosfiltfilt

    count = round(SECONDS * RATE_HZ)
    frequency = np.fft.rfftfreq(count, 1 / RATE_HZ)
    low, high = SPECTRUM_HZ
    shape = high**2 * frequency / (np.sqrt(frequency**2 + low**2) * (frequency**2 + high**2))
    muscle = np.fft.irfft(np.fft.rfft(generator.normal(size=count)) * shape, count)
    envelope, bursts = np.zeros(count), []
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(round(RAMP_S * RATE_HZ)) + 0.5) / round(RAMP_S * RATE_HZ))
    at = generator.uniform(*PAUSE_S)
    while True:
        length = generator.uniform(*BURST_S)
        if at + length > SECONDS - PAUSE_S[0]:
            break
        start, stop = round(at * RATE_HZ), round((at + length) * RATE_HZ)
        own = np.full(stop - start, generator.uniform(0.7, 1.3))
        own[: len(ramp)] *= ramp
        own[-len(ramp) :] *= ramp[::-1]
        envelope[start:stop] = own
        bursts.append((start, stop))
        at += length + generator.uniform(*PAUSE_S)
    slow = sosfiltfilt(butter(2, MOVEMENT_HZ, fs=RATE_HZ, output="sos"), generator.normal(size=count))
    samples = 10 ** (snr_db / 20) * envelope * muscle / muscle.std() + generator.normal(size=count)
    return samples + movement * slow / slow.std(), np.array(bursts)


def matched(found: np.ndarray, true: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of found and true bursts that share at least `OVERLAP` of their union."""
    pairs = []
    for i, (start, stop) in enumerate(found):
        for j, (begin, end) in enumerate(true):
            shared = min(stop, end) - max(start, begin)
            if shared > 0 and shared >= OVERLAP * (max(stop, end) - min(start, begin)):
                pairs.append((i, j))
    return pairs


def judged(
    find: Callable[[np.ndarray, np.ndarray], np.ndarray],
    snr_db: int,
    movement: float,
    numbers: range = range(RECORDINGS),
) -> tuple[dict[str, Any], np.ndarray]:
    """Figures of a method on simulated recordings, and the F-measure of each recording.

    Parameters
    ----------
    find : callable
        Returns bursts, shape (bursts, 2), from the samples of a recording and those before its first burst.
    snr_db : int
    movement : float
        See `simulated`.
    numbers : range
        Of the recordings; each has its own seed. No threshold of ours was chosen on the first `RECORDINGS`.
    """
    scores, onsets, offsets = [], [], []
    for number in numbers:
        samples, true = simulated(snr_db, movement, np.random.default_rng([number, snr_db, bool(movement)]))
        found = find(samples, samples[: true[0, 0]])
        pairs = matched(found, true)
        scores.append(2 * len(pairs) / (len(found) + len(true)))
        onsets += [1000 * (found[i, 0] - true[j, 0]) / RATE_HZ for i, j in pairs]
        offsets += [1000 * (found[i, 1] - true[j, 1]) / RATE_HZ for i, j in pairs]
    figures = {
        "snr_db": snr_db,
        "f_measure": interval(np.array(scores)),
        "onset_error_ms": quartiles(onsets),
        "onset_distance_ms": quartiles(np.abs(onsets)),
        "offset_error_ms": quartiles(offsets),
    }
    return figures, np.array(scores)


def false_bursts(
    find: Callable[[np.ndarray, np.ndarray], np.ndarray], movement: float, numbers: range = range(RECORDINGS)
) -> dict[str, Any]:
    """Bursts a minute that a method finds in recordings without any; see `judged`."""
    found = []
    for number in numbers:
        samples, true = simulated(-np.inf, movement, np.random.default_rng([number, SILENT, bool(movement)]))
        found.append(60 * len(find(samples, samples[: true[0, 0]])) / SECONDS)
    return interval(np.array(found), (0, np.inf))


def quartiles(values: Any) -> list[float] | None:
    """25th, 50th and 75th percentile; none without values."""
    return np.percentile(values, [25, 50, 75]).tolist() if len(values) else None


def interval(values: np.ndarray, bounds: tuple[float, float] = (0, 1)) -> dict[str, Any]:
    """Mean and its 95 % interval, of rates if no other bounds are given; no interval of a single value."""
    found = studentised_bootstrap_interval(values, generator=np.random.default_rng(0), bounds=bounds)
    low, high = (found.low, found.high) if len(values) > 1 else (None, None)
    return {"mean": float(values.mean()), "low": low, "high": high, "n": len(values)}
