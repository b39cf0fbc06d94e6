"""Means of labels that have changed since they were known, found without labels by expectation–maximisation.

Changes are Gaussian around what is expected, and their covariance is a product of one matrix over labels and one over
features, which is diagonal here. One decomposition of the matrix over labels then serves all features.

Sources: Dutilleul, J Stat Comput Simul 64:105-123 (1999), covariances that are products; Gauvain and Lee, IEEE Trans
Speech Audio Process 2:291-298 (1994), maximum a posteriori estimation of mixtures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 1e-6
"""Smallest weight of a label."""


class Expected(NamedTuple):
    """What is expected of the means of the labels before anything was recorded.

    Parameters
    ----------
    centres : float64 array, shape (m, labels, features)
    spreads : float64 array, shape (m, labels, labels)
        Covariance of changes over labels.
    variances : float64 array, shape (features,)
        Variance of changes of each feature.
    """

    centres: np.ndarray
    spreads: np.ndarray
    variances: np.ndarray


def moved(
    read: np.ndarray,
    square: np.ndarray,
    expected: Expected,
    means: np.ndarray,
    steps: Sequence[float],
    evidence: float,
    unseen: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Means after some steps from ``means``, shape (m, labels, features), and log shares, shape (m, labels, 1).

    Parameters
    ----------
    read : float32 array, shape (n, features) or (m, n, features)
        Whitened chunks.
    square : float32 array, shape (n,) or (m, n)
        Half of their squares.
    expected : Expected
    means : float64 array, shape (m, labels, features)
    steps : sequence of float
        Sharpness of the likelihood in each step.
    evidence : float
        Weight of one chunk.
    unseen : float
        Chunks of every label that are added to what was counted.
    """
    shares = np.full((len(means), means.shape[1], 1), -np.log(means.shape[1]))
    for sharpness in steps:
        likely, _ = likelihoods(read, square, means, shares, sharpness)
        counted = np.add.reduce(likely, axis=2, dtype=np.float64)
        seen = np.matmul(likely, read) / np.maximum(counted, LEAST)[..., None]
        means = posterior_means(expected, np.maximum(evidence * counted, LEAST), seen)
        grown = counted + unseen
        shares = np.log(grown / np.add.reduce(grown, axis=1, keepdims=True))[..., None]
    return means, shares


def likelihoods(
    read: np.ndarray, square: np.ndarray, means: np.ndarray, shares: np.ndarray, sharpness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share of each label in each chunk, shape (m, labels, n), and log likelihood of each chunk, shape (m, n).

    The parameters are those of `moved`.
    """
    known = shares / sharpness - 0.5 * np.add.reduce(means**2, axis=2)[..., None]
    log = np.matmul(means.astype(np.float32), read.swapaxes(-1, -2))
    log += known.astype(np.float32)
    log -= square[..., None, :]
    log *= np.float32(sharpness)
    top = np.maximum.reduce(log, axis=1, keepdims=True)
    log -= top
    likely = np.exp(log, out=log)
    total = np.add.reduce(likely, axis=1, keepdims=True)
    likely /= total
    return likely, (top + np.log(total))[:, 0]


def unlikely(expected: Expected, precisions: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Half the squared distance of means from what is expected, shape (m,); ``precisions`` inverts the spreads."""
    off = means - expected.centres
    return np.asarray(0.5 * np.add.reduce(off * (precisions @ off) / expected.variances, axis=(1, 2)))


def posterior_means(expected: Expected, weight: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Posterior means of the labels, given their weighted means ``seen`` of weight ``weight``, shape (m, labels)."""
    root = np.sqrt(weight)
    values, vectors = np.linalg.eigh(root[:, :, None] * expected.spreads * root[:, None, :])
    off = root[..., None] * (seen - expected.centres)
    gain = np.maximum(values, 0)[..., None] * expected.variances
    kept = gain / (1 + gain) * np.matmul(vectors.transpose(0, 2, 1), off)
    return np.asarray(expected.centres + np.matmul(vectors, kept) / root[..., None])
