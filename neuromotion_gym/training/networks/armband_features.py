"""Amplitude and shape features of a few EMG channels, then a small multilayer perceptron.

Features of each channel, over the window: log root mean square; its log ratios to the root mean square of the first
and second difference (Hjorth's mobility and complexity: how fast the signal is), to the root mean square of the second
half of the window (is the contraction rising?) and to the mean absolute value (how peaked it is). Between channels:
correlation coefficients, which measure what neighbouring electrodes share. All logarithms have a floor of about one
count, the resolution of the armband, so that tiny signals are not magnified.

Sources: Hudgins, Parker and Scott, IEEE Trans Biomed Eng 40:82-94 (1993); Hjorth, Electroencephalogr Clin
Neurophysiol 29:306-310 (1970); Phinyomark et al., Expert Syst Appl 39:7420-7431 (2012) for the logarithms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.datasets import registry
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

FLOOR = 0.25
"""Added to mean squares, in square counts (to mean absolute values, in counts)."""


class ArmbandFeatures(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, 5 channels + pairs of channels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        first, second = np.triu_indices(channels, 1)
        self.size = 5 * channels + len(first)
        self.register_buffer("pairs", torch.from_numpy(first * channels + second), persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        """Features; see the module."""
        samples = window.shape[-1]
        slope = window[..., 1:] - window[..., :-1]
        curve = slope[..., 1:] - slope[..., :-1]
        power = window.pow(2).mean(-1)
        size = _log_root(power)
        speed = _log_root(slope.pow(2).mean(-1))
        late = _log_root(window[..., samples // 2 :].pow(2).mean(-1))
        plain = torch.log(window.abs().mean(-1) + FLOOR)
        scaled = window / torch.sqrt(power + FLOOR)[..., None]
        correlation = (scaled @ scaled.transpose(1, 2) / samples).flatten(1)[:, self.pairs]
        shape = [speed - size, _log_root(curve.pow(2).mean(-1)) - speed, late - size, plain - size]
        return torch.cat([size, *shape, correlation], dim=1)


def _log_root(power: Tensor) -> Tensor:
    return 0.5 * torch.log(power + FLOOR)


class Effort(nn.Module):
    """Strength of the contraction, 0 to 1.

    Log amplitude of the window over all channels, on a linear scale: 0 is its 95th percentile at rest, 1 its 90th
    percentile under all other labels, over the training people.

    Parameters
    ----------
    rest : int
        Index of the label without contraction.
    """

    def __init__(self, rest: int) -> None:
        super().__init__()
        self.rest = rest
        self.register_buffer("range", torch.tensor([0.0, 1.0]))

    def forward(self, window: Tensor) -> Tensor:
        """Effort of windows, shape (n, channels, samples) to (n,)."""
        low, high = self.range[0], self.range[1]
        return torch.clamp((_amplitude(window) - low) / (high - low), 0, 1)

    def set(self, windows: Tensor, labels: np.ndarray) -> None:
        """Set the range from training windows."""
        amplitude = _amplitude(windows).numpy()
        still = labels == self.rest
        low, high = np.quantile(amplitude[still], 0.95), np.quantile(amplitude[~still], 0.9)
        self.range.copy_(torch.tensor([low, max(high, low + 0.1)]))


def _amplitude(window: Tensor) -> Tensor:
    """Log root mean square over all channels, shape (n,)."""
    return _log_root(window.pow(2).mean(dim=(1, 2)))


class ArmbandNetwork(DecoderNetwork):
    """Standardised features, a perceptron, a linear last layer, and effort."""

    def __init__(
        self,
        spec: DecoderSpec,
        hidden: tuple[int, int],
        dropout: float,
        rest: int,
        gain_sd: float,
        amplitude_sd: float,
        shift: float,
    ) -> None:
        super().__init__()
        self.features = ArmbandFeatures(len(spec.channels))
        self.effort = Effort(rest)
        self.gain_sd, self.amplitude_sd, self.shift = gain_sd, amplitude_sd, shift
        size = self.features.size
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        wide, narrow = hidden
        self.body = nn.Sequential(
            nn.Linear(size, wide),
            nn.LayerNorm(wide),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(wide, narrow),
            nn.LayerNorm(narrow),
            nn.GELU(),
            nn.Dropout(dropout),
        )
        self.last = nn.Linear(narrow, len(spec.labels))

    def forward(self, window: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and effort."""
        features = self.features(window)
        logits = self.last(self.body((features - self.mean) / self.scale))
        return logits, self.effort(window)

    def augment(self, window: Tensor, generator: torch.Generator) -> Tensor:
        """Rotate the armband by up to ``shift`` electrode distances; vary the gain of each channel and of all."""
        n, channels, _ = window.shape
        if self.shift:
            turn = (2 * torch.rand(n, generator=generator) - 1) * self.shift
            whole = torch.floor(turn)
            part = (turn - whole)[:, None, None]
            near = (torch.arange(channels)[None] + whole.long()[:, None]) % channels
            rows = torch.arange(n)[:, None]
            # The square roots keep the power unchanged if the two electrodes are uncorrelated
            window = torch.sqrt(1 - part) * window[rows, near] + torch.sqrt(part) * window[rows, (near + 1) % channels]
        if self.gain_sd:
            window = window * torch.exp(self.gain_sd * torch.randn(n, channels, 1, generator=generator))
        if self.amplitude_sd:
            window = window * torch.exp(self.amplitude_sd * torch.randn(n, 1, 1, generator=generator))
        return window

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Means and scales of the features, range of the effort."""
        rows = generator.permutation(len(data.labels))[:20_000]
        windows = torch.from_numpy(data.windows(rows))
        features = self.features(windows)
        self.mean.copy_(features.mean(0))
        self.scale.copy_(features.std(0) + 1e-3)
        self.effort.set(windows, data.labels[rows])


def rest_index(spec: DecoderSpec, rest: str | None) -> int:
    """Index of the label without contraction: the given one, otherwise the data set's rest label.

    Raises
    ------
    NeuroMotionError
        If the decoder has no such label.
    """
    if rest is None and registry.is_known(spec.dataset):
        rest = registry.dataset(spec.dataset).rest
    if rest not in spec.labels:
        raise NeuroMotionError(
            f"The network measures effort against rest: its option rest has to be one of {', '.join(spec.labels)}, "
            f"not {rest!r}."
        )
    return spec.labels.index(rest)


def build(
    spec: DecoderSpec,
    *,
    hidden: tuple[int, int] = (128, 64),
    dropout: float = 0.3,
    rest: str | None = None,
    gain_sd: float = 0.0,
    amplitude_sd: float = 0.0,
    shift: float = 0.0,
) -> ArmbandNetwork:
    """Network for an armband.

    Parameters
    ----------
    spec : DecoderSpec
    hidden : (int, int)
        Widths of the two hidden layers.
    dropout : float
    rest : str, optional
        Label without contraction; the data set's rest label when left out.
    gain_sd, amplitude_sd : float
        Standard deviations of the random log gain of training windows: of each channel, and of all channels together.
    shift : float
        Largest random rotation of the armband in training windows, in either direction, in electrode distances.
    """
    wide, narrow = hidden
    return ArmbandNetwork(spec, (wide, narrow), dropout, rest_index(spec, rest), gain_sd, amplitude_sd, shift)
