"""Bursts of muscle activity in one channel of EMG: where they begin and end, and windows around them.

A curve follows the amplitude: the moving mean of the rectified signal (`envelope`), or the root of the moving mean of
its Teager-Kaiser energy (`teager`), which also weighs the frequency and so sets muscle apart from slow movement of the
electrode. Its level at rest is that of the quietest stretches of the recording, which need not be marked. A burst is a
stretch above a low threshold that reaches a high one (double threshold); short gaps are closed, and what is too short
for a muscle is left out.

Everything here looks at whole recordings, also ahead in time: it prepares training data and is no part of a loop.

Sources: Kaiser, ICASSP 1990, 381-384 (energy); Solnik et al., Eur J Appl Physiol 110:489-498 (2010), who condition EMG
with it; Hodges and Bui, Electroencephalogr Clin Neurophysiol 101:511-519 (1996), who set thresholds in standard
deviations above the level at rest. The thresholds were chosen on simulated bursts, see docs/systems/leg_bursts.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

BLOCK_S = 0.2
"""Length of the stretches among which the quietest are looked for."""
QUIET = 0.2
"""Share of the stretches that count as rest."""


@dataclass(frozen=True)
class BurstRule:
    """How bursts are found.

    Parameters
    ----------
    method : {"teager", "envelope"}
        The curve that is compared with the thresholds.
    band_hz : (float, float)
        Pass band of the filter before it (Butterworth, 4th order, forward and backward); cut to what the rate allows.
    mean_s : float
        Length of the moving mean.
    high, low : float
        The two thresholds, in standard deviations of the curve at rest above its mean. Equal values are one threshold.
    share : float
        Both thresholds are at least this share of the curve's 99th percentile above rest: recordings without noise have
        no standard deviation to speak of.
    gap_s : float
        Bursts that are less than this apart are one.
    shortest_s : float
        Shorter bursts are left out.

    Raises
    ------
    NeuroMotionError
        If a value is out of range.
    """

    method: Literal["teager", "envelope"] = "teager"
    band_hz: tuple[float, float] = (20.0, 450.0)
    mean_s: float = 0.05
    high: float = 4.0
    low: float = 2.0
    share: float = 0.05
    gap_s: float = 0.1
    shortest_s: float = 0.1

    def __post_init__(self) -> None:
        if self.method not in ("teager", "envelope"):
            raise NeuroMotionError(f"Bursts are found by 'teager' or 'envelope', not {self.method!r}.")
        if not 0 < self.band_hz[0] < self.band_hz[1] or not self.mean_s > 0:
            raise NeuroMotionError(
                f"A band of {self.band_hz} Hz and a mean over {self.mean_s} s find no bursts: the band needs a lower "
                "and a higher frequency above 0, and the mean some time."
            )
        if not 0 <= self.low <= self.high or not 0 <= self.share < 1 or self.gap_s < 0 or self.shortest_s < 0:
            raise NeuroMotionError(
                f"Thresholds low {self.low} and high {self.high}, share {self.share}, gap_s {self.gap_s} and "
                f"shortest_s {self.shortest_s} find no bursts: low is at most high, the share below 1, and "
                "nothing is negative."
            )


def teager_kaiser(samples: np.ndarray) -> np.ndarray:
    """Energy operator ``x[t]^2 - x[t - 1] x[t + 1]`` along the last axis; its ends repeat their neighbours."""
    energy = np.empty_like(samples)
    energy[..., 1:-1] = samples[..., 1:-1] ** 2 - samples[..., :-2] * samples[..., 2:]
    energy[..., 0], energy[..., -1] = energy[..., 1], energy[..., -2]
    return energy


def activity(samples: np.ndarray, rate_hz: float, rule: BurstRule) -> np.ndarray:
    """The curve that is compared with the thresholds, in the unit of the samples (`teager`: times radians a sample).

    Parameters
    ----------
    samples : float array, shape (samples,)
    rate_hz : float
    rule : BurstRule

    Returns
    -------
    float64 array, shape (samples,)

    Raises
    ------
    NeuroMotionError
        If there are less than two stretches of `BLOCK_S` seconds, or the rate is too low for the band.
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, sosfiltfilt

    if samples.ndim != 1 or len(samples) < 2 * round(BLOCK_S * rate_hz):
        raise NeuroMotionError(
            f"Bursts are looked for in one channel of at least {2 * BLOCK_S:g} s, not in {samples.shape} samples at "
            f"{rate_hz:g} Hz."
        )
    low, high = rule.band_hz[0], min(rule.band_hz[1], 0.45 * rate_hz)
    if low >= high:
        raise NeuroMotionError(f"At {rate_hz:g} Hz there is nothing left of the band from {low:g} Hz.")
    passed = sosfiltfilt(butter(4, (low, high), "bandpass", fs=rate_hz, output="sos"), samples.astype(np.float64))
    length = max(1, round(rule.mean_s * rate_hz))
    if rule.method == "envelope":
        curve: np.ndarray = uniform_filter1d(np.abs(passed), length)
        return curve
    root: np.ndarray = np.sqrt(uniform_filter1d(np.abs(teager_kaiser(passed)), length))
    return root


def thresholds(curve: np.ndarray, rate_hz: float, rule: BurstRule) -> tuple[float, float]:
    """The low and the high threshold for a curve of `activity`."""
    length = round(BLOCK_S * rate_hz)
    blocks = curve[: len(curve) // length * length].reshape(-1, length)
    quiet = blocks[np.argsort(blocks.mean(axis=1))[: max(1, round(QUIET * len(blocks)))]]
    level, spread = float(quiet.mean()), float(quiet.std())
    least = rule.share * max(0.0, float(np.percentile(curve, 99)) - level)
    return level + max(rule.low * spread, least), level + max(rule.high * spread, least)


def find_bursts(samples: np.ndarray, rate_hz: float, rule: BurstRule | None = None) -> np.ndarray:
    """Bursts of one channel.

    Parameters
    ----------
    samples : float array, shape (samples,)
    rate_hz : float
    rule : BurstRule, optional

    Returns
    -------
    int64 array, shape (bursts, 2)
        First sample, and sample after the last, of each burst; in order of time, without overlaps.

    Raises
    ------
    NeuroMotionError
        See `activity`.
    """
    rule = BurstRule() if rule is None else rule
    curve = activity(samples, rate_hz, rule)
    low, high = thresholds(curve, rate_hz, rule)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], curve > low, [False]]).astype(np.int8)))
    found = edges.reshape(-1, 2)
    found = found[[bool((curve[start:stop] > high).any()) for start, stop in found]]
    return joined(found, rate_hz, rule)


def joined(bursts: np.ndarray, rate_hz: float, rule: BurstRule) -> np.ndarray:
    """Bursts in order of time, shape (bursts, 2), with short gaps closed and short bursts left out afterwards."""
    if len(bursts) > 1:
        apart = bursts[1:, 0] - bursts[:-1, 1] >= round(rule.gap_s * rate_hz)
        bursts = np.stack([bursts[np.r_[True, apart], 0], bursts[np.r_[apart, True], 1]], axis=1)
    return bursts[bursts[:, 1] - bursts[:, 0] >= round(rule.shortest_s * rate_hz)].astype(np.int64)


def burst_windows(bursts: np.ndarray, n_samples: int, length: int) -> np.ndarray:
    """Where windows of equal length at bursts begin.

    A burst of less than two windows has one with the same middle; a longer one has as many as fit, one after the other.
    A window that would share samples with the one before it is moved behind it, if a part of the burst is left for it
    that is at least half as long as the window or as the burst, and left out otherwise.

    Parameters
    ----------
    bursts : int array, shape (bursts, 2)
        As `find_bursts` returns them.
    n_samples : int
        Length of the recording; windows are moved to lie inside.
    length : int
        Of a window.

    Returns
    -------
    int64 array, shape (windows,), increasing
    """
    starts: list[int] = []
    free = 0
    for begin, end in bursts.tolist():
        count = max(1, (end - begin) // length)
        first = (begin + end - count * length) // 2
        for number in range(count):
            start = min(max(first + number * length, free), n_samples - length)
            covered = min(end, start + length) - max(begin, start)
            if start >= free and 2 * covered >= min(length, end - begin):
                starts.append(start)
                free = start + length
    return np.array(starts, np.int64)


@dataclass(frozen=True)
class BurstFigures:
    """What bursts of one channel are like.

    Parameters
    ----------
    number : int
    per_minute : float
        Of the whole recording.
    length_s : float
        Median.
    amplitude : float
        Median over bursts of the root mean square without the mean, in the unit of the samples.
    contrast : float
        Amplitude over the root mean square of what is no burst.
    """

    number: int
    per_minute: float
    length_s: float
    amplitude: float
    contrast: float


def burst_figures(samples: np.ndarray, bursts: np.ndarray, rate_hz: float) -> BurstFigures:
    """Number, length and amplitude of the bursts of one channel; NaN where there is nothing to measure."""
    outside = np.ones(len(samples), bool)
    for start, stop in bursts:
        outside[start:stop] = False
    own = [float(samples[start:stop].std()) for start, stop in bursts]
    amplitude = float(np.median(own)) if own else float("nan")
    rest = float(samples[outside].std()) if outside.any() else float("nan")
    return BurstFigures(
        number=len(bursts),
        per_minute=60 * len(bursts) * rate_hz / len(samples),
        length_s=float(np.median(np.diff(bursts, axis=1)) / rate_hz) if own else float("nan"),
        amplitude=amplitude,
        contrast=amplitude / rest if rest > 0 else float("nan"),
    )
