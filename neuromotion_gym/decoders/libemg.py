"""LibEMG: its features of windows by name, and its classifiers, which classify features.

LibEMG is imported only where features are asked for by name. A classifier is known by its parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AFTER_CLASSIFYING = ("rejection", "majority_vote", "velocity")
"""What a classifier may do to its decisions afterwards, by the names of its attributes."""


class LibEMGFeatures:
    """Features of LibEMG as a function from windows, shape (n, channels, samples), to shape (n, features).

    Parameters
    ----------
    names : str or sequence of str
        A feature group such as ``"HTD"``, or features in the order of training.
    parameters : mapping, optional
        Parameters of the features, such as ``{"WAMP_threshold": 20.0}``.

    Raises
    ------
    NeuroMotionError
        If LibEMG is not installed or lacks a feature; LibEMG itself leaves out unknown names in silence.
    """

    def __init__(self, names: str | Sequence[str], parameters: Mapping[str, Any] | None = None) -> None:
        given = [names] if isinstance(names, str) else list(names)
        if not given or not all(isinstance(name, str) for name in given):
            raise NeuroMotionError(
                f"features are a function, a feature group or a list of features, not {shortened(names)}."
            )
        try:
            from libemg.feature_extractor import FeatureExtractor
        except ImportError as error:
            raise NeuroMotionError(f"Features by name need LibEMG (pip install libemg): {error}.") from None
        self._extractor = FeatureExtractor()
        self._parameters = dict(parameters or {})
        groups, known = self._extractor.get_feature_groups(), self._extractor.get_feature_list()
        self.names: list[str] = groups.get(names, given) if isinstance(names, str) else given
        if unknown := [name for name in self.names if name not in known]:
            raise NeuroMotionError(
                f"LibEMG has no feature {', '.join(map(repr, unknown))}. Groups: {', '.join(groups)}; "
                f"features: {', '.join(known)}."
            )

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """The features side by side, in the order of their names, as LibEMG's classifiers read them."""
        found = self._extractor.extract_features(self.names, windows.astype(np.float64), self._parameters)
        return np.hstack([found[name] for name in self.names])


def inner_model(model: Any) -> Any:
    """The model inside a classifier of LibEMG; any other object itself.

    Its own ``run`` is not called: a vote over past windows has a memory, and belongs to controllers here.
    """
    own = hasattr(model, "feature_params") and hasattr(model, "model") and not hasattr(model, "predict_proba")
    return model.model if own else model


def check_classifier(model: Any, features: object) -> None:
    """Refuse a classifier of LibEMG without features, and warn of what it does after classifying.

    Raises
    ------
    NeuroMotionError
        If ``features`` is None.
    """
    if features is None:
        raise NeuroMotionError(
            f"{type(model).__name__} of LibEMG classifies features, not windows: pass features=['MAV', …] or the name "
            "of their group, as in training."
        )
    if unused := [name for name in AFTER_CLASSIFYING if getattr(model, name, False)]:
        warn(
            f"{' and '.join(unused)} of {type(model).__name__} are not used: they belong to controllers, such as "
            "'rejection', 'majority' and 'proportional'."
        )
