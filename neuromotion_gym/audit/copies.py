"""Which excerpts of signal hold the same samples? Hashes of short runs, exact or by the signs of their steps.

A run of samples on all channels does not come twice by chance, unless it is nearly constant; such runs are left out.
The signs of the steps from sample to sample survive another unit or scale of each channel, so that copies are found
after standardisation, too; they are used where a run of them is long enough to be unique. Recordings that were filtered
or resampled are found by `neuromotion_gym.datasets.fingerprints`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

VALUES = 24
"""Values in one exact run, over all channels."""
SIGNS = 96
"""Signs in one run of steps: each takes one of three values, most of the time one of two."""
STEPS = 24
"""Least number of steps in such a run: neighbouring electrodes mostly rise and fall together."""
RUNS_TESTED = 64
"""Runs of an excerpt that are looked for, evenly spaced; of the others all runs are kept."""


class Runs:
    """Hashes of the runs of some excerpts, and which excerpt each comes from.

    Parameters
    ----------
    excerpts : sequence of float array, each of shape (channels, samples)
    """

    def __init__(self, excerpts: Sequence[np.ndarray]) -> None:
        channels, shortest = excerpts[0].shape[0], min(excerpt.shape[1] for excerpt in excerpts)
        half = max(2, shortest // 2)
        self._generator = np.random.default_rng(20_000)
        exact = min(half, max(2, -(-VALUES // channels)))
        steps = max(STEPS, -(-SIGNS // channels))
        kinds = [(False, exact), *([(True, steps)] if steps <= half else [])]
        self._hashes: list[list[np.ndarray]] = [[] for _ in excerpts]
        for signs, length in kinds:
            by_channel = self._odd(channels)
            by_place = self._odd(length)
            for row, excerpt in enumerate(excerpts):
                self._hashes[row].append(_run_hashes(excerpt, signs, by_channel, by_place))

    def _odd(self, count: int) -> np.ndarray:
        """Random odd multipliers, uint64."""
        return self._generator.integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)

    def sharing(self, these: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Which of some excerpts hold samples of some other excerpts.

        Parameters
        ----------
        these, others : int array
            Numbers of excerpts.

        Returns
        -------
        bool array, shape (len(these),)
        """
        found = np.zeros(len(these), bool)
        for kind in range(len(self._hashes[0])):
            known = np.concatenate([self._hashes[row][kind] for row in others]) if len(others) else np.zeros(0)
            mine = [_spaced(self._hashes[row][kind]) for row in these]
            owner = np.repeat(np.arange(len(these)), [len(one) for one in mine])
            if len(known) and len(owner):
                hit = np.isin(np.concatenate(mine), known)
                found[owner[hit]] = True
        return found

    def looked_up(self, these: np.ndarray, others: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """What somebody says who knows nothing but samples seen before: votes of the others that share runs.

        Parameters
        ----------
        these, others : int array
            Numbers of excerpts.
        codes : int array, shape (excerpts,)
            Label of every excerpt.

        Returns
        -------
        int array, shape (len(these), labels)
            Every run of an excerpt votes for the label of one other excerpt that holds it.
        """
        votes = np.zeros((len(these), int(codes.max()) + 1), np.int64)
        for kind in range(len(self._hashes[0])):
            theirs = [self._hashes[row][kind] for row in others]
            known, first = np.unique(np.concatenate(theirs), return_index=True)
            label = codes[np.repeat(others, [len(one) for one in theirs])][first]
            mine = [_spaced(self._hashes[row][kind]) for row in these]
            owner = np.repeat(np.arange(len(these)), [len(one) for one in mine])
            asked = np.concatenate(mine)
            place = np.minimum(np.searchsorted(known, asked), max(len(known) - 1, 0))
            if len(known) and len(asked):
                hit = known[place] == asked
                np.add.at(votes, (owner[hit], label[place[hit]]), 1)
        return votes


def _spaced(hashes: np.ndarray) -> np.ndarray:
    if len(hashes) <= RUNS_TESTED:
        return hashes
    return hashes[np.linspace(0, len(hashes) - 1, RUNS_TESTED).astype(int)]


def _run_hashes(excerpt: np.ndarray, signs: bool, by_channel: np.ndarray, by_place: np.ndarray) -> np.ndarray:
    """Hashes of all runs of an excerpt that are not nearly constant, uint64."""
    values = np.ascontiguousarray(excerpt, np.float32)
    steps = np.diff(values, axis=1)
    moves = (steps != 0).any(axis=0)
    if signs:
        code = (np.sign(steps).astype(np.int64) + 2).astype(np.uint64)
    else:
        code = (values + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0.0 and 0.0 are equal
    column = (code * by_channel[:, None]).sum(axis=0, dtype=np.uint64)
    column ^= column >> np.uint64(29)
    count = len(column) - len(by_place) + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for place, factor in enumerate(by_place):
        hashes += column[place : place + count] * factor
    width = len(by_place) if signs else len(by_place) - 1
    moved = np.convolve(moves, np.ones(max(width, 1)), "valid")[:count]
    return hashes[moved >= max(width, 1) / 2]
