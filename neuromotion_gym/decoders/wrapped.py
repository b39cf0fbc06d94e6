"""Objects of other libraries as decoders, and decoders as policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from neuromotion_gym.decoders.decoder import checked_output, checked_windows, require_posterior
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording


class ProbabilityDecoder:
    """Any object with ``predict_proba`` (scikit-learn, braindecode, LibEMG) as a decoder.

    ``predict_proba`` gets windows of shape (n, channels, samples) and returns an array of shape (n, labels):
    probabilities, or logits or log-probabilities if ``spec.output`` says so. If ``spec.output`` is "targets",
    ``predict`` is called instead and returns shape (n, targets).

    Examples
    --------
    >>> model = make_pipeline(FunctionTransformer(features), LinearDiscriminantAnalysis()).fit(windows, labels)
    >>> spec = DecoderSpec(name="mine", labels=tuple(model.classes_), window=40, ...)
    >>> env = gym.make("NeuroArm-v0", decoder=ProbabilityDecoder(model, spec))
    """

    def __init__(self, model: Any, spec: DecoderSpec | Mapping[str, Any]) -> None:
        self.spec = spec if isinstance(spec, DecoderSpec) else DecoderSpec(**spec)
        self.model = model
        self._method = "predict_proba" if self.spec.classifies else "predict"
        if not callable(getattr(model, self._method, None)):
            raise NeuroMotionError(
                f"{type(model).__name__} has no {self._method}, which a decoder of {self.spec.output} needs."
            )
        if self.spec.effort or self.spec.adaptation.kind != "none":
            raise NeuroMotionError(f"An object with {self._method} gives no effort and takes no adaptation.")
        classes = getattr(model, "classes_", None) if self.spec.classifies else None
        if classes is not None and np.asarray(classes).dtype.kind in "UO" and tuple(classes) != self.spec.labels:
            raise NeuroMotionError(
                f"The model's classes {', '.join(map(str, classes))} are not the spec's labels "
                f"{', '.join(self.spec.labels)} in the same order."
            )
        self._unique = uuid4().hex

    def digest(self) -> str:
        """The model's own ``digest()`` if it has one, otherwise a text that is unique to this object.

        What an unknown object computes cannot be compared, so its results are never reused for another object.
        """
        own = getattr(self.model, "digest", None)
        return str(own()) if callable(own) else self._unique

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, None]:
        """Posterior or targets of ``windows``; see `Decoder.decode`."""
        if adaptation is not None:
            raise NeuroMotionError(f"Decoder {self.spec.name!r} takes no adaptation.")
        windows = checked_windows(windows, self.spec)
        if not len(windows):
            return np.empty((0, len(self.spec.decoded)), dtype=np.float32), None
        return checked_output(getattr(self.model, self._method)(windows), len(windows), self.spec), None

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """Like `decode` without the effort, for decoders that give a posterior."""
        require_posterior(self.spec, "predict_proba")
        return self.decode(windows, adaptation)[0]

    def adapt(self, calibration: Sequence[Recording]) -> None:
        """Returns None: such a decoder has no adaptation."""


class IntentPolicy:
    """A decoder as a policy from raw windows to the index of the decoded label.

    It is for environments made with ``observe="signal"`` and wrapped in ``IntentAction``.
    """

    def __init__(self, decoder: Decoder) -> None:
        require_posterior(decoder.spec, "IntentPolicy")
        self.decoder = decoder

    def predict(self, obs: Mapping[str, np.ndarray] | np.ndarray) -> np.integer | np.ndarray:
        """Most probable label.

        Parameters
        ----------
        obs : mapping or array
            ``obs["signal"]`` of shape (channels, samples) or (n, channels, samples) and, if the decoder needs an
            adaptation, ``obs["adaptation"]``; or an array that is the signal itself.

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
