"""Log power of learned spatial filters in fixed causal bands, then a small layer: a decoder of sensorimotor rhythms.

The window is aligned to the person and spatially filtered by one matrix product, then band-passed by causal filters
inside the window, so the network keeps no state. Of every filter and band it reads the logarithm of the power, above
a floor: a signal without power in the bands (slow eye movements alone) gives constants, not magnified leakage.

With ``mirrored`` channels every spatial filter has a twin on the other side of the head, and exchanging the sides of
the input exchanges the outputs for left and right, exactly.

Sources: Blankertz et al., IEEE Signal Process Mag 25(1):41-56 (2008) for spatial filters and log power; Ang et al.,
Front Neurosci 6:39 (2012) for bands; He and Wu, IEEE Trans Biomed Eng 67:399-410 (2020) for the alignment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuromotion_gym.decoders.bands import filter_bank
from neuromotion_gym.decoders.mirror import mirrored_channels, mirrored_labels
from neuromotion_gym.decoders.networks.network import DecoderNetwork
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import DecoderSpec
    from neuromotion_gym.decoders.training_data import TrainingWindows


class SpatialBands(DecoderNetwork):
    """``forward`` takes windows (n, channels, samples), or band covariances (n, bands, channels, channels)."""

    def __init__(
        self,
        spec: DecoderSpec,
        filters: np.ndarray,
        spatial: int,
        hidden: int,
        dropout: float,
        floor: float,
        mirrored: bool,
    ) -> None:
        super().__init__()
        channels, labels = len(spec.channels), len(spec.labels)
        bands = len(filters)
        self.floor, self.spatial, self.bands = floor, spatial, bands
        self.register_buffer("filters", torch.from_numpy(filters).float()[:, None], persistent=False)
        order = mirrored_channels(spec.channels) if mirrored else None
        self.mirrored = mirrored
        self.register_buffer("order", torch.from_numpy(np.arange(channels) if order is None else order), persistent=False)
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
        composed = weights.flatten(0, 1) @ adaptation  # (n, bands * filters, channels)
        power = self._power_of_covariances(window, composed) if window.ndim == 4 else self._power(window, composed)
        features = torch.log(power + self.floor)  # (n, bands, filters)
        if not self.mirrored:
            return (self._head(features),)
        plain = self._head(features[:, :, : self.spatial])
        other = self._head(features[:, :, self.spatial :])
        return ((plain + other[:, self.swap]) / 2,)

    def _head(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.norm(features.flatten(1))))
        return logits

    def _power_of_covariances(self, covariances: Tensor, composed: Tensor) -> Tensor:
        composed = composed.unflatten(1, (self.bands, -1))
        return ((composed @ covariances) * composed).sum(-1)

    def _power(self, window: Tensor, composed: Tensor) -> Tensor:
        mixed = composed @ window
        signals = functional.conv1d(
            mixed, self.filters.repeat_interleave(mixed.shape[1] // self.bands, 0), groups=mixed.shape[1]
        )
        return signals.square().mean(-1).unflatten(1, (self.bands, -1))

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Means and scales of the features before the first step."""
        rows = generator.permutation(len(data.labels))[:2_000]
        adaptation = data.adaptation(rows)
        if adaptation is None:
            raise NeuroMotionError("Network 'spatial_bands' reads aligned windows: adaptation.kind 'euclidean'.")
        window = torch.from_numpy(data.windows(rows, generator))
        self.train()
        momentum, self.norm.momentum = self.norm.momentum, 1.0
        self(window, torch.from_numpy(adaptation))
        self.norm.momentum = momentum


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
        Length of the causal filters; the window is longer.
    spatial : int
        Spatial filters a band (without their twins).
    hidden : int
        Width of a hidden layer; 0 leaves the last layer linear.
    dropout : float
    floor : float
        Added to the power; aligned channels have about 1 in the alignment's band.
    mirrored : bool
        Twin filters on the other side of the head.
    """
    if taps >= spec.window:
        raise NeuroMotionError(f"Filters of {taps} taps leave nothing of a window of {spec.window} samples.")
    filters = filter_bank(spec.rate_hz, bands_hz, taps)
    return SpatialBands(spec, filters, spatial, hidden, dropout, floor, mirrored)
