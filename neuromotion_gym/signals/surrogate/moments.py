"""Statistics from which a surrogate is fitted: bands, robust covariances, amplitudes, spectrum, response to the cue."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def split(samples: np.ndarray, rate: float, edges_hz: Sequence[float]) -> Iterable[np.ndarray]:
    """Yield the trials, shape (n, channels, length), filtered to one band after the other."""
    length = samples.shape[-1]
    frequency = np.fft.rfftfreq(length, 1 / rate)
    transform = np.fft.rfft(samples, axis=-1)
    for low, high in pairwise(edges_hz):
        inside = (frequency >= low) & (frequency < (high if high < rate / 2 else np.inf))
        yield np.fft.irfft(transform * inside.astype(samples.dtype), length)


STILL = 1e-6
"""Smallest power of a frame, as a share of the mean power of its person. At rest an envelope can stand still at the
smallest step of its device, and a covariance of nothing has no inverse."""


def robust(scatter: np.ndarray, towards: np.ndarray | None = None) -> np.ndarray:
    """Mean covariance of frames (n, channels, channels), each weighted by its inverse power; slightly shrunk.

    ``towards`` is the covariance that it is shrunk towards, that of all frames of the person; by default the identity.
    """
    channels = scatter.shape[-1]
    mean = scatter.mean(axis=0)
    size = np.trace(mean) if towards is None else max(np.trace(mean), STILL * np.trace(towards))
    # Scaled to the mean that it is added to: otherwise a label of low power would take the shape of the others
    ridge = 1e-3 * size / channels * np.eye(channels) if towards is None else 0.05 * size / np.trace(towards) * towards
    for _ in range(4):
        inverse = np.linalg.inv(mean + ridge)
        power = np.einsum("ij,nji->n", inverse, scatter) / channels
        power = np.maximum(power, max(1e-3 * np.median(power), STILL))
        mean = (scatter / power[:, None, None]).mean(axis=0) * np.exp(np.log(power).mean())
    return mean + ridge


def root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric square root."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 1e-9 * values[-1] + 1e-20))) @ vectors.T)


def whitened(
    scatter: np.ndarray, mixing_of: np.ndarray, group: np.ndarray, groups: int
) -> tuple[dict[int, np.ndarray], np.ndarray, np.ndarray]:
    """Mixings of one person and band, and the variation around them.

    Parameters
    ----------
    scatter : float array, shape (trials, frames, c, c)
        Covariances of the frames.
    mixing_of : int array, shape (trials, parts)
        Mixing of each part of each trial.
    group : int array, shape (c,)
        Group of each source.
    groups : int

    Returns
    -------
    roots : dict
        Symmetric root of the covariance of each mixing.
    gain : float array, shape (trials, frames, groups)
        Logarithm of the amplitude of each group.
    white : float array, shape (trials, frames, c, c)
        Covariances of the frames, whitened by their mixing and scaled so that every group has a mean power of 1.
    """
    frames, channels = scatter.shape[1:3]
    whole = robust(scatter.reshape(-1, channels, channels))
    part_of = np.arange(frames) * mixing_of.shape[1] // frames
    roots: dict[int, np.ndarray] = {}
    white = np.empty_like(scatter)
    for which in np.unique(mixing_of):
        mine = mixing_of[:, part_of] == which
        roots[int(which)] = root(robust(scatter[mine], whole))
        inverse = np.linalg.inv(roots[int(which)])
        white[mine] = inverse @ scatter[mine] @ inverse
    power = np.einsum("nfii->nfi", white)
    mean = np.stack([power[..., group == one].mean(axis=-1) for one in range(groups)], axis=-1)
    gain = 0.5 * np.log(np.maximum(mean, 1e-6))
    amplitude = np.exp(gain)[..., group]
    return roots, gain, white / amplitude[..., :, None] / amplitude[..., None, :]


def frame_scatter(samples: np.ndarray, frames: int) -> np.ndarray:
    """Covariances of the frames of trials (n, c, length), mean not subtracted: shape (n, frames, c, c)."""
    length = samples.shape[2] // frames
    cut = samples[..., : length * frames].reshape(*samples.shape[:2], frames, length).transpose(0, 2, 1, 3)
    return np.asarray(cut @ cut.transpose(0, 1, 3, 2) / length)


def neighbours(samples: np.ndarray, groups: int) -> np.ndarray:
    """Group of each channel, int16 of shape (channels,): a group is channels that correlate after average reference.

    ``samples`` has shape (trials, channels, length).
    """
    channels = samples.shape[1]
    if groups >= channels:
        return np.arange(channels, dtype=np.int16)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    steps = np.diff(samples - samples.mean(axis=1, keepdims=True), axis=2)
    with np.errstate(invalid="ignore"):  # a channel that stands still correlates with none
        distance = 1 - np.mean([np.nan_to_num(np.corrcoef(trial)) for trial in steps], axis=0)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "ward")
    return (fcluster(tree, groups, "maxclust") - 1).astype(np.int16)


def spectrum(samples: np.ndarray, rate: float, bins: int) -> np.ndarray:
    """Amplitude spectrum (median over trials of the mean over channels), on ``bins`` points; its maximum is 1."""
    centred = samples - samples.mean(axis=(0, 2))[:, None]  # offsets of single trials stay: they are slow activity
    power = abs(np.fft.rfft(centred * np.hanning(centred.shape[-1]), axis=-1)) ** 2
    power /= np.maximum(power.sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)  # none where a channel is still
    amplitude = np.sqrt(np.median(power.mean(axis=1), axis=0))
    grid = np.linspace(0, rate / 2, bins)
    typical = np.interp(grid, np.fft.rfftfreq(samples.shape[-1], 1 / rate), amplitude)
    return typical / typical.max()


def spectrum_bins(rate: float) -> int:
    """Number of points of a spectrum with a spacing of a quarter of a hertz."""
    return 4 * round(rate / 2) + 1


def evoked(
    samples: np.ndarray,
    label: np.ndarray,
    rate: float,
    *,
    patterns: int,
    rank: int,
    knots_hz: float,
    slow_hz: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slow response to the cue in each trial, its spatial patterns and its time courses.

    Parameters
    ----------
    samples : float array, shape (trials, channels, length)
    label : int array, shape (trials,)
    rate : float
    patterns, rank : int
        Number of spatial patterns, and the rank of their time courses over trials.
    knots_hz, slow_hz : float
        Number of values per second of the time courses, and highest frequency of the response.

    Returns
    -------
    response : float array, shape (trials, channels, length)
    pattern : float array, shape (patterns, channels)
    course : float array, shape (trials, patterns, knots)
    """
    slow = next(iter(split(samples, rate, (0, slow_hz))))
    slow = slow - slow.mean(axis=(0, 2))[:, None]
    means = np.concatenate([slow[label == one].mean(axis=0) for one in np.unique(label)], axis=1)
    vectors = np.linalg.svd(means, full_matrices=False)[0][:, :patterns]
    time = np.arange(int(np.ceil(samples.shape[2] / rate * knots_hz)) + 1) / knots_hz * rate
    place = np.minimum(np.rint(time).astype(int), samples.shape[2] - 1)
    course = np.einsum("cr,ncl->nrl", vectors, slow)[:, :, place]
    mean = course.mean(axis=0)
    for one in range(course.shape[1]):
        left, size, right = np.linalg.svd(course[:, one] - mean[one], full_matrices=False)
        course[:, one] = mean[one] + (left[:, :rank] * size[:rank]) @ right[:rank]
    grid = np.arange(samples.shape[2])
    back = np.array([[np.interp(grid, time, row) for row in trial] for trial in course])
    return vectors @ back, vectors.T, course
