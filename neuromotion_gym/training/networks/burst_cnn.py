"""A one-dimensional convolutional network for a window at a burst of one electrode.

The window is centred and divided by its own standard deviation: thick skin and an amplifier's gain do not count.
Then come convolutions with stride 2 and kernels of 25, 9 and 9 samples, each with batch normalisation and ReLU; the
largest of every two steps; the mean over time; dropout; and one output a label. In training the sign of a window is
drawn at random: which electrode of a pair is the positive one is a convention.

The source system has a network of this kind whose parameters are not published; these numbers are ours.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec

KERNELS = (25, 9, 9)
STRIDE = 2
POOL = 2
SHORTEST = POOL * STRIDE ** len(KERNELS)
"""Samples of the shortest window that leaves one step."""
FLOOR = 1e-9
"""Added to the mean square of a window, in the square of the unit: an electrode without any signal stays finite."""


class BurstCnn(DecoderNetwork):
    """The network; see the module."""

    def __init__(self, channels: int, labels: int, filters: tuple[int, int, int], dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for (inputs, outputs), kernel in zip(pairwise((channels, *filters)), KERNELS, strict=True):
            layers += [
                nn.Conv1d(inputs, outputs, kernel, stride=STRIDE, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.MaxPool1d(POOL))
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(filters[-1], labels)

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logits."""
        centred = window - window.mean(-1, keepdim=True)
        scaled = centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + FLOOR)
        return (self.last(self.drop(self.layers(scaled).mean(-1))),)

    def augment(self, window: Tensor, generator: torch.Generator) -> Tensor:
        """Windows, some of them upside down."""
        signs = torch.randint(0, 2, (len(window), window.shape[1], 1), generator=generator, dtype=window.dtype)
        return window * (2 * signs - 1)


def build(spec: DecoderSpec, *, filters: tuple[int, int, int] = (16, 24, 32), dropout: float = 0.3) -> BurstCnn:
    """The network for the channels and labels of ``spec``.

    Parameters
    ----------
    spec : DecoderSpec
    filters : tuple of int
        Outputs of the three convolutions.
    dropout : float
        Share of the last features that is left out in training.

    Raises
    ------
    NeuroMotionError
        If the window is shorter than the strides need, or an option is out of range.
    """
    if spec.window < SHORTEST:
        raise NeuroMotionError(f"Network 'burst_cnn' reads windows of {SHORTEST} samples and more, not {spec.window}.")
    if min(filters) < 1 or not 0 <= dropout < 1:
        raise NeuroMotionError(
            f"Network 'burst_cnn' has filters {filters} and dropout {dropout}; it needs 1 filter or more in each "
            "layer, and a dropout from 0 to below 1."
        )
    return BurstCnn(len(spec.channels), len(spec.labels), filters, dropout)
