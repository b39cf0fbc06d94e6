"""Laws of the reaching task: what selects, what no policy without information can exceed, what nobody is told."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.reach import DISTANCES, HOME, LEVELS, START, ReachTask, reach_level
from neuromotion_gym.tasks.task import SizedGoals

CASES = [(level, axes) for level in LEVELS for axes in (1, 2)]
CONTROL_S = 0.05


class Plain:
    """A drive whose sensors are its places; states are places too."""

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return sensors, np.zeros_like(sensors)

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        return places.copy()


def make_task(level: str, axes: int, rows: int, goals: np.ndarray | None = None) -> ReachTask:
    task = ReachTask(reach_level(level, axes, 0.4, 0.5, rest=True), Plain(), ("right", "up")[:axes], CONTROL_S)
    task.start(rows)
    task.reset(np.arange(rows), [np.random.default_rng([7, row]) for row in range(rows)], goals)
    return task


def hold(task: ReachTask, places: np.ndarray, dwells: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stand at ``places``; return whether each row selected rightly, and wrongly, and the sum of its rewards."""
    rows = len(task.goal)
    right, wrong, earned = np.zeros(rows, bool), np.zeros(rows, bool), np.zeros(rows)
    for _ in range(round(dwells * task.facts.dwell_s / CONTROL_S)):
        outcome = task.step(np.broadcast_to(places, task.goal.shape))
        earned += np.where(right | wrong, 0.0, outcome.reward)
        right |= outcome.right & ~wrong
        wrong |= outcome.wrong & ~right
        np.testing.assert_array_equal(outcome.ended, outcome.right | outcome.wrong)
    return right, wrong, earned


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_no_place_is_inside_more_targets_than_chance_says(level: str, axes: int) -> None:
    rules = reach_level(level, axes, 0.4, 0.5, rest=True)
    line = np.linspace(-1.25, 1.25, 151)
    places = np.stack(np.meshgrid(*[line] * axes), axis=-1).reshape(-1, 1, axes)
    facts = rules.facts()
    inside, at_best = np.zeros(len(places)), 0
    for distance, width in product(DISTANCES, rules.widths):
        for direction in rules.directions:
            target = distance * direction
            inside += np.linalg.norm(places[:, 0] - target, axis=1) <= width / 2 + 1e-9
            at_best += np.linalg.norm(facts.goals.best_place(0.0) - target) <= width / 2
    count = len(DISTANCES) * len(rules.widths) * len(rules.directions)
    assert inside.max() / count <= facts.chance + 1e-12
    assert at_best / count == pytest.approx(facts.chance)
    assert facts.chance <= 1 / len(rules.directions)
    assert facts.choices == len(rules.directions) == (2 if axes == 1 else 4 if level == "easy" else 8)


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_the_best_constant_place_scores_what_was_computed(level: str, axes: int) -> None:
    task = make_task(level, axes, 1500)
    right, wrong, _ = hold(task, task.facts.goals.best_place(task.facts.tolerance))
    assert right.mean() == pytest.approx(task.facts.chance, abs=4 * np.sqrt(0.25 / 1500))
    assert (right ^ wrong).all()


def test_direction_distance_and_width_are_drawn_independently() -> None:
    task = make_task("standard", 2, 6000)
    direction = np.round(np.arctan2(task.goal[:, 1], task.goal[:, 0]), 3)
    kinds = [np.unique(values.round(9), return_inverse=True) for values in (direction, task.distance, task.width)]
    names, places = zip(*kinds, strict=True)
    counts = np.zeros([len(each) for each in names])
    np.add.at(counts, places, 1)
    expected = 6000 / counts.size
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected)
    assert names[1].tolist() == pytest.approx(DISTANCES)
    assert names[2].tolist() == pytest.approx(task.rules.widths)
    difficulty = {round(np.log2(d / w + 1), 6) for d in DISTANCES for w in task.rules.widths}
    assert len(difficulty) >= 3
    start = np.abs(task.home)
    assert start.max() <= START
    assert np.abs(np.corrcoef(task.home.T, task.goal.T)[:2, 2:]).max() < 4 / np.sqrt(6000)
    agree = (np.abs(task.goal - task.decoy).max(axis=1) < 1e-9) & (task.width == task.decoy_width)
    assert agree.mean() == pytest.approx(1 / counts.size, abs=4 * np.sqrt(1 / counts.size / 6000))


def test_a_place_outside_every_target_is_wrong_and_home_selects_nothing() -> None:
    task = make_task("standard", 2, 50)
    between = 0.72 * np.array([np.cos(np.pi / 8), np.sin(np.pi / 8)])
    _, wrong, earned = hold(task, between)
    assert wrong.all()
    assert (earned < -0.2).all()
    task = make_task("standard", 2, 50)
    right, wrong, _ = hold(task, np.array([HOME - 1e-9, 0.0]), 4.0)
    assert not right.any()
    assert not wrong.any()


def test_the_words_say_how_the_episode_ended() -> None:
    task = make_task("easy", 2, 1)
    ends = [task.words(0, right, wrong).outcome for right, wrong in ((True, False), (False, True), (False, False))]
    assert ends == ["Target selected", "Another place selected", ""]


def test_a_target_is_a_circle_and_passing_through_it_slowly_selects_nothing() -> None:
    task = make_task("hard", 2, 40)
    radius = task.width / 2
    turn = np.stack([np.cos(np.arange(40)), np.sin(np.arange(40))], axis=1)
    inside, _, _ = hold(task, task.goal + (radius * (1 - 1e-6))[:, None] * turn)
    assert inside.all()
    task = make_task("hard", 2, 40)
    _, outside, _ = hold(task, task.goal + (radius * (1 + 1e-6))[:, None] * turn)
    assert outside.all()
    task = make_task("hard", 2, 40)
    steps = round(task.facts.dwell_s / CONTROL_S)
    per_step = 1.01 * task.rules.box / steps  # one box a dwell time: the slowest movement that is not holding
    for step in range(int(1.2 / per_step)):
        outcome = task.step(np.broadcast_to([step * per_step, 0.0], (40, 2)))
        assert not outcome.ended.any()


def test_the_figures_of_an_episode_tell_where_the_point_is_from_start_and_target() -> None:
    task = make_task("standard", 2, 2, goals=np.array([[0.0, 0.7], [0.5, 0.0]]))
    task.home[:] = 0.0
    task._line[:] = [[0.0, 1.0], [1.0, 0.0]]
    columns = task.step(np.array([[0.1, 0.6], [0.6, 0.2]])).columns
    assert tuple(columns) == task.facts.columns
    np.testing.assert_allclose(columns["distance"], [0.7, 0.5])
    np.testing.assert_allclose(columns["travelled"], [0.6, 0.6])
    np.testing.assert_allclose(columns["along"], [-0.1, 0.1])
    np.testing.assert_allclose(columns["across"], [-0.1, 0.2])


def test_a_success_earns_at_least_0_8_and_a_wrong_selection_less_than_standing_still() -> None:
    for level, axes in CASES:
        task = make_task(level, axes, 30)
        right, _, earned = hold(task, task.goal)
        assert right.all()
        assert earned.min() >= 0.8
        farthest = task._scale * np.linalg.norm(task.goal - task.home, axis=1)
        assert farthest.max() <= 0.75 + 1e-12
        task = make_task(level, axes, 30)
        beside = task.goal * (1 + 1.001 * task.width / 2 / task.distance)[:, None]
        _, wrong, earned = hold(task, beside)
        assert wrong.all()
        assert earned.max() < -0.2


def test_what_is_drawn_does_not_depend_on_a_goal_that_is_given() -> None:
    drawn, given = make_task("hard", 2, 20), make_task("hard", 2, 20, goals=np.full((20, 2), 0.5))
    for name in ("home", "width", "decoy", "decoy_width"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(given, name))
    np.testing.assert_array_equal(given.goal, 0.5)


def test_the_operator_is_told_the_radius_of_its_own_target() -> None:
    task = make_task("standard", 1, 30)
    assert isinstance(task, SizedGoals)
    np.testing.assert_array_equal(task.tolerances(), task.width / 2)
    np.testing.assert_array_equal(task.tolerances(decoy=True), task.decoy_width / 2)
    assert task.facts.tolerance == pytest.approx(min(task.rules.widths) / 2)


@pytest.mark.parametrize(
    ("level", "axes", "lag_s", "piece_s", "figures"),
    [
        # speed in half sides per second, dwell time and time limit in seconds, chance
        ("easy", 2, 0.375, 0.5, (0.3, 1.6, 20.0, 1 / 6)),
        ("standard", 2, 0.375, 0.5, (0.22, 1.6, 21.0, 5 / 72)),
        ("hard", 2, 0.375, 0.5, (0.154, 1.6, 30.0, 1 / 24)),
        ("easy", 1, 1.875, 1.5, (0.1027, 4.7, 40.0, 1 / 3)),
        ("standard", 1, 1.875, 1.5, (0.0733, 4.7, 44.0, 5 / 18)),
        ("hard", 1, 1.875, 1.5, (0.0513, 4.7, 62.0, 1 / 6)),
    ],
)
def test_levels_have_the_figures_that_committed_results_rest_on(
    level: str, axes: int, lag_s: float, piece_s: float, figures: tuple[float, ...]
) -> None:
    rules = reach_level(level, axes, lag_s, piece_s, rest=True)
    assert (*rules.pace, rules.facts().chance) == pytest.approx(figures, abs=1e-4)


def test_goals_of_the_facts_do_not_tell_the_distances() -> None:
    goals = reach_level("standard", 2, 0.4, 0.5, rest=True).facts().goals
    assert goals.candidates is None
    drawn = np.linalg.norm([goals.draw(np.random.default_rng(seed)) for seed in range(200)], axis=1)
    assert len(np.unique(drawn.round(6))) == 200
    assert drawn.min() >= min(DISTANCES)
    assert drawn.max() <= max(DISTANCES)
    spread = goals.spread(0.2, 1000)
    assert len(spread) == 8 * 3
    np.testing.assert_allclose(np.linalg.norm(spread, axis=1).reshape(8, 3), [[0.5, 0.725, 0.95]] * 8)
    assert len(goals.spread(1e-4, 100)) <= 100


@pytest.mark.parametrize("goal", [(0.0, 0.0), (0.05, 0.0), (1.0, 0.0), (1.0, 1.0), (0.3, 0.9), (np.nan, 0.5)])
def test_a_goal_where_no_target_can_be_is_refused(goal: tuple[float, float]) -> None:
    with pytest.raises(NeuroMotionError, match=r"0\.5 to 0\.95 times one of the directions \[1\.0, 0\.0\], \[0\.707"):
        make_task("standard", 2, 1, goals=np.array([goal]))


def test_the_directions_of_a_given_goal_are_those_of_the_level() -> None:
    slanting = np.array([[0.5, -0.5]])
    np.testing.assert_array_equal(make_task("standard", 2, 1, goals=slanting).goal, slanting)
    with pytest.raises(NeuroMotionError, match="of level 'easy', not"):
        make_task("easy", 2, 1, goals=slanting)
    line = np.array([[-0.95]])
    np.testing.assert_array_equal(make_task("easy", 1, 1, goals=line).goal, line)


def test_unknown_levels_and_three_axes_are_refused() -> None:
    with pytest.raises(NeuroMotionError, match="Unknown level 'simple'. Levels: easy, standard, hard"):
        reach_level("simple", 2, 0.4, 0.5, rest=True)
    with pytest.raises(NeuroMotionError, match="labels steer one axis or two, not 3"):
        reach_level("easy", 3, 0.4, 0.5, rest=True)
