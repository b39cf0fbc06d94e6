"""Time and the label before: fixed orders and alternation are found, shuffled orders are not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from neuromotion_gym.audit.answer import NotAsked, Options
from neuromotion_gym.audit.questions.order import ask

sys.path.insert(0, str(Path(__file__).parents[1]))

from materials import material, trials

FEW = Options(permutations=99)


def test_shuffled_labels_give_nothing():
    time, last = ask(material(), FEW)
    assert time.p > 0.05
    assert last.p > 0.05
    assert abs(time.figure.mean - 0.5) < 0.1


def test_one_order_for_all_sessions_is_told_by_time():
    order = np.random.default_rng(3).permutation(["left", "right"] * 8)
    time, _ = ask(material(labels=np.tile(order, 12)), FEW)
    assert time.figure.mean == 1.0
    assert time.p == 0.01


def test_alternation_is_told_by_the_last_label_alone():
    starts = np.random.default_rng(4).integers(0, 2, 12)
    labels = np.concatenate([np.where((np.arange(16) + start) % 2, "left", "right") for start in starts])
    time, last = ask(material(labels=labels), FEW)
    assert last.figure.mean == 1.0
    assert last.p == 0.01
    assert time.figure.mean < 0.7


def test_blocks_are_told_by_the_last_label():
    halves = np.random.default_rng(5).integers(0, 2, 12)
    labels = np.concatenate([np.roll(np.repeat(["left", "right"], 8), 8 * half) for half in halves])
    assert ask(material(labels=labels), FEW)[1].figure.mean > 0.9


def test_one_trial_a_label_is_a_finding_without_a_test():
    given = trials(people=1, sessions=1, count=2)
    (answer,) = ask(material(**given), FEW)
    assert answer.fact
    assert answer.p is None
    assert "in one trial" in answer.sentence


def test_one_label_is_not_asked():
    assert isinstance(ask(material(labels=np.full(192, "left")), FEW), NotAsked)
