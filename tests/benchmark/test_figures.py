import numpy as np
import pytest
from scipy import stats

from neuromotion_gym.benchmark import figures as statistics
from neuromotion_gym.errors import NeuroMotionError


def test_wilson_interval_of_a_published_case():
    # Newcombe, Stat. Med. 17, 1998, table I: 81 of 263
    interval = statistics.wilson_interval(81, 263)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert statistics.wilson_interval(0, 20).low == 0
    with pytest.raises(NeuroMotionError, match="no rate"):
        statistics.wilson_interval(3, 2)


def test_a_person_counts_once_whatever_the_number_of_episodes():
    success = np.array([1, 1, 1, 1, 0])
    interval = statistics.rate_over_people(success, ["a", "a", "a", "a", "b"])
    assert interval.mean == 0.5


def test_interval_is_wider_where_people_differ_than_where_episodes_do():
    people = np.repeat([f"p{i}" for i in range(10)], 20)
    between = np.repeat([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], 20)
    within = np.tile([1, 1, 1, 0, 0], 40)
    wide = statistics.rate_over_people(between, people)
    narrow = statistics.rate_over_people(within, people)
    assert wide.mean == pytest.approx(narrow.mean)
    assert wide.high - wide.low > 0.4
    assert 0.1 < narrow.high - narrow.low < 0.2  # all people are alike, which is no proof that everybody is


def test_comparison_is_paired():
    generator = np.random.default_rng(0)
    ease = generator.random(20)
    people = [f"p{i}" for i in range(20)]
    comparison = statistics.compare(ease + 0.1, people, ease, people)
    assert comparison.difference.mean == pytest.approx(0.1)
    assert comparison.difference.low > 0.09
    assert comparison.p < 0.01
    assert comparison.people == 20


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_of_rates_stays_within_what_rates_allow(sign):
    people = [f"p{i}" for i in range(10)]
    better, worse = np.ones(10), np.array([0.0] * 9 + [0.4])
    pair = (better, people, worse, people) if sign > 0 else (worse, people, better, people)
    interval = statistics.compare(*pair).difference
    assert (interval.high if sign > 0 else interval.low) == sign


def test_comparison_refuses_other_people():
    with pytest.raises(NeuroMotionError, match="only one of the two has c"):
        statistics.compare(np.ones(2), ["a", "b"], np.ones(3), ["a", "b", "c"])


def test_compare_all_corrects_for_their_number():
    people = [f"p{i}" for i in range(8)]
    generator = np.random.default_rng(1)
    reference = (np.zeros(8), people)
    others = {name: (generator.normal(0.5, 0.4, 8), people) for name in "abc"}
    found = statistics.compare_all(reference, others)
    alone = {name: statistics.compare(*others[name], *reference).p for name in others}
    assert all(found[name][1] >= alone[name] for name in others)
    assert max(found[name][1] / alone[name] for name in others) == pytest.approx(3)


def test_information_over_people_is_not_the_mean_of_their_rates():
    people = np.repeat(["a", "b"], 10)
    success = np.repeat([1.0, 0.5], 10)
    interval = statistics.rate_of_information(success, np.full(20, 60.0), people, 2)
    assert interval.mean == pytest.approx(0.1887, abs=1e-3)  # bits at 0.75, not the mean of 1 and 0
    assert interval.low == 0
    assert interval.high == pytest.approx(1)


def test_rank_correlation_with_ties_is_spearmans():
    generator = np.random.default_rng(2)
    first, second = generator.integers(0, 5, 30), generator.integers(0, 5, 30)
    assert statistics.rank_correlation(first, second) == pytest.approx(stats.spearmanr(first, second).statistic)
    assert np.isnan(statistics.rank_correlation(np.ones(3), np.arange(3)))
