"""The features of `armband_features`, whitened, and a last layer that is fitted to the wearer.

Features are whitened by their covariance within people and labels, over the training people. Besides it, only the means
of the features and the range of the effort are computed from the training people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.armband_features import ArmbandFeatures, Effort, rest_index
from neuromotion_gym.training.networks.network import DecoderNetwork
from neuromotion_gym.training.networks.whitening import whitening_within

if TYPE_CHECKING:
    import numpy as np

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows


class ArmbandHead(DecoderNetwork):
    """Whitened features; the last layer is given as the adaptation."""

    def __init__(self, spec: DecoderSpec, rest: int) -> None:
        super().__init__()
        self.features = ArmbandFeatures(len(spec.channels))
        self.effort = Effort(rest)
        self.register_buffer("mean", torch.zeros(self.features.size))
        self.register_buffer("whitening", torch.eye(self.features.size))

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, effort and features."""
        features = (self.features(window) - self.mean) @ self.whitening
        logits = (adaptation[..., :-1] @ features[..., None])[..., 0] + adaptation[..., -1]
        return logits, self.effort(window), features

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set the means, the whitening and the range of the effort."""
        rows = generator.permutation(len(data.labels))[:40_000]
        windows, labels, people = torch.from_numpy(data.windows(rows)), data.labels[rows], data.people[rows]
        features = self.features(windows).double().numpy()
        self.mean.copy_(torch.from_numpy(features.mean(axis=0)))
        self.whitening.copy_(torch.from_numpy(whitening_within(features, people, labels)))
        self.effort.set(windows, labels)


def build(spec: DecoderSpec, *, rest: str | None = None) -> ArmbandHead:
    """Network for an armband, with a last layer that is fitted to the wearer.

    Parameters
    ----------
    spec : DecoderSpec
        ``adaptation.kind`` "head", ``adaptation.shape`` (labels, features + 1).
    rest : str, optional
        Label without contraction; the data set's rest label when left out.
    """
    network = ArmbandHead(spec, rest_index(spec, rest))
    expected = (len(spec.labels), network.features.size + 1)
    if spec.adaptation.kind != "head" or spec.adaptation.shape != expected:
        raise NeuroMotionError(
            f"Network 'armband_head' needs an adaptation of kind 'head' and shape {list(expected)}, not of kind "
            f"{spec.adaptation.kind!r} and shape {list(spec.adaptation.shape)}."
        )
    return network
