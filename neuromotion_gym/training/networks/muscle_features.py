"""Amplitude and shape of the EMG of several muscles, and the level of envelopes; then linear discriminant analysis.

Features of each raw channel, over the window without its mean: log root mean square; its log ratios to the root mean
square of the first and second difference (Hjorth's mobility and complexity: how fast the signal is) and to the mean
absolute value (how peaked it is). Between raw channels: correlation coefficients, which measure what electrodes share.
A channel that holds an envelope (rectified and smoothed EMG) has one feature, the log of its mean. Logarithms make a
factor on a channel, such as another thickness of the skin, an offset; their floor keeps the noise of the amplifier
from being magnified.

The last layer weighs every label alike. Its logits are multiplied by one factor, which makes the confidence of the
posterior match its accuracy on people who were left out of the fit.

Sources: Hudgins, Parker and Scott, IEEE Trans Biomed Eng 40:82-94 (1993); Hjorth, Electroencephalogr Clin
Neurophysiol 29:306-310 (1970); Phinyomark et al., Expert Syst Appl 39:7420-7431 (2012) for the logarithms; Guo et al.,
ICML (2017) for the factor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.decoders.calibration import best_factor, discriminant
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

SHRINKAGE = 0.01
"""Share of the identity in the within-label covariance of the standardised features."""
BATCH = 2048
"""Windows whose features are computed at a time."""


class MuscleFeatures(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, 4 raw channels + pairs of them + envelopes).

    Parameters
    ----------
    raw, envelopes : list of int
        Which channels are raw, and which are envelopes.
    floor : float
        Added to amplitudes, in the unit of the samples (its square to mean squares).
    """

    def __init__(self, raw: list[int], envelopes: list[int], floor: float) -> None:
        super().__init__()
        first, second = np.triu_indices(len(raw), 1)
        self.floor = floor
        self.size = 4 * len(raw) + len(first) + len(envelopes)
        for name, index in (("raw", raw), ("envelopes", envelopes), ("pairs", first * len(raw) + second)):
            self.register_buffer(name, torch.tensor(index, dtype=torch.int64), persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        """Features; see the module."""
        samples = window.shape[-1]
        level = window.mean(-1)
        # Each of these is one operator of the graph; an index in brackets would be three, and a power takes longer
        raw = torch.index_select(window, 1, self.raw) - torch.index_select(level, 1, self.raw)[..., None]
        slope = raw[..., 1:] - raw[..., :-1]
        curve = slope[..., 1:] - slope[..., :-1]
        power = (raw * raw).mean(-1)
        size, speed = self._log_root(power), self._log_root((slope * slope).mean(-1))
        peaked = torch.log(raw.abs().mean(-1) + self.floor) - size
        scaled = raw / torch.sqrt(power + self.floor**2)[..., None]
        correlation = torch.index_select((scaled @ scaled.transpose(1, 2) / samples).flatten(1), 1, self.pairs)
        envelopes = torch.log(torch.clamp(torch.index_select(level, 1, self.envelopes), min=0) + self.floor)
        curved = self._log_root((curve * curve).mean(-1)) - speed
        return torch.cat([size, speed - size, curved, peaked, correlation, envelopes], dim=1)

    def _log_root(self, power: Tensor) -> Tensor:
        return 0.5 * torch.log(power + self.floor**2)


class MuscleNetwork(DecoderNetwork):
    """Standardised features and a linear last layer."""

    def __init__(self, features: MuscleFeatures, labels: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.zeros(features.size))
        self.register_buffer("scale", torch.ones(features.size))
        self.last = nn.Linear(features.size, labels)

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logits."""
        return (self.last((self.features(window) - self.mean) / self.scale),)

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set the means and scales of the features, and the last layer."""
        rows = np.arange(len(data.labels))
        parts = np.array_split(rows, -(-len(rows) // BATCH))
        features = torch.cat([self.features(torch.from_numpy(data.windows(part))) for part in parts]).double().numpy()
        mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
        features, labels, people = (features - mean) / scale, data.labels, data.people
        logits = np.empty((len(labels), labels.max() + 1))
        for person in np.unique(people):
            mine = people == person
            others = discriminant(features[~mine], labels[~mine], SHRINKAGE)
            logits[mine] = features[mine] @ others[:, :-1].T + others[:, -1]
        head = torch.from_numpy(best_factor(logits, labels) * discriminant(features, labels, SHRINKAGE))
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))
        self.last.weight.copy_(head[:, :-1])
        self.last.bias.copy_(head[:, -1])


def build(spec: DecoderSpec, *, envelopes: tuple[str, ...] = (), floor: float = 1.0) -> MuscleNetwork:
    """Network for electrodes on several muscles.

    Parameters
    ----------
    spec : DecoderSpec
    envelopes : tuple of str
        Channels that hold an envelope instead of the raw signal.
    floor : float
        Smallest amplitude that counts, in the decoder's unit: about the resolution of the amplifier.

    Raises
    ------
    NeuroMotionError
        If the decoder has no channel of that name, or no raw channel, or the floor is not positive.
    """
    unknown = [name for name in envelopes if name not in spec.channels]
    raw = [index for index, name in enumerate(spec.channels) if name not in envelopes]
    if unknown or not raw or not floor > 0:
        raise NeuroMotionError(
            f"Network 'muscle_features' has envelopes {', '.join(envelopes) or 'none'} and floor {floor:g}; envelopes "
            f"are some of {', '.join(spec.channels)}, not all, and the floor is above 0."
        )
    return MuscleNetwork(
        MuscleFeatures(raw, [spec.channels.index(name) for name in envelopes], floor), len(spec.labels)
    )
