"""Which axis of an array is which: channels, samples and, in an array of trials, trials."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from neuromotion_gym.signals.reading_options import Axis

LONG = 20
"""An axis that is so many times longer than the other one is that of the samples."""


def two_axes(
    array: np.ndarray, axes: tuple[Axis, ...] | None, names: Sequence[str] | None, length: int | None
) -> np.ndarray:
    """A matrix as (channels, samples); ``length`` is the number of samples, if it is known."""
    if array.ndim == 1:
        array = array[None, :]
    if array.ndim != 2:
        raise NeuroMotionError(f"samples has {array.ndim} axes, {array.shape}; it needs two or, with trials, three")
    if axes is not None:
        if len(axes) != 2:
            raise NeuroMotionError(f"samples has 2 axes, {array.shape}, but axes= names {', '.join(axes)}")
        return array if axes[0] == "channels" else array.T
    known = {"channels": None if names is None else len(names), "samples": length}
    fits = [order for order in permutations(("channels", "samples")) if _fit(array.shape, order, known)]
    if len(fits) == 2 and max(array.shape) >= LONG * min(array.shape):
        fits = [("channels", "samples") if array.shape[1] > array.shape[0] else ("samples", "channels")]
    if len(fits) != 1:
        raise _unclear(array.shape, known)
    return array if fits[0][0] == "channels" else array.T


def three_axes(
    array: np.ndarray, axes: tuple[Axis, ...] | None, names: Sequence[str] | None, labels: np.ndarray | None
) -> np.ndarray:
    """An array as (trials, channels, samples)."""
    order: tuple[str, ...]
    if axes is not None:
        if len(axes) != 3:
            raise NeuroMotionError(f"samples has 3 axes, {array.shape}, but axes= names {', '.join(axes)}")
        order = axes
    else:
        known = {
            "trials": None if labels is None else len(labels),
            "channels": None if names is None else len(names),
            "samples": None,
        }
        fits = [order for order in permutations(("trials", "channels", "samples")) if _fit(array.shape, order, known)]
        if len(fits) != 1:
            raise _unclear(array.shape, known)
        order = fits[0]
    return array.transpose([order.index(axis) for axis in ("trials", "channels", "samples")])


def _fit(shape: tuple[int, ...], order: Sequence[str], known: Mapping[str, int | None]) -> bool:
    """Whether axes in this order have the lengths that are known."""
    return all(known[axis] in (None, length) for axis, length in zip(order, shape, strict=True))


def _unclear(shape: tuple[int, ...], known: Mapping[str, int | None]) -> NeuroMotionError:
    """The error for a shape that fits in no way, or in several."""
    said = ", ".join(f"{length} {axis}" for axis, length in known.items() if length is not None) or "nothing"
    return NeuroMotionError(
        f"samples has the shape {shape}, and it is not clear which axis is which ({said} is known); say it with axes= "
        f"in keys, such as axes={tuple(known)}"
    )
