"""In which orders of channels people agree with each other: what a person is compared with is put in order first.

Some of the people that a person is compared with may have their channels elsewhere, too. A model of people who
disagree reads nobody well. So each of them is read by a model of the rest of them, in every order that has a name, and
read again in the order that is surely better. Labels of the person who is compared are never used, so that permuting
them still says how much chance allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.audit.label_model import PENALTY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.audit.material import Units

SURE = 2.0
"""Standard errors over trials by which the margin of another order has to be larger."""
ROUNDS = 3
"""Most rounds: a model of people who were put in order reads the others better."""


class Sums(NamedTuple):
    """What ridge regression needs of each person, so that people are left out without reading all trials again.

    Parameters
    ----------
    squares : float array, shape (people, d, d)
        Products of features, summed over trials; d is features times channels.
    products : float array, shape (people, d, labels)
        Features, summed over the trials of each label.
    counts : float array, shape (people, labels)
        Trials of each label.
    """

    squares: np.ndarray
    products: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, units: Units) -> Sums:
        """Sums of features that have mean 0 in every person.

        Parameters
        ----------
        features : float array, shape (trials, features, channels)
        units : Units
        """
        target = np.eye(int(units.labels.max()) + 1)[units.labels]
        rows = [(features[mine].reshape(int(mine.sum()), -1), target[mine]) for mine in trials_of_each(units)]
        return cls(
            np.stack([x.T @ x for x, _ in rows]),
            np.stack([x.T @ y for x, y in rows]),
            np.stack([y.sum(axis=0) for _, y in rows]),
        )


def trials_of_each(units: Units) -> list[np.ndarray]:
    """Which trials are of each person, bool arrays of shape (trials,)."""
    return [units.people == person for person in range(int(units.people.max()) + 1)]


def margins(outputs: np.ndarray) -> np.ndarray:
    """How far the output of each label is above the mean of the others', float array of shape (..., labels)."""
    count = outputs.shape[-1]
    return np.asarray((count * outputs - outputs.sum(axis=-1, keepdims=True)) / (count - 1))


def orders_that_agree(
    features: np.ndarray, units: Units, sums: Sums, candidates: Sequence[np.ndarray], without: int
) -> dict[int, np.ndarray]:
    """Orders in which some people agree with most of the others.

    Parameters
    ----------
    features : float array, shape (trials, features, channels)
        With mean 0 in every person.
    units : Units
    sums : Sums
        Of these features.
    candidates : sequence of int array, shape (channels,)
        The given order first.
    without : int
        Number of a person of whom nothing is used.

    Returns
    -------
    dict of int to int array, shape (channels,)
        The order of each person who agrees in another order than the given one.
    """
    from scipy.linalg import solve

    if len(candidates) < 2:
        return {}
    each = trials_of_each(units)
    # Places in a row of features, channels last, that an order of channels reads
    places = [np.arange(features[0].size).reshape(features[0].shape)[:, order].ravel() for order in candidates]
    others = [person for person in range(len(each)) if person != without]
    squares, products = sums.squares[others], sums.products[others]
    chosen = dict.fromkeys(others, 0)
    for _ in range(ROUNDS):
        total, product, counts = squares.sum(axis=0), products.sum(axis=0), sums.counts[others].sum(axis=0)
        found = {}
        for row, person in enumerate(others):
            left = counts - sums.counts[person]
            matrix = total - squares[row] + PENALTY * left.sum() * np.eye(len(total))
            prior = np.maximum(left / left.sum(), 1e-9)
            weights = solve(matrix, product - products[row], assume_a="pos") / prior
            own = features[each[person]].reshape(int(each[person].sum()), -1)
            outputs = np.stack([own[:, place] @ weights for place in places])
            found[person] = _surely_better(outputs, units.labels[each[person]])
        if found == chosen:
            break
        chosen = found
        for row, person in enumerate(others):
            place = places[chosen[person]]
            squares[row] = sums.squares[person][np.ix_(place, place)]
            products[row] = sums.products[person][place]
    return {person: candidates[best] for person, best in chosen.items() if best}


def _surely_better(outputs: np.ndarray, truth: np.ndarray) -> int:
    """Number of the order with the largest margin of the true label if it is surely larger than the first one's, or 0.

    Parameters
    ----------
    outputs : float array, shape (orders, trials, labels)
    truth : int array, shape (trials,)
    """
    reached = margins(outputs)[:, np.arange(len(truth)), truth]
    frequent = np.bincount(truth)
    gains = (reached - reached[0]) * len(truth) / (frequent[truth] * (frequent > 0).sum())
    means = gains.mean(axis=1)
    best = int(means.argmax())
    return best if means[best] > SURE * gains[best].std() / np.sqrt(len(truth)) else 0
