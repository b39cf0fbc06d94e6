"""Mutual information between windows and decoded labels: a measure of how a decoder fits a signal without labels.

It is high where posteriors are sure of themselves and differ between windows (Bridle, Heading and MacKay, NIPS 1991).
"""

from __future__ import annotations

import numpy as np


def information(posterior: np.ndarray) -> float:
    """Mutual information of windows and labels in nats: entropy of the mean minus mean of the entropies.

    Parameters
    ----------
    posterior : float array, shape (windows, labels)
    """
    return float(_entropy(posterior.mean(axis=0)) - _entropy(posterior).mean())


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    values = probabilities.astype(np.float64)
    return np.asarray(-(values * np.log(np.maximum(values, 1e-12))).sum(axis=-1))
