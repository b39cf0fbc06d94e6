"""Calibration of a decoder of continuous targets: its last layer, fitted to what one person did in the calibration run.

A decoder whose ``adaptation.kind`` is "head" and whose output is "targets" gives features and takes its last layer A as
a second input; its targets are ``[features, 1] @ A.T``. A comes from a ridge regression of the person's targets on the
features, over all windows of the run one hop apart, rests and ways between movements too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.target_windows import targets_at, window_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

PARTS = 4
"""Parts of the run, in order of time, each of which is left out once."""


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


def target_windows(calibration: Sequence[Recording], spec: DecoderSpec) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a calibration run one hop apart, and the targets at their ends.

    Returns
    -------
    windows : float32 array, shape (n, channels, samples)
    targets : float32 array, shape (n, targets)

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder or lacks a target, or no window lies in the run.
    """
    hop, windows, targets = max(1, round(spec.hop_s * spec.rate_hz)), [], []
    for recording in (fitted(one, spec) for one in calibration):
        ends = window_ends(recording, spec.window, hop)
        targets.append(targets_at(recording, spec.targets, ends))
        if len(ends):
            views = np.lib.stride_tricks.sliding_window_view(recording.samples, spec.window, axis=1)
            windows.append(views[:, ends - spec.window].transpose(1, 0, 2))
    if not windows:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs a recording with {spec.window_s:g} s without a gap, and with the targets "
            f"{', '.join(spec.targets)}; there is none."
        )
    return np.concatenate(windows), np.concatenate(targets)


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
    windows, targets = target_windows(calibration, spec)
    features, values = features_of(windows).astype(np.float64), targets.astype(np.float64)
    expected = (len(spec.targets), features.shape[1] + 1)
    if spec.adaptation.shape != expected:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives {features.shape[1]} features; its adaptation.shape has to be {expected}, "
            f"not {spec.adaptation.shape}."
        )
    if len(values) < 2 * PARTS:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs at least {2 * PARTS} windows, "
            f"{spec.window_s + (2 * PARTS - 1) * spec.hop_s:g} s without a gap; there are {len(values)}."
        )
    part, said = np.arange(len(values)) * PARTS // len(values), np.empty_like(values)
    for one in range(PARTS):
        out = part == one
        head = ridge(features[~out], values[~out], spec.adaptation.shrinkage)
        said[out] = features[out] @ head[:, :-1].T + head[:, -1]
    head = ridge(features, values, spec.adaptation.shrinkage)
    return TargetHeadFit(head.astype(np.float32), explained(values, np.clip(said, -1, 1)))


def explained_of_left_out(share: float) -> str:
    """R² in words, for messages."""
    return f"R² {share:.2f} on parts of the run that were left out"


def ridge(features: np.ndarray, values: np.ndarray, shrinkage: float) -> np.ndarray:
    """Ridge regression with a constant.

    Parameters
    ----------
    features : float array, shape (n, features)
    values : float array, shape (n, targets)
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
    centre, mean = features.mean(axis=0), values.mean(axis=0)
    apart = features - centre
    share = (1 - shrinkage) / len(apart)
    try:
        weights = np.linalg.solve(
            share * (apart.T @ apart) + shrinkage * np.eye(features.shape[1]), share * (apart.T @ (values - mean))
        ).T
    except np.linalg.LinAlgError:
        raise NeuroMotionError(
            "The calibration run's features do not vary; adaptation.shrinkage has to be above 0."
        ) from None
    return np.concatenate([weights, (mean - weights @ centre)[:, None]], axis=1)


def explained(values: np.ndarray, said: np.ndarray) -> float:
    """R², mean over the targets that move; both arrays have shape (n, targets). NaN if none moves."""
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    moves = total > 0
    if not moves.any():
        return float("nan")
    return float(1 - (((values - said) ** 2).sum(axis=0)[moves] / total[moves]).mean())
