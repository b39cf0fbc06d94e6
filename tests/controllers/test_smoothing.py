import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from neuromotion_gym.controllers import smoothing
from neuromotion_gym.errors import NeuroMotionError


def posteriors(n, labels=3, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(labels), n)


def test_overlap_weight():
    assert smoothing.overlap_weight(0.25, 2.0) == 0.125
    assert smoothing.overlap_weight(1.0, 0.2) == 1.0
    with pytest.raises(NeuroMotionError, match="above zero"):
        smoothing.overlap_weight(0.0, 1.0)


def test_decide_names_no_label_on_a_tie():
    assert smoothing.decide(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3]])).tolist() == [1, -1, -1]


def test_majority_vote_breaks_ties_by_the_present_posterior():
    posterior = np.array([[0.1, 0.2, 0.7], [0.1, 0.6, 0.3], [0.1, 0.2, 0.7]])
    votes = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [-1, -1, -1, -1]])
    assert smoothing.majority_vote(votes, posterior).tolist() == [2, 1, -1]


def test_forward_filter_with_full_weight_is_bayes_rule():
    belief, posterior, stay = np.array([[0.5, 0.3, 0.2]]), np.array([[0.2, 0.2, 0.6]]), 0.8
    transition = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    expected = (belief @ transition) * posterior
    found = smoothing.forward_filter(belief, posterior, stay, weight=1.0, doubt=0.0)
    np.testing.assert_allclose(found, expected / expected.sum())


def test_leaky_evidence_without_leak_is_the_product_of_independent_posteriors():
    seen = posteriors(6)[:, None, :]
    scores = np.zeros((1, 3))
    for posterior in seen:
        scores = smoothing.leaky_evidence(scores, posterior, keep=1.0, weight=1.0, doubt=0.0)
    product = np.prod(seen, axis=0)
    np.testing.assert_allclose(softmax(scores, axis=1), product / product.sum())


def test_leaky_evidence_stays_within_its_bound():
    scores = np.zeros((1, 3))
    for _ in range(50):
        scores = smoothing.leaky_evidence(scores, np.array([[1.0, 0.0, 0.0]]), 1.0, 1.0, 0.1, bound=2.0)
    assert np.ptp(scores) == pytest.approx(2.0)


@given(st.floats(0, 1), st.integers(0, 1000))
def test_soften_keeps_rows_summing_to_one_and_the_order(doubt, seed):
    posterior = posteriors(4, 5, seed)
    softened = smoothing.soften(posterior, doubt)
    np.testing.assert_allclose(softened.sum(axis=1), 1)
    if doubt < 0.99:
        assert (softened.argmax(axis=1) == posterior.argmax(axis=1)).all()


def test_hysteresis_takes_up_and_drops_at_different_levels():
    current = np.array([-1])
    labels = []
    for sure in (0.5, 0.65, 0.5, 0.45, 0.35, 0.5):
        current = smoothing.hysteresis(current, np.array([[sure, (1 - sure) / 2, (1 - sure) / 2]]), 0.6, 0.4)
        labels.append(int(current[0]))
    assert labels == [-1, 0, 0, 0, -1, -1]
