"""What a decoder is: its specification and the protocol, for all that decode.

A decoder maps windows to posteriors, always batched, and is stateless: filters, scaling and feature
extraction live inside the graph. What belongs to a person (alignment, a calibrated head) is computed once from
that person's calibration run by `Decoder.adapt` and handed back with every window as ``adaptation``.

Implementations: `neuromotion_gym.decoders.onnx_decoder.OnnxDecoder` and `ProbabilityDecoder` here, which wraps any
object with ``predict_proba``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from pydantic import Field, field_validator, model_validator

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.signals.recording import Recording


class AdaptationSpec(Checked):
    """How a decoder is adapted to a person.

    ``kind="euclidean"``: inverse square root of the mean covariance of the unlabelled calibration run in ``band_hz``,
    shape (channels, channels). ``kind="head"``: the last layer, fitted to the labelled calibration run, shape
    (labels, features + 1), the bias in the last column.
    """

    kind: Literal["none", "euclidean", "head"] = "none"
    band_hz: tuple[float, float] | None = None
    shrinkage: float = Field(default=0.01, ge=0, le=1)
    """Share of the identity in the covariance (``euclidean``: of the identity times the mean variance)."""
    shape: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> AdaptationSpec:
        if self.kind == "none" and self.shape:
            raise NeuroMotionError("kind 'none' has no shape")
        if self.kind != "none" and (len(self.shape) != 2 or min(self.shape) < 1):
            raise NeuroMotionError(f"kind {self.kind!r} needs a shape of two positive lengths, not {self.shape}")
        if self.kind == "euclidean" and self.band_hz is None:
            raise NeuroMotionError("kind 'euclidean' needs band_hz")
        if self.band_hz is not None and not 0 < self.band_hz[0] < self.band_hz[1]:
            raise NeuroMotionError(f"band_hz must be two rising positive frequencies, not {self.band_hz}")
        return self


class DecoderSpec(Checked):
    """All that the loop has to know of a decoder; the ``decoder:`` section of a ``recipe.yaml``."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$", max_length=100)
    modality: Literal["eeg", "emg"]
    dataset: str = Field(min_length=1)
    labels: tuple[str, ...] = Field(min_length=2)
    channels: tuple[str, ...] = Field(min_length=1)
    rate_hz: float = Field(gt=0)
    unit: str = Field(min_length=1)
    window: int = Field(ge=1, le=1_000_000)
    """Samples that one decision reads."""
    hop_s: float = Field(gt=0)
    """Seconds between two decisions (``pacing: sliding``)."""
    pacing: Literal["sliding", "trial"] = "sliding"
    epoch_s: tuple[float, float] | None = None
    """``pacing: trial``: first and last second after onset that the window covers."""
    output: Literal["logits", "log_probabilities", "probabilities"] = "probabilities"
    effort: bool = False
    """Whether the graph has an output ``effort`` (n,) in 0..1."""
    adaptation: AdaptationSpec = AdaptationSpec()
    ocular: Literal["keep", "regress"] = "keep"
    """What the decoder was trained on; the loop's source does the same unless told otherwise."""
    control: bool = False
    """A control (such as the eyes alone), not a decoder to be ranked."""
    split: Literal["trial", "session", "run", "subject", "overlapping-windows"]
    licence: str = Field(min_length=1)

    @field_validator("labels", "channels")
    @classmethod
    def _unique(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(names) or len(set(names)) < len(names):
            raise NeuroMotionError(f"names must be unique and not empty, not {', '.join(map(repr, names))}")
        return names

    @model_validator(mode="after")
    def _consistent(self) -> DecoderSpec:
        if self.pacing == "trial" and self.epoch_s is None:
            raise NeuroMotionError("pacing 'trial' needs epoch_s, first and last second after onset")
        if self.epoch_s is not None:
            samples = round((self.epoch_s[1] - self.epoch_s[0]) * self.rate_hz)
            if abs(samples - self.window) > 1:
                raise NeuroMotionError(
                    f"epoch_s {self.epoch_s} holds {samples} samples at {self.rate_hz:g} Hz, "
                    f"but window is {self.window}"
                )
        shape, band = self.adaptation.shape, self.adaptation.band_hz
        if self.adaptation.kind == "euclidean" and shape != (len(self.channels),) * 2:
            raise NeuroMotionError(f"adaptation.shape must be channels by channels, {(len(self.channels),) * 2}")
        if self.adaptation.kind == "head" and shape[0] != len(self.labels):
            raise NeuroMotionError(f"adaptation.shape must begin with the number of labels, {len(self.labels)}")
        if band is not None and band[1] >= self.rate_hz / 2:
            raise NeuroMotionError(f"adaptation.band_hz {band} must end below half of rate_hz, {self.rate_hz / 2:g}")
        return self

    @property
    def window_s(self) -> float:
        """Length of the window in seconds."""
        return self.window / self.rate_hz


class Decoder(Protocol):
    """Window to posterior, batched."""

    @property
    def spec(self) -> DecoderSpec:
        """What it reads and gives."""

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Posterior and, where the decoder gives it, effort.

        Parameters
        ----------
        windows : float32 array, shape (n, channels, samples)
            In ``spec.unit``.
        adaptation : float32 array, shape (n, *spec.adaptation.shape), optional
            One row of `adapt`'s result a window.

        Returns
        -------
        posterior : float32 array, shape (n, labels)
        effort : float32 array, shape (n,), or None
        """

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """`decode` without the effort."""

    def adapt(self, calibration: Sequence[Recording]) -> np.ndarray | None:
        """Adaptation to one person, shape ``spec.adaptation.shape``; None where the decoder has none."""


def checked_windows(windows: np.ndarray, spec: DecoderSpec) -> np.ndarray:
    """``windows`` as a float32 array of shape (n, channels, samples).

    Raises
    ------
    NeuroMotionError
        If shape or kind of number differ from ``spec``, or samples are NaN or infinite. One sum finds those: a
        test of every sample would cost as much as a small decoder.
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
    with np.errstate(over="ignore", invalid="ignore"):
        total = windows.sum(dtype=np.float32)
    if not np.isfinite(total) and not np.isfinite(windows).all():
        bad = np.flatnonzero(~np.isfinite(windows).all(axis=(0, 2)))
        names = ", ".join(spec.channels[index] for index in bad[:8])
        raise NeuroMotionError(f"Decoder {spec.name!r} was given NaN or infinite samples in channels {names}.")
    return windows


def checked_posterior(posterior: np.ndarray, n: int, spec: DecoderSpec) -> np.ndarray:
    """What a model gave, of kind ``spec.output``, as a float32 posterior of shape (n, labels) whose rows sum to 1."""
    posterior = np.asarray(posterior)
    if posterior.shape != (n, len(spec.labels)):
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gave an output of shape {posterior.shape} for {n} windows and "
            f"{len(spec.labels)} labels ({', '.join(spec.labels)}); it has to be {(n, len(spec.labels))}."
        )
    values = posterior.astype(np.float64)
    if spec.output != "probabilities":
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


class ProbabilityDecoder:
    """Any object with ``predict_proba`` (scikit-learn, braindecode, LibEMG) as a decoder.

    ``predict_proba`` is called with windows of shape (n, channels, samples) and gives (n, labels), or, where
    ``spec.output`` says so, logits or log-probabilities.

    Examples
    --------
    >>> model = make_pipeline(FunctionTransformer(features), LinearDiscriminantAnalysis()).fit(windows, labels)
    >>> spec = DecoderSpec(name="mine", labels=tuple(model.classes_), window=40, ...)
    >>> env = gym.make("NeuroArm-v0", decoder=ProbabilityDecoder(model, spec))
    """

    def __init__(self, model: Any, spec: DecoderSpec | Mapping[str, Any]) -> None:
        self.spec = spec if isinstance(spec, DecoderSpec) else DecoderSpec(**spec)
        self.model = model
        if not callable(getattr(model, "predict_proba", None)):
            raise NeuroMotionError(f"{type(model).__name__} has no predict_proba, which a decoder needs.")
        if self.spec.effort or self.spec.adaptation.kind != "none":
            raise NeuroMotionError("An object with predict_proba gives no effort and takes no adaptation.")
        classes = getattr(model, "classes_", None)
        if classes is not None and np.asarray(classes).dtype.kind in "UO" and tuple(classes) != self.spec.labels:
            raise NeuroMotionError(
                f"The model's classes {', '.join(map(str, classes))} are not the spec's labels "
                f"{', '.join(self.spec.labels)} in the same order."
            )

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, None]:
        """Posterior of ``windows``; see `Decoder.decode`."""
        if adaptation is not None:
            raise NeuroMotionError(f"Decoder {self.spec.name!r} takes no adaptation.")
        windows = checked_windows(windows, self.spec)
        if not len(windows):
            return np.empty((0, len(self.spec.labels)), dtype=np.float32), None
        return checked_posterior(self.model.predict_proba(windows), len(windows), self.spec), None

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """`decode` without the effort."""
        return self.decode(windows, adaptation)[0]

    def adapt(self, calibration: Sequence[Recording]) -> None:
        """Nothing to adapt."""


class IntentPolicy:
    """A decoder as a policy from raw windows to the index of the decoded label.

    Serves environments made with ``observe="signal"`` and wrapped in ``IntentAction``.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def predict(self, obs: Mapping[str, np.ndarray] | np.ndarray) -> np.integer | np.ndarray:
        """Most probable label.

        Parameters
        ----------
        obs : mapping or array
            ``obs["signal"]`` of shape (channels, samples) or (n, channels, samples), and, where the decoder is
            adapted to people, ``obs["adaptation"]``; or the signal itself.

        Returns
        -------
        int64 scalar, or int64 array of shape (n,) for a batch
        """
        signal, adaptation = (obs, None) if isinstance(obs, np.ndarray) else (obs["signal"], obs.get("adaptation"))
        single = np.ndim(signal) == 2
        if single:
            signal = signal[None]
            adaptation = None if adaptation is None else adaptation[None]
        intents = self.decoder.predict_proba(signal, adaptation).argmax(axis=1)
        return intents[0] if single else intents
