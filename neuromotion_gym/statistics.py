"""Statistics in which people are the unit: intervals, paired tests, correction for many comparisons.

A leaf: NumPy alone. Windows and episodes of one person are not independent, so every function takes one value a
person.
"""

from __future__ import annotations

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

    Every resample's deviation from the mean is divided by its own standard error; the quantiles of that ratio stand
    in for Student's. It covers better on few people than the percentile bootstrap, whose intervals are too short.

    Parameters
    ----------
    values : float array, shape (people,)
        One value a person.
    level : float
        Coverage, between 0 and 1.
    n_resamples : int
    generator : numpy.random.Generator, optional
        Fixed seed 0 when left out, so that a table made twice is the same.
    bounds : (float, float)
        What the mean can be at all, (0, 1) for rates; the interval is cut to it.

    Returns
    -------
    Interval
        Of zero width where all people have the same value; low and high are NaN for a single person.

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
    # People who are nearly all alike (rates at a ceiling) give resamples without spread; infinitely many standard
    # errors away they would make the interval endless, and leaving them out would end it at the mean.
    errors = np.maximum(resampled.std(axis=1, ddof=1) / np.sqrt(people), error / 4)
    ratios = (resampled.mean(axis=1) - mean) / errors
    upper, lower = np.quantile(ratios, [(1 + level) / 2, (1 - level) / 2])
    low, high = np.clip([mean - upper * error, mean - lower * error], *bounds)
    return Interval(mean, float(low), float(high))


def paired_permutation_test(
    differences: np.ndarray, n_resamples: int = 10_000, generator: np.random.Generator | None = None
) -> float:
    """Two-sided p of "the mean difference over people is zero", by flipping the signs of whole people.

    Parameters
    ----------
    differences : float array, shape (people,)
        One difference a person, between two decoders or controllers on the same person.
    n_resamples : int
        All ``2 ** people`` sign patterns are taken where that is no more; otherwise so many random ones, the
        observed one counted in.
    generator : numpy.random.Generator, optional
        Fixed seed 0 when left out.

    Raises
    ------
    NeuroMotionError
        If there are no values, or some are NaN or infinite.
    """
    differences = _one_a_person(differences)
    people = len(differences)
    exact = people < 63 and 2**people <= n_resamples
    if exact:
        signs = 1.0 - 2.0 * ((np.arange(2**people)[:, None] >> np.arange(people)) & 1)
    else:
        generator = np.random.default_rng(0) if generator is None else generator
        signs = generator.choice([-1.0, 1.0], size=(n_resamples, people))
    observed = abs(differences.sum())
    as_extreme = int((np.abs(signs @ differences) >= observed * (1 - 1e-12)).sum())
    return as_extreme / len(signs) if exact else (as_extreme + 1) / (n_resamples + 1)


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values adjusted for their number by Holm's step-down rule (Holm 1979).

    Parameters
    ----------
    p_values : float array, shape (comparisons,)

    Returns
    -------
    float array, shape (comparisons,), in the order given; compare with the level wanted.
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
        raise NeuroMotionError(f"Expected one value a person, not an array of shape {values.shape}.")
    if not np.isfinite(values).all():
        raise NeuroMotionError("Some people have no finite value; leave them out and say so.")
    return values
