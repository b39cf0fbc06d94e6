"""Controllers where goals follow each other and the limb has to return in between: gestures, without physics."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from loop import other_layout

from neuromotion_gym.controllers import CONTROLLERS, make_controller
from neuromotion_gym.controllers.stages import Stages
from neuromotion_gym.envs.layout import ObservationLayout
from neuromotion_gym.intents import IntentMap
from neuromotion_gym.limbs.named_postures import NamedPostureDrive
from neuromotion_gym.operators import Operator, OperatorSpec
from neuromotion_gym.tasks.gesture import GestureTask, gesture_level

CONTROL_S = 0.05
SPEED = 2.0
LAG_S = 0.4
NAMES = ("fist", "point", "spread")
LABELS = ("still", *NAMES)
DIRECTIONS = np.array([[-1.0, -1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


class Star:
    """A limb whose controls, states and sensors are its progress towards three postures."""

    degrees = tuple(SimpleNamespace(name=name) for name in NAMES)
    home_control = np.zeros(3)

    def posture_control(self, name):
        return np.eye(3)[NAMES.index(name)]

    def posture(self, name):
        return self.posture_control(name), self.posture_control(name)

    def state_at(self, targets, degrees):
        return np.zeros((len(targets), 3))

    def positions(self, sensors, degrees):
        return sensors

    def motion(self, sensors, degrees):
        return sensors, np.zeros_like(sensors)


def make_game(level: str, rest: bool) -> tuple[GestureTask, ObservationLayout]:
    first = 0 if rest else 1
    intents = IntentMap(LABELS[first:], NAMES, DIRECTIONS[first:], exclusive=NAMES)
    drive = NamedPostureDrive(Star(), intents, NAMES, SPEED, CONTROL_S)
    rules = gesture_level(level, drive.postures.apart()[:-1, :-1], SPEED, LAG_S, rest)
    task = GestureTask(rules, drive.postures, drive, CONTROL_S, {})
    layout = ObservationLayout(
        intents=intents,
        facts=task.facts,
        columns=NAMES,
        effort=False,
        control_s=CONTROL_S,
        hop_s=0.05,
        window_s=0.2,
        lag_s=LAG_S,
        speed=SPEED,
        axes=NAMES,
        moves=np.maximum(DIRECTIONS[first:], 0.0),
        settles=True,
    )
    return task, layout


def play(
    name: str, level: str, rest: bool = True, informed: bool = True, n: int = 12, open_loop: bool = False
) -> np.ndarray:
    """Rows that succeed with a decoder that is always right after its lag, or that says nothing."""
    task, layout = make_game(level, rest)
    controller, drive, intents = make_controller(name, layout), task.drive, layout.intents
    limits = LAG_S, task.facts.tolerance, task.facts.time_limit_s
    how = {"open_loop": open_loop, "dwell_s": task.facts.dwell_s}
    operator = Operator(OperatorSpec(), len(intents.labels), intents.rest, drive, CONTROL_S, *limits, **how)
    generators, rows = [np.random.default_rng([5, row]) for row in range(n)], np.arange(n)
    for part in (drive, task):
        part.start(n)
    operator.start(n, 3)
    place = task.reset(rows, generators)
    operator.reset(rows, generators, task.error(place), place, goals=task.sequence())
    asked = [operator.label.copy()] * round(LAG_S / CONTROL_S)
    right, ended, state = np.zeros(n, bool), np.zeros(n, bool), None
    for _ in range(round(task.facts.time_limit_s / CONTROL_S)):
        told = np.eye(len(intents.labels))[asked[0]] if informed else np.full((n, len(intents.labels)), 0.25)
        seen = np.concatenate([place, np.zeros((n, 3)), told], axis=1).astype(np.float32)
        action, state = controller.predict(seen, state)
        place = drive.control(action, place)
        outcome = task.step(place)
        right |= outcome.right & ~ended
        ended |= outcome.ended
        if ended.all():
            break
        seen = np.zeros_like(place) if open_loop else task.error(place)
        asked = [*asked[1:], operator.step(seen, place).copy()]
    return right


@pytest.mark.parametrize("name", sorted(set(CONTROLLERS) - {"blind"}))
def test_every_controller_makes_three_gestures_in_a_row_with_a_decoder_that_is_right(name: str) -> None:
    assert play(name, "hard").all()


@pytest.mark.parametrize(("level", "rest"), [("standard", True), ("hard", True), ("hard", False)])
def test_in_the_open_loop_goals_and_returns_are_asked_for_one_after_the_other(level: str, rest: bool) -> None:
    assert play("argmax", level, rest, open_loop=True, n=24).mean() >= 0.9


@pytest.mark.parametrize("level", ["standard", "hard"])
def test_goals_that_follow_each_other_without_a_return_are_followed_too(level: str) -> None:
    assert play("bayes", level, rest=False).all()


@pytest.mark.parametrize(("level", "rest"), [("standard", True), ("hard", True), ("standard", False), ("hard", False)])
def test_blind_reaches_what_chance_says(level: str, rest: bool) -> None:
    chance, n = make_game(level, rest)[0].facts.chance, 300
    found = play("blind", level, rest, informed=False, n=n).mean()
    assert found == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / n))


def test_stages_do_nothing_where_there_is_one_goal_and_no_return() -> None:
    stages = Stages(other_layout(2, candidates=np.eye(2)))
    stage, memory = stages.step(np.eye(2), stages.fresh(2))
    assert memory == ()
    assert not stage.returning.any()
    assert not stage.begins.any()


def test_the_limb_returns_once_a_candidate_was_held_and_a_new_goal_begins_at_home() -> None:
    layout = make_game("hard", rest=True)[1]
    stages = Stages(layout)
    held = round((layout.dwell_s + 0.3) / CONTROL_S)
    memory, found = stages.fresh(1), []
    for place in ([0.96, 0, 0], [0.94, 0, 0], [0.96, 0, 0], [0.04, 0, 0]):
        for _ in range(held):
            stage, memory = stages.step(np.array([place]), memory)
        found.append((bool(stage.returning[0]), bool(stage.begins[0])))
    assert found == [(True, False), (True, False), (True, False), (False, True)]
    for _ in range(held - 1):
        stage, memory = stages.step(np.array([[0.0, 1.0, 0.0]]), memory)
    assert not stage.returning[0]
