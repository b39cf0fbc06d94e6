"""Means of labels and whitening of features, before a last layer that is fitted to the wearer or follows them."""

from __future__ import annotations

import numpy as np

SMALLEST = 1e-4
"""Added to the eigenvalues of the covariance, so that directions with little variance are not magnified."""


def whitening_within(features: np.ndarray, people: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Matrix that whitens features by their covariance within people and labels, shape (features, features).

    When a wearer's covariance is later shrunk towards the identity, it is thus shrunk towards the covariance that
    people have in common.

    Parameters
    ----------
    features : float array, shape (n, features)
    people, labels : int array, shape (n,)
    """
    groups = [(people == person) & (labels == label) for person in np.unique(people) for label in np.unique(labels)]
    covariance = np.mean([np.cov(features[group].T) for group in groups if group.sum() > 1], axis=0)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors / np.sqrt(values + SMALLEST))


def label_means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each label, shape (labels, features); every label up to the last one has to be there.

    Parameters
    ----------
    features : float array, shape (n, features)
    labels : int array, shape (n,)
    """
    return np.stack([features[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
