from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.statistics import holm, paired_permutation_test, studentised_bootstrap_interval


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
