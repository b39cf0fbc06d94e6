"""What a decoder is: its specification, the protocol, and the ONNX Runtime implementation.

A decoder maps windows to posteriors, always batched, and is stateless: filters, scaling and feature
extraction live inside the graph. What belongs to a person (alignment, a calibrated head) is computed once from
that person's calibration run by `Decoder.adapt` and handed back with every window as ``adaptation``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from neuromotion_gym.signals.recording import Recording


class AdaptationSpec(BaseModel):
    """How a decoder is adapted to a person.

    ``kind="euclidean"``: inverse square root of the mean covariance of the unlabelled calibration run in ``band_hz``,
    shape (channels, channels). ``kind="head"``: parameters of the last layer fitted to the labelled calibration run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["none", "euclidean", "head"] = "none"
    band_hz: tuple[float, float] | None = None
    shrinkage: float = 0.01
    shape: tuple[int, ...] = ()


class DecoderSpec(BaseModel):
    """All that the loop has to know of a decoder; the ``decoder:`` section of a ``recipe.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    modality: Literal["eeg", "emg"]
    dataset: str
    labels: tuple[str, ...]
    channels: tuple[str, ...]
    rate_hz: float
    unit: str
    window: int
    """Samples that one decision reads."""
    hop_s: float
    """Seconds between two decisions (``pacing: sliding``)."""
    pacing: Literal["sliding", "trial"] = "sliding"
    epoch_s: tuple[float, float] | None = None
    """``pacing: trial``: first and last second after onset that the window covers."""
    output: Literal["logits", "log_probabilities", "probabilities"] = "probabilities"
    effort: bool = False
    """Whether the graph has a second output ``effort`` (n,) in 0..1."""
    adaptation: AdaptationSpec = AdaptationSpec()
    ocular: Literal["keep", "regress"] = "keep"
    """What the decoder was trained on; the loop's source does the same unless told otherwise."""
    control: bool = False
    """A control (such as the eyes alone), not a decoder to be ranked."""
    split: Literal["trial", "session", "run", "subject", "overlapping-windows"]
    licence: str


class Decoder(Protocol):
    """Window to posterior, batched."""

    spec: DecoderSpec

    def decode(
        self, windows: np.ndarray, adaptation: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
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
