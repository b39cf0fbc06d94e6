"""Logarithms of the channels' amplitudes, and a linear layer."""

import torch

from neuromotion_gym.training.networks.network import DecoderNetwork


class RmsLinear(DecoderNetwork):
    """Root mean squares of the window, their logarithms, and a linear layer over them."""

    def __init__(self, channels: int, labels: int, floor: float):
        super().__init__()
        self.floor = floor
        self.register_buffer("mean", torch.zeros(channels))
        self.linear = torch.nn.Linear(channels, labels)

    def _features(self, window):
        return torch.log(window.square().mean(dim=2).sqrt() + self.floor)

    def prepare(self, windows, generator):
        """Centre the features on the training windows."""
        import numpy as np

        chosen = windows.windows(np.arange(len(windows.labels)))
        self.mean.copy_(self._features(torch.from_numpy(chosen)).mean(dim=0))

    def forward(self, window):
        """Logits of windows, shape (n, channels, samples)."""
        return (self.linear(self._features(window) - self.mean),)


def build(spec, floor=1e-7):
    """The network for a decoder's specification."""
    return RmsLinear(len(spec.channels), len(spec.labels), floor)
