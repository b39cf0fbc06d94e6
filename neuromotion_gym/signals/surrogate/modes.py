"""Modes: spatial directions in which people's covariances vary over time, by more than chance.

A recording is cut into bands and frames of half a second and whitened by the mean covariance of its label. It still
varies from frame to frame. Most of this variation is also found in Gaussian noise of the same spectrum, because the
frames are short. The rest, which makes a decoder's errors come in runs, lies in few directions, and these are much the
same in all people: power that moves from one side of the head to the other, sources that become stronger and weaker.
`neuromotion_gym.signals.surrogate.fit.find_modes` computes the directions as the principal components of the whitened
covariances of many people. It also computes how much more each varies than Gaussian noise that went through the same
steps (parallel analysis; Horn, Psychometrika 30:179-185, 1965).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import make_folder, replacing
from neuromotion_gym.signals.surrogate import moments

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

NOISE_SEED = 3


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes of variation of whitened covariances, bands ``b``, modes ``k``, channels ``c``.

    Parameters
    ----------
    channels, edges_hz, frames
        Channels of the recordings, edges of the bands, and frames per trial with which the modes were found.
    matrix : float array, shape (b, k, c (c + 1) / 2)
        Lower triangles of symmetric matrices of norm 1, orthogonal to each other.
    kept : float array, shape (b, k)
        Factor on a frame's score on each mode, which leaves only the variance beyond chance:
        ``sqrt(1 - chance / observed)``.
    """

    channels: tuple[str, ...]
    edges_hz: tuple[float, ...]
    frames: int
    matrix: np.ndarray
    kept: np.ndarray

    def scores(self, band: int, departure: np.ndarray) -> np.ndarray:
        """Scores (n, frames, k) of `departures` (n, frames, c, c), with the variance beyond chance."""
        rows, columns = np.tril_indices(departure.shape[-1])
        weight = np.where(rows == columns, 1.0, 2.0)
        lower = departure[..., rows, columns]
        return np.asarray((lower * weight) @ self.matrix[band].astype(np.float64).T * self.kept[band])


class Variation:
    """Second moments of the whitened covariances, observed and by chance, summed over people."""

    def __init__(self, channels: Sequence[str], edges_hz: Sequence[float], frames: int) -> None:
        size = len(channels) * (len(channels) + 1) // 2
        self._channels, self._edges, self._frames = tuple(channels), tuple(edges_hz), frames
        self._observed = np.zeros((len(edges_hz) - 1, size, size), np.float32)
        self._chance = np.zeros_like(self._observed)
        self._people = 0

    def add(self, samples: np.ndarray, mixing_of: np.ndarray, rate: float) -> None:
        """Add one person's trials (n, channels, length); ``mixing_of`` (n, parts) gives the mixing of each part."""
        shape = moments.spectrum(samples, rate, moments.spectrum_bins(rate))
        noise = gaussian_like(samples.shape, shape, rate, np.random.default_rng([NOISE_SEED, self._people]))
        group: np.ndarray = np.zeros(len(self._channels), np.int16)
        bands = zip(moments.split(samples, rate, self._edges), moments.split(noise, rate, self._edges), strict=True)
        for band, (real, made) in enumerate(bands):
            scatter = moments.frame_scatter(real, self._frames)
            roots, _, white = moments.whitened(scatter, mixing_of, group, 1)
            into = self._observed[band]
            into += _second_moment(white, weighing(roots), mixing_of)
            # Noise with the same covariances, which do not vary over time
            part_of = np.arange(self._frames) * mixing_of.shape[1] // self._frames
            of_frame = np.stack([roots[int(which)] for which in mixing_of[:, part_of].ravel()]).reshape(scatter.shape)
            chance = of_frame @ moments.frame_scatter(made, self._frames) @ of_frame
            roots, _, white = moments.whitened(chance, mixing_of, group, 1)
            into = self._chance[band]
            into += _second_moment(white, weighing(roots), mixing_of)
        self._people += 1

    def modes(self, count: int) -> Modes:
        """The ``count`` modes of each band that vary most beyond chance."""
        rows, columns = np.tril_indices(len(self._channels))
        matrix, kept = [], []
        for observed, chance in zip(self._observed, self._chance, strict=True):
            values, vectors = np.linalg.eigh(observed)
            # Compared rank by rank: the largest of many values is large by chance alone
            by_chance = np.linalg.eigvalsh(chance)[::-1][:count]
            values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
            share = np.maximum(0.0, 1.0 - by_chance / np.maximum(values, 1e-12))
            # Isometric coordinates multiply off-diagonal elements by the square root of two
            matrix.append(vectors.T / np.where(rows == columns, 1.0, np.sqrt(2.0)))
            kept.append(np.sqrt(share))
        return Modes(self._channels, self._edges, self._frames, np.array(matrix), np.array(kept))


def weighing(roots: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """For each mixing a symmetric matrix (c, c) that weights directions: less power, less weight.

    In recordings with many channels, half of the directions hold almost no power. A direction of the median power gets
    the weight one half.
    """
    found = {}
    for which, root in roots.items():
        values, vectors = np.linalg.eigh(root)
        power = values**2
        found[which] = (vectors * (power / (power + np.median(power)))) @ vectors.T
    return found


def departures(white: np.ndarray, weighed: dict[int, np.ndarray], mixing_of: np.ndarray) -> np.ndarray:
    """Whitened covariances (n, frames, c, c) minus the identity, weighted by `weighing`; the same shape."""
    frames = white.shape[1]
    part_of = np.arange(frames) * mixing_of.shape[1] // frames
    found = white - np.eye(white.shape[-1])
    for which, weight in weighed.items():
        mine = mixing_of[:, part_of] == which
        found[mine] = weight @ found[mine] @ weight
    return found


def _second_moment(white: np.ndarray, weighed: dict[int, np.ndarray], mixing_of: np.ndarray) -> np.ndarray:
    """Second moments of the departures about their mean, in the coordinates of `isometric`."""
    lower = isometric(departures(white, weighed, mixing_of)).astype(np.float32)
    lower -= lower.mean(axis=0)
    return lower.T @ lower


def isometric(matrices: np.ndarray) -> np.ndarray:
    """Symmetric matrices (..., c, c) as vectors (n, c (c + 1) / 2) with the same lengths and angles."""
    rows, columns = np.tril_indices(matrices.shape[-1])
    lower = matrices[..., rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2.0))
    return np.asarray(lower.reshape(-1, lower.shape[-1]))


def gaussian_like(
    shape: tuple[int, ...], spectrum: np.ndarray, rate: float, generator: np.random.Generator
) -> np.ndarray:
    """Stationary Gaussian noise (trials, channels, length), independent channels, with a given amplitude spectrum."""
    frequency = np.fft.rfftfreq(shape[-1], 1 / rate)
    amplitude = np.interp(frequency, np.linspace(0, rate / 2, len(spectrum)), spectrum)
    size = (*shape[:-1], len(frequency))
    numbers = generator.standard_normal(size) + 1j * generator.standard_normal(size)
    return np.asarray(np.fft.irfft(numbers * amplitude, shape[-1]))


def triangles(matrix: np.ndarray, channels: int) -> np.ndarray:
    """Symmetric matrices (..., c, c) from their lower triangles (..., c (c + 1) / 2), of the same dtype."""
    full: np.ndarray = np.empty((*matrix.shape[:-1], channels, channels), matrix.dtype)
    rows, columns = np.tril_indices(channels)
    full[..., rows, columns] = full[..., columns, rows] = matrix
    return full


def read_modes(path: str | os.PathLike[str]) -> Modes:
    """Modes from a file that `write_modes` wrote.

    Raises
    ------
    NeuroMotionError
        If it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Modes(
                tuple(stored["channels"].tolist()),
                tuple(stored["edges_hz"].tolist()),
                int(stored["frames"]),
                stored["matrix"].astype(np.float32),
                stored["kept"].astype(np.float64),
            )
    except Exception as error:
        raise NeuroMotionError(f"{path} cannot be read as modes ({type(error).__name__}: {error}).") from error


def write_modes(modes: Modes, path: str | os.PathLike[str]) -> Path:
    """Write modes, rounded to 1/127 of the largest value of each, under a temporary name first; returns the path.

    Modes that vary by chance alone are written as zeros, so they are zeros in every surrogate fitted with this file.
    """
    target = Path(path)
    step = np.maximum(abs(modes.matrix).max(axis=2, keepdims=True), 1e-9) / 127
    matrix = np.rint(modes.matrix / step) * step * (modes.kept > 0)[:, :, None]
    make_folder(target.parent)
    with replacing(target) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            channels=np.array(modes.channels),
            edges_hz=np.array(modes.edges_hz),
            frames=np.array(modes.frames),
            matrix=matrix.astype(np.float16),
            kept=modes.kept.astype(np.float32),
        )
    return target
