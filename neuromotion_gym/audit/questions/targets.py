"""Asks whether labels, targets or kinematics stand among the channels: coded or far too smooth channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.features import amplitude_and_level
from neuromotion_gym.audit.label_model import tells_label
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

CODES = 12
"""A channel with at most this many values is coded, where the others have several times more."""
SMOOTHER = 100.0
"""A channel whose steps are this many times smaller in variance than those of the median channel, is a movement."""
FEWEST_CHANNELS = 3
"""Channels that are needed for one of them to be unlike the others."""


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Channels with few values, channels much smoother than the others, and what they tell of the label."""
    if len(material.channels) < FEWEST_CHANNELS:
        return NotAsked(f"fewer than {FEWEST_CHANNELS} channels cannot be compared")
    values = _values(material)
    smooth = smoothness(material)
    coded = (values <= CODES) & (np.median(values) > 3 * CODES)
    typical = np.nanmedian(smooth)
    odd = coded | (smooth > SMOOTHER * typical)
    largest = float(np.nanmax(smooth) / typical) if np.isfinite(typical) else 1.0
    if not odd.any():
        return [
            _answer(largest, f"No channel looks like a label or a movement (at most {largest:.1f} times smoother).")
        ]
    names = [name for name, hit in zip(material.channels, odd, strict=True) if hit]
    found = tells_label(
        material.per_trial(amplitude_and_level([one[odd] for one in material.excerpts])),
        material.units,
        options,
        standardise=False,
    )
    told = f", and tells the label at {found.accuracy.mean:.2f}" if found is not None else ""
    kind = (
        f"takes {values[odd].min():.0f} values" if coded.any() else f"is {largest:.0f} times smoother than the others"
    )
    return [_answer(largest, f"Channel {', '.join(names[:4])} {kind}{told}: it is no signal of electrodes.", fact=True)]


def _answer(times: float, sentence: str, *, fact: bool = False) -> Answer:
    return Answer(
        "how much smoother than the median channel the smoothest is",
        Interval(times, np.nan, np.nan),
        1.0,
        None,
        sentence,
        "Take such channels out of the input: name the channels of the electrodes (channels=).",
        fact=fact,
        is_share=False,
    )


def _values(material: Material) -> np.ndarray:
    """Number of different values of each channel."""
    rows = np.concatenate(
        [one[:, : one.shape[1]] for one in material.excerpts[:: max(1, len(material.excerpts) // 200)]], axis=1
    )
    return np.array([len(np.unique(channel)) for channel in rows])


def smoothness(material: Material) -> np.ndarray:
    """Variance of each channel over that of its steps, a large number for smooth ones; NaN for channels always flat.

    The median over sessions, since a movement is smooth in all of them, and a loose electrode in one.
    """
    _, session = np.unique(
        [f"{p}\0{s}" for p, s in zip(material.people, material.sessions, strict=True)], return_inverse=True
    )
    spread = np.zeros((session.max() + 1, len(material.channels)))
    steps = np.zeros_like(spread)
    for row, excerpt in zip(session, material.excerpts, strict=True):
        signal = excerpt.astype(np.float64)
        spread[row] += signal.var(axis=1)
        steps[row] += np.diff(signal, axis=1).var(axis=1)
    # A channel that ocular regression has taken out is numerical noise
    alive = spread > 1e-9 * np.median(spread, axis=1, keepdims=True)
    ratio = np.where(alive, spread / np.maximum(steps, 1e-12 * np.maximum(spread, 1e-300)), np.nan)
    found = np.full(len(material.channels), np.nan)
    some = alive.any(axis=0)
    found[some] = np.nanmedian(ratio[:, some], axis=0)
    return found


QUESTION = Question("targets", "Do labels or movements stand among the channels?", ask)
