"""Log power after learned spatial and fixed causal band-pass filters, then a small layer: for sensorimotor rhythms.

One matrix product aligns the window to the person and applies the spatial filters. Causal band-pass filters inside the
window follow, so the network keeps no state. Its features are the logarithm of the power of every spatial filter and
band, with a floor: a signal without power in the bands (slow eye movements alone) gives constant features instead of
magnified leakage. Band-pass filtering is a second matrix product; the columns of its matrix are shifted impulse
responses. Only every ``step``-th filtered sample is computed, as few as the bands allow.

With ``mirrored`` every spatial filter has a twin on the other side of the head. Exchanging the two sides of the input
then exactly exchanges the outputs for left and right.

Sources: Blankertz et al., IEEE Signal Process Mag 25(1):41-56 (2008) for spatial filters and log power; Ang et al.,
Front Neurosci 6:39 (2012) for bands; He and Wu, IEEE Trans Biomed Eng 67:399-410 (2020) for the alignment.

With ``training.method: closed_form`` the network is the classical combination of common spatial patterns and linear
discriminant analysis with shrinkage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.labels import mirrored_labels
from neuromotion_gym.signals.montage import mirrored_channels
from neuromotion_gym.training.bands import filtering_matrices
from neuromotion_gym.training.networks.network import DecoderNetwork, aligned_windows

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows


class SpatialBands(DecoderNetwork):
    """``forward`` takes windows (n, channels, samples), or band covariances (n, bands, channels, channels)."""

    def __init__(
        self,
        spec: DecoderSpec,
        filtering: Sequence[np.ndarray],
        spatial: int,
        hidden: int,
        dropout: float,
        floor: float,
        mirrored: bool,
    ) -> None:
        super().__init__()
        channels, labels = len(spec.channels), len(spec.labels)
        bands = len(filtering)
        self.floor, self.spatial, self.bands = floor, spatial, bands
        self.register_buffer("filtering", torch.from_numpy(np.stack(filtering)).float(), persistent=False)
        order = mirrored_channels(spec.channels) if mirrored else None
        self.mirrored = mirrored
        self.register_buffer(
            "order", torch.from_numpy(np.arange(channels) if order is None else order), persistent=False
        )
        self.register_buffer("swap", torch.from_numpy(mirrored_labels(spec.labels)), persistent=False)
        self.weights = nn.Parameter(torch.randn(bands, spatial, channels) / channels**0.5)
        size = bands * spatial
        self.norm = nn.BatchNorm1d(size)
        self.dropout = nn.Dropout(dropout)
        self.head = (
            nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, labels))
            if hidden
            else nn.Linear(size, labels)
        )

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor]:
        """Logits of windows, or of covariances while training."""
        weights = torch.cat([self.weights, self.weights[:, :, self.order]], 1) if self.mirrored else self.weights
        of = self._power_of_covariances if window.ndim == 4 else self._power
        power = of(window, weights, adaptation)
        features = torch.log(power + self.floor)  # (n, bands, filters)
        logits = self._head(features[:, :, : self.spatial])
        if self.mirrored:
            logits = (logits + self._head(features[:, :, self.spatial :])[:, self.swap]) / 2
        return (logits,)

    def _head(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.norm(features.flatten(1))))
        return logits

    def _power(self, window: Tensor, weights: Tensor, adaptation: Tensor) -> Tensor:
        # Filtering takes most of the time, so whichever are fewer are filtered: channels or spatial filters. The power
        # of many spatial filters takes less time from the covariance, which networks of one ensemble share
        if weights.shape[1] > window.shape[1]:
            filtered = window[:, None] @ self.filtering
            return self._power_of_covariances(filtered @ filtered.mT / filtered.shape[3], weights, adaptation)
        mixed = (weights.flatten(0, 1) @ adaptation @ window).unflatten(1, (self.bands, -1))
        return (mixed @ self.filtering).square().mean(-1)

    def _power_of_covariances(self, covariances: Tensor, weights: Tensor, adaptation: Tensor) -> Tensor:
        """Power behind every spatial filter, shape (n, bands, filters)."""
        aligned = adaptation[:, None] @ covariances @ adaptation[:, None].mT
        return ((weights @ aligned) * weights).sum(-1)

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set means and scales of the features before the first training step."""
        rows = generator.permutation(len(data.labels))[:2_000]
        self.train()
        momentum, self.norm.momentum = self.norm.momentum, 1.0
        self(*aligned_windows(data, rows, generator, "spatial_bands"))
        self.norm.momentum = momentum

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Compute common spatial patterns of each band, and linear discriminant analysis of their log power."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        if self.mirrored or not isinstance(self.head, nn.Linear):
            raise NeuroMotionError("The closed form of 'spatial_bands' needs mirrored: false and hidden: 0.")
        rows = np.arange(len(data.labels))
        covariances, adaptation = aligned_windows(data, rows, generator, "spatial_bands")
        aligned = (adaptation[:, None] @ covariances @ adaptation[:, None].mT).numpy().astype(np.float64)
        for band in range(self.bands):
            patterns = _common_spatial_patterns(aligned[:, band], data.labels, self.spatial)
            self.weights[band] = torch.from_numpy(patterns).float()
        self.norm.reset_running_stats()
        self.eval()
        power = self._power_of_covariances(covariances, self.weights, adaptation)
        features = self.norm(torch.log(power + self.floor).flatten(1))
        labels = len(np.unique(data.labels))
        analysis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=np.full(labels, 1 / labels))
        analysis.fit(features.numpy(), data.labels)
        self.head.weight.copy_(torch.from_numpy(analysis.coef_))
        self.head.bias.copy_(torch.from_numpy(analysis.intercept_))


def _common_spatial_patterns(covariances: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Filters whose power differs most between each label and the others, shape (count, channels).

    Parameters
    ----------
    covariances : float array, shape (n, channels, channels)
    labels : int array, shape (n,)
    count : int
        Number of filters in total, taken from the labels in turn.
    """
    from scipy.linalg import eigh

    ranked = []
    for label in np.unique(labels):
        mine, others = covariances[labels == label].mean(0), covariances[labels != label].mean(0)
        values, vectors = eigh(mine, mine + others + 1e-6 * np.trace(others) * np.eye(len(mine)))
        ranked.append(vectors[:, np.argsort(-np.abs(values - 0.5))].T)
    return np.stack(ranked, 1).reshape(-1, covariances.shape[-1])[:count]


def build(
    spec: DecoderSpec,
    *,
    bands_hz: Sequence[Sequence[float]],
    taps: int = 81,
    spatial: int = 16,
    hidden: int = 0,
    dropout: float = 0.25,
    floor: float = 0.05,
    mirrored: bool = True,
) -> SpatialBands:
    """Network of spatial filters and bands.

    Parameters
    ----------
    spec : DecoderSpec
    bands_hz : sequence of (float, float)
    taps : int
        Length of the causal filters in samples, shorter than the window.
    spatial : int
        Spatial filters per band (without their twins).
    hidden : int
        Width of a hidden layer; 0 leaves the last layer linear.
    dropout : float
    floor : float
        Added to the power; that of an aligned channel is about 1 in the alignment's band.
    mirrored : bool
        Whether every spatial filter has a twin on the other side of the head.
    """
    filtering = filtering_matrices(spec.rate_hz, bands_hz, taps, spec.window)
    return SpatialBands(spec, filtering, spatial, hidden, dropout, floor, mirrored)
