"""The protocol of decoders, and the checks of what goes into one and comes out of it.

A decoder maps windows to a posterior over labels, or to values of continuous targets. It is always batched and keeps
no state: filters, scaling and feature extraction are inside. What belongs to a person (an alignment, a calibrated last
layer) is computed once from that person's calibration run by `Decoder.adapt` and handed back with every window as
``adaptation``.

Implementations: `neuromotion_gym.decoders.onnx_decoder.OnnxDecoder`, and
`neuromotion_gym.decoders.wrapped.ProbabilityDecoder`, which wraps an object of another library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording


class Decoder(Protocol):
    """From windows to a posterior or to targets, batched."""

    @property
    def spec(self) -> DecoderSpec:
        """What it reads and gives."""

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Posterior or targets and, where the decoder gives it, effort.

        Parameters
        ----------
        windows : float32 array, shape (n, channels, samples)
            In ``spec.unit``.
        adaptation : float32 array, shape (n, *spec.adaptation.shape), optional
            One row of `adapt`'s result a window.

        Returns
        -------
        decoded : float32 array, shape (n, len(spec.decoded))
            A posterior over ``spec.labels``, rows summing to 1; or values of ``spec.targets``, -1 to 1.
        effort : float32 array, shape (n,), or None
        """

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """`decode` without the effort, for decoders that give a posterior; others refuse."""

    def adapt(self, calibration: Sequence[Recording]) -> np.ndarray | None:
        """Adaptation to one person, shape ``spec.adaptation.shape``; None where the decoder has none."""


def checked_windows(windows: np.ndarray, spec: DecoderSpec) -> np.ndarray:
    """``windows`` as a float32 array of shape (n, channels, samples).

    Raises
    ------
    NeuroMotionError
        If shape or kind of number differ from ``spec``, or samples are NaN or infinite.
    """
    windows = np.asarray(windows)
    expected = (len(spec.channels), spec.window)
    if windows.ndim != 3 or windows.shape[1:] != expected:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} reads windows of shape (n, {expected[0]} channels, {expected[1]} samples), "
            f"not {windows.shape}."
        )
    if windows.dtype.kind not in "fiu":
        raise NeuroMotionError(f"Decoder {spec.name!r} reads real numbers, not {windows.dtype}.")
    windows = np.ascontiguousarray(windows, dtype=np.float32)
    # The sum finds NaN and infinite samples: a test of every sample would cost as much as a small decoder
    with np.errstate(over="ignore", invalid="ignore"):
        total = windows.sum(dtype=np.float32)
    if not np.isfinite(total) and not np.isfinite(windows).all():
        bad = np.flatnonzero(~np.isfinite(windows).all(axis=(0, 2)))
        names = ", ".join(spec.channels[index] for index in bad[:8])
        raise NeuroMotionError(f"Decoder {spec.name!r} was given NaN or infinite samples in channels {names}.")
    return windows


def checked_output(values: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """What a model gave for ``n`` windows, as `Decoder.decode` gives it: a posterior, or targets."""
    return checked_posterior(values, n, spec) if spec.classifies else checked_targets(values, n, spec)


def checked_posterior(posterior: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """What a model gave, of kind ``spec.output``, as a float32 posterior of shape (n, labels) whose rows sum to 1.

    Raises
    ------
    NeuroMotionError
        If the shape is another, numbers are not finite, or probabilities are negative or do not sum to 1.
    """
    posterior = _shaped(posterior, n, spec, "labels")
    values = posterior.astype(np.float64)
    if spec.output != "probabilities":
        # scipy's softmax gives the same bits, but takes twice as long; this runs in every step of the loop
        values = np.exp(values - values.max(axis=1, keepdims=True))
    elif n and values.min() < 0:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave negative probabilities; is its output really 'probabilities'?"
        )
    sums = values.sum(axis=1, keepdims=True)
    if not np.isfinite(sums).all() or (sums <= 0).any():
        raise NeuroMotionError(f"Decoder {spec.name!r} gave NaN or infinite output.")
    if spec.output == "probabilities" and np.abs(sums - 1).max(initial=0) > 1e-2:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave rows that do not sum to 1; "
            "state 'logits' or 'log_probabilities' as its output."
        )
    return (values / sums).astype(np.float32)


def checked_targets(targets: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """What a model gave, as float32 targets of shape (n, targets), clipped to -1..1.

    Raises
    ------
    NeuroMotionError
        If the shape is another, or numbers are not finite.
    """
    targets = _shaped(targets, n, spec, "targets")
    if not np.isfinite(targets).all():
        raise NeuroMotionError(f"Decoder {spec.name!r} gave NaN or infinite targets.")
    return np.clip(targets, -1, 1).astype(np.float32)


def require_posterior(spec: DecoderSpec, what: str) -> None:
    """Refuse a decoder of continuous targets where a posterior is needed.

    Raises
    ------
    NeuroMotionError
        If ``spec.output`` is "targets"; the message names ``what`` needs a posterior.
    """
    if not spec.classifies:
        raise NeuroMotionError(
            f"{what} needs a posterior over labels, but decoder {spec.name!r} gives targets "
            f"({', '.join(spec.targets)})."
        )


def _shaped(values: np.ndarray, n: int, spec: DecoderSpec, what: str) -> np.ndarray:
    values = np.asarray(values)
    expected = (n, len(spec.decoded))
    if values.shape != expected:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave an output of shape {values.shape} for {n} windows and "
            f"{expected[1]} {what} ({', '.join(spec.decoded)}); it has to be {expected}."
        )
    return values
