"""People who are compared with are put in order first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from neuromotion_gym.audit.agreement import Sums, margins, orders_that_agree
from neuromotion_gym.audit.label_model import PENALTY, standardised
from neuromotion_gym.audit.material import Units

if TYPE_CHECKING:
    from collections.abc import Sequence

EXCHANGED = np.array([3, 2, 1, 0])
CANDIDATES = [np.arange(4), EXCHANGED]


def people(moved: Sequence[int], clear: float = 1.0, count: int = 8) -> tuple[np.ndarray, Units]:
    """Two features of four channels, the first channel moved by one label, the last by the other; some people moved."""
    generator = np.random.default_rng(3)
    n = 40 * count
    labels = np.tile([0, 1], n // 2)
    who = np.repeat(np.arange(count), 40)
    features = generator.standard_normal((n, 2, 4))
    features[np.arange(n), :, np.where(labels == 0, 0, 3)] += clear
    for person in moved:
        features[who == person] = features[who == person][:, :, EXCHANGED]
    flat = standardised(features.reshape(n, -1), who).reshape(features.shape)
    return flat, Units(labels, who, who, np.full(n, np.nan))


@pytest.mark.parametrize("moved", [[], [2], [2, 5], [0, 2, 5]])
def test_people_who_disagree_with_most_are_put_in_order(moved):
    features, units = people(moved)
    found = orders_that_agree(features, units, Sums.of(features, units), CANDIDATES, without=7)
    assert sorted(found) == moved
    assert all(order.tolist() == EXCHANGED.tolist() for order in found.values())


def test_the_person_who_is_compared_plays_no_part():
    """Neither samples nor labels: the permutation test of that person stays exact."""
    features, units = people([2, 5], clear=0.6, count=6)
    given = orders_that_agree(features, units, Sums.of(features, units), CANDIDATES, without=2)
    units.labels[units.people == 2] = 1 - units.labels[units.people == 2]
    features[units.people == 2] *= 3
    again = orders_that_agree(features, units, Sums.of(features, units), CANDIDATES, without=2)
    assert list(given) == list(again) == [5]


def test_without_a_signal_people_stay_as_they_are():
    """Two standard errors in one direction: about one of 44 by chance, so nearly all of 60 people stay."""
    features, units = people([], clear=0.0, count=60)
    assert len(orders_that_agree(features, units, Sums.of(features, units), CANDIDATES, without=0)) <= 6


def test_sums_give_the_same_model_as_all_trials():
    features, units = people([1], clear=0.5)
    sums, left = Sums.of(features, units), units.people != 3
    x, y = features[left].reshape(int(left.sum()), -1), np.eye(2)[units.labels[left]]
    model = Ridge(alpha=PENALTY * len(x)).fit(x, y)
    others = [0, 1, 2, 4, 5, 6, 7]
    squares = sums.squares[others].sum(axis=0) + PENALTY * len(x) * np.eye(8)
    weights = np.linalg.solve(squares, sums.products[others].sum(axis=0))
    np.testing.assert_allclose(weights.T, model.coef_, atol=1e-10)
    np.testing.assert_allclose(sums.counts[others].sum(axis=0) / len(x), model.intercept_, atol=1e-10)


def test_margins_are_measured_from_the_mean_of_the_others():
    np.testing.assert_allclose(margins(np.array([[3.0, 1.0, 2.0]])), [[1.5, -1.5, 0.0]])
