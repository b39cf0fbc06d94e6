"""How a grid of electrodes around a limb is worn today: the adaptation of kind "turned", without labels.

A grid that is put on anew lies turned around the limb, and its electrodes have other contacts. Both are found from a
calibration run whose labels are not read. Every feature of the decoder is standardised by its mean and its standard
deviation over the run, in which all gestures have to occur about as long as in training. Then each turn by whole rows
is tried: the right one has the highest mutual information between windows and decoded labels
(`neuromotion_gym.decoders.information`).

The result has shape (3, features): the mean of every feature; the inverse of its standard deviation; and 1 at the turn,
0 elsewhere, in the first ``rows`` places. Turned by t, row r of the decoder is read from row ``(r + t) % rows``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.decoders.information import information
from neuromotion_gym.decoders.unlabelled import unlabelled_windows
from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

LEAST_INFORMATION = 0.5
"""Information of the best turn, as a share of the logarithm of the number of labels, below which a warning is given:
the run may lack some of the gestures. ``docs/systems/hdsemg_mobilenet.md`` has what was measured."""
SMALLEST = 1e-3
"""Added to standard deviations, so that a feature that never changes is not magnified."""


def turned_adaptation(
    features_of: Callable[[np.ndarray], np.ndarray],
    posterior_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    calibration: Sequence[Recording],
    spec: DecoderSpec,
) -> np.ndarray:
    """Adaptation to one wearing of a grid.

    Parameters
    ----------
    features_of : callable
        Windows (n, channels, samples) to features (n, features).
    posterior_of : callable
        Windows, and an adaptation for each, to posteriors (n, labels).
    calibration : sequence of Recording
        The calibration run; labels are not read.
    spec : DecoderSpec

    Returns
    -------
    float32 array, shape (3, features); see the module

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder, or is shorter than two windows.
    """
    windows = unlabelled_windows(calibration, spec)
    if len(windows) < 2:
        raise NeuroMotionError(
            f"How the grid of {spec.name!r} lies is found from a calibration run of two windows ({spec.window_s:g} s "
            f"each) or more; it has {len(windows)}."
        )
    adaptation = untold(features_of(windows), spec)
    rows = spec.adaptation.rows
    assert rows is not None
    scores = []
    for turn in range(rows):
        candidate = with_turn(adaptation, turn, rows)
        posterior = posterior_of(windows, np.broadcast_to(candidate, (len(windows), *candidate.shape)))
        scores.append(information(posterior) / np.log(len(spec.labels)))
    best = int(np.argmax(scores))
    if scores[best] < LEAST_INFORMATION:
        who = ", ".join(dict.fromkeys(recording.subject for recording in calibration))
        warn(
            f"How the grid of {spec.name!r} lies is not sure for {who}: the decisions tell {scores[best]:.2f} of the "
            f"labels instead of {LEAST_INFORMATION} or more. The calibration run has to hold all of "
            f"{', '.join(spec.labels)}."
        )
    return with_turn(adaptation, best, rows)


def untold(features: np.ndarray, spec: DecoderSpec) -> np.ndarray:
    """Adaptation that standardises ``features``, shape (n, features), and does not turn the grid."""
    adaptation = np.zeros((3, features.shape[1]), np.float32)
    adaptation[0] = features.mean(axis=0)
    adaptation[1] = 1 / (features.std(axis=0) + SMALLEST)
    assert spec.adaptation.rows is not None
    return with_turn(adaptation, 0, spec.adaptation.rows)


def with_turn(adaptation: np.ndarray, turn: int, rows: int) -> np.ndarray:
    """The same adaptation with another turn."""
    turned = adaptation.copy()
    turned[2] = 0
    turned[2, turn % rows] = 1
    return turned
