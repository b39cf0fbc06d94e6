"""Laws of the simulated user."""

from __future__ import annotations

import numpy as np

from neuromotion_gym.intents import intent_map
from neuromotion_gym.operators import Operator, OperatorSpec

LABELS = ("rest", "left_fist", "right_fist")


def make_operator(rows: int = 1, labels: tuple[str, ...] = LABELS, **figures: float) -> Operator:
    spec = OperatorSpec(**{"lapse": 0.0, **figures})
    operator = Operator(spec, intent_map("arm", labels), 0.05, 0.4, 0.3, 0.15, 20.0)
    operator.start(rows)
    axes = len(operator.intents.axes)
    generators = [np.random.default_rng([3, row]) for row in range(rows)]
    operator.reset(np.arange(rows), generators, np.zeros((rows, axes)))
    return operator


def test_it_does_nothing_before_its_reaction_time() -> None:
    operator, goal = make_operator(delay_s=0.25, hold_s=0.05), np.array([[0.6]])
    labels = [int(operator.step(np.zeros((1, 1)), goal)[0]) for _ in range(8)]
    assert labels == [0, 0, 0, 0, 0, 2, 2, 2]


def test_what_it_sees_is_late() -> None:
    early, late = make_operator(delay_s=0.25, hold_s=0.05), make_operator(delay_s=0.25, hold_s=0.05)
    goal = np.array([[0.6]])
    for step in range(60):
        position = np.zeros((1, 1)) if step < 30 else np.full((1, 1), 0.6)
        first = early.step(position, goal).copy()
        second = late.step(np.zeros((1, 1)), goal)
        if step < 35:
            assert first == second
    assert first != second


def test_it_holds_a_choice_for_the_shortest_time() -> None:
    operator = make_operator(labels=LABELS[1:], hold_s=0.5)
    rng, changes, last = np.random.default_rng(0), [], None
    for step in range(400):
        label = int(operator.step(rng.uniform(-0.7, 0.7, (1, 1)), np.array([[0.0]]))[0])
        if last is not None and label != last:
            changes.append(step)
        last = label
    assert len(changes) > 3
    assert min(np.diff(changes)) >= 10


def test_it_lapses_as_often_as_it_is_told_to() -> None:
    rows = 2000
    operator = make_operator(rows, lapse=0.1)
    goal = np.full((rows, 1), 0.6)
    for _ in range(8):
        labels = operator.step(np.zeros((rows, 1)), goal)
    assert np.mean(labels == 1) == np.clip(np.mean(labels == 1), 0.02, 0.09)
    assert np.mean(labels == 2) > 0.85


def test_it_mends_the_largest_error_first() -> None:
    labels = ("neutral", "wrist_flexion", "wrist_extension", "hand_close", "hand_open")
    operator = make_operator(labels=labels)
    for _ in range(10):
        label = operator.step(np.zeros((1, 2)), np.array([[0.3, -0.6]]))
    assert labels[int(label[0])] == "hand_open"


def test_it_rests_inside_the_goal() -> None:
    operator = make_operator()
    for _ in range(60):
        label = operator.step(np.full((1, 1), 0.6), np.array([[0.6]]))
    assert int(label[0]) == 0
