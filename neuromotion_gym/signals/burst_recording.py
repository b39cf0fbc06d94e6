"""A recording of one channel that holds windows at the bursts of many channels: the label is the channel's muscle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.burst_cache import cached_bursts
from neuromotion_gym.signals.bursts import BurstRule, burst_windows
from neuromotion_gym.signals.joined import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from neuromotion_gym.signals.recording import Recording, SignalSpec

WINDOW_S = 1.0
"""Length of a window at a burst."""


def burst_recording(
    channels: Iterable[tuple[str, np.ndarray]],
    spec: SignalSpec,
    *,
    dataset: str,
    subject: str,
    session: str,
    run: str,
    rule: BurstRule | None = None,
) -> Recording:
    """Windows of `WINDOW_S` at the bursts of each channel, a trial each, one after the other.

    Parameters
    ----------
    channels : iterable of (str, float array of shape (samples,))
        Muscle and samples of each channel, all at the rate of ``spec``.
    spec : SignalSpec
        Of the one channel that the recording has.
    dataset, subject, session, run : str
        As in `Recording`.
    rule : BurstRule, optional
        How bursts are found.

    Raises
    ------
    NeuroMotionError
        If no channel has a burst, or one is shorter than a window.
    """
    length, rule = round(WINDOW_S * spec.rate_hz), BurstRule() if rule is None else rule
    windows, labels = [], []
    for muscle, samples in channels:
        if len(samples) < length:
            raise NeuroMotionError(
                f"{muscle} of {dataset} {subject}, run {run}, has {len(samples)} samples; a window at a burst has "
                f"{length}."
            )
        starts = burst_windows(cached_bursts(samples, spec.rate_hz, rule), len(samples), length)
        windows += [samples[None, start : start + length] for start in starts]
        labels += [muscle] * len(starts)
    if not windows:
        raise NeuroMotionError(f"{dataset} {subject}, run {run}, has no burst in any channel.")
    found = joined(windows, labels, spec, dataset=dataset, subject=subject, session=session)
    return replace(found, run=run)
