"""A convolution and two LSTM layers over a short window of a few channels, as published for a table of arm EMG.

Preprocessing, fitted to all samples of the training recordings and inside the graph: clip each channel to its 1st and
99th percentile, Yeo-Johnson's power transform, winsorise 5 % at each end (`neuromotion_gym.signals.table_steps`).

Layers: convolution with 64 filters of 3 samples, ReLU; maximum of pairs; dropout 0.3; LSTM with 128 units, whole
sequence; dropout 0.5; LSTM with 64 units, last output; dropout 0.3; batch normalisation; 64 units, ReLU; dropout 0.3;
one output a label. With three channels and six labels these are 153,670 parameters as Keras counts them: an LSTM has
one bias vector, and the two statistics of batch normalisation count, which are not trained (153,542 are). PyTorch's
LSTM has a second bias vector (154,310 trained parameters with it); here it stays zero.

Weights start as Keras starts them: Glorot's uniform distribution, orthogonal recurrent matrices, zero biases but one
for forgetting. Batch normalisation has Keras's momentum (0.99) and epsilon (0.001).

Source: mostafa7hmmad, Armrobot-emg-signal, https://github.com/mostafa7hmmad/Armrobot-emg-signal (2025).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.table_steps import ClipPercentiles, Winsorise, YeoJohnson, fitted_chain
from neuromotion_gym.training.data import samples_of
from neuromotion_gym.training.keras_file import KerasLayer
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

FILTERS, KERNEL, POOL, UNITS, LAST_UNITS, DENSE = 64, 3, 2, 128, 64, 64
SHORTEST = KERNEL + POOL - 1
"""Samples of the shortest window that leaves one step for the LSTM layers."""
NEARLY_FLAT = 1e-3
"""Powers of this size and smaller are taken as a series in the power."""


class TableChain(nn.Module):
    """The fitted preprocessing, shape (n, channels, samples) to the same."""

    low: Tensor
    high: Tensor
    power: Tensor
    mean: Tensor
    scale: Tensor
    floor: Tensor
    ceiling: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, value in (("low", -1e6), ("high", 1e6), ("power", 1.0), ("mean", 0.0), ("scale", 1.0)):
            self.register_buffer(name, torch.full((channels, 1), value))
        for name, value in (("floor", -1e6), ("ceiling", 1e6)):
            self.register_buffer(name, torch.full((channels, 1), value))

    def fit(self, samples: np.ndarray) -> None:
        """Fit to samples, shape (samples, channels)."""
        clip, power, ends = ClipPercentiles(1, 99), YeoJohnson(), Winsorise(0.05)
        fitted_chain({"clip": clip, "power": power, "ends": ends}, samples.astype(float))
        for buffer, values in (
            (self.low, clip.low_),
            (self.high, clip.high_),
            (self.power, power.power_),
            (self.mean, power.standard_.mean_),
            (self.scale, power.standard_.scale_),
            (self.floor, ends.low_),
            (self.ceiling, ends.high_),
        ):
            buffer.copy_(torch.from_numpy(np.asarray(values))[:, None])

    def forward(self, window: Tensor) -> Tensor:
        """Preprocessed window."""
        clipped = torch.minimum(torch.maximum(window, self.low), self.high)
        exponent = torch.where(clipped >= 0, self.power, 2.0 - self.power)
        logarithm = torch.log1p(clipped.abs())
        # Near 0 the quotient loses its digits; its Taylor series has them
        flat = exponent.abs() < NEARLY_FLAT
        rising = torch.expm1(exponent * logarithm) / torch.where(flat, 1.0, exponent)
        series = logarithm + exponent * logarithm**2 / 2 + exponent**2 * logarithm**3 / 6
        curved = torch.sign(clipped) * torch.where(flat, series, rising)
        return torch.minimum(torch.maximum((curved - self.mean) / self.scale, self.floor), self.ceiling)


def long_short_term(inputs: int, units: int) -> nn.LSTM:
    """LSTM with one bias vector, started as Keras starts it: PyTorch's second vector stays zero and is not trained.

    Its gates lie in Keras's order: let in, keep (forget), new, let out.
    """
    layer = nn.LSTM(inputs, units, batch_first=True)
    nn.init.xavier_uniform_(layer.weight_ih_l0)
    nn.init.orthogonal_(layer.weight_hh_l0)
    with torch.no_grad():
        layer.bias_ih_l0.zero_()
        layer.bias_ih_l0[units : 2 * units] = 1.0
        layer.bias_hh_l0.zero_()
    layer.bias_hh_l0.requires_grad_(False)
    return layer


class CnnLstm(DecoderNetwork):
    """The network; see the module."""

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.chain = TableChain(channels)
        self.convolution = nn.Conv1d(channels, FILTERS, KERNEL)
        self.first = long_short_term(FILTERS, UNITS)
        self.second = long_short_term(UNITS, LAST_UNITS)
        self.norm = nn.BatchNorm1d(LAST_UNITS, eps=1e-3, momentum=0.01)
        self.dense = nn.Linear(LAST_UNITS, DENSE)
        self.last = nn.Linear(DENSE, labels)
        for layer in (self.convolution, self.dense, self.last):
            nn.init.xavier_uniform_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        self.pool, self.drop, self.drop_more = nn.MaxPool1d(POOL), nn.Dropout(0.3), nn.Dropout(0.5)

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Fit the preprocessing."""
        self.chain.fit(samples_of(data))

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logits."""
        return (self.logits(self.chain(window)),)

    def logits(self, prepared: Tensor) -> Tensor:
        """Logits of preprocessed windows, shape (n, channels, samples)."""
        filtered = self.drop(self.pool(torch.relu(self.convolution(prepared))))
        sequence = self.drop_more(self.first(filtered.transpose(1, 2))[0])
        summary = self.norm(self.drop(self.second(sequence)[0][:, -1]))
        output: Tensor = self.last(self.drop(torch.relu(self.dense(summary))))
        return output

    def keras_layers(self) -> list[KerasLayer]:
        """The layers behind the preprocessing as Keras has them, with the softmax of the published model."""

        def array(value: Tensor) -> np.ndarray:
            return value.detach().cpu().numpy()

        def dense(layer: nn.Linear) -> dict[str, np.ndarray]:
            return {"kernel": array(layer.weight).T, "bias": array(layer.bias)}

        def recurrent(layer: nn.LSTM) -> dict[str, np.ndarray]:
            return {
                "lstm_cell/kernel": array(layer.weight_ih_l0).T,
                "lstm_cell/recurrent_kernel": array(layer.weight_hh_l0).T,
                "lstm_cell/bias": array(layer.bias_ih_l0 + layer.bias_hh_l0),
            }

        norm, kernel = self.norm, array(self.convolution.weight).transpose(2, 1, 0)
        assert self.convolution.bias is not None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        return [
            KerasLayer(
                "Conv1D",
                "conv1d",
                {"filters": FILTERS, "kernel_size": [KERNEL], "activation": "relu"},
                {"kernel": kernel, "bias": array(self.convolution.bias)},
            ),
            KerasLayer("MaxPooling1D", "max_pooling1d", {"pool_size": [POOL]}),
            KerasLayer("Dropout", "dropout", {"rate": 0.3}),
            KerasLayer("LSTM", "lstm", {"units": UNITS, "return_sequences": True}, recurrent(self.first)),
            KerasLayer("Dropout", "dropout_1", {"rate": 0.5}),
            KerasLayer("LSTM", "lstm_1", {"units": LAST_UNITS}, recurrent(self.second)),
            KerasLayer("Dropout", "dropout_2", {"rate": 0.3}),
            KerasLayer(
                "BatchNormalization",
                "batch_normalization",
                {},
                {
                    "gamma": array(norm.weight),
                    "beta": array(norm.bias),
                    "moving_mean": array(norm.running_mean),
                    "moving_variance": array(norm.running_var),
                },
            ),
            KerasLayer("Dense", "dense", {"units": DENSE, "activation": "relu"}, dense(self.dense)),
            KerasLayer("Dropout", "dropout_3", {"rate": 0.3}),
            KerasLayer(
                "Dense", "dense_1", {"units": self.last.out_features, "activation": "softmax"}, dense(self.last)
            ),
        ]


def build(spec: DecoderSpec) -> CnnLstm:
    """The network for the channels and labels of ``spec``.

    Raises
    ------
    NeuroMotionError
        If the window is shorter than the convolution and the pooling need.
    """
    if spec.window < SHORTEST:
        raise NeuroMotionError(f"Network 'cnn_lstm' reads windows of {SHORTEST} samples and more, not {spec.window}.")
    return CnnLstm(len(spec.channels), len(spec.labels))
