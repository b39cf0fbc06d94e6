"""Bursts that were found before, kept in the cache folder: the same samples and rule give the same file."""

from __future__ import annotations

import hashlib
from dataclasses import astuple

import numpy as np

from neuromotion_gym.files import make_folder, replacing
from neuromotion_gym.resources import cache_folder
from neuromotion_gym.signals.bursts import BLOCK_S, QUIET, BurstRule, find_bursts

VERSION = 1
"""Raised when `find_bursts` gives other bursts than before."""


def cached_bursts(samples: np.ndarray, rate_hz: float, rule: BurstRule) -> np.ndarray:
    """Bursts of one channel, see `find_bursts`; they are looked for once and kept in the cache folder."""
    told = repr((VERSION, BLOCK_S, QUIET, samples.dtype.str, float(rate_hz), astuple(rule)))
    key = hashlib.sha256(told.encode() + np.ascontiguousarray(samples).tobytes()).hexdigest()[:32]
    path = cache_folder() / "bursts" / f"{key}.npy"
    try:
        found: np.ndarray = np.load(path, allow_pickle=False)
        return found
    except (OSError, ValueError, EOFError):  # not there, or cut off
        pass
    found = find_bursts(samples, rate_hz, rule)
    make_folder(path.parent)
    with replacing(path) as part:
        np.save(part, found)
    return found
