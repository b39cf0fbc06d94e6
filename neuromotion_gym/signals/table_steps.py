"""Steps that prepare a table of samples before a network reads it: rows are samples in their order, columns channels.

Each step is fitted to the rows of one table and then changes the rows of any table, like a transformer of scikit-learn:
``fit`` returns the step, ``transform`` a new float64 array of the same shape, and fitted values end in an underscore.
Rows are never reordered. A step reads no labels, so fitting it to rows that are tested on leaks only their values.

A leaf module: it needs NumPy and SciPy only.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from scipy.stats import yeojohnson_normmax

from neuromotion_gym.errors import NeuroMotionError


class Step(Protocol):
    """What every step has."""

    def fit(self, values: np.ndarray) -> Self:
        """Fit the step to ``values``, shape (rows, columns)."""

    def transform(self, values: np.ndarray) -> np.ndarray:
        """``values`` changed by the fitted step."""


def first_of_duplicates(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which rows to keep so that no row is there twice: of equal rows with equal labels the first one.

    Parameters
    ----------
    values : float array, shape (rows, columns)
        Missing values (NaN) are equal to each other.
    labels : array, shape (rows,)

    Returns
    -------
    bool array, shape (rows,)
    """
    numbers = np.unique(labels, return_inverse=True)[1].reshape(-1, 1)
    rows = np.column_stack([np.isnan(values), np.where(np.isnan(values), 0.0, values), numbers])
    kept = np.zeros(len(rows), bool)
    kept[np.unique(rows, axis=0, return_index=True)[1]] = True
    return kept


class ImputeNearest:
    """Replace a missing value by the mean of its column over the nearest rows (k nearest neighbours).

    The distance of two rows is Euclidean over the columns that both have, scaled up to all columns. A row that shares
    no column with any other, as in a table with one column, gets the mean of the whole column.

    Parameters
    ----------
    neighbours : int
        How many rows, k.

    References
    ----------
    Troyanskaya et al., Bioinformatics 17:520-525 (2001).
    """

    def __init__(self, neighbours: int = 5) -> None:
        self.neighbours = neighbours

    def fit(self, values: np.ndarray) -> Self:
        """Keep the rows that values are taken from.

        Raises
        ------
        NeuroMotionError
            If a column has no value at all.
        """
        self.rows_ = np.array(values, float)
        if (empty := np.flatnonzero(np.isnan(self.rows_).all(axis=0))).size:
            raise NeuroMotionError(f"Column {', '.join(map(str, empty))} has no value that others could be taken from.")
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """``values`` without missing values."""
        filled = np.array(values, float)
        for row, column in np.argwhere(np.isnan(filled)):
            donors = self.rows_[~np.isnan(self.rows_[:, column])]
            gaps = (donors - values[row]) ** 2
            shared = np.sum(~np.isnan(gaps), axis=1)
            usable = shared > 0
            if usable.any():
                distance = np.nansum(gaps[usable], axis=1) * gaps.shape[1] / shared[usable]
                donors = donors[usable][np.argsort(distance, kind="stable")[: self.neighbours]]
            filled[row, column] = donors[:, column].mean()
        return filled


class Standardise:
    """Subtract the mean of each column and divide by its standard deviation; a constant column becomes zero."""

    def fit(self, values: np.ndarray) -> Self:
        """Find mean and standard deviation."""
        self.mean_, spread = values.mean(axis=0), values.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Standardised values."""
        standard: np.ndarray = (values - self.mean_) / self.scale_
        return standard


class ClipPercentiles:
    """Clip each column to two of its percentiles, interpolated between samples.

    Parameters
    ----------
    low, high : float
        Percentiles, 0 to 100.
    """

    def __init__(self, low: float = 1.0, high: float = 99.0) -> None:
        self.low, self.high = low, high

    def fit(self, values: np.ndarray) -> Self:
        """Find the percentiles."""
        self.low_, self.high_ = np.percentile(values, (self.low, self.high), axis=0)
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Clipped values."""
        return np.clip(values, self.low_, self.high_)


class Winsorise:
    """Clip a share of each column at both ends to the nearest value that is left (winsorising).

    Unlike `ClipPercentiles` it clips to values that occur.

    Parameters
    ----------
    share : float
        Share of the rows at each end, 0 to less than 0.5; rounded down to whole rows.
    """

    def __init__(self, share: float = 0.05) -> None:
        self.share = share

    def fit(self, values: np.ndarray) -> Self:
        """Find the lowest and highest value that are left."""
        count, ordered = int(self.share * len(values)), np.sort(values, axis=0)
        self.low_, self.high_ = ordered[count], ordered[len(values) - 1 - count]
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Clipped values."""
        return np.clip(values, self.low_, self.high_)


class YeoJohnson:
    """Power transform of each column towards a normal distribution, then `Standardise`.

    The power is the one of greatest likelihood (Yeo and Johnson, Biometrika 87:954-959, 2000).
    """

    def fit(self, values: np.ndarray) -> Self:
        """Find powers, means and standard deviations."""
        self.power_ = np.array([float(yeojohnson_normmax(column)) for column in np.asarray(values, float).T])
        self.standard_ = Standardise().fit(yeo_johnson(values, self.power_))
        return self

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Transformed and standardised values."""
        return self.standard_.transform(yeo_johnson(values, self.power_))


def yeo_johnson(values: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Yeo and Johnson's transform: ((x + 1)^p - 1) / p for x >= 0, -((1 - x)^(2 - p) - 1) / (2 - p) below.

    Parameters
    ----------
    values : float array, shape (rows, columns)
    power : float array, shape (columns,)
        p; at 0 (and 2 for the lower branch) the limit is a logarithm.
    """
    signed = np.where(values >= 0, 1.0, -1.0)
    exponent = np.where(values >= 0, power, 2.0 - power)
    logarithm = np.log1p(np.abs(values))
    flat = exponent == 0
    curved: np.ndarray = np.where(flat, logarithm, np.expm1(exponent * logarithm) / np.where(flat, 1.0, exponent))
    return signed * curved


def fitted_chain(steps: dict[str, Step], values: np.ndarray) -> np.ndarray:
    """Fit each step to the output of the step before; return the output of the last one.

    Parameters
    ----------
    steps : dict of str to Step
        Steps by name, in their order.
    values : float array, shape (rows, columns)
    """
    for step in steps.values():
        values = step.fit(values).transform(values)
    return values


def sequences(values: np.ndarray, labels: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of ``length`` rows, one row apart, each with the label of the row after it.

    Windows share all rows but one with their neighbours, and some reach over a change of the label.

    Returns
    -------
    windows : array, shape (rows - length, length, columns)
    labels : array, shape (rows - length,)
    """
    views = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[:-1]
    return views.transpose(0, 2, 1), labels[length:]
