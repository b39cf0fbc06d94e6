"""Features of windows, for models that do not read windows: a function of one's own, or features of LibEMG by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

FeatureFunction = Callable[[np.ndarray], Any]


def feature_function(given: object, parameters: Mapping[str, Any] | None = None) -> FeatureFunction:
    """A function from windows, shape (n, channels, samples), to features, shape (n, features).

    Parameters
    ----------
    given : callable, str or sequence of str
        The function itself; the name of a feature group of LibEMG, such as ``"HTD"``; or names of features of LibEMG,
        in the order of training.
    parameters : mapping, optional
        Parameters of LibEMG's features, such as ``{"WAMP_threshold": 20.0}``.

    Raises
    ------
    NeuroMotionError
        If LibEMG is not installed or does not have these features. LibEMG itself leaves out unknown names in silence.
    """
    if callable(given):
        if parameters:
            raise NeuroMotionError("feature_parameters belong to features of LibEMG, not to a function of one's own.")
        return given
    if not isinstance(given, str | Sequence) or not given or not all(isinstance(name, str) for name in given):
        raise NeuroMotionError(
            f"features is a function, a feature group or a list of features, not {shortened(given)}."
        )
    try:
        from libemg.feature_extractor import FeatureExtractor
    except ImportError as error:
        raise NeuroMotionError(f"Features by name need LibEMG (pip install libemg): {error}.") from None
    extractor = FeatureExtractor()
    groups, known = extractor.get_feature_groups(), extractor.get_feature_list()
    names = groups.get(given, [given]) if isinstance(given, str) else list(given)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NeuroMotionError(
            f"LibEMG has no feature {', '.join(map(repr, unknown))}. Groups: {', '.join(groups)}; "
            f"features: {', '.join(known)}."
        )

    def extract(windows: np.ndarray) -> np.ndarray:
        found = extractor.extract_features(names, windows.astype(np.float64), dict(parameters or {}))
        return np.hstack([found[name] for name in names])

    return extract
