"""Faults that show in the samples themselves: an amplifier at its limit, and volts that cannot be volts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.signals.units import VOLTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.stretches import Faults

CLIPPED_SHARE = 0.05
"""Share of samples at the limits from which on a channel counts as clipped."""
PILED_TIMES = 2.0
"""Samples at the limit are clipped if the next value has fewer by this factor; noise has fewer the farther out."""
LARGEST_V = 0.01
"""Largest plausible standard deviation of EEG or EMG in volts; surface EMG reaches a few millivolts."""


def note_sample_faults(samples: np.ndarray, channels: Sequence[str], unit: str, faults: Faults) -> None:
    """Note clipped channels, and an amplitude that no electrode gives.

    Parameters
    ----------
    samples : float32 array, shape (channels, samples)
    channels : sequence of str
        Names of the channels.
    unit : str
        Unit of the samples.
    faults : Faults
        Where faults are noted.
    """
    for name, channel in zip(channels, samples, strict=True):
        share = clipped_share(channel)
        if share > CLIPPED_SHARE:
            faults.note("channels are clipped", f"{name} in {100 * share:.0f} % of its samples")
    if unit in VOLTS and samples.size:
        with np.errstate(over="ignore", invalid="ignore"):
            each = [channel.std(dtype=np.float64) for channel in samples]
        deviation = float(np.median(each)) * VOLTS[unit]
        if deviation > LARGEST_V:
            faults.note(
                "the amplitude is too large for a signal in this unit; say the right one with unit=",
                f"standard deviation {deviation:.3g} V",
            )


def clipped_share(channel: np.ndarray) -> float:
    """Share of samples at the highest and lowest value, where they pile up there; 0 for a constant channel.

    Parameters
    ----------
    channel : float array, shape (samples,)
    """
    if not len(channel) or channel.min() == channel.max():
        return 0.0
    total = 0
    for side in (channel, -channel):
        limit = side.max()
        count = int((side == limit).sum())
        if count > CLIPPED_SHARE / 2 * len(channel):
            next_count = int((side == side[side < limit].max()).sum())
            total += count if count > PILED_TIMES * next_count else 0
    return total / len(channel)
