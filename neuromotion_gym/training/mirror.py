"""Labels with left and right exchanged, for training on mirrored signals.

`neuromotion_gym.signals.montage.mirrored_channels` does the same for channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def mirrored_labels(labels: Sequence[str]) -> np.ndarray:
    """Index of each label with ``left`` and ``right`` exchanged, int64 array of shape (labels,)."""
    names = list(labels)
    swap = {"left": "right", "right": "left"}
    others = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return np.array([names.index(other) if other in names else row for row, other in enumerate(others)], np.int64)
