"""MobileNetV2 on images of single instants of a high-density grid of electrodes.

As the source publishes it (`SETTINGS`): a stem of 32 channels without stride; inverted residual stages; ReLU, not
ReLU6; a shortcut where the stride is 1, with a convolution of its own where the width changes; a last convolution to
1280 channels, flattened, and a linear layer. ``model_width`` scales the expansion of all stages but the first.

The posterior of a window is that of the mean logits of its last instants (one by default, as published).

MobileNetV2: Sandler et al., CVPR 2018, arXiv 1801.04381. Source: https://github.com/MIC-Laboratory/CNN-HD-sEMG-Classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.hdsemg_images import Grid, Instants, Layout, checked_grid, standardised
from neuromotion_gym.training.networks.network import DecoderNetwork

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec

SETTINGS = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and stride (of the first block) of each stage."""
STEM = 32
LAST = 1280


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution without bias, and its batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)
    )


class Block(nn.Module):
    """Inverted residual: expand, filter each channel, project; with a shortcut where the stride is 1."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = expansion * inputs
        self.expand = _convolution(inputs, inner, 1)
        self.depthwise = _convolution(inner, inner, 3, stride, groups=inner)
        self.project = _convolution(inner, outputs, 1)
        self.shortcut: nn.Module | None = None
        if stride == 1:
            self.shortcut = nn.Identity() if inputs == outputs else _convolution(inputs, outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        """The block's output."""
        inner = self.depthwise(self.expand(image).relu()).relu()
        projected: Tensor = self.project(inner)
        return projected if self.shortcut is None else projected + self.shortcut(image)


class MobileNet(nn.Module):
    """The network of images, shape (n, planes, height, width) to logits (n, labels)."""

    def __init__(self, planes: int, height: int, width: int, labels: int, model_width: float) -> None:
        super().__init__()
        self.stem = _convolution(planes, STEM, 3)
        blocks, inputs = [], STEM
        for stage, (expansion, outputs, count, stride) in enumerate(SETTINGS):
            scaled = expansion if stage == 0 else int(expansion * model_width)
            for number in range(count):
                step = stride if number == 0 else 1
                blocks.append(Block(inputs, outputs, scaled, step))
                height, width, inputs = -(-height // step), -(-width // step), outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = _convolution(inputs, LAST, 1)
        self.linear = nn.Linear(LAST * height * width, labels)

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        features = self.last(self.blocks(self.stem(image).relu())).relu()
        logits: Tensor = self.linear(features.flatten(1))
        return logits


class HdsemgMobileNet(DecoderNetwork):
    """Images of a window's last instants, through one `MobileNet`; while it is trained, of the very last one alone."""

    def __init__(
        self, spec: DecoderSpec, grid: Grid, instants: Instants, images: int, planes: int, model_width: float
    ) -> None:
        super().__init__()
        self.grid, self.instants, self.images, self.planes = grid, instants, images, planes
        self.register_buffer("pixels", torch.tensor(grid.pixels, dtype=torch.int64), persistent=False)
        network = MobileNet(planes, grid.height, grid.width, len(spec.labels), model_width)
        # With the channels of a pixel side by side, convolutions on a CPU take about half the time
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, window: Tensor) -> tuple[Tensor]:
        """Logits of windows, shape (n, channels, samples)."""
        count = 1 if self.training else self.images
        seen = standardised(self.instants(window, count * self.planes)[..., self.pixels])
        images = seen.reshape(-1, self.planes, self.grid.height, self.grid.width)
        logits = self.network(images)
        return (logits.reshape(-1, count, logits.shape[-1]).mean(1),)


def build(
    spec: DecoderSpec,
    *,
    model_width: float = 1.0,
    height: int = 8,
    width: int = 24,
    channel: int = 1,
    layout: Layout = "rows",
    images: int = 1,
    step: int = 1,
    band_hz: tuple[float, float] | None = None,
    taps: int = 65,
) -> HdsemgMobileNet:
    """MobileNetV2 for a grid of electrodes; defaults are those of the source.

    Parameters
    ----------
    spec : DecoderSpec
    model_width : float
        Factor of the expansion; 1, 0.7, 0.4 and 0.2 are published.
    height, width : int
        Of the image; their product is the number of channels.
    channel : int
        Planes of an image: successive instants, one as published.
    layout : {"rows", "columns"}
        See `neuromotion_gym.training.networks.hdsemg_images`.
    images : int
        Images that one decision reads, whose logits are averaged; one as published.
    step : int
        Samples from one instant to the next.
    band_hz : (float, float), optional
        Pass band of the filter before all else, for recordings that are not filtered.
    taps : int
        Length of that filter.

    Raises
    ------
    NeuroMotionError
        If an option does not fit the decoder.
    """
    if not 1 / 6 <= model_width <= 1 or channel < 1 or images < 1:
        raise NeuroMotionError(
            f"model_width is {model_width:g}, channel {channel} and images {images}; the width lies between 1/6 and 1, "
            "and the others are 1 or more."
        )
    grid = checked_grid(spec, height, width, layout)
    return HdsemgMobileNet(
        spec, grid, Instants(spec, images * channel, step, band_hz, taps), images, channel, model_width
    )
