"""The protocol of decoders, and the checks of their input and output.

A decoder maps windows to a posterior over labels, or to values of continuous targets. It always works on batches and
keeps no state; filters, scaling and feature extraction are part of it. The adaptation to a person (an alignment matrix
or a calibrated last layer) is computed once from that person's calibration run by `Decoder.adapt`, and is passed to
`Decoder.decode` together with the windows.

Implementations: `neuromotion_gym.decoders.onnx_decoder.OnnxDecoder`, and
`neuromotion_gym.decoders.wrapped.ProbabilityDecoder`, which wraps an object of another library.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from neuromotion_gym.decoders.spec import ONE_VALUE
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording


class Decoder(Protocol):
    """Map from a batch of windows to posteriors, or to targets."""

    @property
    def spec(self) -> DecoderSpec:
        """Specification of its input and output."""

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Posterior or targets, and effort if the decoder gives it.

        Parameters
        ----------
        windows : float32 array, shape (n, channels, samples)
            Samples in ``spec.unit``.
        adaptation : float32 array, shape (n, *spec.adaptation.shape), optional
            For each window, the result of `adapt` for its person.

        Returns
        -------
        decoded : float32 array, shape (n, len(spec.decoded))
            A posterior over ``spec.labels``, rows summing to 1; or values of ``spec.targets``, -1 to 1.
        effort : float32 array, shape (n,), or None
        """

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """Like `decode` without the effort; raises an error if the decoder gives targets."""

    def adapt(self, calibration: Sequence[Recording]) -> np.ndarray | None:
        """Adaptation to one person, shape ``spec.adaptation.shape``; None if ``spec.adaptation.kind`` is "none"."""


def checked_windows(windows: np.ndarray, spec: DecoderSpec) -> np.ndarray:
    """``windows`` as a float32 array of shape (n, channels, samples).

    Raises
    ------
    NeuroMotionError
        If the shape differs from ``spec``, or the samples are not real numbers, or are NaN or infinite.
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
    # The sum of all squares finds NaN and infinity; a test of each sample would take as long as a small decoder
    if not math.isfinite(np.vdot(windows, windows)) and not np.isfinite(windows).all():
        bad = np.flatnonzero(~np.isfinite(windows).all(axis=(0, 2)))
        names = ", ".join(spec.channels[index] for index in bad[:8])
        raise NeuroMotionError(f"Decoder {spec.name!r} was given NaN or infinite samples in channels {names}.")
    return windows


def checked_output(values: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """Check a model's output for ``n`` windows and convert it to a posterior or to targets, as in `Decoder.decode`."""
    return checked_posterior(values, n, spec) if spec.classifies else checked_targets(values, n, spec)


def checked_posterior(posterior: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """Convert a model's output of kind ``spec.output`` to a float32 posterior, shape (n, labels), rows summing to 1.

    Parameters
    ----------
    posterior : array
        Shape (n, labels). For ``logit``, ``probability`` and ``class_index``: shape (n,) or (n, 1).
    n : int
        Number of windows.
    spec : DecoderSpec

    Raises
    ------
    NeuroMotionError
        If the shape is wrong, numbers are not finite, probabilities are negative or do not sum to 1, or a class is none
        of the labels.
    """
    if spec.output == "class_index":
        return _one_hot(posterior, n, spec)
    if spec.output in ONE_VALUE:
        return _two_columns(posterior, n, spec)
    posterior = _shaped(posterior, n, spec, "labels")
    values = posterior.astype(np.float64)
    if spec.output != "probabilities":
        # scipy's softmax gives identical results but takes twice as long, and this runs in every step of the loop
        values = np.exp(values - np.maximum.reduce(values, axis=1, keepdims=True))
    elif n and values.min() < 0:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave negative probabilities; is its output really 'probabilities'?"
        )
    sums = np.add.reduce(values, axis=1, keepdims=True)
    if not (math.isfinite(np.add.reduce(sums, axis=None)) and np.minimum.reduce(sums, axis=None, initial=1.0) > 0):
        raise NeuroMotionError(f"Decoder {spec.name!r} gave NaN or infinite output.")
    if spec.output == "probabilities" and np.abs(sums - 1).max(initial=0) > 1e-2:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave rows that do not sum to 1; "
            "state 'logits' or 'log_probabilities' as its output."
        )
    return (values / sums).astype(np.float32)


def _two_columns(values: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """Posterior of two labels from one logit or probability of the positive one."""
    column = _column(values, n, spec).astype(np.float64)
    if not np.isfinite(column).all():
        raise NeuroMotionError(f"Decoder {spec.name!r} gave NaN or infinite output.")
    if spec.output == "logit":
        with np.errstate(over="ignore"):  # exp(800) is infinite, and 1 / inf is the right zero
            column = 1 / (1 + np.exp(-column))
    elif n and (column.min() < 0 or column.max() > 1):
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave probabilities outside 0..1; state 'logit' as its output if it gives a logit."
        )
    posterior = np.empty((n, 2), np.float32)
    positive = spec.labels.index(str(spec.positive))
    posterior[:, positive], posterior[:, 1 - positive] = column, 1 - column
    return posterior


def _one_hot(classes: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """Posterior of ones and zeros from indices of labels, or from their names."""
    column = _column(classes, n, spec)
    if column.dtype.kind in "UOS":
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in column.tolist()]
        known = {name: index for index, name in enumerate(spec.own_labels)}
        unknown = sorted(set(names) - set(known))
        indices = np.array([known.get(name, 0) for name in names], np.int64)
    else:
        wrong = (column < 0) | (column >= len(spec.labels)) | (column != np.floor(column))
        unknown = [str(value) for value in np.unique(column[wrong])]
        indices = np.where(wrong, 0, column).astype(np.int64)
    if unknown:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave class {', '.join(unknown[:8])}; its labels are "
            f"{', '.join(f'{index} {label}' for index, label in enumerate(spec.own_labels))}."
        )
    return np.eye(len(spec.labels), dtype=np.float32)[indices]


def _column(values: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """One value for each window, shape (n,)."""
    values = np.asarray(values)
    if values.shape not in ((n,), (n, 1)) or values.dtype.kind not in "fiuUOSb":
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave an output of shape {values.shape} and type {values.dtype} for {n} windows; "
            f"for output {spec.output!r} it has to be one value for each window."
        )
    return values.reshape(n)


def checked_targets(targets: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """Convert a model's output to float32 targets, shape (n, targets), clipped to -1..1.

    Raises
    ------
    NeuroMotionError
        If the shape is wrong, or numbers are not finite.
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
        If ``spec.output`` is "targets"; the message says that ``what`` needs a posterior.
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
