"""The other side of the head: channels and labels with left and right exchanged.

In the 10-10 system odd numbers lie left, even ones right, and the pair of 3 is 4; midline names end in z.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def mirrored_labels(labels: Sequence[str]) -> np.ndarray:
    """Index of each label with ``left`` and ``right`` exchanged, int64 array of shape (labels,)."""
    names = list(labels)
    swap = {"left": "right", "right": "left"}
    others = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return np.array([names.index(other) if other in names else row for row, other in enumerate(others)], np.int64)


def _other_side(name: str) -> str:
    match = re.fullmatch(r"([A-Za-z]+)(\d+)", name)
    if match is None:
        return name
    number = int(match[2])
    return f"{match[1]}{number + 1 if number % 2 else number - 1}"
