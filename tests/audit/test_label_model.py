"""The linear model of labels and its permutation test: power, level, and nothing learned from the tested people."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.audit.answer import Options
from neuromotion_gym.audit.label_model import folds_of, permuted, scoring, standardised, tells_label

sys.path.insert(0, str(Path(__file__).parent))

from materials import material

FEW = Options(permutations=99)


def test_a_feature_that_tells_the_label_is_found_and_noise_is_not():
    units = material().units
    noise = np.random.default_rng(1).standard_normal((len(units.labels), 3))
    found = tells_label(noise + units.labels[:, None], units, FEW)
    assert found.accuracy.mean > 0.75
    assert found.accuracy.low > 0.6
    assert found.p == 0.01
    assert abs(found.chance - 0.5) < 0.03
    assert tells_label(noise, units, FEW).p > 0.05


def test_p_values_are_uniform_where_nothing_tells_the_label():
    generator = np.random.default_rng(2)
    values = []
    for seed in range(40):
        units = material(labels=np.concatenate([generator.permutation(["a", "b"] * 8) for _ in range(12)])).units
        slow = np.cumsum(generator.standard_normal((len(units.labels), 2)), axis=0)
        values.append(tells_label(slow, units, Options(permutations=19, seed=seed)).p)
    assert 0.35 < np.mean(values) < 0.65
    assert np.mean(np.array(values) <= 0.05) <= 0.15


def test_sessions_keep_their_labels_under_permutation():
    units = material().units
    orders = permuted(units, FEW)
    assert orders[:, 0].tolist() == list(range(len(units.labels)))
    assert (units.blocks[orders] == units.blocks[:, None]).all()
    assert (np.sort(orders, axis=0) == np.arange(len(orders))[:, None]).all()
    assert permuted(units._replace(labels=units.blocks), FEW) is None


def test_people_are_held_out_whole_and_stretches_where_there_is_one():
    units = material().units
    folds, held_out = folds_of(units)
    assert held_out == "person"
    assert all(len(set(folds[units.people == person].tolist())) == 1 for person in range(6))
    one = units._replace(people=units.people * 0, blocks=units.blocks * 0)
    folds, held_out = folds_of(one)
    assert held_out == "stretch of trials"
    assert all((np.diff(folds[units.labels == label]) >= 0).all() for label in (0, 1))


def test_weights_give_the_mean_over_people_of_balanced_accuracy():
    units = material().units
    keep = np.arange(len(units.labels)) % 5 != 0
    few = units._replace(**{name: getattr(units, name)[keep] for name in units._fields})
    groups, weights = scoring(few)
    hits = np.random.default_rng(0).random(len(groups)) < 0.6
    recalls = [
        np.mean([hits[(few.people == person) & (few.labels == label)].mean() for label in (0, 1)])
        for person in range(6)
    ]
    assert (hits * weights[groups, few.labels]).sum() == pytest.approx(np.mean(recalls))


def test_features_are_standardised_within_blocks():
    values = np.array([[1.0, 5], [3, 5], [10, 5], [30, 5]])
    assert standardised(values, np.array([0, 0, 1, 1])).tolist() == [[-1, 0], [1, 0], [-1, 0], [1, 0]]
