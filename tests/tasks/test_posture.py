"""Laws of the posture task: what selects, what ends, what no policy without information can exceed, what is earned."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.posture import LEVELS, MOST_CANDIDATES, START, PostureTask, posture_level
from neuromotion_gym.tasks.task import GoalSpace

CASES = [(level, axes) for level in LEVELS for axes in (1, 2, 3)]
CONTROL_S = 0.05


class Plain:
    """A limb whose sensors are its positions, and its drive: states are positions too."""

    def positions(self, sensors: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
        return sensors[:, : len(axes)]

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        return places.copy()


def make_task(
    level: str, axes: int, rows: int, rest: bool = True, lag_s: float = 0.4, **options: object
) -> PostureTask:
    rules, limb = posture_level(level, axes, lag_s, 0.5, rest=rest), Plain()
    task = PostureTask(rules, limb, limb, tuple(f"axis_{number}" for number in range(axes)), CONTROL_S, **options)
    task.start(rows)
    task.reset(np.arange(rows), [np.random.default_rng([7, row]) for row in range(rows)])
    return task


def hold(task: PostureTask, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stand at ``place`` for three dwell times; return whether each row selected rightly, and wrongly."""
    rows = len(task.goal)
    right, wrong = np.zeros(rows, bool), np.zeros(rows, bool)
    for _ in range(round(3 * task.facts.dwell_s / CONTROL_S)):
        outcome = task.step(np.broadcast_to(place, task.goal.shape))
        right |= outcome.right & ~wrong
        wrong |= outcome.wrong & ~right
    return right, wrong


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_best_constant_posture_scores_what_was_computed(level: str, axes: int) -> None:
    task = make_task(level, axes, 4000)
    candidates = task.facts.goals.candidates
    right, _ = hold(task, np.full(axes, 0.6) if candidates is None else candidates[0])
    assert right.mean() == pytest.approx(task.facts.chance, abs=4 * np.sqrt(0.25 / 4000))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_blind_ceiling_on_hard(axes: int) -> None:
    assert posture_level("hard", axes, 0.4, 0.5, rest=True).chance() <= 0.15 + 1e-9


@pytest.mark.parametrize(
    ("level", "axes", "slow", "rest", "figures"),
    [
        # tolerance, box, speed in half ranges per second, dwell time and time limit in seconds
        ("easy", 3, False, True, (0.15, 0.2, 0.3, 1.0, 20.0)),
        ("standard", 1, False, True, (0.15, 0.2, 0.3, 1.0, 20.0)),
        ("standard", 3, False, True, (0.15, 0.2, 0.3, 1.0, 20.0)),
        ("standard", 3, True, True, (0.15, 0.2, 0.15, 2.0, 40.0)),
        ("easy", 1, True, True, (0.15, 0.2, 0.15, 2.0, 40.0)),
        ("hard", 1, False, True, (0.075, 0.1, 0.165, 1.6, 20.0)),
        ("hard", 3, False, True, (0.15, 0.2, 0.3, 1.7, 20.0)),
        ("hard", 3, True, True, (0.15, 0.2, 0.1031, 5.0, 58.0)),
        ("standard", 1, False, False, (0.15, 0.2, 0.25, 1.2, 26.0)),
        ("standard", 3, True, False, (0.15, 0.2, 0.0769, 3.9, 101.0)),
        ("hard", 1, True, False, (0.075, 0.1, 0.0231, 11.3, 180.0)),
    ],
)
def test_levels_have_the_figures_that_committed_results_rest_on(
    level: str, axes: int, slow: bool, rest: bool, figures: tuple[float, ...]
) -> None:
    rules = posture_level(level, axes, *((1.3, 1.6) if slow else (0.4, 0.5)), rest=rest)
    found = (rules.tolerance, rules.box, rules.speed, rules.dwell_s, rules.time_limit_s)
    assert found == pytest.approx(figures, abs=1e-4)


def test_a_limb_whose_decoder_is_very_late_moves_more_slowly() -> None:
    rules = posture_level("standard", 3, 4.0, 1.6, rest=True)
    assert (rules.speed, rules.dwell_s, rules.time_limit_s) == pytest.approx((0.1125, 2.7, 53.0))


def test_candidates_are_far_from_home_and_from_each_other() -> None:
    one = posture_level("standard", 1, 0.4, 0.5, rest=True).goals.candidates
    assert one.ravel().tolist() == [-0.8, -0.3, 0.3, 0.8]
    corners = posture_level("standard", 3, 0.4, 0.5, rest=True).goals.candidates
    assert len(np.unique(corners, axis=0)) == 8
    assert (np.abs(corners) == 0.6).all()
    single = posture_level("easy", 3, 0.4, 0.5, rest=True).goals.candidates
    assert len(np.unique(single, axis=0)) == 6
    assert (np.sort(np.abs(single), axis=1) == [0, 0, 0.6]).all()


def test_starts_lie_on_both_sides_of_home() -> None:
    task = make_task("standard", 3, 400)
    assert np.abs(task.home).max() <= START
    assert np.abs(task.home).max() > 0.95 * START
    assert np.abs(task.home.mean(axis=0)).max() < 4 * START / np.sqrt(3 * 400)
    assert len(np.unique(task.home)) == 1200


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_the_goal_is_selected_by_holding_it(level: str, axes: int) -> None:
    task = make_task(level, axes, 200)
    right, wrong = hold(task, task.goal)
    assert right.all()
    assert not wrong.any()


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_nothing_is_selected_near_home(level: str, axes: int) -> None:
    right, wrong = hold(make_task(level, axes, 200), np.full(axes, 0.19))
    assert not right.any()
    assert not wrong.any()


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_a_sweep_at_full_speed_selects_nothing(level: str, axes: int) -> None:
    task = make_task(level, axes, 50)
    stride = task.rules.speed * CONTROL_S
    for position in np.arange(0, 1, stride):
        outcome = task.step(np.full((50, axes), position))
        assert not (outcome.right | outcome.wrong).any()


@pytest.mark.parametrize("axes", [2, 3])
def test_passing_from_one_axis_to_the_next_is_not_holding(axes: int) -> None:
    task = make_task("hard", axes, 1)
    stride, position = task.rules.speed * CONTROL_S, np.zeros(axes)
    for axis in range(axes):
        while position[axis] < 0.6:
            position[axis] += stride
            outcome = task.step(position[None])
            assert not outcome.wrong.any()


def test_turning_back_is_not_holding_on_hard() -> None:
    task = make_task("hard", 1, 1)
    stride = task.rules.speed * CONTROL_S
    way = np.concatenate([np.arange(0, 0.9, stride), np.arange(0.9, 0.3, -stride)])
    assert not any(task.step(np.array([[position]])).wrong.any() for position in way)


@pytest.mark.parametrize("level", ["easy", "standard"])
def test_another_candidate_is_a_wrong_selection(level: str) -> None:
    task = make_task(level, 3, 500)
    candidates = task.facts.goals.candidates
    right, wrong = hold(task, candidates[1])
    assert (right ^ wrong).all()
    assert (right == (task.goal == candidates[1]).all(axis=1)).all()


def test_a_selection_between_candidates_does_nothing_on_standard() -> None:
    right, wrong = hold(make_task("standard", 3, 100), np.array([0.6, 0.6, 0.0]))
    assert not (right | wrong).any()


def test_start_does_not_tell_the_goal() -> None:
    task = make_task("easy", 1, 4000)
    towards = (np.sign(task.home) == np.sign(task.goal)).mean()
    assert towards == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 4000))
    assert np.abs(task.home).max() <= 0.1


def test_decoy_is_independent_of_the_goal() -> None:
    task = make_task("standard", 3, 4000)
    same = (task.goal == task.decoy).all(axis=1).mean()
    assert same == pytest.approx(1 / 8, abs=4 * np.sqrt(1 / 8 / 4000))


@pytest.mark.parametrize("decoy", [False, True])
def test_the_error_leads_to_the_goal_or_to_the_decoy(decoy: bool) -> None:
    task = make_task("hard", 3, 20)
    position = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    pursued = task.decoy if decoy else task.goal
    np.testing.assert_allclose(position + task.error(position, decoy=decoy), pursued, atol=1e-12)
    assert (task.goal != task.decoy).all()


@pytest.mark.parametrize("rule", ["end", "ignore"])
def test_the_rule_says_what_ends_an_episode(rule: str) -> None:
    task = make_task("easy", 1, 100, wrong_selection=rule)
    outcomes = [task.step(np.full((100, 1), 0.6)) for _ in range(round(1.2 * task.facts.dwell_s / CONTROL_S))]
    right, wrong = outcomes[-1].right, outcomes[-1].wrong
    assert right.any()
    assert wrong.any()
    np.testing.assert_array_equal(outcomes[-1].ended, right | wrong if rule == "end" else right)
    assert task.options == {"wrong_selection": rule}


# -- what is earned -------------------------------------------------------------------------------------------------


def wander(task: PostureTask, seed: int = 0, towards: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow a random way to the time limit or an end: return, last position and steps of every row."""
    rng, rows = np.random.default_rng(seed), len(task.goal)
    position, total = task.home.copy(), np.zeros(rows)
    steps, going, last = np.zeros(rows, int), np.ones(rows, bool), task.home.copy()
    bonus = np.zeros(rows)
    for _ in range(round(task.facts.time_limit_s / CONTROL_S)):
        pull = np.clip(task.goal - position, -1, 1) * towards
        position = np.clip(position + 0.015 * np.clip(pull + rng.standard_normal(position.shape), -1, 1), -1, 1)
        outcome = task.step(position)
        total += np.where(going, outcome.reward, 0.0)
        bonus += np.where(going, outcome.right.astype(float) - outcome.wrong, 0.0)
        steps += going
        last[going] = position[going]
        going &= ~outcome.ended
    return total - bonus, last, steps


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_a_return_depends_on_start_end_and_time_and_not_on_the_way(level: str, axes: int) -> None:
    for seed, towards in ((0, 0.0), (1, 5.0)):
        task = make_task(level, axes, 64)
        candidates = task.facts.goals.candidates
        largest = 0.85 if candidates is None else np.abs(candidates).mean(axis=1).max()
        scale = 0.75 / (largest + 0.1)
        start = scale * np.abs(task.home - task.goal).mean(axis=1)
        earned, last, steps = wander(task, seed, towards)
        end = scale * np.abs(last - task.goal).mean(axis=1)
        spent = 0.2 * steps * CONTROL_S / task.facts.time_limit_s
        np.testing.assert_allclose(earned, start - end - spent, atol=1e-12)
        assert (start <= 0.75).all()


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_right_and_wrong_selections_are_worth_one(level: str, axes: int) -> None:
    task = make_task(level, axes, 300)
    candidates = task.facts.goals.candidates
    place = np.full(axes, 0.6) if candidates is None else candidates[0]
    last = task.step(np.broadcast_to(place, task.goal.shape))
    for _ in range(round(1.5 * task.facts.dwell_s / CONTROL_S)):
        last = task.step(np.broadcast_to(place, task.goal.shape))
    cost = 0.2 * CONTROL_S / task.facts.time_limit_s
    assert last.wrong.any()
    np.testing.assert_allclose(last.reward, last.right.astype(float) - last.wrong - cost, atol=1e-12)


def test_ignored_wrong_selections_do_not_cost() -> None:
    task = make_task("easy", 1, 100, wrong_selection="ignore")
    hold(task, np.array([0.6]))
    outcome = task.step(np.full((100, 1), 0.6))
    assert outcome.wrong.any()
    assert (outcome.reward[outcome.wrong] > -0.01).all()


def test_discount_is_still_accepted_and_has_no_effect() -> None:
    with pytest.warns(UserWarning, match="discount has no effect"):
        old = make_task("easy", 2, 16, discount=0.97)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = make_task("easy", 2, 16)
    for seed in range(3):
        position = np.random.default_rng(seed).uniform(-1, 1, (16, 2))
        np.testing.assert_array_equal(old.step(position).reward, new.step(position).reward)


# -- what can be had without information ----------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "axes"), CASES)
def test_chance_of_the_rule_that_ends_is_one_posture_and_gives_a_rate(level: str, axes: int) -> None:
    facts = posture_level(level, axes, 0.4, 0.5, rest=True).facts()
    assert facts.choices == pytest.approx(1 / facts.chance)
    if facts.goals.candidates is not None:
        assert facts.choices == len(facts.goals.candidates)


def tour(task: PostureTask) -> np.ndarray:
    """Visit one candidate after the other without a look at the goal, as fast as can be; who succeeded in time."""
    candidates, rules = task.facts.goals.candidates, task.rules
    rows, stride = len(task.goal), rules.speed * CONTROL_S
    edge = 0.09  # farther from the middle of a target at 0.3 is too near home
    position, right = task.home.copy(), np.zeros(rows, bool)
    first = int(np.abs(candidates).max(axis=1).argmin())
    at = np.full(rows, first)
    todo = [[index for index in range(len(candidates)) if index != first] for _ in range(rows)]
    for _ in range(round(task.facts.time_limit_s / CONTROL_S)):
        target = candidates[at]
        nearest = np.clip(position, target - edge, target + edge)
        position = position + np.clip(nearest - position, -stride, stride)
        outcome = task.step(position)
        right |= outcome.right
        there = (np.abs(position - candidates[at]) <= rules.tolerance).all(axis=1)
        for row in np.flatnonzero((outcome.right | outcome.wrong) & there):
            if todo[row]:
                ways = [np.abs(candidates[index] - position[row]).max() for index in todo[row]]
                at[row] = todo[row].pop(int(np.argmin(ways)))
    return right


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize(("level", "axes"), [case for case in CASES if case[0] != "hard"])
def test_a_blind_tour_wins_as_often_as_the_chance_of_the_classical_test_says(level: str, axes: int, rest: bool) -> None:
    task = make_task(level, axes, 300, rest=rest, wrong_selection="ignore")
    found, chance = tour(task).mean(), task.facts.chance
    assert task.facts.choices is None
    assert found <= chance + 3 * np.sqrt(0.25 / 300)
    if chance == 1 and axes < 3:
        assert found == 1
    assert chance - found < 0.25  # the chance is a bound: a tour that holds on the move may reach another candidate
    if axes == 1:
        assert chance == 1.0


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_blind_sweep_wins_no_more_than_the_chance_of_the_classical_test_on_hard(axes: int) -> None:
    task = make_task("hard", axes, 4000, wrong_selection="ignore")
    step, position = 0.9 * task.rules.box / task.facts.dwell_s * CONTROL_S, np.full(axes, 0.6)
    position[0] = -0.85
    found = np.zeros(4000, bool)
    for _ in range(round(task.facts.time_limit_s / CONTROL_S)):
        position[0] = min(0.85, position[0] + step)
        found |= task.step(np.broadcast_to(position, task.goal.shape)).right
    end = make_task("hard", axes, 1).facts.chance
    assert 2 * end < found.mean() <= task.facts.chance


# -- what is refused ------------------------------------------------------------------------------------------------


def test_unknown_level_names_those_that_exist() -> None:
    with pytest.raises(NeuroMotionError, match="easy, standard, hard"):
        posture_level("medium", 1, 0.4, 0.5, rest=True)


def test_a_level_with_too_many_candidates_is_refused() -> None:
    largest = int(np.log2(MOST_CANDIDATES))
    assert len(posture_level("standard", largest, 0.4, 0.5, rest=True).goals.candidates) == MOST_CANDIDATES
    with pytest.raises(NeuroMotionError, match=r"1024 candidates on 10 axes; 256 are allowed"):
        posture_level("standard", 10, 0.4, 0.5, rest=True)
    assert len(posture_level("easy", 10, 0.4, 0.5, rest=True).goals.candidates) == 20


def test_a_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="'end' or 'ignore'"):
        make_task("easy", 1, 1, wrong_selection="maybe")


def test_a_continuum_reaches_from_end_to_end_unless_it_says_otherwise() -> None:
    space = GoalSpace(1)
    drawn = np.array([space.draw(np.random.default_rng([1, draw])) for draw in range(2000)])
    assert np.abs(drawn).max() > 0.99
    assert np.abs(drawn).min() < 0.01  # no hole
    holed = GoalSpace(2, reach=0.8, hole=0.3)
    drawn = np.array([holed.draw(np.random.default_rng([2, draw])) for draw in range(2000)])
    assert 0.79 < np.abs(drawn).max() <= 0.8
    assert 0.3 < np.abs(drawn).max(axis=1).min() < 0.32
    grid = holed.spread(0.1, 1000)
    assert (np.abs(grid).max(axis=1) > 0.3).all()
    assert np.abs(grid).max() == pytest.approx(0.8)
    assert len(np.unique(np.round(grid, 6), axis=0)) == len(grid)


def test_the_edge_of_the_hole_is_no_goal() -> None:
    assert GoalSpace(1, hole=0.5).spread(0.5, 100).ravel().tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("level", "axes", "lag_s", "chance"),
    [
        ("easy", 3, 0.4, 1.0),
        ("standard", 1, 0.4, 1.0),
        ("standard", 3, 0.4, 0.75),
        ("standard", 3, 1.3, 0.75),
        ("hard", 1, 0.4, 1.0),
        ("hard", 3, 0.4, 0.0591),
        ("hard", 3, 1.3, 0.0584),
    ],
)
def test_chance_of_a_blind_tour_is_the_one_of_committed_results(
    level: str, axes: int, lag_s: float, chance: float
) -> None:
    rules = posture_level(level, axes, lag_s, 0.5 if lag_s < 1 else 1.6, rest=True)
    assert rules.chance("ignore") == pytest.approx(chance, abs=5e-5)


def test_a_task_that_was_not_reset_has_no_goal_and_earns_nothing() -> None:
    limb = Plain()
    task = PostureTask(posture_level("easy", 2, 0.4, 0.5, rest=True), limb, limb, ("a", "b"), CONTROL_S)
    task.start(3)
    for values in (task.goal, task.decoy, task.home):
        assert values.shape == (3, 2)
        assert not values.any()
    outcome = task.step(np.zeros((3, 2)))
    time_cost = 0.2 * CONTROL_S / task.facts.time_limit_s
    assert outcome.reward == pytest.approx(np.full(3, -time_cost))
    assert not (outcome.right | outcome.wrong | outcome.ended).any()
