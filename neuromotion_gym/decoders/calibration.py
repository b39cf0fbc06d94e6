"""Calibration: fit the last layer of a decoder to one person, in seconds, from a labelled calibration run.

A decoder whose ``adaptation.kind`` is "head" gives features and takes its last layer A as a second input; its logits
are ``[features, 1] @ A.T``. A comes from a linear discriminant analysis of the person's features (Fisher 1936). The
covariance is shrunk towards the identity; if the graph whitens the features, the identity is their covariance over many
people. All logits are then multiplied by one factor, so that the confidence of the posterior matches its accuracy on
blocks of the run that were left out of the fit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

BLOCKS = 4
"""Number of blocks, in order of time, into which the windows of each label are divided; each is left out once."""


def calibration_windows(calibration: Sequence[Recording], spec: DecoderSpec) -> tuple[np.ndarray, np.ndarray]:
    """Windows one hop apart inside the labelled trials of a calibration run.

    Returns
    -------
    windows : float32 array, shape (n, channels, samples)
    labels : int array, shape (n,)

    Raises
    ------
    NeuroMotionError
        If a recording does not fit the decoder, or a label of the decoder has no window.
    """
    hop = max(1, round(spec.hop_s * spec.rate_hz))
    windows: list[np.ndarray] = []
    labels: list[int] = []
    for recording in calibration:
        for trial, samples in fitted(recording, spec).trial_samples():
            if trial.label in spec.labels and samples.shape[1] >= spec.window:
                cut = np.lib.stride_tricks.sliding_window_view(samples, spec.window, axis=1)[:, ::hop]
                windows.append(cut.transpose(1, 0, 2))
                labels += [spec.labels.index(trial.label)] * cut.shape[1]
    missing = [label for index, label in enumerate(spec.labels) if index not in labels]
    if missing:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs a recording with at least {spec.window_s:g} s of every label; "
            f"missing: {', '.join(missing)}."
        )
    return np.concatenate(windows), np.array(labels, np.int64)


def fit_head(
    features_of: Callable[[np.ndarray], np.ndarray], calibration: Sequence[Recording], spec: DecoderSpec
) -> np.ndarray:
    """Last layer for one person.

    Parameters
    ----------
    features_of : function
        From windows, shape (n, channels, samples), to features, shape (n, features).
    calibration : sequence of Recording
        Recordings of the labelled calibration run.
    spec : DecoderSpec
        ``adaptation.shrinkage`` is the share of the identity in the covariance.

    Returns
    -------
    float32 array, shape (labels, features + 1): the weights, and the bias in the last column

    Raises
    ------
    NeuroMotionError
        If a label has too few windows, or the number of features differs from the decoder's specification.
    """
    windows, labels = calibration_windows(calibration, spec)
    features = features_of(windows).astype(np.float64)
    expected = (len(spec.labels), features.shape[1] + 1)
    if spec.adaptation.shape != expected:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives {features.shape[1]} features; its adaptation.shape has to be {expected}, "
            f"not {spec.adaptation.shape}."
        )
    blocks = _blocks(labels)
    short = [label for index, label in enumerate(spec.labels) if (labels == index).sum() < 2 * BLOCKS]
    if short:
        raise NeuroMotionError(
            f"Calibrating {spec.name!r} needs at least {2 * BLOCKS} windows of every label, "
            f"{spec.window_s + (2 * BLOCKS - 1) * spec.hop_s:g} s without a break; {', '.join(short)} has fewer."
        )
    left_out = np.empty((len(labels), len(spec.labels)))
    for block in range(BLOCKS):
        out = blocks == block
        head = discriminant(features[~out], labels[~out], spec.adaptation.shrinkage)
        left_out[out] = features[out] @ head[:, :-1].T + head[:, -1]
    head = discriminant(features, labels, spec.adaptation.shrinkage)
    return np.asarray(head * best_factor(left_out, labels), dtype=np.float32)


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
    try:
        weights = np.linalg.solve(covariance, means.T).T
    except np.linalg.LinAlgError:
        raise NeuroMotionError(
            "The calibration run's features do not vary; adaptation.shrinkage has to be above 0."
        ) from None
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
