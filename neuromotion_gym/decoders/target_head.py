"""Calibration of a decoder of continuous targets: its last layer, fitted to what one person did in the calibration run.

A decoder whose ``adaptation.kind`` is "head" and whose output is "targets" gives features and takes its last layer A as
a second input; its targets are ``[features, 1] @ A.T``. A comes from a ridge regression of the person's targets on the
features, over all windows of the run one hop apart, rests and ways between movements too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.decoders.calibration import check_head_shape, solved
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.target_windows import blocks_at, targets_at, window_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

PARTS = 4
"""Parts of the run, each of which is left out once; each has trials of every label that has so many."""


class TargetHeadFit(NamedTuple):
    """A last layer for one person, and how much of what was left out of the fit such layers explain.

    Parameters
    ----------
    head : float32 array, shape (targets, features + 1)
        The weights, and the bias in the last column.
    explained : float
        R² on what was left out, mean over the targets that move.
    """

    head: np.ndarray
    explained: float


class TargetWindows(NamedTuple):
    """Windows of a calibration run, with targets.

    Parameters
    ----------
    windows : float32 array, shape (n, channels, samples)
    targets : float32 array, shape (n, targets)
        At the end of each window.
    parts : int array, shape (n,)
        Number of the part, one of `PARTS`, in which a window is left out of the fit.
    """

    windows: np.ndarray
    targets: np.ndarray
    parts: np.ndarray


def target_windows(calibration: Sequence[Recording], spec: DecoderSpec) -> TargetWindows:
    """Windows of a calibration run one hop apart.

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder or lacks a target, or no window lies in the run.
    """
    hop, windows, targets = max(1, round(spec.hop_s * spec.rate_hz)), [], []
    labels, trials = [], []
    for number, recording in enumerate(fitted(one, spec) for one in calibration):
        ends = window_ends(recording, spec.window, hop)
        targets.append(targets_at(recording, spec.targets, ends))
        blocks = blocks_at(recording, ends, rest=None)
        labels.append(blocks.label)
        trials += [(number, trial) for trial in blocks.trial.tolist()]
        if len(ends):
            views = np.lib.stride_tricks.sliding_window_view(recording.samples, spec.window, axis=1)
            windows.append(views[:, ends - spec.window].transpose(1, 0, 2))
    if not windows:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs a recording with {spec.window_s:g} s without a gap, and with the targets "
            f"{', '.join(spec.targets)}; there is none."
        )
    parts = _parts(np.concatenate(labels), np.array(trials, np.int64))
    return TargetWindows(np.concatenate(windows), np.concatenate(targets), parts)


def _parts(labels: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Part of each window: whole trials of a label are dealt to the parts, or, if it has one trial, its windows are."""
    parts = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        _, number = np.unique(trials[mine], axis=0, return_inverse=True)
        several = number.max() > 0
        parts[mine] = number.ravel() % PARTS if several else np.arange(len(mine)) * PARTS // len(mine)
    return parts


def fit_target_head(
    features_of: Callable[[np.ndarray], np.ndarray], calibration: Sequence[Recording], spec: DecoderSpec
) -> np.ndarray:
    """Last layer for one person; warns if layers like it explain nothing of what was left out of the fit.

    The parameters and errors are those of `fitted_target_head`.

    Returns
    -------
    float32 array, shape (targets, features + 1): the weights, and the bias in the last column
    """
    fit = fitted_target_head(features_of, calibration, spec)
    if not fit.explained > 0:
        who = ", ".join(dict.fromkeys(recording.subject for recording in calibration))
        warn(f"The calibration of {spec.name!r} to {who} explains nothing: {explained_of_left_out(fit.explained)}.")
    return fit.head


def fitted_target_head(
    features_of: Callable[[np.ndarray], np.ndarray], calibration: Sequence[Recording], spec: DecoderSpec
) -> TargetHeadFit:
    """Last layer for one person, with what it explains of the parts of the run that were left out of the fit.

    Parameters
    ----------
    features_of : function
        From windows, shape (n, channels, samples), to features, shape (n, features).
    calibration : sequence of Recording
        Recordings of the calibration run, with targets.
    spec : DecoderSpec
        ``adaptation.shrinkage`` is the share of the identity in the covariance of the features.

    Raises
    ------
    NeuroMotionError
        If the run has too few windows, lacks a target, or the number of features differs from the specification.
    """
    windows, targets, parts = target_windows(calibration, spec)
    features, values = features_of(windows).astype(np.float64), targets.astype(np.float64)
    check_head_shape(features, spec)
    left_out = [np.flatnonzero(parts == one) for one in np.unique(parts)]
    if len(values) < 2 * PARTS or len(left_out) < 2:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs at least {2 * PARTS} windows, "
            f"{spec.window_s + (2 * PARTS - 1) * spec.hop_s:g} s without a gap; there are {len(values)}."
        )
    each = [Moments.of(features[rows], values[rows]) for rows in left_out]
    said = np.empty_like(values)
    for one, rows in enumerate(left_out):
        head = ridge(Moments.total(each[:one] + each[one + 1 :]), spec.adaptation.shrinkage)
        said[rows] = features[rows] @ head[:, :-1].T + head[:, -1]
    head = ridge(Moments.total(each), spec.adaptation.shrinkage)
    return TargetHeadFit(head.astype(np.float32), explained(values, np.clip(said, -1, 1)))


class Moments(NamedTuple):
    """All that a ridge regression needs of some windows; moments of more windows are their sums.

    Parameters
    ----------
    windows : int
        Their number.
    features : float array, shape (features,)
        Sum.
    targets : float array, shape (targets,)
        Sum.
    squares : float array, shape (features, features)
    products : float array, shape (features, targets)
    """

    windows: int
    features: np.ndarray
    targets: np.ndarray
    squares: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, targets: np.ndarray) -> Moments:
        """Moments of windows: features of shape (n, features), targets of shape (n, targets)."""
        return cls(
            len(features), features.sum(axis=0), targets.sum(axis=0), features.T @ features, features.T @ targets
        )

    @classmethod
    def total(cls, each: Sequence[Moments]) -> Moments:
        """Moments of all windows together."""
        return cls(*(np.sum(parts, axis=0) for parts in zip(*each, strict=True)))


def explained_of_left_out(share: float) -> str:
    """R² in words, for messages."""
    return f"R² {share:.2f} on parts of the run that were left out"


def ridge(moments: Moments, shrinkage: float) -> np.ndarray:
    """Ridge regression with a constant.

    Parameters
    ----------
    moments : Moments
    shrinkage : float
        Share s of the identity beside the covariance of the features: the penalty is s / (1 - s).

    Returns
    -------
    float array, shape (targets, features + 1): the weights, and the bias in the last column

    Raises
    ------
    NeuroMotionError
        If a feature does not vary and ``shrinkage`` is 0.
    """
    centre, mean = moments.features / moments.windows, moments.targets / moments.windows
    covariance = moments.squares / moments.windows - np.outer(centre, centre)
    shared = moments.products / moments.windows - np.outer(centre, mean)
    penalised = (1 - shrinkage) * covariance + shrinkage * np.eye(len(centre))
    weights = solved(penalised, (1 - shrinkage) * shared).T
    return np.concatenate([weights, (mean - weights @ centre)[:, None]], axis=1)


def explained(values: np.ndarray, said: np.ndarray) -> float:
    """R², mean over the targets that move; both arrays have shape (n, targets). NaN if none moves."""
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    moves = total > 0
    if not moves.any():
        return float("nan")
    return float(1 - (((values - said) ** 2).sum(axis=0)[moves] / total[moves]).mean())
