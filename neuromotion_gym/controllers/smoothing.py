"""Smoothing of a decoder's decisions: pure functions on batches of posteriors, one call per decision.

Consecutive windows overlap, so their posteriors are not independent evidence: where log-posteriors are added, each is
weighted by `overlap_weight`, the share of its window that is new since the previous window.
"""

from __future__ import annotations

import numpy as np

from neuromotion_gym.errors import NeuroMotionError


def overlap_weight(hop_s: float, window_s: float) -> float:
    """Share of a window that is new since the previous window, in (0, 1].

    Raises
    ------
    NeuroMotionError
        If either length is not above zero.
    """
    if not (hop_s > 0 and window_s > 0):
        raise NeuroMotionError(f"Hop and window are lengths above zero in seconds, not {hop_s} and {window_s}.")
    return min(1.0, hop_s / window_s)


def soften(posterior: np.ndarray, doubt: float) -> np.ndarray:
    """Mix a posterior with the uniform distribution.

    Parameters
    ----------
    posterior : float array, shape (..., labels)
    doubt : float
        Weight of the uniform distribution: 0 leaves the posterior unchanged, 1 replaces it.
    """
    return (1 - doubt) * posterior + doubt / posterior.shape[-1]


def decide(posterior: np.ndarray) -> np.ndarray:
    """Most likely label, or -1 for a tie (a decoder that has not decided yet gives a uniform posterior).

    Parameters
    ----------
    posterior : float array, shape (n, labels)

    Returns
    -------
    int array, shape (n,)
    """
    top = posterior.max(axis=1)
    unique = (posterior >= top[:, None] - 1e-6).sum(axis=1) == 1
    return np.where(unique, posterior.argmax(axis=1), -1)


def majority_vote(votes: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """Label with the most votes; in a tie, the one that is most likely in the current posterior.

    Parameters
    ----------
    votes : int array, shape (n, k)
        The last ``k`` decided labels, -1 for none.
    posterior : float array, shape (n, labels)
        Current posterior.

    Returns
    -------
    int array, shape (n,), -1 where nothing has been decided yet.
    """
    labels = np.arange(posterior.shape[1])
    counts = (votes[:, :, None] == labels).sum(axis=1)
    winner = (counts + 0.5 * posterior).argmax(axis=1)
    return np.where(counts.any(axis=1), winner, -1)


def leaky_evidence(
    scores: np.ndarray, posterior: np.ndarray, keep: float, weight: float, doubt: float, bound: float = np.inf
) -> np.ndarray:
    """Leaky, bounded sum of log-posteriors.

    Parameters
    ----------
    scores : float array, shape (n, labels)
        Sums so far, each row with mean 0.
    posterior : float array, shape (n, labels)
        New decision.
    keep : float
        Share of the old sum that is kept.
    weight : float
        Weight of a decision, see `overlap_weight`.
    doubt : float
        See `soften`; limits the weight of a single decision.
    bound : float
        Largest lead of a label over the lowest one. Evidence for one label has to be reversed before another wins;
        without a bound, the more confident the previous posteriors, the later the limb reacts.

    Returns
    -------
    float array, shape (n, labels), each row with mean 0.
    """
    log = np.log(soften(posterior, doubt))
    summed = keep * scores + weight * (log - log.mean(axis=1, keepdims=True))
    lead = np.ptp(summed, axis=1, keepdims=True)
    return summed * np.minimum(1.0, bound / np.maximum(lead, 1e-12))


def forward_filter(belief: np.ndarray, posterior: np.ndarray, stay: float, weight: float, doubt: float) -> np.ndarray:
    """One step of a hidden Markov model's forward filter: an intent stays, or changes to one of the others at random.

    Parameters
    ----------
    belief : float array, shape (n, labels)
        Filtered probabilities after the previous decision.
    posterior : float array, shape (n, labels)
        Posterior of the new decision, proportional to the likelihood if the decoder was trained on balanced labels.
    stay : float
        Probability that the intent is still the same, in (1 / labels, 1].
    weight, doubt : float
        As in `leaky_evidence`.
    """
    labels = posterior.shape[1]
    predicted = stay * belief + (1 - stay) / (labels - 1) * (1 - belief)
    filtered = predicted * soften(posterior, doubt) ** weight
    return filtered / filtered.sum(axis=1, keepdims=True)


def hysteresis(current: np.ndarray, posterior: np.ndarray, enter: float, leave: float) -> np.ndarray:
    """Rejection with hysteresis: a label is accepted from ``enter`` on and dropped below ``leave``.

    Parameters
    ----------
    current : int array, shape (n,)
        Label that is accepted now, -1 for none.
    posterior : float array, shape (n, labels)
        Probabilities.
    enter, leave : float
        Probabilities, ``leave <= enter``.

    Returns
    -------
    int array, shape (n,), -1 where every label is rejected.
    """
    rows = np.arange(len(posterior))
    top = posterior.argmax(axis=1)
    own = np.where(current >= 0, posterior[rows, current], 0.0)
    kept = np.where(own >= leave, current, -1)
    return np.where(posterior[rows, top] >= enter, top, kept)
