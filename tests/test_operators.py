"""Laws of the simulated user."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.operators import Operator, OperatorSpec

STRIDE = 0.015
ONE_AXIS = np.array([[0.0], [-1.0], [1.0]])
"""A label that rests, one down, one up."""
TOLERANCE = 0.15


class Moves:
    """A drive whose labels do what a table says, whatever the sensors say; an operator asks it for nothing else."""

    lag_s = 0.0
    steady = True

    def __init__(self, effects: np.ndarray) -> None:
        self.effects = np.asarray(effects, dtype=float)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        return self.effects[labels]


class Lever(Moves):
    """Labels move one axis by as much as a sensor says."""

    steady = False

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        return self.effects[labels] * sensors[:, :1]


def make_operator(
    rows: int = 1,
    directions: np.ndarray = ONE_AXIS,
    drive: type[Moves] = Moves,
    error: float = 0.0,
    lag_s: float = 0.4,
    open_loop: bool = False,
    **figures: float,
) -> Operator:
    spec = OperatorSpec(**{"lapse": 0.0, **figures})
    still = np.flatnonzero(~directions.any(axis=1))
    rest = int(still[0]) if still.size else None
    moves = drive(STRIDE * directions)
    operator = Operator(spec, len(directions), rest, moves, 0.05, lag_s, TOLERANCE, 20.0, open_loop=open_loop)
    axes = directions.shape[1]
    operator.start(rows, axes)
    generators = [np.random.default_rng([3, row]) for row in range(rows)]
    operator.reset(np.arange(rows), generators, np.full((rows, axes), error), np.ones((rows, 1)))
    return operator


def ask(operator: Operator, error: float | list[float], rows: int = 1) -> np.ndarray:
    return operator.step(np.tile(np.atleast_1d(error).astype(float), (rows, 1)), np.ones((rows, 1))).copy()


def test_a_person_stops_where_their_own_goal_counts_as_met() -> None:
    operator = make_operator(2, error=0.1, delay_s=0.0, hold_s=0.0)
    tolerances = np.array([TOLERANCE, 4 * TOLERANCE])
    rows, still = np.arange(2), np.ones((2, 1))
    operator.reset(rows, [np.random.default_rng(row) for row in rows], np.full((2, 1), 0.1), still, tolerances)
    assert 0.6 * TOLERANCE < 0.1 < 0.6 * 4 * TOLERANCE
    label = ask(operator, 0.1, 2)
    assert label[0] != operator._rest
    assert label[1] == operator._rest


def test_of_labels_in_the_same_direction_the_fastest_is_asked_for() -> None:
    directions = np.array([[0.2, 0.0], [-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    for seed in range(5):  # begins with a random label, as none of them rests
        operator = make_operator(directions=directions, delay_s=0.0, hold_s=0.0)
        operator.reset(np.array([0]), [np.random.default_rng(seed)], np.zeros((1, 2)), np.ones((1, 1)))
        begun = operator.label[0]
        assert ask(operator, [1.0, 0.5])[0] == (begun if begun == 3 else 2)


def test_the_person_is_the_one_that_committed_results_rest_on() -> None:
    assert OperatorSpec().model_dump() == {"delay_s": 0.25, "hold_s": 0.3, "lapse": 0.01}


@pytest.mark.parametrize(("name", "low", "high"), [("delay_s", 0, 2), ("hold_s", 0, 5), ("lapse", 0, 1)])
def test_figures_of_a_person_reach_to_their_bounds_and_not_beyond(name: str, low: float, high: float) -> None:
    assert [getattr(OperatorSpec(**{name: value}), name) for value in (low, high)] == [low, high]
    for value in (low - 1e-9, high + 1e-9):
        with pytest.raises(NeuroMotionError, match=name):
            OperatorSpec(**{name: value})


def test_it_does_nothing_before_its_reaction_time() -> None:
    operator = make_operator(delay_s=0.25, hold_s=0.05, error=0.6)
    assert [int(ask(operator, 0.6)[0]) for _ in range(8)] == [0, 0, 0, 0, 0, 2, 2, 2]


def test_what_it_sees_is_late() -> None:
    early, late = (make_operator(delay_s=0.25, hold_s=0.05, error=0.6) for _ in range(2))
    for step in range(60):
        first = ask(early, 0.6 if step < 30 else 0.0)
        second = ask(late, 0.6)
        if step < 35:
            assert first == second
    assert first != second


def test_it_holds_a_choice_for_the_shortest_time() -> None:
    operator = make_operator(directions=ONE_AXIS[1:], hold_s=0.5)
    rng, changes, last = np.random.default_rng(0), [], None
    for step in range(400):
        label = int(ask(operator, rng.uniform(-0.7, 0.7))[0])
        if last is not None and label != last:
            changes.append(step)
        last = label
    assert len(changes) > 3
    assert min(np.diff(changes)) >= 10


@pytest.mark.parametrize("lapse", [0.0, 0.04, 0.1, 0.5])
def test_it_lapses_as_often_as_it_is_told_to(lapse: float) -> None:
    rows, labels = 6000, 3
    operator = make_operator(rows, lapse=lapse, error=0.6)
    for _ in range(8):
        chosen = ask(operator, 0.6, rows)
    # What it rests with is no new choice, so a lapse shows as one of the other two labels
    assert np.mean(chosen != 2) == pytest.approx(lapse, abs=4 * np.sqrt(lapse * (1 - lapse) / rows) + 1e-12)
    if lapse:
        share = lapse / (labels - 1)
        assert np.mean(chosen == 1) == pytest.approx(share, abs=4 * np.sqrt(share / rows))


def test_it_mends_the_largest_error_first() -> None:
    directions = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    operator = make_operator(directions=directions)
    for _ in range(10):
        label = ask(operator, [0.3, -0.6])
    assert int(label[0]) == 4


def test_it_goes_on_with_an_axis_until_its_error_is_small() -> None:
    directions = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    operator = make_operator(directions=directions, lag_s=0.0, delay_s=0.0, error=0.5)
    first = [int(ask(operator, [0.5, 0.2])[0]) for _ in range(8)][-1]
    second = [int(ask(operator, [0.1, 0.2])[0]) for _ in range(8)][-1]
    third = [int(ask(operator, [0.03, 0.2])[0]) for _ in range(8)][-1]
    assert (first, second, third) == (1, 1, 3)


def test_it_rests_inside_the_goal() -> None:
    operator = make_operator()
    for _ in range(60):
        label = ask(operator, 0.0)
    assert int(label[0]) == 0


def test_it_reckons_with_what_it_asked_for_and_has_not_seen_yet() -> None:
    """The error it sees stays large until its commands show; it rests before, or the limb would overshoot."""
    operator = make_operator(delay_s=0.25, hold_s=0.05, lag_s=0.4, error=0.2)
    asked = [int(ask(operator, 0.2)[0]) for _ in range(18)]
    commanded = STRIDE * asked.count(2)
    assert asked[-1] == 0
    assert 0.2 - commanded <= 0.25 * TOLERANCE + STRIDE


def rule_of_axes(error: np.ndarray, label: np.ndarray, directions: np.ndarray, rest: int | None) -> np.ndarray:
    """The rule for labels that move one axis each: the axis that moves while its error is large, or the worst one."""
    rows, moves = np.arange(len(error)), directions != 0
    size = np.abs(error)
    large = size > np.where(moves[label], 0.25, 0.6) * TOLERANCE
    axis = np.where(large & moves[label], np.inf, size).argmax(axis=1)
    towards = [[int(np.flatnonzero(column == side)[0]) for side in (-1, 1)] for column in directions.T]
    wanted = np.array(towards)[axis, (error[rows, axis] > 0).astype(int)]
    return wanted if rest is None else np.where(large[rows, axis], wanted, rest)


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize("axes", [1, 2, 3, 5])
def test_for_set_points_the_rule_of_effects_is_the_rule_of_axes(axes: int, rest: bool) -> None:
    ways = np.concatenate([side * np.eye(axes)[[axis]] for axis in range(axes) for side in (1, -1)])
    directions = np.concatenate([np.zeros((int(rest), axes)), ways])
    rng, rows = np.random.default_rng(axes), 20_000
    operator = make_operator(rows, directions)
    error = rng.uniform(-1, 1, (rows, axes)) * rng.choice([0.05, 0.2, 1.0], (rows, 1))
    operator.label = rng.integers(len(directions), size=rows)
    expected = rule_of_axes(error, operator.label, directions, 0 if rest else None)
    np.testing.assert_array_equal(operator._wanted(error), expected)
    assert len(set(expected)) == len(directions)


def test_labels_that_move_several_axes_are_judged_by_what_they_mend() -> None:
    """Named postures: a label moves towards its own posture and away from the others."""
    directions = 2 * np.eye(3) - 1
    operator = make_operator(directions=directions, delay_s=0.0, lag_s=0.0)
    goal, position = np.array([0.0, 1.0, 0.0]), np.zeros(3)
    for _ in range(80):
        label = int(ask(operator, list(goal - position))[0])
        position = np.clip(position + STRIDE * directions[label], 0, 1)
    assert label == 1
    np.testing.assert_allclose(position, goal, atol=TOLERANCE)


def test_an_effect_that_depends_on_the_sensors_is_asked_for_again() -> None:
    """Where the lever turns round, the other label is wanted."""
    operator = make_operator(drive=Lever, delay_s=0.0, lag_s=0.0, hold_s=0.05)
    labels = [int(operator.step(np.array([[0.5]]), np.array([[sign]]))[0]) for sign in (1.0, 1.0, 1.0, -1.0, -1.0)]
    assert labels[1:] == [2, 2, 1, 1]


def labels_of(operator: Operator, errors: list[float]) -> list[int]:
    return [int(ask(operator, error)[0]) for error in errors]


def test_the_lag_of_the_drive_adds_to_that_of_the_decoder() -> None:
    class Late(Moves):
        lag_s = 0.2

    errors = [0.2] * 60
    together = labels_of(make_operator(lag_s=0.4, drive=Late), errors)
    assert together == labels_of(make_operator(lag_s=0.6), errors)
    assert together != labels_of(make_operator(lag_s=0.4), errors)
    assert together != labels_of(make_operator(lag_s=0.2), errors)


@pytest.mark.parametrize(("error", "moves"), [(0.55, False), (0.65, True), (-0.55, False), (-0.65, True)])
def test_it_begins_to_move_when_the_error_is_more_than_six_tenths_of_the_tolerance(error: float, moves: bool) -> None:
    operator = make_operator(delay_s=0.0, lag_s=0.0, error=error * TOLERANCE)
    assert any(labels_of(operator, [error * TOLERANCE] * 10)) is moves


@pytest.mark.parametrize(("error", "stops"), [(0.32, True), (0.38, False)])  # a step on its way counts as 0.1
def test_it_stops_when_the_error_is_less_than_a_quarter_of_the_tolerance(error: float, stops: bool) -> None:
    operator = make_operator(delay_s=0.0, lag_s=0.0, hold_s=0.0, error=TOLERANCE)
    assert labels_of(operator, [TOLERANCE] * 10)[-1] == 2
    assert (labels_of(operator, [error * TOLERANCE] * 2)[-1] == 0) is stops


def test_labels_on_one_line_are_told_from_labels_across_it() -> None:
    slant = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.8, 0.6]])
    operator = make_operator(directions=slant, delay_s=0.0, lag_s=0.0, hold_s=0.0)
    assert ask(operator, [TOLERANCE, 0.0])[0] == 1
    # On the line of the current label a small error is enough to turn back; across it, it is not
    assert ask(operator, [-0.4 * TOLERANCE, 0.0])[0] == 2
    assert ask(operator, [0.1 * TOLERANCE, 0.4 * TOLERANCE])[0] == 0


def test_an_effect_that_never_changes_is_asked_for_once() -> None:
    asked = []

    class Counting(Moves):
        def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
            asked.append(len(labels))
            return super().effect(labels, sensors)

    operator = make_operator(2, drive=Counting)
    for seed in range(3):
        for _ in range(5):
            ask(operator, 0.3, 2)
        generators = [np.random.default_rng([seed, row]) for row in range(2)]
        operator.reset(np.arange(2), generators, np.zeros((2, 1)), np.ones((2, 1)))
    assert asked == [3]  # one call for all labels


def test_in_the_open_loop_it_never_sees_the_limb() -> None:
    rng = np.random.default_rng(0)
    asked = [
        labels_of(make_operator(open_loop=True, error=0.6), errors)
        for errors in ([0.6] * 80, list(rng.uniform(-1, 1, 80)))
    ]
    assert asked[0] == asked[1]
    assert labels_of(make_operator(error=0.6), list(rng.uniform(-1, 1, 80))) != asked[0]


def test_in_the_open_loop_its_labels_would_bring_the_limb_to_the_goal() -> None:
    directions = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    spec = OperatorSpec(lapse=0.0)
    operator = Operator(spec, 5, 0, Moves(STRIDE * directions), 0.05, 0.4, TOLERANCE, 20.0, open_loop=True)
    operator.start(1, 2)
    goal = np.array([[0.6, -0.4]])
    operator.reset(np.arange(1), [np.random.default_rng(0)], goal, np.ones((1, 1)))
    asked = [int(operator.step(np.zeros((1, 2)), np.ones((1, 1)))[0]) for _ in range(150)]
    moved = STRIDE * sum(directions[label] for label in asked)
    np.testing.assert_allclose(moved, goal[0], atol=0.25 * TOLERANCE + STRIDE)
    assert asked[-40:] == [0] * 40


def test_in_the_open_loop_it_knows_the_effects_at_the_start_of_each_row() -> None:
    """A lever that turns round later, or in a row that begins another episode, changes nothing."""
    operator = make_operator(2, drive=Lever, hold_s=0.05, open_loop=True, error=0.6)
    for _ in range(10):
        label = operator.step(np.full((2, 1), 0.6), np.full((2, 1), -1.0))
    assert label.tolist() == [2, 2]
    operator.reset(np.array([1]), [np.random.default_rng(0)], np.full((2, 1), 0.6), np.full((2, 1), -1.0))
    for _ in range(10):
        label = operator.step(np.full((2, 1), 0.6), np.ones((2, 1)))
    assert label.tolist() == [2, 1]


class Settles(Moves):
    """Labels bring one axis to places of their own, 0, -1 and 1; the sensor is where it is now."""

    steady = False
    places = ONE_AXIS

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        return STRIDE * np.sign(self.places[labels] - sensors[:, :1])


def settle(goals: list[float], **figures: float) -> list[int]:
    """Labels of an operator of a limb that goes to the place of the label at once, one goal after the other."""
    operator = make_operator(drive=Settles, hold_s=0.05, **figures)
    labels, place = [], 0.0
    for goal in goals:
        labels.append(int(operator.step(np.array([[goal - place]]), np.array([[place]]))[0]))
        place = float(ONE_AXIS[labels[-1], 0])
    return labels


def test_a_label_that_brings_the_limb_to_its_place_is_asked_for_until_another_place_is_wanted() -> None:
    labels = settle([1.0] * 40 + [0.0] * 40 + [-1.0] * 40, delay_s=0.25, lag_s=2.0)
    assert labels[10:40] == [2] * 30
    assert labels[50:80] == [0] * 30
    assert labels[90:] == [1] * 30


def test_in_the_open_loop_it_goes_on_once_a_goal_must_have_been_held_and_leaves_out_labels_without_a_place() -> None:
    class Deaf(Settles):
        """The first label brings the limb nowhere; it moves by 0.05 a step."""

        speed = 1.0
        places = np.array([[np.nan], [0.0], [-1.0], [1.0]])

    operator = Operator(
        OperatorSpec(lapse=0.0), 4, 1, Deaf(np.zeros((4, 1))), 0.05, 0.4, TOLERANCE, 20.0, open_loop=True, dwell_s=1.0
    )
    operator.start(1, 1)
    still, goals = np.zeros((1, 1)), np.array([[[1.0], [0.0]]])
    operator.reset(np.array([0]), [np.random.default_rng(0)], still + 1.0, still, goals=goals)
    labels = [int(operator.step(still, still)[0]) for _ in range(120)]
    # It reacts in step 6; the way to the tolerance takes 17 steps, the dwell time 20 and twice the lag 16
    assert labels == [1] * 5 + [3] * (17 + 20 + 16) + [1] * 62


def test_where_labels_settle_it_does_not_think_ahead() -> None:
    assert settle([1.0] * 60, delay_s=0.1, lag_s=0.1) == settle([1.0] * 60, delay_s=0.1, lag_s=2.0)


def test_effects_that_depend_on_the_limb_are_known_as_late_as_the_limb_is_seen() -> None:
    operator = make_operator(drive=Lever, delay_s=0.25, lag_s=0.0, hold_s=0.05, error=0.6)
    signs = [1.0] * 10 + [-1.0] * 10
    labels = [int(operator.step(np.array([[0.6]]), np.array([[sign]]))[0]) for sign in signs]
    assert labels[6:] == [2] * 9 + [1] * 5
