"""Objects of other libraries as decoders, and decoders as policies."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from neuromotion_gym.decoders.checks import random_inputs
from neuromotion_gym.decoders.classes import classes_of, column_order
from neuromotion_gym.decoders.decoder import checked_output, checked_windows, require_posterior
from neuromotion_gym.decoders.described import described, described_html
from neuromotion_gym.decoders.libemg import LibEMGFeatures, check_classifier, inner_model
from neuromotion_gym.decoders.model_input import ModelInput
from neuromotion_gym.decoders.model_output import kind_fault
from neuromotion_gym.decoders.onnx_session import first_line
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.torch_modules import TorchFunction, is_torch_module
from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording

PROBED = 8
"""Number of random windows on which the kind of output is judged."""


class ProbabilityDecoder:
    """An object of another library as a decoder; `load_decoder` and ``gym.make(decoder=...)`` make one from facts.

    =====================================  ============================================================================
    object                                 what is called
    =====================================  ============================================================================
    network of PyTorch (braindecode)       the network, in evaluation mode and without gradients
    classifier of LibEMG                   ``predict_proba`` of its model; it needs ``features``
    with ``predict_proba`` (scikit-learn,  ``predict_proba``
    skorch, XGBoost, pyRiemann)
    with ``predict`` alone                 ``predict``; ``spec.output`` is "class_index", or "targets"
    =====================================  ============================================================================

    It gets windows in ``spec.unit``, float32 of shape (n, channels, samples), or with the axes of ``spec.layout``, or
    what ``features`` makes of them. Columns follow ``classes_``: names are matched with ``spec.labels`` in any order,
    numbers are taken in the order of the labels.

    Parameters
    ----------
    model : object
    spec : DecoderSpec or mapping
        ``output`` says what the object gives.
    features : callable, str or sequence of str, optional
        A function from windows to what the object reads; or features of LibEMG by name, see
        `neuromotion_gym.decoders.libemg.LibEMGFeatures`.
    feature_parameters : mapping, optional
        Parameters of features of LibEMG; by default those that are installed in its classifier.

    Raises
    ------
    NeuroMotionError
        If the object does not give what ``spec.output`` says, or its classes are not the labels.

    Examples
    --------
    >>> model = make_pipeline(FunctionTransformer(features), LinearDiscriminantAnalysis()).fit(windows, labels)
    >>> spec = DecoderSpec(name="mine", labels=tuple(model.classes_), window=40, ...)
    >>> env = gym.make("NeuroArm-v0", decoder=ProbabilityDecoder(model, spec))
    """

    def __init__(
        self,
        model: Any,
        spec: DecoderSpec | Mapping[str, Any],
        *,
        features: Callable[[np.ndarray], Any] | str | Sequence[str] | None = None,
        feature_parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.spec = spec if isinstance(spec, DecoderSpec) else DecoderSpec(**spec)
        self.model = model
        if self.spec.effort or self.spec.adaptation.kind != "none":
            raise NeuroMotionError(f"{type(model).__name__} as a decoder gives no effort and takes no adaptation.")
        inner = inner_model(model)
        if inner is not model:
            check_classifier(model, features)
        self._features: Callable[[np.ndarray], Any] | None = None
        if callable(features):
            self._features = features
        elif features is not None:
            self._features = LibEMGFeatures(features, feature_parameters or getattr(model, "feature_params", None))
        if feature_parameters and not isinstance(self._features, LibEMGFeatures):
            raise NeuroMotionError("feature_parameters belong to features of LibEMG, which are named in features.")
        self._classes = classes_of(inner) if self.spec.classifies else None
        self._order = column_order(self._classes, self.spec, type(model).__name__)
        self._clean = getattr(model, "fix_feature_errors", False)
        self._input = ModelInput("windows", np.float32, self.spec.layout or "(n, channels, samples)", None)
        self._inner = inner
        self._torch = TorchFunction(inner) if is_torch_module(inner) else None
        self._method = "" if self._torch is not None else self._method_of(inner)
        self._unique = uuid4().hex
        self._checked = False

    def _method_of(self, inner: Any) -> str:
        """Name of the method to call."""
        name = "predict" if self.spec.output in ("targets", "class_index") else "predict_proba"
        if not callable(getattr(inner, name, None)):
            other = " (it has predict: output='class_index')" if callable(getattr(inner, "predict", None)) else ""
            raise NeuroMotionError(
                f"{type(inner).__name__} has no {name}, which a decoder of {self.spec.output} needs{other}."
            )
        return name

    @property
    def reads_features(self) -> bool:
        """Whether the object reads features instead of windows."""
        return self._features is not None

    @property
    def order(self) -> np.ndarray | None:
        """For each label the column of the object's output; None if they are in the same order."""
        return self._order

    def digest(self) -> str:
        """SHA-256 of the model's own ``digest()`` and the specification; otherwise a text unique to this object.

        What an unknown object or function of features computes cannot be compared, so its results are never used for
        another object.
        """
        if not self.comparable:
            return self._unique
        return hashlib.sha256(f"{self.model.digest()}\0{self.spec.model_dump_json()}".encode()).hexdigest()

    @property
    def comparable(self) -> bool:
        """Whether the model has a ``digest()`` that says what it computes; see `digest`."""
        return callable(getattr(self.model, "digest", None)) and self._features is None

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, None]:
        """Posterior or targets of ``windows``; see `Decoder.decode`."""
        if adaptation is not None:
            raise NeuroMotionError(f"Decoder {self.spec.name!r} takes no adaptation.")
        windows = checked_windows(windows, self.spec)
        if not len(windows):
            return np.empty((0, len(self.spec.decoded)), dtype=np.float32), None
        values = np.asarray(self._values(windows))
        if not self._checked and len(windows) > 1:
            self._check_kind(values)
        return checked_output(self._in_order(values), len(windows), self.spec), None

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> np.ndarray:
        """Like `decode` without the effort, for decoders that give a posterior."""
        require_posterior(self.spec, "predict_proba")
        return self.decode(windows, adaptation)[0]

    def adapt(self, calibration: Sequence[Recording]) -> None:
        """Returns None: such a decoder has no adaptation."""

    def __repr__(self) -> str:
        return described(self)

    def _repr_html_(self) -> str:
        return described_html(self)

    def _values(self, windows: np.ndarray) -> Any:
        """What the model gives for ``windows``; its own exception becomes an error that says what it was given."""
        given = self._input.arranged(windows, self.spec)
        try:
            if self._features is not None:
                given = np.asarray(self._features(given))
                if self._clean:
                    given = np.nan_to_num(given, nan=0, posinf=0, neginf=0)
            return self._torch(given) if self._torch is not None else getattr(self._inner, self._method)(given)
        except NeuroMotionError:
            raise
        except Exception as error:
            raise NeuroMotionError(
                f"{type(self.model).__name__} cannot read an array of shape {given.shape}: {first_line(error)}. If it "
                "reads other axes pass layout='(n, channels * samples)' or another one; if it reads features pass "
                "features=."
            ) from error

    def _check_kind(self, values: np.ndarray) -> None:
        """Refuse probabilities that are called logits, which nothing else would find.

        It takes two rows or more: a single row of logits may sum to 1 by chance.
        """
        self._checked = True
        if self.spec.output not in ("logits", "log_probabilities") or values.shape[1:] != (len(self.spec.labels),):
            return
        if np.isfinite(values).all() and (fault := kind_fault(values, "", self.spec)):
            raise NeuroMotionError(f"Decoder {self.spec.name!r}: {fault}.")

    def warn_of_sigmoid(self) -> None:
        """Warn if what is called a logit seems to be a probability: it then never falls below one half.

        A logit leaves 0..1 for some windows that are large enough.
        """
        if self.spec.output != "logit":
            return
        windows = random_inputs(self.spec, PROBED)[0]
        try:
            with np.errstate(all="ignore"):
                given = np.concatenate([size * windows for size in (1, 1e3, -1e3, 1e6, -1e6)]).astype(np.float32)
                values = np.asarray(self._values(given), float)
        except NeuroMotionError:  # it need not take windows that nobody records
            return
        if values.size and values.min() >= 0 and values.max() <= 1:
            warn(
                f"Decoder {self.spec.name!r} is said to give a logit, but gives numbers from {values.min():.2g} to "
                f"{values.max():.2g} for windows of any size; if it ends with a sigmoid say output='probability'."
            )

    def _in_order(self, values: np.ndarray) -> np.ndarray:
        """Columns in the order of the labels; classes as indices of the labels."""
        if self.spec.output == "class_index" and self._classes is not None:
            return self._indices(values.reshape(len(values), -1)[:, 0] if values.ndim else values)
        right = values.ndim == 2 and values.shape[1] == len(self.spec.labels)
        return values[:, self._order] if self._order is not None and right else values

    def _indices(self, classes: np.ndarray) -> np.ndarray:
        """Index of the label of each class."""
        assert self._classes is not None
        columns = {name: column for column, name in enumerate(self._classes)}
        unknown = sorted({str(name) for name in classes.tolist() if name not in columns})
        if unknown:
            raise NeuroMotionError(
                f"Decoder {self.spec.name!r} gave class {', '.join(unknown)}, which is not in classes_."
            )
        found = np.array([columns[name] for name in classes.tolist()], dtype=np.int64)
        return found if self._order is None else np.argsort(self._order)[found]


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
