from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.statistics import (
    beta_binomial_interval,
    holm,
    is_widened,
    paired_permutation_test,
    rate_interval,
    studentised_bootstrap_interval,
)


def coverage(people: int, repeats: int, draw) -> float:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(repeats):
        interval = studentised_bootstrap_interval(draw(generator, people), n_resamples=400, generator=generator)
        hits += interval.low <= 0.0 <= interval.high
    return hits / repeats


def test_interval_covers_the_mean_of_ten_people_about_as_often_as_it_says():
    assert 0.91 <= coverage(10, 600, lambda generator, people: generator.normal(size=people)) <= 0.985


def test_interval_is_centred_by_the_spread_of_people():
    narrow = studentised_bootstrap_interval(np.linspace(0.45, 0.55, 15))
    wide = studentised_bootstrap_interval(np.linspace(0.2, 0.8, 15))
    assert narrow.mean == pytest.approx(wide.mean) == pytest.approx(0.5)
    assert wide.high - wide.low == pytest.approx(6 * (narrow.high - narrow.low), rel=1e-6)


def test_interval_twice_is_the_same_and_respects_bounds():
    values = np.array([1.0, 1.0, 1.0, 0.4, 1.0])
    first, second = (studentised_bootstrap_interval(values, bounds=(0, 1)) for _ in range(2))
    assert first == second
    assert 0 <= first.low < first.mean <= first.high <= 1


def test_interval_of_equal_people_has_no_width_and_of_one_person_no_end():
    assert studentised_bootstrap_interval(np.full(5, 0.7)) == pytest.approx((0.7, 0.7, 0.7))
    assert np.isnan(studentised_bootstrap_interval(np.array([0.7])).low)


@pytest.mark.parametrize("values", [[], [0.1, np.nan], [[0.1, 0.2]]])
def test_values_that_are_not_one_a_person_are_refused(values):
    with pytest.raises(NeuroMotionError):
        studentised_bootstrap_interval(np.array(values))


def test_permutation_of_few_people_is_exact():
    assert paired_permutation_test(np.array([1.0, 2.0, 3.0, 4.0])) == 2 / 16
    assert paired_permutation_test(np.array([1.0, -1.0])) == 1.0


def test_permutation_of_many_people_finds_a_difference_and_no_other():
    generator = np.random.default_rng(2)
    noise = generator.normal(size=60)
    assert paired_permutation_test(noise + 1.0) < 0.001
    assert paired_permutation_test(noise - noise.mean()) > 0.9


def test_holm_against_a_worked_example():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


EVERYBODY = {
    "some fail wholly": lambda generator, rate, people: (generator.random(people) < rate).astype(float),
    "people differ much": lambda generator, rate, people: generator.beta(2 * rate, 2 * (1 - rate), people),
}


@pytest.mark.parametrize("population", EVERYBODY)
@pytest.mark.parametrize("people", [10, 15, 79])
@pytest.mark.parametrize("rate", [0.9, 0.99])
def test_interval_of_a_rate_near_one_covers_it(population, people, rate):
    """The bootstrap alone covers 0.65 of the rates where one person in ten fails wholly."""
    generator = np.random.default_rng(3)
    episodes = np.full(people, 10)
    repeats, hits = 80, 0
    for _ in range(repeats):
        successes = generator.binomial(10, EVERYBODY[population](generator, rate, people))
        interval = rate_interval(successes, episodes)
        hits += interval.low <= rate <= interval.high
    # 80 repeats of an interval that covers 0.92 or more lie above this in 98 cases of 100 or more
    assert hits / repeats >= 0.86


def test_interval_of_people_who_are_all_alike_has_a_width():
    """Where nobody differs a bootstrap says that the rate is certain."""
    alike = rate_interval(np.full(10, 20), np.full(10, 20))
    assert alike.high == 1.0
    assert 0.7 < alike.low < 0.9
    assert rate_interval(np.full(79, 20), np.full(79, 20)).low > alike.low
    none = rate_interval(np.zeros(10), np.full(10, 20))
    assert (none.low, none.high) == pytest.approx((0.0, 1 - alike.low))


def test_beta_binomial_interval_takes_the_number_of_episodes_into_account():
    few = beta_binomial_interval(np.array([2, 2, 2, 2, 2, 2, 2, 2, 1, 1]), np.full(10, 2))
    many = beta_binomial_interval(np.array([38, 36, 36, 38, 35, 37, 36, 34, 35, 35]), np.full(10, 40))
    assert few.mean == pytest.approx(many.mean)
    assert many.high - many.low < 0.6 * (few.high - few.low)


def test_beta_binomial_interval_of_all_or_nothing_is_clopper_and_pearsons():
    people, right = 40, 36
    interval = beta_binomial_interval(np.repeat([50, 0], [right, people - right]), np.full(people, 50))
    exact = stats.binomtest(right, people).proportion_ci(method="exact")
    assert (interval.low, interval.high) == pytest.approx((exact.low, exact.high), abs=0.02)


def test_interval_of_a_rate_in_the_middle_is_the_bootstraps():
    successes, episodes = np.array([3, 5, 7, 4, 6]), np.full(5, 10)
    assert rate_interval(successes, episodes) == studentised_bootstrap_interval(successes / episodes, bounds=(0, 1))
    means = (0.01, 0.15, 0.16, 0.84, 0.85, 0.99)
    widened = [is_widened(mean + np.array([-0.01, 0.01])) for mean in means]
    assert widened == [True, True, False, False, True, True]


def test_interval_keeps_a_width_where_all_people_are_alike():
    alike = rate_interval(np.full(3, 1), np.full(3, 4))
    assert alike.mean == 0.25
    assert alike.low < 0.15
    assert alike.high > 0.4
    assert is_widened(np.full(3, 0.25))
    assert not is_widened(np.full(1, 0.25))


@pytest.mark.parametrize(
    ("successes", "episodes", "message"),
    [([], [], "one person or more"), ([3], [2], "from 0"), ([0.5], [2], "whole"), ([0, 0], [2, 0], "no episodes")],
)
def test_counts_that_are_none_are_refused(successes, episodes, message):
    with pytest.raises(NeuroMotionError, match=message):
        rate_interval(np.array(successes), np.array(episodes))


def test_permutation_of_one_person_says_nothing():
    assert paired_permutation_test(np.array([0.3])) == 1.0


def test_permutation_of_many_people_is_near_the_exact_one():
    generator = np.random.default_rng(5)
    differences = generator.normal(0.3, 1.0, 16)
    exact = paired_permutation_test(differences, n_resamples=2**16)
    signs = 1.0 - 2.0 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1)
    assert exact == pytest.approx((np.abs(signs @ differences) >= abs(differences.sum()) * (1 - 1e-12)).mean())
    assert paired_permutation_test(differences) == pytest.approx(exact, abs=0.02)
