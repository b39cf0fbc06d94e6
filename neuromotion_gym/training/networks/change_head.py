"""Envelopes that are changes from rest: level and pattern of a window, and a last layer that is fitted to the wearer.

Features of each channel: the means of both halves of the window, through an inverse hyperbolic sine, which is linear
for small changes, logarithmic for large ones and keeps the sign; and the mean of the window as a share of the length of
the vector of all channels, which is the same for a weak and a strong contraction. They are whitened by their covariance
within people and labels, over the training people (`neuromotion_gym.training.networks.whitening`). The last layer is
the adaptation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork
from neuromotion_gym.training.networks.whitening import whitening_within

if TYPE_CHECKING:
    import numpy as np

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows


class ChangeFeatures(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, 3 channels).

    Parameters
    ----------
    channels : int
    small : float
        Change, in the unit of the samples, that counts as small.
    """

    def __init__(self, channels: int, small: float) -> None:
        super().__init__()
        self.size, self.small = 3 * channels, small

    def forward(self, window: Tensor) -> Tensor:
        """Features; see the module."""
        half = window.shape[-1] // 2
        early, late = window[..., :-half].mean(-1), window[..., -half:].mean(-1)
        whole = window.mean(-1)
        share = whole / (torch.sqrt((whole * whole).sum(-1, keepdim=True)) + self.small)
        return torch.cat([torch.asinh(late / self.small), torch.asinh(early / self.small), share], dim=1)


class ChangeHead(DecoderNetwork):
    """Whitened features; the last layer is given as the adaptation."""

    def __init__(self, spec: DecoderSpec, small: float) -> None:
        super().__init__()
        self.features = ChangeFeatures(len(spec.channels), small)
        self.register_buffer("mean", torch.zeros(self.features.size))
        self.register_buffer("whitening", torch.eye(self.features.size))

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features."""
        features = (self.features(window) - self.mean) @ self.whitening
        return (adaptation[..., :-1] @ features[..., None])[..., 0] + adaptation[..., -1], features

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set the means and the whitening."""
        rows = generator.permutation(len(data.labels))[:40_000]
        features = self.features(torch.from_numpy(data.windows(rows))).double().numpy()
        self.mean.copy_(torch.from_numpy(features.mean(axis=0)))
        self.whitening.copy_(torch.from_numpy(whitening_within(features, data.people[rows], data.labels[rows])))


def build(spec: DecoderSpec, *, small: float) -> ChangeHead:
    """Network for envelopes that are changes from rest, with a last layer that is fitted to the wearer.

    Parameters
    ----------
    spec : DecoderSpec
        ``adaptation.kind`` "head", ``adaptation.shape`` (labels, 3 channels + 1).
    small : float
        Change, in the decoder's unit, below which features are linear in it.

    Raises
    ------
    NeuroMotionError
        If the decoder has another adaptation, its window is shorter than two samples, or ``small`` is not above 0.
    """
    expected = (len(spec.labels), 3 * len(spec.channels) + 1)
    if spec.adaptation.kind != "head" or spec.adaptation.shape != expected or spec.window < 2 or not small > 0:
        raise NeuroMotionError(
            f"Network 'change_head' needs an adaptation of kind 'head' and shape {list(expected)}, a window of 2 "
            f"samples or more and small above 0, not {spec.adaptation.kind!r}, {list(spec.adaptation.shape)}, "
            f"{spec.window} and {small:g}."
        )
    return ChangeHead(spec, small)
