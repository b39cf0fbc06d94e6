"""Training on covariances of bands instead of samples: ``data.preparation: band_covariances``.

A network that reads only the power of spatially filtered bands (`networks.spatial_bands`) needs only the covariance of
a window in each band, and the covariance of any stretch is the mean of the covariances of its blocks. So recordings are
filtered once, by the network's own causal filters, and every trial is kept as the covariances of its blocks. A training
window is a stretch of random length anywhere in a trial, or, as in the loop, the end of one piece and the beginning of
another piece of the same label. This is thousands of times cheaper than training on samples.

``data.stride_s`` is the length of a block; the options are those of `training_windows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.labels import mirrored_labels
from neuromotion_gym.signals.montage import mirrored_channels
from neuromotion_gym.training.bands import apply_filters, filter_bank
from neuromotion_gym.training.data import session_adaptations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Recording, Session


@dataclass(frozen=True, eq=False)
class BandCovariances:
    """Trials as running sums of the covariances of their blocks; row i is trial ``rows[i]``, plain or mirrored.

    Parameters
    ----------
    sums : float32 array, shape (trials, blocks + 1, bands, channels * (channels + 1) / 2)
        Sums over the blocks since the trial's start; upper triangles of the covariances.
    lengths : int array, shape (trials,)
        Blocks of each trial.
    recordings, groups : int array, shape (trials,)
        Recording of each trial, and its group: trials of one recording and label, which may be joined.
    adaptations : float32 array, shape (recordings, channels, channels)
    rows, labels, people : int array, shape (n,)
    mirrored : bool array, shape (n,)
    order : int array, shape (channels,)
        Index of the channel on the other side of the head, for each channel.
    spans : (int, int)
        Shortest and longest stretch, in blocks.
    joined : float
        Share of windows made of two stretches.
    fixed : int
        Blocks per window without a generator.
    """

    sums: np.ndarray
    lengths: np.ndarray
    recordings: np.ndarray
    groups: np.ndarray
    adaptations: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    people: np.ndarray
    mirrored: np.ndarray
    order: np.ndarray
    spans: tuple[int, int]
    joined: float
    fixed: int

    @property
    def trials(self) -> np.ndarray:
        """Trial of each row."""
        return self.rows

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """Mean covariances of stretches, float32, shape (m, bands, channels, channels).

        Without a generator: the last ``fixed`` blocks of each trial.
        """
        trials = self.rows[indices]
        if generator is None:
            count = np.minimum(self.fixed, self.lengths[trials])
            mean = self._mean(trials, self.lengths[trials] - count, count)
        else:
            mean = self._drawn(trials, generator)
        channels = len(self.order)
        first, second = np.triu_indices(channels)
        back = np.empty((channels, channels), np.int64)
        back[first, second] = back[second, first] = np.arange(len(first))
        full = mean[:, :, back]
        flip = self.mirrored[indices]
        full[flip] = full[flip][:, :, self.order[:, None], self.order]
        return full

    def adaptation(self, indices: np.ndarray) -> np.ndarray:
        """Alignment of each row's person, mirrored where the row is."""
        chosen = self.adaptations[self.recordings[self.rows[indices]]]
        flip = self.mirrored[indices]
        chosen[flip] = chosen[flip][:, self.order[:, None], self.order]
        return chosen

    def _mean(self, trials: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
        total: np.ndarray = self.sums[trials, start + count] - self.sums[trials, start]
        return total / count[:, None, None].astype(np.float32)

    def _drawn(self, trials: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        n = len(trials)
        count = np.minimum(generator.integers(self.spans[0], self.spans[1] + 1, n), self.lengths[trials])
        mean = self._mean(trials, self._start(trials, count, generator), count)
        joined = np.flatnonzero((generator.random(n) < self.joined) & (count > 1))
        if len(joined):
            other = np.array([generator.choice(np.flatnonzero(self.groups == self.groups[t])) for t in trials[joined]])
            size = generator.integers(1, count[joined])
            mine = self._mean(trials[joined], self._start(trials[joined], size, generator), size)
            rest = np.minimum(count[joined] - size, self.lengths[other])
            theirs = self._mean(other, self._start(other, rest, generator), rest)
            share = (size / (size + rest))[:, None, None].astype(np.float32)
            mean[joined] = share * mine + (1 - share) * theirs
        return mean

    def _start(self, trials: np.ndarray, count: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        start: np.ndarray = (generator.random(len(trials)) * (self.lengths[trials] - count + 1)).astype(np.int64)
        return start


def training_windows(
    recipe: Recipe,
    sessions: Sequence[Session],
    *,
    shortest_s: float = 1.5,
    longest_s: float = 3.5,
    joined: float = 0.3,
    mirrored: bool = True,
) -> BandCovariances:
    """Covariances of all labelled trials of ``sessions``; see the module.

    Parameters
    ----------
    recipe : Recipe
    sessions : sequence of Session
    shortest_s, longest_s : float
        Shortest and longest stretch that is drawn.
    joined : float
        Share of windows made of two stretches, from two trials of one recording and label.
    mirrored : bool
        Whether every trial of a left or right label is used a second time, with the electrodes and the labels of the
        two sides exchanged, as if the two halves of the brain were alike.

    Raises
    ------
    NeuroMotionError
        If an option is out of range, the network has no bands, the decoder has no alignment, or a label has no trial.
    """
    spec = recipe.decoder
    data, network, _ = recipe.trainable()
    if "bands_hz" not in network.options or "taps" not in network.options:
        raise NeuroMotionError("Preparation 'band_covariances' needs network.options bands_hz and taps.")
    adaptations = session_adaptations(spec, sessions)
    if adaptations is None:
        raise NeuroMotionError("Preparation 'band_covariances' needs adaptation.kind 'euclidean' or 'running'.")
    filters = filter_bank(spec.rate_hz, network.options["bands_hz"], network.options["taps"])
    block = max(1, round(data.stride_s * spec.rate_hz))
    skip = round(data.start_s * spec.rate_hz)
    recordings = [recording for session in sessions for recording in session.recordings]
    people = sorted({recording.subject for recording in recordings})
    sums, labels, owners = [], [], []
    for index, recording in enumerate(recordings):
        for trial, blocks in _blocks(fitted(recording, spec), filters, block, skip, spec.labels, data.stop_s):
            sums.append(blocks)
            labels.append(spec.labels.index(trial))
            owners.append(index)
    missing = [label for index, label in enumerate(spec.labels) if index not in labels]
    if missing:
        raise NeuroMotionError(f"No trial of {', '.join(missing)} is as long as one block of {data.stride_s:g} s.")
    lengths = np.array([len(one) - 1 for one in sums])
    padded = np.zeros((len(sums), lengths.max() + 1, *sums[0].shape[1:]), np.float32)
    for row, one in enumerate(sums):
        padded[row, : len(one)] = one
    truth, owner = np.array(labels, np.int64), np.array(owners, np.int64)
    other = mirrored_labels(spec.labels)
    sided = np.flatnonzero(other[truth] != truth) if mirrored else np.empty(0, np.int64)
    rows = np.concatenate([np.arange(len(truth)), sided])
    person = np.array([people.index(recording.subject) for recording in recordings], np.int64)
    in_blocks = tuple(max(1, round(length / data.stride_s)) for length in (shortest_s, longest_s))
    if in_blocks[0] > in_blocks[1]:
        raise NeuroMotionError(
            f"data.options: shortest_s ({shortest_s:g}) has to be at most longest_s ({longest_s:g})."
        )
    return BandCovariances(
        padded,
        lengths,
        owner,
        owner * len(spec.labels) + truth,
        adaptations,
        rows,
        np.concatenate([truth, other[truth[sided]]]),
        person[owner[rows]],
        np.arange(len(rows)) >= len(truth),
        mirrored_channels(spec.channels) if mirrored else np.arange(len(spec.channels)),
        (in_blocks[0], in_blocks[1]),
        joined,
        max(1, (spec.window - network.options["taps"] + 1) // block),
    )


def _blocks(
    recording: Recording, filters: np.ndarray, block: int, skip: int, labels: Sequence[str], stop_s: float | None
) -> list[tuple[str, np.ndarray]]:
    """Label and running sums of the covariances of the blocks of each trial."""
    filtered = apply_filters(recording.samples.astype(np.float32), filters.astype(np.float32))
    bands, channels, _ = filtered.shape
    first, second = np.triu_indices(channels)
    found = []
    for trial in recording.trials:
        if trial.label not in labels:
            continue
        start = trial.start + skip
        stop = trial.stop if stop_s is None else min(trial.stop, trial.start + round(stop_s * recording.spec.rate_hz))
        start = max(start, filters.shape[1] - 1)  # before this the filters lack past samples
        count = (stop - start) // block
        if count < 1:
            continue
        pieces = filtered[:, :, start : start + count * block].reshape(bands, channels, count, block)
        pieces = pieces.transpose(2, 0, 1, 3)
        covariance = pieces @ pieces.swapaxes(-1, -2) / block
        sums = np.zeros((count + 1, bands, len(first)), np.float32)
        np.cumsum(covariance[:, :, first, second], axis=0, out=sums[1:])
        found.append((trial.label, sums))
    return found
