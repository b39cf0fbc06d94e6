"""Envelopes that are changes from rest: means of the window's parts, hidden layers, and a last layer of the wearer's.

The window is divided into equal parts, of a tenth of a second or so. The mean of each part and channel goes through an
inverse hyperbolic sine, which is linear for small changes, logarithmic for large ones and keeps the sign, and is
standardised over the training windows. Hidden layers follow, with hyperbolic tangents. Their outputs, standardised over
the training windows, too, are the features; the last layer is the adaptation, see
`neuromotion_gym.decoders.target_head`. So the network is causal, and all that is known of the wearer is linear in its
features.

``training.method: gradient`` trains the hidden layers. With ``closed_form`` they are drawn at random from the seed and
stay as they are: then nothing of the people who are trained on but the scale of their signals is in the features, so
that these serve a new wearer as well (random features: Rahimi and Recht, NIPS 2007; Huang et al., Neurocomputing
70:489-501, 2006).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    import numpy as np

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

PREPARED = 40_000
"""Windows, drawn at random, over which parts and features are standardised."""
STILL = 1e-6
"""Added to deviations, so that a channel that stands still is not divided by nothing."""
OFFSET = 0.5
"""Standard deviation of the constants of hidden layers that are drawn at random; that of their weighted sums is 1."""


class RecentMeans(DecoderNetwork):
    """Features of the means of parts; the last layer is given as the adaptation."""

    def __init__(self, spec: DecoderSpec, parts: int, hidden: list[int], small: float, dropout: float) -> None:
        super().__init__()
        self.parts, self.small = parts, small
        size = parts * len(spec.channels)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        layers: list[nn.Module] = []
        for wide in hidden:
            layers += [nn.Linear(size, wide), nn.Tanh(), nn.Dropout(dropout)]
            size = wide
        # No dropout after the last one, so that what is standardised is what the decoder gives in use
        self.hidden = nn.Sequential(*layers[:-1])
        self.standard = nn.BatchNorm1d(size, affine=False)

    def means(self, window: Tensor) -> Tensor:
        """Means of the parts of windows, shape (n, channels * parts)."""
        split = window.reshape(window.shape[0], window.shape[1], self.parts, window.shape[2] // self.parts)
        return torch.asinh(split.mean(-1) / self.small).flatten(1)

    def outputs(self, window: Tensor) -> Tensor:
        """Outputs of the last hidden layer, shape (n, features)."""
        found: Tensor = self.hidden((self.means(window) - self.mean) / self.deviation)
        return found

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor, Tensor]:
        """Targets or logits, and features."""
        features = self.standard(self.outputs(window))
        return (adaptation[..., :-1] @ features[..., None])[..., 0] + adaptation[..., -1], features

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set mean and deviation of the parts."""
        rows = generator.permutation(len(data.labels))[:PREPARED]
        found = self.means(torch.from_numpy(data.windows(rows)))
        self.mean.copy_(found.mean(0))
        self.deviation.copy_(found.std(0) + STILL)

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Draw the hidden layers at random, and set mean and variance of their outputs."""
        for layer in self.hidden:
            if isinstance(layer, nn.Linear):
                drawn = generator.normal(size=(layer.out_features, layer.in_features + 1))
                layer.weight.copy_(torch.from_numpy(drawn[:, :-1] / layer.in_features**0.5))
                layer.bias.copy_(torch.from_numpy(OFFSET * drawn[:, -1]))
        self.hidden.eval()
        rows = generator.permutation(len(data.labels))[:PREPARED]
        outputs = self.outputs(torch.from_numpy(data.windows(rows)))
        assert self.standard.running_mean is not None
        assert self.standard.running_var is not None
        self.standard.running_mean.copy_(outputs.mean(0))
        self.standard.running_var.copy_(outputs.var(0))


def build(spec: DecoderSpec, *, parts: int, hidden: list[int], small: float, dropout: float = 0.0) -> RecentMeans:
    """Network for envelopes that are changes from rest, with a last layer that is fitted to the wearer.

    Parameters
    ----------
    spec : DecoderSpec
        ``adaptation.kind`` "head", ``adaptation.shape`` (targets or labels, width of the last hidden layer + 1).
    parts : int
        Parts of the window; its samples are divided evenly.
    hidden : list of int
        Widths of the hidden layers, one or more.
    small : float
        Change, in the decoder's unit, below which features are linear in it.
    dropout : float
        Share of the outputs of a hidden layer, but for the last one, that training leaves out.

    Raises
    ------
    NeuroMotionError
        If the decoder has another adaptation, or an option is out of range.
    """
    expected = (len(spec.decoded), (hidden[-1] if hidden else 0) + 1)
    if spec.adaptation.kind != "head" or spec.adaptation.shape != expected or min(hidden, default=0) < 1:
        raise NeuroMotionError(
            f"Network 'recent_means' needs hidden layers and an adaptation of kind 'head' and shape {list(expected)}, "
            f"not hidden {hidden}, {spec.adaptation.kind!r} and {list(spec.adaptation.shape)}."
        )
    if parts < 1 or spec.window % parts or not small > 0 or not 0 <= dropout < 1:
        raise NeuroMotionError(
            f"Network 'recent_means' needs parts that divide the window of {spec.window} samples evenly, small above 0 "
            f"and dropout from 0 to below 1, not {parts}, {small:g} and {dropout:g}."
        )
    return RecentMeans(spec, parts, hidden, small, dropout)
