"""The 10-10 system of electrode names: the side of the head and the region that a name stands for.

Odd numbers lie on the left, even ones on the right, and the counterpart of 3 is 4; names on the midline end in z.
Letters name regions from front to back: Fp frontopolar, AF, F frontal, FT, FC, T temporal, C central, TP, CP, P
parietal, PO, O occipital (Guideline 2 of the American Clinical Neurophysiology Society, J Clin Neurophysiol 33:308-311,
2016).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import electrode

if TYPE_CHECKING:
    from collections.abc import Sequence

FRONTAL_TEMPORAL = re.compile(r"(Fp|AF|FT|F|TP|T)(z|\d+)")
"""Names of frontal and temporal electrodes, which record eyes and muscles; FC, C, CP, P, PO and O do not match."""

_NEAR_EYES = re.compile(r"(fp|afp|af)(z|[0-9]{1,2})h?|f([7-9]|10)")
_ELECTRODE = re.compile(
    r"(n|fp|afp|af|aff|f|fft|ffc|ft|fc|ftt|fcc|t|ttp|c|ccp|tp|tpp|cp|cpp|p|ppo|po|poo|o|oi|i)(z|[0-9]{1,2})h?"
)


def is_electrode(name: str) -> bool:
    """Whether a channel is an electrode of the 10-20, 10-10 or 10-05 system on the scalp, in any usual spelling."""
    return _ELECTRODE.fullmatch(electrode(name)) is not None


def frontal_temporal(channels: Sequence[str]) -> np.ndarray:
    """Which channels are frontal or temporal, bool array of shape (channels,)."""
    return np.array([FRONTAL_TEMPORAL.fullmatch(name) is not None for name in channels])


def near_eyes(channels: Sequence[str]) -> np.ndarray:
    """Which channels are electrodes over the eyes (Fp, AF, F7 and F8, F9 and F10), bool array of shape (channels,)."""
    return np.array([_NEAR_EYES.fullmatch(electrode(name)) is not None for name in channels])


def mirrored_channels(channels: Sequence[str]) -> np.ndarray:
    """Index of each channel's counterpart on the other side, int64 array of shape (channels,).

    Raises
    ------
    NeuroMotionError
        If a counterpart is missing.
    """
    names = list(channels)
    pairs = [_other_side(name) for name in names]
    missing = [f"{pair} (of {name})" for name, pair in zip(names, pairs, strict=True) if pair not in names]
    if missing:
        raise NeuroMotionError(f"Channels cannot be mirrored; there is no {', '.join(missing)}.")
    return np.array([names.index(pair) for pair in pairs], np.int64)


def _other_side(name: str) -> str:
    match = re.fullmatch(r"([A-Za-z]+)(\d+)", name)
    if match is None:
        return name
    number = int(match[2])
    return f"{match[1]}{number + 1 if number % 2 else number - 1}"
