"""Computes a benchmark's figures from its episodes; the unit of the statistics is the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.benchmark.metrics import information_transfer_rate, throughput_over_combinations
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.statistics import (
    Interval,
    holm,
    paired_permutation_test,
    rate_interval,
    studentised_bootstrap_interval,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Comparison(NamedTuple):
    """Paired difference of two rates: interval over people, p-value and number of people."""

    difference: Interval
    p: float
    people: int


def wilson_interval(successes: int, episodes: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a rate, for independent episodes only.

    Several episodes of one person are not independent: for them this interval is far too narrow.

    Raises
    ------
    NeuroMotionError
        If there are no episodes, or more successes than episodes.
    """
    from scipy.stats import binomtest

    if not 0 <= successes <= episodes or episodes == 0:
        raise NeuroMotionError(f"{successes} successes in {episodes} episodes are no rate.")
    interval = binomtest(int(successes), int(episodes)).proportion_ci(level, method="wilson")
    return Interval(successes / episodes, float(interval.low), float(interval.high))


def person_means(values: np.ndarray, people: Sequence[str] | np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Mean of each person's episodes.

    Parameters
    ----------
    values : float array, shape (episodes,)
    people : sequence of str, shape (episodes,)

    Returns
    -------
    means : float array, shape (people,)
    names : tuple of str
        Sorted.
    """
    names, index = np.unique(np.asarray(people), return_inverse=True)
    counts = np.bincount(index)
    return np.bincount(index, weights=np.asarray(values, dtype=float)) / counts, tuple(str(name) for name in names)


def rate_over_people(success: np.ndarray, people: Sequence[str] | np.ndarray, level: float = 0.95) -> Interval:
    """Success rate: the mean of the people's rates, with an interval over people.

    The interval is a studentised bootstrap, which is widened near 0 and 1 so that it keeps a width; see
    `neuromotion_gym.statistics.rate_interval`.

    Parameters
    ----------
    success : bool array, shape (episodes,)
    people : sequence of str, shape (episodes,)
    level : float, default 0.95
    """
    _, index = np.unique(np.asarray(people), return_inverse=True)
    successes = np.bincount(index, weights=np.asarray(success, dtype=float))
    return rate_interval(successes, np.bincount(index), level)


def compare(
    first: np.ndarray, first_people: Sequence[str], second: np.ndarray, second_people: Sequence[str]
) -> Comparison:
    """Paired difference ``first - second`` of two rates over the people that both have.

    With common random numbers (the same episodes for both) most differences between easy and hard episodes cancel out.

    Parameters
    ----------
    first, second : float array, shape (episodes,), each with its own number of episodes
    first_people, second_people : sequence of str

    Raises
    ------
    NeuroMotionError
        If the people are not the same.
    """
    mine, names = person_means(first, first_people)
    other, other_names = person_means(second, second_people)
    if names != other_names:
        missing = sorted(set(names) ^ set(other_names))
        raise NeuroMotionError(f"Both need the same people; only one of the two has {', '.join(missing)}.")
    difference = mine - other
    return Comparison(
        studentised_bootstrap_interval(difference, bounds=(-1.0, 1.0)), paired_permutation_test(difference), len(names)
    )


def compare_all(
    reference: tuple[np.ndarray, Sequence[str]], others: dict[str, tuple[np.ndarray, Sequence[str]]]
) -> dict[str, tuple[Comparison, float]]:
    """Each of ``others`` against ``reference``, with p-values corrected by Holm's method.

    Parameters
    ----------
    reference : (values, people)
    others : dict of (values, people)

    Returns
    -------
    dict of (comparison, adjusted p)
    """
    found = {name: compare(*other, *reference) for name, other in others.items()}
    adjusted = holm(np.array([comparison.p for comparison in found.values()])) if found else np.zeros(0)
    return {name: (found[name], float(p)) for name, p in zip(found, adjusted, strict=True)}


def rate_of_information(
    success: np.ndarray,
    time_s: np.ndarray,
    people: Sequence[str] | np.ndarray,
    choices: float,
    n_resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Information transfer rate of all episodes, with a percentile bootstrap interval over people.

    The rate is not a mean over people: bits are a convex function of the success rate, so that a mean of the people's
    own rates would be too high. The bootstrap therefore draws whole people and computes the rate again for each draw.

    Parameters
    ----------
    success : bool array, shape (episodes,)
    time_s : float array, shape (episodes,)
    people : sequence of str, shape (episodes,)
    choices : float
        See `neuromotion_gym.benchmark.metrics.bits_per_selection`.

    Returns
    -------
    Interval
        Low and high are NaN for a single person.
    """
    rates, _ = person_means(success, people)
    times, _ = person_means(time_s, people)
    mean = information_transfer_rate(rates, times, choices)
    if len(rates) == 1:
        return Interval(mean, float("nan"), float("nan"))
    generator = np.random.default_rng(0)
    draws = generator.integers(len(rates), size=(n_resamples, len(rates)))
    resampled = [information_transfer_rate(rates[draw], times[draw], choices) for draw in draws]
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))


def throughput_over_people(
    combinations: np.ndarray,
    travelled: np.ndarray,
    along: np.ndarray,
    time_s: np.ndarray,
    people: Sequence[str] | np.ndarray,
    fewest: int = 10,
) -> Interval | None:
    """Mean over people of each person's `throughput_over_combinations`, with an interval over them.

    Parameters
    ----------
    combinations, travelled, along, time_s
        See `neuromotion_gym.benchmark.metrics.throughput_over_combinations`.
    people : sequence of str, shape (episodes,)
    fewest : int, default 10
        Every person needs so many episodes in every combination that is counted over all people together.

    Returns
    -------
    Interval or None
        None for a single person, where somebody has too few episodes, and where someone's places do not vary.
    """
    names, index = np.unique(np.asarray(people), return_inverse=True)
    _, counted = throughput_over_combinations(combinations, travelled, along, time_s, fewest)
    values = []
    for person in range(len(names)):
        mine = index == person
        own = combinations[mine], travelled[mine], along[mine], time_s[mine]
        value, found = throughput_over_combinations(*own, fewest)
        if found < counted or not np.isfinite(value):
            return None
        values.append(value)
    return studentised_bootstrap_interval(np.array(values), bounds=(0.0, np.inf)) if len(values) > 1 else None


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; tied values get their mean rank. NaN if all values of one array are equal.

    Parameters
    ----------
    first, second : float array, shape (n,)
        For example offline accuracy and task success of ``n`` decoders.
    """
    from scipy.stats import spearmanr

    if len(first) != len(second) or len(first) < 2:
        raise NeuroMotionError(f"A rank correlation needs two pairs, not {len(first)} and {len(second)} values.")
    if min(np.ptp(first), np.ptp(second)) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)
