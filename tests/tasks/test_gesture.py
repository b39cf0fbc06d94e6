"""Laws of gesture matching: what selects, what ends, what no policy without information can exceed, what is earned."""

from __future__ import annotations

from itertools import product

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 (registers the environments)
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.gesture import LEVELS, TOLERANCE, GestureTask, check_postures, gesture_level

CONTROL_S = 0.05
SPEED = 1.25
AXES = 4
NAMES = tuple(f"gesture_{number}" for number in range(AXES))
HOME = np.zeros(AXES)


class Plain:
    """Postures along axes of their own, whose sensors are the progress towards each; a drive and a limb, too."""

    names = NAMES
    home = HOME
    states = np.eye(AXES)
    speed = SPEED

    def __init__(self) -> None:
        self.limb = self

    def progress(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return sensors, np.zeros_like(sensors)

    def distances(self, sensors: np.ndarray) -> np.ndarray:
        places = np.vstack([np.eye(AXES), HOME])
        return np.abs(sensors[:, None] - places).max(axis=2)

    def joint_positions(self, states: np.ndarray) -> np.ndarray:
        return states

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        return places.copy()


def make_task(
    level: str = "standard", rows: int = 1, rest: bool = True, lag_s: float = 0.4, seed: int = 7
) -> GestureTask:
    apart = 1.0 - np.eye(AXES)
    apart[1, 3] = apart[3, 1] = 2.0
    rules, plain = gesture_level(level, apart, SPEED, lag_s, rest), Plain()
    task = GestureTask(rules, plain, plain, CONTROL_S, {})
    task.start(rows)
    task.reset(np.arange(rows), [np.random.default_rng([seed, row]) for row in range(rows)])
    return task


def steps(seconds: float) -> int:
    return round(seconds / CONTROL_S)


def hold(task: GestureTask, place: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Stay at a place; return in which rows the episode ended rightly and wrongly, and what the first row earned."""
    rows = len(task.goal)
    right, wrong, earned = np.zeros(rows, bool), np.zeros(rows, bool), 0.0
    for _ in range(steps(seconds)):
        outcome = task.step(np.broadcast_to(np.asarray(place, dtype=float), (rows, AXES)))
        right |= outcome.right & ~wrong
        wrong |= outcome.wrong & ~right
        earned += float(outcome.reward[0])
    return right, wrong, earned


def selection_s(task: GestureTask) -> float:
    """Time in which a posture that is held from the start is selected."""
    return task.rules.pause_s + task.rules.dwell_s + CONTROL_S


def sequence(task: GestureTask, gestures: tuple[int, ...]) -> None:
    """Make these gestures the scored ones of the first row."""
    task._scored.begin(0, np.array(gestures))
    task._reward._distance[0] = task._scale * task._scored.left(np.zeros((1, AXES)))[0]


# -- levels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "lag_s", "figures"),
    [
        # chance, gestures in a row, dwell time and time limit in seconds
        ("easy", 0.375, (1 / 2, 1, 1.0, 20.0)),
        ("standard", 0.375, (1 / 4, 1, 1.0, 20.0)),
        ("hard", 0.375, (1 / 64, 3, 1.0, 45.0)),
        ("standard", 1.9, (1 / 4, 1, 2.5, 44.0)),
        ("hard", 1.9, (1 / 64, 3, 2.5, 99.0)),
        ("standard", 6.0, (1 / 4, 1, 6.6, 110.0)),
    ],
)
def test_levels_have_the_figures_that_committed_results_rest_on(
    level: str, lag_s: float, figures: tuple[float, int, float, float]
) -> None:
    facts = make_task(level, lag_s=lag_s).facts
    assert (facts.chance, facts.in_a_row, facts.dwell_s, facts.time_limit_s) == pytest.approx(figures)
    assert facts.choices == pytest.approx(1 / facts.chance)
    assert facts.returns
    assert facts.taken == 0.5
    assert make_task(level, lag_s=lag_s).rules.pause_s == 0
    without = make_task(level, lag_s=lag_s, rest=False)
    assert without.rules.pause_s == lag_s
    assert not without.facts.returns
    assert without.facts.taken == np.inf
    assert without.options["return_to_rest"] is False


def test_easy_has_the_two_postures_that_are_farthest_apart() -> None:
    candidates = make_task("easy").facts.goals.candidates
    assert candidates.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]
    assert np.array_equal(make_task("standard").facts.goals.candidates, np.eye(AXES))


def test_an_unknown_level_lists_those_there_are() -> None:
    with pytest.raises(NeuroMotionError, match="Levels: easy, standard, hard"):
        make_task("medium")


def test_postures_that_cannot_be_told_apart_are_refused() -> None:
    apart = np.array([[0.0, 0.29, 1.0], [0.29, 0.0, 1.0], [1.0, 1.0, 0.0]])
    with pytest.raises(NeuroMotionError, match=r"too near each other: b and a \(0.29\)"):
        check_postures(("a", "b"), apart)
    with pytest.raises(NeuroMotionError, match="home and a"):
        check_postures(("a", "b"), apart[[0, 2, 1]][:, [0, 2, 1]])
    with pytest.raises(NeuroMotionError, match="two postures or more"):
        check_postures(("a",), np.array([[0.0, 1.0], [1.0, 0.0]]))


# -- selections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", [True, False])
def test_the_right_gesture_is_selected_after_pause_and_dwell_and_then_comes_the_return(rest: bool) -> None:
    task = make_task(rest=rest)
    goal = task.goal[0].copy()
    right, wrong, _ = hold(task, goal, selection_s(task) - 2 * CONTROL_S)
    assert not (right | wrong).any()
    assert np.array_equal(task.goal[0], goal)
    right, wrong, _ = hold(task, goal, 2 * CONTROL_S)
    assert not wrong.any()
    assert right.all() == (not rest)
    assert not task.goal.any()
    if rest:
        right, wrong, _ = hold(task, goal, 5 * task.rules.dwell_s)
        assert not (right | wrong).any()
        right, _, _ = hold(task, HOME, task.rules.dwell_s - CONTROL_S)
        assert not right.any()
        right, _, _ = hold(task, HOME, CONTROL_S)
        assert right.all()
    right, wrong, _ = hold(task, 1.0 - goal - np.roll(goal, 1) - np.roll(goal, 2), 3 * selection_s(task))
    assert not (right | wrong).any()  # what comes after the end is not judged


def test_another_gesture_is_a_wrong_selection_also_while_the_limb_should_return() -> None:
    task = make_task(rows=400)
    right, wrong, _ = hold(task, np.eye(AXES)[1], selection_s(task))
    assert np.array_equal(wrong, task._scored.gesture != 1)
    assert not right.any()
    task = make_task()
    hold(task, task.goal[0].copy(), selection_s(task))
    other = np.eye(AXES)[(task._scored.gesture[0] + 1) % AXES]
    right, wrong, _ = hold(task, other, task.rules.pause_s + task.rules.dwell_s + CONTROL_S)
    assert wrong.all()


@pytest.mark.parametrize("place", [[0.8, 0, 0, 0], [1, 0.2, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0]])
def test_a_posture_is_met_only_within_the_tolerance_of_every_degree(place: list[float]) -> None:
    task = make_task(rows=200)
    right, wrong, _ = hold(task, np.array(place), 10 * task.rules.dwell_s)
    assert not (right | wrong).any()
    assert (task._scored.turn == 0).all()
    assert not task._scored.returning.any()


@pytest.mark.parametrize("offset", [0.99, 1.01])
def test_the_tolerance_is_what_the_facts_say(offset: float) -> None:
    task = make_task(rows=50)
    _, wrong, _ = hold(task, np.eye(AXES)[0] * (1 - offset * task.facts.tolerance), selection_s(task))
    assert (wrong | task._scored.returning).all() == (offset < 1)


def test_a_hold_that_is_broken_begins_anew() -> None:
    task = make_task()
    goal = task.goal[0].copy()
    hold(task, goal, selection_s(task) - 2 * CONTROL_S)
    hold(task, 0.5 * goal, CONTROL_S)
    hold(task, goal, task.rules.dwell_s - CONTROL_S)
    assert np.array_equal(task.goal[0], goal)
    hold(task, goal, CONTROL_S)
    assert not task.goal.any()


def test_passing_through_every_posture_selects_nothing() -> None:
    task = make_task(rows=20)
    for _, axis in product(range(3), range(AXES)):
        for share in [*np.arange(0, 1, 0.0625), *np.arange(1, 0, -0.0625)]:
            outcome = task.step(np.tile(share * np.eye(AXES)[axis], (20, 1)))
            assert not (outcome.right | outcome.wrong).any()
    assert not task._scored.returning.any()


def test_three_gestures_in_a_row_with_rest_between_them_are_needed_on_the_last_level() -> None:
    task = make_task("hard")
    sequence(task, (2, 2, 0))
    for number, gesture in enumerate((2, 2, 0)):
        assert task.goal[0].tolist() == np.eye(AXES)[gesture].tolist()
        right, wrong, _ = hold(task, np.eye(AXES)[gesture], selection_s(task))
        assert not (right | wrong).any()
        right, wrong, _ = hold(task, HOME, task.rules.dwell_s)
        assert right.all() == (number == 2)
        assert not wrong.any()


def test_without_rest_the_same_gesture_twice_is_held_twice_and_the_last_one_may_be_left_in_time() -> None:
    task = make_task("hard", rest=False)
    sequence(task, (2, 2, 0))
    hold(task, np.eye(AXES)[2], selection_s(task))
    hold(task, np.eye(AXES)[2], task.rules.pause_s + task.rules.dwell_s - 2 * CONTROL_S)
    assert task._scored.turn[0] == 1
    hold(task, np.eye(AXES)[2], CONTROL_S)
    assert task._scored.turn[0] == 2
    _, wrong, _ = hold(task, np.eye(AXES)[2], task.rules.pause_s + task.rules.dwell_s - CONTROL_S)
    assert not wrong.any()
    right, wrong, _ = hold(task, np.eye(AXES)[0], selection_s(task))
    assert right.all()
    assert not wrong.any()


@pytest.mark.parametrize(("level", "rest"), list(product(LEVELS, (True, False))))
def test_the_best_policy_without_information_scores_what_was_computed(level: str, rest: bool) -> None:
    rows = 4000
    task = make_task(level, rows, rest)
    right, wrong = np.zeros(rows, bool), np.zeros(rows, bool)
    candidate = task.facts.goals.candidates[0]
    for _ in range(task.facts.in_a_row):
        for place, seconds in ((candidate, selection_s(task)), *(((HOME, task.rules.dwell_s),) if rest else ())):
            now = hold(task, place, seconds)
            right |= now[0] & ~wrong
            wrong |= now[1] & ~right
    chance = task.facts.chance
    assert right.mean() == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / rows))


# -- goals and the operator -----------------------------------------------------------------------------------------


def test_gestures_of_a_sequence_are_drawn_independently_and_so_is_the_decoy() -> None:
    rows = 4000
    task = make_task("hard", rows)
    drawn, decoy = task._scored.sequence, task._pursued.sequence
    for one, other in ((drawn[:, 0], drawn[:, 1]), (drawn[:, 1], drawn[:, 2]), (drawn[:, 0], decoy[:, 0])):
        assert (one == other).mean() == pytest.approx(1 / AXES, abs=4 * np.sqrt(3 / 16 / rows))
    assert np.bincount(drawn.ravel()) / (3 * rows) == pytest.approx(np.full(AXES, 0.25), abs=0.02)


def test_given_goals_are_the_first_gestures_and_move_on_those_that_follow_but_not_the_decoy() -> None:
    drawn, given = make_task("hard", 6), make_task("hard", 6)
    goals = np.eye(AXES)[[0, 1, 2, 3, 0, 1]]
    given.reset(np.arange(6), [np.random.default_rng([7, row]) for row in range(6)], goals)
    assert np.array_equal(given.goal, goals)
    moved = given._scored.sequence[:, :1] - drawn._scored.sequence[:, :1]
    assert np.array_equal(given._scored.sequence, (drawn._scored.sequence + moved) % AXES)
    assert len(np.unique(moved % AXES)) > 1
    assert np.array_equal(given._pursued.sequence, drawn._pursued.sequence)


def test_a_given_goal_is_one_of_the_candidates() -> None:
    task = make_task("easy")
    with pytest.raises(NeuroMotionError, match="one of the gestures gesture_1, gesture_3"):
        task.reset(np.array([0]), [np.random.default_rng(0)], np.eye(AXES)[[0]])


@pytest.mark.parametrize("rest", [True, False])
def test_the_operator_rests_while_another_gesture_is_taken_and_then_tries_again(rest: bool) -> None:
    task = make_task(rest=rest)
    goal, other = task.goal[0].copy(), np.eye(AXES)[(task._scored.gesture[0] + 1) % AXES]
    for share, aim in ((0.45, goal), (0.55, HOME), (0.2, HOME), (0.1, goal), (0.45, goal)):
        place = (share * other)[None]
        task.step(place)
        assert task.error(place)[0] == pytest.approx((aim if rest else goal) - place[0])
        assert task.position(place)[0] == pytest.approx(place[0])
        assert np.array_equal(task.goal[0], goal)


def test_the_decoy_runs_its_own_course() -> None:
    task = make_task()
    task._scored.begin(0, np.array([0]))
    task._pursued.begin(0, np.array([1]))
    one = np.eye(AXES)[[1]]
    assert np.array_equal(task.error(np.zeros((1, AXES)), decoy=True), one)
    hold(task, one[0], selection_s(task))
    assert not task.decoy.any()
    assert np.array_equal(task.error(one, decoy=True), -one)
    hold(task, np.zeros(AXES), task.rules.dwell_s)
    assert np.array_equal(task.goal[0], np.eye(AXES)[0])


def test_what_an_operator_of_a_decoy_sees_does_not_depend_on_the_scored_gestures() -> None:
    rng = np.random.default_rng(3)
    ways = rng.uniform(0, 1, (40, AXES)) * (rng.integers(AXES, size=40)[:, None] == np.arange(AXES))
    seen = []
    for gestures in ((0, 1, 2), (3, 3, 3)):
        task = make_task("hard")
        sequence(task, gestures)
        seen.append([])
        for place in np.repeat(np.round(ways), 24, axis=0):
            task.step(place[None])
            seen[-1].append(task.error(place[None], decoy=True)[0])
    assert np.array_equal(*seen)
    assert len(np.unique(seen[0], axis=0)) > AXES


def test_the_ghost_shows_the_posture_that_is_due() -> None:
    task = make_task()
    goal = task.goal[0].copy()
    assert np.array_equal(task.ghost(0), goal)
    hold(task, goal, selection_s(task))
    assert np.array_equal(task.ghost(0), HOME)


def test_the_words_name_the_gesture_that_is_due_and_how_the_episode_ended() -> None:
    names = Plain().names
    task = make_task("hard")
    sequence(task, (2, 1, 0))
    told = []
    for gesture in (2, 1, 0):
        told.append(task.words(0, False, False).goal)
        hold(task, np.eye(AXES)[gesture], selection_s(task))
        told.append(task.words(0, False, False).goal)
        hold(task, HOME, task.rules.dwell_s)
    due = (names[2], "back to rest", names[1], "back to rest", names[0], "back to rest")
    assert told == [f"{what} ({1 + number // 2} of 3)" for number, what in enumerate(due)]
    ends = [task.words(0, right, wrong).outcome for right, wrong in ((True, False), (False, True), (False, False))]
    assert ends == ["3 right gestures, then rest", "Wrong gesture", ""]
    assert task.words(0, True, False).goal == "back to rest (3 of 3)"
    assert make_task(rest=False).words(0, True, False).outcome == "Right gesture"


# -- columns --------------------------------------------------------------------------------------------------------


def test_columns_say_which_gesture_was_due_and_how_many_were_selected() -> None:
    task = make_task("hard")
    sequence(task, (2, 1, 0))
    found = []
    for gesture in (2, 1, 0):
        for place, seconds in ((np.eye(AXES)[gesture], selection_s(task)), (HOME, task.rules.dwell_s)):
            hold(task, place, seconds - CONTROL_S)
            columns = task.step(place[None]).columns
            found.append((columns["gesture"][0], columns["selected"][0]))
    assert found == [(2, 1), (1, 1), (1, 2), (0, 2), (0, 3), (0, 3)]


def test_false_activations_are_counted_once_the_limb_is_back_at_rest() -> None:
    task = make_task()
    goal = task.goal[0].copy()
    hold(task, HOME, 1.0)
    hold(task, goal, selection_s(task))
    hold(task, 0.5 * goal, 0.5)
    hold(task, HOME, 0.5)
    for _ in range(2):
        hold(task, 0.3 * np.eye(AXES)[1], 0.2)
        hold(task, HOME, 0.3)
    columns = task.step(HOME[None]).columns
    assert columns["false_activations"][0] == 2
    assert columns["rest_s"][0] == pytest.approx(0.5 + 2 * 0.5 + CONTROL_S)


# -- what is earned -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "rest"), list(product(LEVELS, (True, False))))
def test_a_return_depends_on_start_end_and_time_and_not_on_the_way(level: str, rest: bool) -> None:
    task, count = make_task(level, rest=rest), 3 if level == "hard" else 1
    sequence(task, (1, 3, 3)[:count])
    whole = {True: 2.0 * count, False: 2.0 * count - 1}[rest]
    start = 0.75 * {True: whole, False: 3.0 if count == 3 else 1.0}[rest] / whole
    assert task._reward._distance[0] == pytest.approx(start)
    assert start <= 0.75
    rng, earned, spent = np.random.default_rng(1), 0.0, 0
    for _ in range(60):
        place = rng.uniform(0, 1) * np.eye(AXES)[rng.integers(AXES)]
        earned += float(task.step(place[None]).reward[0])
        spent += 1
    left = (
        0.75
        / whole
        * (np.abs(np.eye(AXES)[1] - place).sum() + {True: 2.0 * count - 1, False: float(count == 3) * 2}[rest])
    )
    assert earned == pytest.approx(start - left - 0.2 * spent * CONTROL_S / task.facts.time_limit_s)


@pytest.mark.parametrize("level", LEVELS)
def test_a_success_earns_its_worth_and_a_wrong_selection_less_than_standing_still(level: str) -> None:
    task, gestures = make_task(level), (1, 3, 1)[: 3 if level == "hard" else 1]
    sequence(task, gestures)
    earned, seconds = 0.0, 0.0
    for gesture in gestures:
        for place, lasts in ((np.eye(AXES)[gesture], selection_s(task)), (HOME, task.rules.dwell_s)):
            earned += hold(task, place, lasts)[2]
            seconds += steps(lasts) * CONTROL_S
    assert earned == pytest.approx(0.75 + 1 - 0.2 * seconds / task.facts.time_limit_s)
    sequence(task, gestures)
    earned = 0.0
    for gesture in gestures[:-1]:  # wrong at the very last
        for place, lasts in ((np.eye(AXES)[gesture], selection_s(task)), (HOME, task.rules.dwell_s)):
            earned += hold(task, place, lasts)[2]
    assert earned + hold(task, np.eye(AXES)[0], selection_s(task))[2] < -0.2


def test_standing_still_costs_the_time_and_nothing_else() -> None:
    task = make_task("hard")
    assert hold(task, HOME, task.facts.time_limit_s)[2] == pytest.approx(-0.2)


def test_the_tolerance_leaves_no_posture_two_names() -> None:
    assert TOLERANCE < 0.2  # postures of a limb are 0.4 apart


def test_the_limb_takes_over_speed_and_strength_of_a_hand_and_says_so() -> None:
    made = {name: gym.make("NeuroHand-v0", actuation=name).unwrapped for name in (None, "i_limb_quantum")}
    plain, weak = made[None], made["i_limb_quantum"]
    assert plain.layout.speed == pytest.approx(1 / 0.37)
    assert weak.layout.speed == pytest.approx(1 / 0.8)
    assert weak.layout.facts.time_limit_s > plain.layout.facts.time_limit_s
    forces = [env.model.actuator_forcerange for env in (plain, weak)]
    assert (np.abs(forces[1][3:]) < np.abs(forces[0][3:])).all()
    for name, env in made.items():
        _, info = env.reset(seed=0)
        assert info["about"]["actuation"] == name
        env.close()
    with pytest.raises(NeuroMotionError, match="no actuation 'robot'. It has: natural, michelangelo, i_limb_quantum"):
        gym.make("NeuroHand-v0", actuation="robot")


@pytest.mark.parametrize("rest", [True, False])
def test_the_goals_of_an_episode_are_known_in_their_order(rest: bool) -> None:
    task, met = make_task("hard", rest=rest), []
    told = task.sequence()
    np.testing.assert_array_equal(task.sequence(decoy=True)[:, 0], task.decoy)
    assert not np.array_equal(task.sequence(decoy=True), told)
    for goal in told[0]:
        np.testing.assert_array_equal(task.goal[0], goal)
        right, wrong, _ = hold(task, goal, selection_s(task))
        met.append((bool(right[0]), bool(wrong[0])))
    assert met == [(False, False)] * (len(told[0]) - 1) + [(True, False)]
