"""Each step of a table's preprocessing does what scikit-learn or SciPy do, and sequences are cut as published."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.mstats import winsorize

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.table_steps import (
    ClipPercentiles,
    ImputeNearest,
    Standardise,
    Winsorise,
    YeoJohnson,
    first_of_duplicates,
    fitted_chain,
    sequences,
    yeo_johnson,
)


@pytest.fixture
def table() -> np.ndarray:
    generator = np.random.default_rng(0)
    values = generator.integers(0, 1023, (97, 3)).astype(float)
    values[:, 1] = 30 * generator.standard_normal(97)
    return values


def test_of_equal_rows_with_equal_labels_the_first_one_is_kept() -> None:
    nan = np.nan
    values = np.array([[1, 2], [1, 2], [1, 2], [nan, 2], [nan, 2], [0, 2], [1, nan], [1, 2]])
    labels = np.array(["b", "b", "a", "b", "b", "b", "b", "a"])
    assert first_of_duplicates(values, labels).tolist() == [True, False, True, True, False, True, True, False]


def test_missing_values_come_from_the_nearest_rows(table) -> None:
    impute = pytest.importorskip("sklearn.impute")
    generator = np.random.default_rng(1)
    table[generator.random(table.shape) < 0.1] = np.nan
    table[0] = [np.nan, np.nan, 5.0]
    expected = impute.KNNImputer(n_neighbors=5).fit_transform(table)
    assert np.isnan(table).sum() > 20
    assert ImputeNearest(5).fit(table).transform(table) == pytest.approx(expected)


def test_a_missing_value_of_a_single_column_is_the_mean_of_the_column() -> None:
    column = np.array([[1.0], [np.nan], [5.0], [6.0]])
    assert ImputeNearest(2).fit(column).transform(column)[1, 0] == 4.0
    with pytest.raises(NeuroMotionError, match="Column 0 has no value"):
        ImputeNearest().fit(column * np.nan)


def test_steps_are_those_of_scikit_learn_and_scipy(table) -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    assert Standardise().fit(table).transform(table) == pytest.approx(
        preprocessing.StandardScaler().fit_transform(table)
    )
    expected = preprocessing.PowerTransformer("yeo-johnson").fit_transform(table)
    assert YeoJohnson().fit(table).transform(table) == pytest.approx(expected, abs=1e-6)
    expected = np.column_stack([np.asarray(winsorize(column, (0.05, 0.05))) for column in table.T])
    assert np.array_equal(Winsorise(0.05).fit(table).transform(table), expected)
    clipped = ClipPercentiles(1, 99).fit(table).transform(table)
    assert clipped.max(axis=0).tolist() == np.percentile(table, 99, axis=0).tolist()
    assert clipped.min(axis=0).tolist() == np.percentile(table, 1, axis=0).tolist()
    assert not Standardise().fit(np.ones((4, 1))).transform(np.ones((4, 1))).any()


def test_power_zero_is_a_logarithm_and_one_changes_nothing() -> None:
    values = np.array([[-3.0, -3.0, -3.0], [0.0, 0.0, 0.0], [7.0, 7.0, 7.0]])
    found = yeo_johnson(values, np.array([0.0, 1.0, 2.0]))
    assert found[2] == pytest.approx([np.log(8), 7.0, 31.5])
    assert found[0] == pytest.approx([-7.5, -3.0, -np.log(4)])


def test_a_chain_fits_each_step_to_the_output_of_the_one_before(table) -> None:
    steps = {"clip": ClipPercentiles(10, 90), "standard": Standardise()}
    found = fitted_chain(steps, table)
    clipped = ClipPercentiles(10, 90).fit(table).transform(table)
    assert steps["standard"].mean_ == pytest.approx(clipped.mean(axis=0))
    assert found == pytest.approx((clipped - clipped.mean(axis=0)) / clipped.std(axis=0))


def test_a_sequence_has_the_label_of_the_row_after_it() -> None:
    values = np.arange(12.0).reshape(6, 2)
    windows, labels = sequences(values, np.array(list("aabbcd")), 3)
    assert labels.tolist() == ["b", "c", "d"]
    assert windows.shape == (3, 3, 2)
    assert windows[1].tolist() == [[2, 3], [4, 5], [6, 7]]
