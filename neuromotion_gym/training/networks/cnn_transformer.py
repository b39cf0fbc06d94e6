"""Two convolutions over time and two transformer blocks over a whole epoch of EEG, as published for imagined fists.

Layers: convolution with as many filters of 11 samples as there are channels, no bias; batch normalisation; ReLU;
dropout of whole channels; convolution with twice as many filters of 11 samples, no bias; batch normalisation. Then, in
order of time: sinusoidal positional encoding (Vaswani et al., 2017) and dropout; two transformer blocks that normalise
after each sum, with 4 heads and an inner layer of an eighth of the channels, ReLU and dropout; the mean over time; a
linear layer with half as many units as channels, ReLU, dropout; one logit. With 64 channels these are 277,201
parameters. All layers take any length up to `LONGEST` samples, so the same weights serve windows of 497 and 656
samples, both of which the source has.

Source: Acor-Kyudou, Neuro_Motion, https://github.com/Acor-Kyudou/Neuro_Motion (2025), which takes the network of
R. Fahsi, EEG Motor Imagery Classification Using CNN, Transformer, and MLP,
https://github.com/reshalfahsi/eeg-motor-imagery-classification (2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec

KERNEL, HEADS, BLOCKS = 11, 4, 2
LONGEST = 1000
"""Samples of the longest window: positions that are encoded."""
WAVELENGTH = 10_000.0
"""Of the slowest sine of the positional encoding, in samples and as a multiple of 2 pi (Vaswani et al., 2017)."""


def positions(length: int, width: int) -> Tensor:
    """Sinusoidal positional encoding: sines in even columns, cosines in odd ones; shape (length, width)."""
    rates = WAVELENGTH ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.arange(length, dtype=torch.float32)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)


def _kept(like: Tensor, share: float) -> Tensor:
    """One where a value is kept and zero where it is dropped, of the shape and type of ``like``.

    The probability to be dropped is ``share`` rounded to 16 bits. Numbers of 8 bits are drawn where they give the same
    share, as for an eighth, and many of them at once: `torch.nn.functional.dropout` takes six times as long.
    """
    cells = like.numel()
    whole = (share * 2**8).is_integer()
    kind, levels = (torch.int8, 2**8) if whole else (torch.int16, 2**16)
    draws = torch.empty(-(-cells * kind.itemsize // 8), dtype=torch.int64).random_(-(2**63), None)
    bound = round(share * levels) - levels // 2
    return torch.ge(draws.view(kind)[:cells].view(like.shape), bound, out=torch.empty_like(like))


class Dropout(nn.Module):
    """`torch.nn.Dropout` in less time, with other random numbers."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """The values; while the network is trained, a share of them is zero and the others are larger in turn."""
        if not (self.training and self.share):
            return values
        return values * _kept(values, self.share).div_(1 - self.share)


class _AttentionWithDropout(torch.autograd.Function):
    """Attention of one window with dropout of its weights, without copies of what is as large as the weights.

    Its gradient takes the sum over each row of weights times their gradients from the output, which is far smaller: the
    two are the same (Dao et al., FlashAttention, 2022, appendix B.4).
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, share: float) -> Tensor:
        """Values, shape (heads, samples, width), weighted by similarities of ``query`` and ``key``, some dropped."""
        weights = torch.softmax(query @ key.mT, dim=-1)
        dropped = _kept(weights, share).mul_(weights)
        output = dropped @ value
        ctx.save_for_backward(query, key, value, weights, dropped, output)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of ``query``, ``key`` and ``value``."""
        query, key, value, weights, dropped, output = ctx.saved_tensors
        (gradient,) = gradients
        rows = (gradient * output).sum(-1, keepdim=True)
        scores = (gradient @ value.mT).mul_(dropped).addcmul_(weights, rows, value=-1)
        return scores @ key, scores.mT @ query, dropped.mT @ gradient, None


class SelfAttention(nn.Module):
    """Attention of all samples to all, with dropout of the weights: `torch.nn.MultiheadAttention` in less time.

    Its weights have the same start. While it is trained, windows go one after the other: the weights of one window stay
    in the processor's cache, those of a batch do not (a third of the time, measured for 10 windows of 497 samples).
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.join.bias)
        self.dropout = dropout

    def forward(self, sequence: Tensor) -> Tensor:
        """What each sample takes from all, shape (n, samples, width)."""
        heads = self.project(sequence).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind()
        if self.training and self.dropout:
            windows = zip(query / query.shape[-1] ** 0.5, key, value / (1 - self.dropout), strict=True)
            taken = torch.stack([_AttentionWithDropout.apply(*window, self.dropout) for window in windows])
        else:
            taken = nn.functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = self.join(taken.transpose(1, 2).flatten(2))
        return output


class TransformerBlock(nn.Module):
    """Self-attention and two linear layers, each added to its input and normalised afterwards."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(width, dropout)
        self.after_attention = nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, inner), nn.Linear(inner, width)
        self.after_layers = nn.LayerNorm(width)
        self.drop = Dropout(dropout)

    def forward(self, sequence: Tensor) -> Tensor:
        """The sequence, shape (n, samples, width), after the block."""
        summed = self.after_attention(sequence + self.drop(self.attention(sequence)))
        layers = self.outer(self.drop(torch.relu(self.inner(summed))))
        output: Tensor = self.after_layers(summed + self.drop(layers))
        return output


class CnnTransformer(DecoderNetwork):
    """The network; see the module."""

    encoding: Tensor

    def __init__(self, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        width = 2 * channels
        self.first = nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2, bias=False)
        self.first_norm = nn.BatchNorm1d(channels)
        self.second = nn.Conv1d(channels, width, KERNEL, padding=KERNEL // 2, bias=False)
        self.second_norm = nn.BatchNorm1d(width)
        self.register_buffer("encoding", positions(LONGEST, width), persistent=False)
        self.blocks = nn.ModuleList([TransformerBlock(width, channels // 8, dropout) for _ in range(BLOCKS)])
        self.dense, self.last = nn.Linear(width, channels // 2), nn.Linear(channels // 2, outputs)
        self.drop, self.drop_channels = Dropout(dropout), nn.Dropout1d(dropout)

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logit or logits, shape (n, outputs)."""
        filtered = self.drop_channels(torch.relu(self.first_norm(self.first(window))))
        sequence = self.second_norm(self.second(filtered)).transpose(1, 2)
        sequence = self.drop(sequence + self.encoding[: sequence.shape[1]])
        for block in self.blocks:
            sequence = block(sequence)
        return (self.last(self.drop(torch.relu(self.dense(sequence.mean(1))))),)


def build(spec: DecoderSpec, *, dropout: float = 0.125) -> CnnTransformer:
    """The network for the channels and labels of ``spec``.

    Parameters
    ----------
    spec : DecoderSpec
        With ``output: logit`` it has one output, otherwise one for each label.
    dropout : float

    Raises
    ------
    NeuroMotionError
        If there are fewer than 8 channels or not an even number of them, or the window has more than `LONGEST` samples.
    """
    channels = len(spec.channels)
    if channels < 8 or channels % 2:
        raise NeuroMotionError(f"Network 'cnn_transformer' reads an even number of channels from 8 on, not {channels}.")
    if spec.window > LONGEST:
        raise NeuroMotionError(
            f"Network 'cnn_transformer' reads windows of {LONGEST} samples at most, not {spec.window}."
        )
    return CnnTransformer(channels, 1 if spec.output == "logit" else len(spec.labels), dropout)
