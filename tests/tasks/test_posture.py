"""Laws of the posture task: what selects, what ends, what no policy without information can exceed."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.posture import LEVELS, PostureTask, posture_level

CASES = [(level, axes) for level in LEVELS for axes in (1, 2, 3)]


def make_task(level: str, axes: int, rows: int, **options: object) -> PostureTask:
    task = PostureTask(posture_level(level, axes, 0.4, 0.5, rest=True), 0.05, **options)
    task.start(rows)
    task.reset(np.arange(rows), [np.random.default_rng([7, row]) for row in range(rows)])
    return task


def hold(task: PostureTask, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stand at ``place`` for three dwell times; return whether each row selected rightly, and wrongly."""
    rows = len(task.goal)
    success, wrong = np.zeros(rows, bool), np.zeros(rows, bool)
    for _ in range(round(3 * task.level.dwell_s / task.control_s)):
        outcome = task.step(np.broadcast_to(place, (rows, task.level.axes)))
        success |= outcome.success & ~wrong
        wrong |= outcome.wrong & ~success
    return success, wrong


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_best_constant_posture_scores_what_was_computed(level: str, axes: int) -> None:
    task = make_task(level, axes, 4000)
    place = np.full(axes, 0.6) if task.level.candidates is None else task.level.candidates[0]
    success, _ = hold(task, place)
    assert success.mean() == pytest.approx(task.level.chance, abs=4 * np.sqrt(0.25 / 4000))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_blind_ceiling_on_hard(axes: int) -> None:
    assert posture_level("hard", axes, 0.4, 0.5, rest=True).chance <= 0.15 + 1e-9


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_the_goal_is_selected_by_holding_it(level: str, axes: int) -> None:
    task = make_task(level, axes, 200)
    success, wrong = hold(task, task.goal)
    assert success.all()
    assert not wrong.any()


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_nothing_is_selected_near_home(level: str, axes: int) -> None:
    success, wrong = hold(make_task(level, axes, 200), np.full(axes, 0.19))
    assert not success.any()
    assert not wrong.any()


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_a_sweep_at_full_speed_selects_nothing(level: str, axes: int) -> None:
    task = make_task(level, axes, 50)
    stride = task.level.speed * task.control_s
    for position in np.arange(0, 1, stride):
        outcome = task.step(np.full((50, axes), position))
        assert not (outcome.success | outcome.wrong).any()


@pytest.mark.parametrize("axes", [2, 3])
def test_passing_from_one_axis_to_the_next_is_not_holding(axes: int) -> None:
    task = make_task("hard", axes, 1)
    stride, position = task.level.speed * task.control_s, np.zeros(axes)
    for axis in range(axes):
        while position[axis] < 0.6:
            position[axis] += stride
            outcome = task.step(position[None])
            assert not outcome.wrong.any()


def test_turning_back_is_not_holding_on_hard() -> None:
    task = make_task("hard", 1, 1)
    stride = task.level.speed * task.control_s
    way = np.concatenate([np.arange(0, 0.9, stride), np.arange(0.9, 0.3, -stride)])
    assert not any(task.step(np.array([[position]])).wrong.any() for position in way)


@pytest.mark.parametrize("level", ["easy", "standard"])
def test_another_candidate_is_a_wrong_selection(level: str) -> None:
    task = make_task(level, 3, 500)
    success, wrong = hold(task, task.level.candidates[1])
    assert (success ^ wrong).all()
    chosen = (task.goal == task.level.candidates[1]).all(axis=1)
    assert (success == chosen).all()


def test_a_selection_between_candidates_does_nothing_on_standard() -> None:
    success, wrong = hold(make_task("standard", 3, 100), np.array([0.6, 0.6, 0.0]))
    assert not (success | wrong).any()


def test_start_does_not_tell_the_goal() -> None:
    task = make_task("easy", 1, 4000)
    towards = (np.sign(task.home) == np.sign(task.goal)).mean()
    assert towards == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 4000))
    assert np.abs(task.home).max() <= 0.1


def test_decoy_is_independent_of_the_goal() -> None:
    task = make_task("standard", 3, 4000)
    same = (task.goal == task.decoy).all(axis=1).mean()
    assert same == pytest.approx(1 / 8, abs=4 * np.sqrt(1 / 8 / 4000))


def test_shaping_adds_nothing_to_a_return_but_a_constant_of_the_start() -> None:
    task = make_task("easy", 2, 64, discount=0.97)
    start = -np.abs(task.home - task.goal).mean(axis=1)
    total, weight = np.zeros(64), np.ones(64)
    ended = np.zeros(64, bool)
    rng = np.random.default_rng(0)
    position, outcome_value = task.home.copy(), np.zeros(64)
    for _ in range(400):
        position = position + np.clip(task.goal - position, -0.015, 0.015) * rng.uniform(0.5, 1)
        outcome = task.step(position)
        total += np.where(ended, 0.0, weight * outcome.reward)
        outcome_value += np.where(ended, 0.0, weight * outcome.success)
        ended |= outcome.success
        weight *= 0.97
    assert ended.all()
    assert total == pytest.approx(outcome_value - start)


def test_ignored_wrong_selections_do_not_end_or_cost() -> None:
    task = make_task("easy", 1, 100, wrong_selection="ignore")
    _, wrong = hold(task, np.array([0.6]))
    assert wrong.any()
    outcome = task.step(np.full((100, 1), 0.6))
    assert (outcome.reward[outcome.wrong] > -0.5).all()


def test_unknown_level_names_those_that_exist() -> None:
    with pytest.raises(NeuroMotionError, match="easy, standard, hard"):
        posture_level("medium", 1, 0.4, 0.5, rest=True)


@pytest.mark.parametrize("bad", [{"wrong_selection": "maybe"}, {"discount": 0.0}, {"discount": 1.5}])
def test_options_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(NeuroMotionError):
        make_task("easy", 1, 1, **bad)
