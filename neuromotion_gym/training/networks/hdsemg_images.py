"""From a window of a high-density grid of electrodes to images of single instants.

The source reads one instant of a filtered recording. Recordings of some devices are not filtered, and a decoder of the
loop only has the past: so a window holds the history that a causal filter needs (FIR, linear phase), and its last
instants are the images. Each image is standardised by itself: its mean is subtracted, and it is divided by its standard
deviation.

Two layouts of an image of ``height`` by ``width`` pixels. ``rows``: pixel (i, j) is channel ``i * width + j``, as the
source reads its 192 channels. ``columns``: pixel (i, j) is channel ``j * height + i``, for grids whose channels run
along the columns, as those of both data sets of the source do. The order of the channels itself is that of the recipe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from scipy.signal import firwin
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec

Layout = Literal["rows", "columns"]
SMALLEST = 1e-12
"""Added to the variance of an image, in the square of its unit."""


class Grid(NamedTuple):
    """Height and width of the images, and how channels become pixels."""

    height: int
    width: int
    layout: Layout

    @property
    def pixels(self) -> list[int]:
        """Channel of each pixel, row by row."""
        if self.layout == "rows":
            return list(range(self.height * self.width))
        return [column * self.height + row for row in range(self.height) for column in range(self.width)]


def checked_grid(spec: DecoderSpec, height: int, width: int, layout: Layout) -> Grid:
    """The grid of a decoder's channels.

    Raises
    ------
    NeuroMotionError
        If the decoder has not as many channels as the image has pixels.
    """
    channels = len(spec.channels)
    if height < 1 or width < 1 or height * width != channels:
        raise NeuroMotionError(
            f"An image of {height} by {width} pixels has not the {channels} channels of decoder {spec.name!r}; "
            "height times width has to be their number."
        )
    return Grid(height, width, layout)


def band_kernel(spec: DecoderSpec, band_hz: tuple[float, float], taps: int) -> Tensor:
    """Band-pass of linear phase, shape (taps,), that lets no constant pass; the last value meets the latest sample.

    Raises
    ------
    NeuroMotionError
        If the band does not lie below half of the rate, or the number of taps is even or below 3.
    """
    if taps < 3 or taps % 2 == 0 or not 0 < band_hz[0] < band_hz[1] < spec.rate_hz / 2:
        raise NeuroMotionError(
            f"The filter of {spec.name!r} passes {band_hz[0]:g} to {band_hz[1]:g} Hz with {taps} taps; it needs two "
            f"rising frequencies between 0 and {spec.rate_hz / 2:g} Hz, and an odd number of taps, 3 or more."
        )
    design = firwin(taps, band_hz, pass_zero=False, fs=spec.rate_hz)
    # A short filter lets some of a constant pass; without its mean it lets none. It is symmetric
    return torch.tensor(design - design.mean(), dtype=torch.float32)


class Instants(nn.Module):
    """Filtered last instants of a window, shape (n, channels, samples) to (n, instants, channels), the latest last.

    Parameters
    ----------
    spec : DecoderSpec
    count : int
        Number of instants.
    step : int
        Samples from one instant to the next.
    band_hz : (float, float), optional
        Pass band of the filter; samples are taken as they are without it.
    taps : int
        Length of the filter, odd.

    Raises
    ------
    NeuroMotionError
        If the window is too short for them, or the filter cannot be made.
    """

    def __init__(
        self, spec: DecoderSpec, count: int, step: int, band_hz: tuple[float, float] | None, taps: int
    ) -> None:
        super().__init__()
        if count < 1 or step < 1:
            raise NeuroMotionError(f"Instants are {count}, {step} samples apart; both numbers have to be 1 or more.")
        kernel = torch.ones(1) if band_hz is None else band_kernel(spec, band_hz, taps)
        self.count, self.step = count, step
        self.needed = (count - 1) * step + len(kernel)
        if self.needed > spec.window:
            raise NeuroMotionError(
                f"{count} instants, {step} samples apart, after a filter of {len(kernel)} taps need a window of "
                f"{self.needed} samples; that of {spec.name!r} has {spec.window}."
            )
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, window: Tensor, latest: int | None = None) -> Tensor:
        """The last ``latest`` instants; all of them by default."""
        count = self.count if latest is None else latest
        taps = len(self.kernel)
        end = window.shape[-1]
        # The offset of an electrode would otherwise cost the precision of single numbers
        window = window - window[..., -1:] if taps > 1 else window
        pieces = [window[..., end - i * self.step - taps : end - i * self.step] for i in reversed(range(count))]
        return torch.stack([piece @ self.kernel for piece in pieces], dim=1)


def standardised(images: Tensor) -> Tensor:
    """Images of shape (..., pixels), each with mean 0 and standard deviation 1."""
    centred = images - images.mean(-1, keepdim=True)
    return centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + SMALLEST)
