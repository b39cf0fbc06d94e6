"""Amplitude of every electrode of a grid around a limb, standardised and turned to how the grid is worn.

Features of each channel, over the window after a causal filter: log root mean square, and log mean absolute difference
of successive samples (waveform length). The adaptation of kind "turned" (`neuromotion_gym.decoders.turned`) says how
they are standardised and by how many rows the grid is turned; then comes one linear layer.

It is fitted by logistic regression. Every session of the training data is standardised by itself. The turn of each
session is found from its labels: the one under which a model of the sessions before explains them best.

Sources of the features: Hudgins, Parker and Scott, IEEE Trans Biomed Eng 40:82-94 (1993); Phinyomark et al., Expert
Syst Appl 39:7420-7431 (2012) for the logarithms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.hdsemg_images import band_kernel
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

PER_CHANNEL = 2
"""Features of each channel."""
BATCH = 512
"""Windows whose features are computed at a time."""


class GridFeatures(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, 2 channels): all amplitudes, then all lengths."""

    def __init__(self, kernel: Tensor, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("kernel", kernel[None, None], persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        """Features; see the module."""
        n, channels, samples = window.shape
        single = (window - window[..., -1:]).reshape(n * channels, 1, samples)
        signal = nn.functional.conv1d(single, self.kernel).reshape(n, channels, -1)
        size = 0.5 * torch.log(signal.pow(2).mean(-1) + self.floor**2)
        length = torch.log((signal[..., 1:] - signal[..., :-1]).abs().mean(-1) + self.floor)
        return torch.cat([size, length], dim=1)


class GridTurned(DecoderNetwork):
    """Features, standardised and turned by the adaptation, and a linear layer."""

    def __init__(self, features: GridFeatures, rows: int, columns: int, labels: int, strength: float) -> None:
        super().__init__()
        self.features, self.strength = features, strength
        self.rows, self.columns = rows, columns
        turns = (np.arange(rows)[:, None] + np.arange(rows)) % rows
        self.register_buffer("turns", torch.from_numpy(turns), persistent=False)
        self.linear = nn.Linear(PER_CHANNEL * rows * columns, labels)

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features."""
        features = self.features(window)
        return self.linear(self.worn(features, adaptation)), features

    def worn(self, features: Tensor, adaptation: Tensor) -> Tensor:
        """Features, shape (n, features), under an adaptation for each, shape (n, 3, features)."""
        standardised = (features - adaptation[:, 0]) * adaptation[:, 1]
        grid = standardised.reshape(-1, PER_CHANNEL, self.rows, self.columns)
        turned = grid[:, :, self.turns]  # (n, features of a channel, turn, row, column)
        chosen = adaptation[:, 2, : self.rows].reshape(-1, 1, self.rows, 1, 1)
        return (turned * chosen).sum(2).flatten(1)

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Fit the linear layer; see the module.

        Raises
        ------
        NeuroMotionError
            If a session lacks a label.
        """
        needed = self.linear.out_features
        for number in np.unique(data.people):
            present = len(np.unique(data.labels[data.people == number]))
            if present < needed:
                raise NeuroMotionError(
                    f"Session {number} of the training data has windows of {present} labels; network 'grid_turned' "
                    f"needs all {needed} in each session."
                )
        rows = np.arange(len(data.labels))
        features = torch.cat(
            [self.features(torch.from_numpy(data.windows(rows[i : i + BATCH]))) for i in range(0, len(rows), BATCH)]
        )
        groups = [data.people == number for number in np.unique(data.people)]
        plain = [self._standardised(features[torch.from_numpy(group)]) for group in groups]
        labels = [data.labels[group] for group in groups]
        chosen = [plain[0]]
        for number in range(1, len(groups)):
            model = self._model(chosen, labels[:number])
            chosen.append(self._best_turn(plain[number], labels[number], model))
        model = self._model(chosen, labels)
        weight, bias = model.coef_, model.intercept_
        if len(weight) == 1:  # of two labels, the logit of the second one
            weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
        self.linear.weight.copy_(torch.from_numpy(weight))
        self.linear.bias.copy_(torch.from_numpy(bias))

    def _standardised(self, features: Tensor) -> np.ndarray:
        """Features of one session, standardised by themselves, shape (n, features of a channel, rows, columns)."""
        centred = (features - features.mean(0)) / (features.std(0, unbiased=False) + 1e-3)
        return centred.reshape(-1, PER_CHANNEL, self.rows, self.columns).numpy()

    def _best_turn(self, session: np.ndarray, labels: np.ndarray, model: Any) -> np.ndarray:
        """A session turned so that the model gives its labels the highest probability."""
        turned = [np.roll(session, -turn, axis=2) for turn in range(self.rows)]
        fit = [_log_probability(model, one, labels) for one in turned]
        return turned[int(np.argmax(fit))]

    def _model(self, sessions: list[np.ndarray], labels: list[np.ndarray]) -> Any:
        from sklearn.linear_model import LogisticRegression

        flat = np.concatenate([session.reshape(len(session), -1) for session in sessions])
        return LogisticRegression(C=self.strength, max_iter=1000).fit(flat, np.concatenate(labels))


def _log_probability(model: Any, session: np.ndarray, labels: np.ndarray) -> float:
    """Mean log probability of the labels under a model."""
    found = model.predict_log_proba(session.reshape(len(session), -1))
    return float(found[np.arange(len(labels)), labels].mean())


def build(
    spec: DecoderSpec,
    *,
    band_hz: tuple[float, float],
    taps: int = 65,
    floor: float = 1e-3,
    strength: float = 0.01,
) -> GridTurned:
    """Network for a grid of electrodes around a limb.

    Parameters
    ----------
    spec : DecoderSpec
        ``adaptation.kind`` "turned", ``adaptation.shape`` (3, 2 channels); channels are listed row by row.
    band_hz : (float, float)
        Pass band of the filter.
    taps : int
        Length of the filter, odd.
    floor : float
        Added to amplitudes, in the unit of the samples.
    strength : float
        Inverse of the regularisation of the logistic regression.

    Raises
    ------
    NeuroMotionError
        If an option does not fit the decoder.
    """
    channels, rows = len(spec.channels), spec.adaptation.rows
    expected = (3, PER_CHANNEL * channels)
    if rows is None or spec.adaptation.shape != expected:
        raise NeuroMotionError(
            f"Network 'grid_turned' needs an adaptation of kind 'turned' and shape {list(expected)}, not of kind "
            f"{spec.adaptation.kind!r} and shape {list(spec.adaptation.shape)}."
        )
    if not floor > 0 or not strength > 0 or spec.window < taps + 1:
        raise NeuroMotionError(
            f"Network 'grid_turned' has floor {floor:g}, strength {strength:g}, {taps} taps and a window of "
            f"{spec.window}; the first two are above 0, and the window is longer than the filter."
        )
    features = GridFeatures(band_kernel(spec, band_hz, taps), floor)
    return GridTurned(features, rows, channels // rows, len(spec.labels), strength)
