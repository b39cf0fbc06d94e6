"""Statistics in which people are the unit: intervals, paired tests, correction for many comparisons.

A leaf module that needs only NumPy and SciPy. Windows and episodes of one person are not independent, so the functions
take one value per person.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError


class Interval(NamedTuple):
    """A mean with its interval."""

    mean: float
    low: float
    high: float


def studentised_bootstrap_interval(
    values: np.ndarray,
    level: float = 0.95,
    n_resamples: int = 4000,
    generator: np.random.Generator | None = None,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """Bootstrap-t interval of the mean over people (Efron and Tibshirani 1993, chapter 12.5).

    Every resample's deviation from the mean is divided by its own standard error; the quantiles of that ratio replace
    those of Student's t. With few people its coverage is better than that of the percentile bootstrap, whose intervals
    are too short.

    Parameters
    ----------
    values : float array, shape (people,)
        One value per person.
    level : float
        Coverage, between 0 and 1.
    n_resamples : int
    generator : numpy.random.Generator, optional
        Default: a generator with seed 0, so that a table made twice is the same.
    bounds : (float, float)
        Possible range of the mean, (0, 1) for rates; the interval is clipped to it.

    Returns
    -------
    Interval
        Of zero width if all people have the same value; low and high are NaN for a single person.

    Raises
    ------
    NeuroMotionError
        If there are no values, or some are NaN or infinite.
    """
    values = _one_a_person(values)
    if not 0 < level < 1:
        raise NeuroMotionError(f"The level of an interval lies between 0 and 1, not {level}.")
    mean = float(values.mean())
    people = len(values)
    if people == 1:
        return Interval(mean, np.nan, np.nan)
    error = values.std(ddof=1) / np.sqrt(people)
    if error <= 1e-12 * max(1.0, abs(mean)):
        return Interval(mean, mean, mean)
    generator = np.random.default_rng(0) if generator is None else generator
    resampled = values[generator.integers(people, size=(n_resamples, people))]
    # If nearly all people have the same value (rates at a ceiling), some resamples have no spread. Their ratio would be
    # infinite, and so the interval; without them the interval would end at the mean.
    errors = np.maximum(resampled.std(axis=1, ddof=1) / np.sqrt(people), error / 4)
    ratios = (resampled.mean(axis=1) - mean) / errors
    upper, lower = np.quantile(ratios, [(1 + level) / 2, (1 - level) / 2])
    low, high = np.clip([mean - upper * error, mean - lower * error], *bounds)
    return Interval(mean, float(low), float(high))


NEAR_BOUND = 0.15
"""For rates closer to 0 or 1 than this, the interval does not come from the bootstrap alone."""


def is_widened(rates: np.ndarray) -> bool:
    """Whether the interval of a rate is widened to that of the Beta-binomial model; see `rate_interval`.

    Parameters
    ----------
    rates : float array, shape (people,)
        One rate per person.
    """
    if len(rates) == 1:
        return False
    return bool(np.ptp(rates) == 0) or not NEAR_BOUND < rates.mean() < 1 - NEAR_BOUND


def rate_interval(successes: np.ndarray, episodes: np.ndarray, level: float = 0.95) -> Interval:
    """Interval of a rate over people, each with some episodes. Its mean is that of the people's own rates.

    It is the studentised bootstrap over people, except near 0 and 1, where the bootstrap over few people is narrow, and
    where all people have the same rate, so that it has no width (`is_widened`): there the interval is the smallest one
    that contains both the bootstrap's and `beta_binomial_interval`. ``benchmarks/interval_coverage.py`` simulates the
    coverage at rates of 0.90 to 0.99 with 10, 15 and 79 people.

    Parameters
    ----------
    successes, episodes : int array, shape (people,)
        Successes and episodes of each person.
    level : float

    Raises
    ------
    NeuroMotionError
        If there are no people, or somebody has no episodes or more successes than episodes.
    """
    successes, episodes = _counts(successes, episodes)
    rates = successes / episodes
    interval = studentised_bootstrap_interval(rates, level, bounds=(0.0, 1.0))
    if not is_widened(rates):
        return interval
    other = beta_binomial_interval(successes, episodes, level)
    return Interval(interval.mean, min(interval.low, other.low), max(interval.high, other.high))


def beta_binomial_interval(successes: np.ndarray, episodes: np.ndarray, level: float = 0.95) -> Interval:
    """Interval of a rate over people whose own rates have a Beta distribution around it.

    The correlation between episodes of one person, which says how much people differ, has a uniform prior. The ends are
    quantiles of the rate's posterior under conservative priors, ``1 / rate`` for the lower end and ``1 / (1 - rate)``
    for the upper one: if every person succeeds always or never, they are those of Clopper and Pearson (Biometrika
    26(4), 1934) with people as the unit. So the interval has a width even if all people have the same rate, and it is
    narrower if people have more episodes and differ less.

    Parameters
    ----------
    successes, episodes : int array, shape (people,)
    level : float
    """
    successes, episodes = _counts(successes, episodes)
    rate, width, correlation = _grid()
    log_likelihood = np.zeros((len(rate), len(correlation)))
    pairs, counts = np.unique(np.stack([successes, episodes]), axis=1, return_counts=True)
    for (right, number), people in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        log_likelihood += people * _log_beta_binomial(right, number)
    likelihood = np.exp(log_likelihood - log_likelihood.max()).sum(axis=1)

    def quantile(prior: np.ndarray, at: float) -> float:
        mass = likelihood * prior * width
        return float(np.interp(at, (np.cumsum(mass) - 0.5 * mass) / mass.sum(), rate))

    mean = float((successes / episodes).mean())
    low = 0.0 if not successes.any() else quantile(1 / rate, (1 - level) / 2)
    high = 1.0 if (successes == episodes).all() else quantile(1 / (1 - rate), (1 + level) / 2)
    # If nobody ever fails, the data do not show how much people differ: the rule of three, with people as the unit
    certain = (1 - level) ** (1 / len(successes))
    if high == 1.0:
        low = min(low, certain)
    if low == 0.0:
        high = max(high, 1 - certain)
    return Interval(mean, min(low, mean), max(high, mean))


def _grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates with the width of each, shape (rates,), and correlations, shape (correlations,)."""
    near = np.array([0.5e-4, 2e-4, 5e-4])
    rate = np.concatenate([near, np.linspace(1e-3, 0.999, 500), 1 - near[::-1]])
    return rate, np.gradient(rate), (np.arange(40) + 0.5) / 40


@lru_cache(maxsize=1000)
def _log_beta_binomial(successes: int, episodes: int) -> np.ndarray:
    """Log-likelihood of one person on the grid, without its binomial coefficient, shape (rates, correlations)."""
    from scipy.special import betaln

    rate, _, correlation = _grid()
    size = 1 / correlation - 1
    first, second = rate[:, None] * size, (1 - rate[:, None]) * size
    return np.asarray(betaln(first + successes, second + episodes - successes) - betaln(first, second))


def paired_permutation_test(
    differences: np.ndarray, n_resamples: int = 10_000, generator: np.random.Generator | None = None
) -> float:
    """Two-sided p-value of "the mean difference over people is zero", by flipping the signs of people's differences.

    Parameters
    ----------
    differences : float array, shape (people,)
        One difference per person, between two decoders or controllers on the same person.
    n_resamples : int
        All ``2 ** people`` sign patterns are used if they are no more than this; otherwise this many random ones, and
        the observed one is counted as well.
    generator : numpy.random.Generator, optional
        Default: a generator with seed 0.

    Raises
    ------
    NeuroMotionError
        If there are no values, or some are NaN or infinite.
    """
    from scipy.stats import permutation_test

    differences = _one_a_person(differences)
    if len(differences) == 1:
        return 1.0  # both signs are equally extreme; SciPy needs two values
    found = permutation_test(
        (differences,),
        lambda values, axis: values.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=n_resamples,
        batch=1000,
        rng=np.random.default_rng(0) if generator is None else generator,
    )
    return float(found.pvalue)


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values adjusted for multiple comparisons by Holm's step-down rule (Holm 1979).

    Parameters
    ----------
    p_values : float array, shape (comparisons,)

    Returns
    -------
    float array, shape (comparisons,), in the order given; compare them with the significance level.
    """
    p_values = np.asarray(p_values, dtype=float)
    if p_values.ndim != 1 or not ((p_values >= 0) & (p_values <= 1)).all():
        raise NeuroMotionError("Holm's rule takes a row of p-values between 0 and 1.")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def _one_a_person(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values):
        raise NeuroMotionError(f"Expected one value per person, not an array of shape {values.shape}.")
    if not np.isfinite(values).all():
        raise NeuroMotionError("Some people have no finite value; leave them out and say so.")
    return values


def _counts(successes: np.ndarray, episodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    successes, episodes = np.asarray(successes), np.asarray(episodes)
    if successes.ndim != 1 or successes.shape != episodes.shape or not successes.size:
        raise NeuroMotionError(
            f"Expected successes and episodes of one person or more, not arrays of shapes {successes.shape} and "
            f"{episodes.shape}."
        )
    whole, number = np.round(successes).astype(np.int64), np.round(episodes).astype(np.int64)
    if (whole != successes).any() or (number != episodes).any() or (whole < 0).any() or (whole > number).any():
        raise NeuroMotionError("Successes are whole numbers from 0 to the number of episodes.")
    if not number.all():
        raise NeuroMotionError("Some people have no episodes; leave them out and say so.")
    return whole, number
