"""The typical amplitude of recordings: a wrong unit or gain shows in it, whatever the file says.

It is taken inside windows of the length that a decoder reads, so that an offset or a slow drift does not count, and
over labels with equal weight, so that it does not depend on how long somebody rested.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuromotion_gym.signals.recording import Recording


def typical_amplitude(recordings: Iterable[Recording], window: int) -> float:
    """Median over channels of the mean standard deviation inside windows.

    Parameters
    ----------
    recordings : iterable of Recording
        With the same channels and unit.
    window : int
        Length of the windows in samples; they lie one after the other inside trials, or anywhere where no recording has
        trials, without its bad spans. Where a trial is shorter, it is one window.

    Returns
    -------
    float
        In the unit of the recordings: mean of the windows of each label, mean over labels, median over channels.

    Raises
    ------
    NeuroMotionError
        If there is no recording, or none has good samples.
    """
    by_label: dict[str | None, list[np.ndarray]] = defaultdict(list)
    for recording in recordings:
        for trial, samples in recording.trial_samples():
            by_label[trial.label].append(deviations(samples, window))
        if not recording.trials:
            by_label[None] += [deviations(samples, window) for samples in _good_stretches(recording, window)]
    if len(by_label) > 1:
        by_label.pop(None, None)
    if not any(by_label.values()):
        raise NeuroMotionError("There is no recording with good samples whose amplitude could be taken.")
    means = [np.concatenate(found, axis=1).mean(axis=1) for found in by_label.values()]
    return float(np.median(np.mean(means, axis=0)))


def _good_stretches(recording: Recording, window: int) -> list[np.ndarray]:
    """Samples outside of the bad spans: the stretches that hold a window or, if there are none, the longest one."""
    edges = sorted(recording.bad_spans)
    begins, ends = [0, *(stop for _, stop in edges)], [*(start for start, _ in edges), recording.samples.shape[1]]
    begins = np.maximum.accumulate(begins).tolist()  # spans may overlap
    found = [recording.samples[:, begin:end] for begin, end in zip(begins, ends, strict=True) if begin < end]
    return [one for one in found if one.shape[1] >= window] or sorted(found, key=lambda one: one.shape[1])[-1:]


def deviations(samples: np.ndarray, window: int) -> np.ndarray:
    """Standard deviations inside neighbouring windows.

    Parameters
    ----------
    samples : float array, shape (channels, samples)
    window : int
        Length of a window; all samples are one window if there are fewer.

    Returns
    -------
    float64 array, shape (channels, windows)
    """
    length = samples.shape[1]
    window = min(window, length)
    count = length // window
    # Channel by channel, since the standard deviation needs a copy in double precision
    return np.stack(
        [channel[: count * window].reshape(count, window).std(axis=1, dtype=np.float64) for channel in samples]
    )
