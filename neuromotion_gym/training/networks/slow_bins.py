"""Logistic regression on slow potentials. A control for EEG decoders: eyes that follow a cue reveal the label.

A causal low-pass filter inside the window keeps every channel below ``high_hz``; its output is averaged in bins, and a
linear layer reads all bins. On frontal and posterior pairs of electrodes below 4 Hz this is mostly the corneoretinal
potential of a gaze to one side. Frequent labels are not preferred: training adds the logarithm of each label's share to
the outputs, and decoding leaves it out (Menon et al., ICLR 2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows


class SlowBins(DecoderNetwork):
    """Bins of slow potentials, standardised, and a linear layer."""

    def __init__(self, spec: DecoderSpec, binning: np.ndarray) -> None:
        super().__init__()
        size = len(spec.channels) * binning.shape[1]
        self.register_buffer("binning", torch.from_numpy(binning).float(), persistent=False)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("prior", torch.zeros(len(spec.labels)))
        self.head = nn.Linear(size, len(spec.labels))

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logits, shape (n, labels)."""
        # Blinks and bad electrodes have long tails, which would dominate a linear layer
        features = torch.clamp((self._bins(window) - self.mean) / self.scale, -4, 4)
        logits = self.head(features)
        return (logits + self.prior if self.training else logits,)

    def _bins(self, window: Tensor) -> Tensor:
        return (window @ self.binning).flatten(1)

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set medians and spreads of the bins, and the shares of the labels; the linear layer starts at zero."""
        shares = np.bincount(data.labels, minlength=len(self.prior)) / len(data.labels)
        self.prior.copy_(torch.from_numpy(np.log(np.maximum(shares, 1e-6))))
        rows = generator.permutation(len(data.labels))[:5_000]
        bins = self._bins(torch.from_numpy(data.windows(rows)))
        low, middle, high = torch.quantile(bins, torch.tensor([0.16, 0.5, 0.84]), dim=0)
        self.mean.copy_(middle)
        # A channel that is flat after ocular regression holds only rounding errors, which are not magnified
        spread = (high - low) / 2
        self.scale.copy_(torch.where(spread > 1e-3 * spread.max(), spread, 1.0))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)


def build(spec: DecoderSpec, *, high_hz: float = 4.0, bins_per_s: float = 8.0, taps: int = 81) -> SlowBins:
    """Network of slow bins.

    Parameters
    ----------
    spec : DecoderSpec
    high_hz : float
        Upper edge of the slow band (-6 dB).
    bins_per_s : float
    taps : int
        Length of the causal low-pass filter; the first ``taps - 1`` samples of a window are its context.
    """
    from scipy.signal import firwin

    width = round(spec.rate_hz / bins_per_s)
    count = (spec.window - taps + 1) // width
    if count < 1:
        raise NeuroMotionError(f"A window of {spec.window} samples has no bin of {width} after {taps} taps.")
    response = firwin(taps, high_hz, fs=spec.rate_hz)
    kernel = np.convolve(response, np.full(width, 1 / width))[::-1]
    binning = np.zeros((spec.window, count))
    for column in range(count):
        end = spec.window - (count - 1 - column) * width
        binning[end - len(kernel) : end, column] = kernel
    return SlowBins(spec, binning)
