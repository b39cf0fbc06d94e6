"""Calibration: fit the last layer of a decoder to one person, in seconds, from a labelled calibration run.

A decoder whose ``adaptation.kind`` is "head" gives features and takes its last layer A as a second input; its logits
are ``[features, 1] @ A.T``. A comes from a linear discriminant analysis of the person's features (Fisher 1936). The
covariance is shrunk towards the identity; if the graph whitens the features, the identity is their covariance over many
people. All logits are then multiplied by one factor, so that the confidence of the posterior matches its accuracy on
blocks of the run that were left out of the fit.
"""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.fitting import fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

BLOCKS = 4
"""Number of blocks, in order of time, into which the windows of each label are divided; each is left out once."""
AT_CHANCE = 0.1
"""Largest distance from chance, as in `above_chance`, of a calibration that is no better than guessing."""


class CalibrationWindows(NamedTuple):
    """Labelled windows of a calibration run.

    Parameters
    ----------
    windows : float32 array, shape (n, channels, samples)
    labels : int array, shape (n,)
        Index into ``spec.labels``.
    trials : int array, shape (n,)
        Number of the trial that a window lies in.
    """

    windows: np.ndarray
    labels: np.ndarray
    trials: np.ndarray


class HeadFit(NamedTuple):
    """A last layer for one person, and how well such layers decode trials of the run that were left out of the fit.

    Parameters
    ----------
    head : float32 array, shape (labels, features + 1)
        The weights, and the bias in the last column.
    accuracy : float
        Balanced accuracy on what was left out.
    """

    head: np.ndarray
    accuracy: float


def calibration_windows(calibration: Sequence[Recording], spec: DecoderSpec) -> CalibrationWindows:
    """Windows one hop apart inside the labelled trials of a calibration run.

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder, or a label of the decoder has no window; the message has the labels
        that were found.
    """
    hop = max(1, round(spec.hop_s * spec.rate_hz))
    windows: list[np.ndarray] = []
    labels: list[int] = []
    trials: list[int] = []
    numbers = count()
    for recording in calibration:
        for trial, samples in fitted(recording, spec).trial_samples():
            number = next(numbers)
            if trial.label in spec.labels and samples.shape[1] >= spec.window:
                cut = np.lib.stride_tricks.sliding_window_view(samples, spec.window, axis=1)[:, ::hop]
                windows.append(cut.transpose(1, 0, 2))
                labels += [spec.labels.index(trial.label)] * cut.shape[1]
                trials += [number] * cut.shape[1]
    missing = [label for index, label in enumerate(spec.labels) if index not in labels]
    if missing:
        found = dict.fromkeys(trial.label for recording in calibration for trial in recording.trials)
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs a recording with at least {spec.window_s:g} s of every label; "
            f"missing: {', '.join(missing)}. Labels of the recording: {', '.join(found) or 'none'}. If the same "
            "movements have other names there, map them: labels {'name there': 'label of the decoder'}."
        )
    return CalibrationWindows(np.concatenate(windows), np.array(labels, np.int64), np.array(trials, np.int64))


def fit_head(
    features_of: Callable[[np.ndarray], np.ndarray], calibration: Sequence[Recording], spec: DecoderSpec
) -> np.ndarray:
    """Last layer for one person; warns if layers like it are at chance on trials of the run that were left out.

    The parameters and errors are those of `fitted_head`.

    Returns
    -------
    float32 array, shape (labels, features + 1): the weights, and the bias in the last column
    """
    fit = fitted_head(features_of, calibration, spec)
    if above_chance(fit.accuracy, len(spec.labels)) <= AT_CHANCE:
        who = ", ".join(dict.fromkeys(recording.subject for recording in calibration))
        warn(f"The calibration of {spec.name!r} to {who} is at chance: {left_out(fit.accuracy, len(spec.labels))}.")
    return fit.head


def fitted_head(
    features_of: Callable[[np.ndarray], np.ndarray], calibration: Sequence[Recording], spec: DecoderSpec
) -> HeadFit:
    """Last layer for one person, with its accuracy on what was left out of the fit.

    Parameters
    ----------
    features_of : function
        From windows, shape (n, channels, samples), to features, shape (n, features).
    calibration : sequence of Recording
        Recordings of the labelled calibration run.
    spec : DecoderSpec
        ``adaptation.shrinkage`` is the share of the identity in the covariance.

    Raises
    ------
    NeuroMotionError
        If a label has too few windows, or the number of features differs from the decoder's specification.
    """
    windows, labels, trials = calibration_windows(calibration, spec)
    features = features_of(windows).astype(np.float64)
    check_head_shape(features, spec)
    blocks = _blocks(labels)
    short = [label for index, label in enumerate(spec.labels) if (labels == index).sum() < 2 * BLOCKS]
    if short:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs at least {2 * BLOCKS} windows of every label, "
            f"{spec.window_s + (2 * BLOCKS - 1) * spec.hop_s:g} s without a break; {', '.join(short)} has fewer."
        )
    shrinkage = spec.adaptation.shrinkage
    factor = best_factor(_left_out_logits(features, labels, blocks, shrinkage), labels)
    whole_trials = _whole_trials(labels, trials)
    decided = _left_out_logits(features, labels, blocks if whole_trials is None else whole_trials, shrinkage)
    accuracy = balanced_accuracy(decided.argmax(axis=1), labels)
    return HeadFit(np.asarray(discriminant(features, labels, shrinkage) * factor, dtype=np.float32), accuracy)


def check_head_shape(features: np.ndarray, spec: DecoderSpec) -> None:
    """Refuse features, shape (n, features), that a last layer of ``spec.adaptation.shape`` does not take."""
    expected = (len(spec.decoded), features.shape[1] + 1)
    if spec.adaptation.shape != expected:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives {features.shape[1]} features; its adaptation.shape has to be {expected}, "
            f"not {spec.adaptation.shape}."
        )


def solved(covariance: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solution of ``covariance @ x = right`` for the covariance of features.

    Raises
    ------
    NeuroMotionError
        If the covariance is singular.
    """
    try:
        return np.asarray(np.linalg.solve(covariance, right))
    except np.linalg.LinAlgError:
        raise NeuroMotionError(
            "The calibration run's features do not vary; adaptation.shrinkage has to be above 0."
        ) from None


def balanced_accuracy(decided: np.ndarray, labels: np.ndarray) -> float:
    """Mean over labels of the share of windows that are decided rightly; both arrays have shape (n,)."""
    return float(np.mean([(decided[labels == label] == label).mean() for label in np.unique(labels)]))


def above_chance(accuracy: float, labels: int) -> float:
    """Balanced accuracy on a scale on which chance is 0 and all windows right is 1."""
    return (accuracy - 1 / labels) / (1 - 1 / labels)


def left_out(accuracy: float, labels: int) -> str:
    """Accuracy and chance, for messages."""
    return f"balanced accuracy {accuracy:.2f} on trials that were left out, chance {1 / labels:.2f}"


def _left_out_logits(features: np.ndarray, labels: np.ndarray, parts: np.ndarray, shrinkage: float) -> np.ndarray:
    """Logits of all windows, shape (n, labels); those of a part are from a fit to the other parts."""
    logits = np.empty((len(labels), labels.max() + 1))
    for part in np.unique(parts):
        out = parts == part
        head = discriminant(features[~out], labels[~out], shrinkage)
        logits[out] = features[out] @ head[:, :-1].T + head[:, -1]
    return logits


def _whole_trials(labels: np.ndarray, trials: np.ndarray) -> np.ndarray | None:
    """Part of each window, so that no trial is in two parts; None if a label has only one trial."""
    parts = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        mine = labels == label
        found, number = np.unique(trials[mine], return_inverse=True)
        if len(found) < 2:
            return None
        parts[mine] = number % min(BLOCKS, len(found))
    return parts


def discriminant(features: np.ndarray, labels: np.ndarray, shrinkage: float) -> np.ndarray:
    """Linear discriminant analysis with equal priors.

    Parameters
    ----------
    features : float array, shape (n, features)
    labels : int array, shape (n,)
        0 to the number of labels minus 1; each has to occur.
    shrinkage : float
        Share of the identity in the within-label covariance.

    Returns
    -------
    float array, shape (labels, features + 1): the weights, and the bias in the last column
    """
    count = labels.max() + 1
    means = np.stack([features[labels == label].mean(axis=0) for label in range(count)])
    within = features - means[labels]
    covariance = (1 - shrinkage) * (within.T @ within) / len(within) + shrinkage * np.eye(features.shape[1])
    weights = solved(covariance, means.T).T
    return np.concatenate([weights, -0.5 * (weights * means).sum(axis=1, keepdims=True)], axis=1)


def best_factor(logits: np.ndarray, labels: np.ndarray) -> float:
    """Factor of the logits, 0.02 to 2, with the lowest cross-entropy (temperature scaling, Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = logits - logits.max(axis=1, keepdims=True)
    rows = np.arange(len(labels))

    def cross_entropy(log_factor: float) -> float:
        return -float(log_softmax(np.exp(log_factor) * logits, axis=1)[rows, labels].mean())

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(math.log(0.02), math.log(2.0)), method="bounded").x))


def _blocks(labels: np.ndarray) -> np.ndarray:
    """Block number of each window; the windows of each label are divided into `BLOCKS` blocks, in order of time."""
    blocks = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        blocks[mine] = np.arange(len(mine)) * BLOCKS // len(mine)
    return blocks
