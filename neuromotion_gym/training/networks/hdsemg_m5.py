"""M5: a small network of one-dimensional convolutions over the values of some successive instants of a grid.

As the source of `hdsemg_mobilenet` has it: the channels of 20 instants, one instant after the other, are one sequence,
which is standardised; a convolution of 16 filters, 16 long with stride 16; two of 16 and 32 filters, 3 long; a maximum
of each pair after the first two; the mean over the sequence, and a linear layer.

After Dai et al., ICASSP 2017, arXiv 1610.00087, whose network of this name is larger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.hdsemg_images import Instants, standardised
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec

SHORTEST = 256
"""Values from which on every convolution of the network has an output."""


class M5(nn.Module):
    """The network of sequences, shape (n, 1, values) to logits (n, labels)."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, 16, 16, stride=16),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(16, 16, 3),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(16, 32, 3),
            nn.ReLU(),
        )
        self.linear = nn.Linear(32, labels)

    def forward(self, sequence: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.linear(self.layers(sequence).mean(-1))
        return logits


class HdsemgM5(DecoderNetwork):
    """The last instants of a window as one standardised sequence, through `M5`."""

    def __init__(self, spec: DecoderSpec, instants: Instants) -> None:
        super().__init__()
        self.instants = instants
        self.network = M5(len(spec.labels))

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logits of windows, shape (n, channels, samples)."""
        return (self.network(standardised(self.instants(window).flatten(1))[:, None]),)


def build(
    spec: DecoderSpec,
    *,
    instants: int = 20,
    step: int = 1,
    band_hz: tuple[float, float] | None = None,
    taps: int = 65,
) -> HdsemgM5:
    """M5 for a grid of electrodes.

    Parameters
    ----------
    spec : DecoderSpec
    instants : int
        Successive instants that it reads; 20 as published.
    step, band_hz, taps
        As in `neuromotion_gym.training.networks.hdsemg_mobilenet.build`.

    Raises
    ------
    NeuroMotionError
        If an option does not fit the decoder, or the sequence is too short.
    """
    values = instants * len(spec.channels)
    if values < SHORTEST:
        raise NeuroMotionError(
            f"{instants} instants of {len(spec.channels)} channels are {values} values; M5 needs {SHORTEST} or more."
        )
    return HdsemgM5(spec, Instants(spec, instants, step, band_hz, taps))
