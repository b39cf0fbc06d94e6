"""What holds for every controller, and how controllers are found and made by name."""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from loop import EEG, NO_REST, emg_layout, make_layout, muscle_layout, other_layout

from neuromotion_gym.controllers import CONTROLLERS, HandWritten, check_controller, make_controller, register_controller
from neuromotion_gym.controllers.checks import share_reached
from neuromotion_gym.errors import NeuroMotionError

RANKED = [name for name in CONTROLLERS if name != "blind"]


@pytest.mark.parametrize(
    "layout",
    [emg_layout(effort=True), make_layout(EEG, "hard"), make_layout(NO_REST), other_layout(2)],
    ids=["emg", "eeg", "no rest", "other"],
)
@pytest.mark.parametrize("name", CONTROLLERS)
def test_fulfils_what_every_controller_has_to(name, layout):
    check_controller(name, layout, atol=0, reaches=0.95 if name in RANKED else 0)


class Standing(HandWritten):
    """Never moves."""

    def act(self, seen, memory):
        return np.zeros((len(seen.position), self.axes)), memory


class Leaking(HandWritten):
    """Keeps its memory in the object."""

    calls = 0

    def act(self, seen, memory):
        self.calls += 1
        return np.full((len(seen.position), self.axes), 0.01 * self.calls), memory


class Forgetful(HandWritten):
    """Does not clear its memory when an episode begins."""

    def act(self, seen, memory):
        (steps,) = memory
        return np.tile(0.01 * steps[:, None], self.axes), (steps + 1,)

    def fresh(self, n):
        return (np.zeros(n),)

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return super().predict(observation, state, None, deterministic)


class Loud(HandWritten):
    """Leaves the range of actions."""

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        action, state = super().predict(observation, state, episode_start, deterministic)
        return action + 2, state

    act = Standing.act


class Careless(HandWritten):
    """Takes observations of any length."""

    act = Standing.act

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return super().predict(np.asarray(observation)[..., : self.layout.size], state, episode_start, deterministic)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Standing, "holds the goal in 0.00"),
        (Leaking, "a row alone differs"),
        (Forgetful, "does not clear its memory"),
        (Loud, "outside -1..1"),
        (Careless, "accepts observations of another length"),
    ],
    ids=lambda kind: getattr(kind, "__name__", None),
)
def test_the_check_finds(kind, message, monkeypatch):
    monkeypatch.setitem(CONTROLLERS, "new", kind)
    with pytest.raises(NeuroMotionError, match=message):
        check_controller("new", emg_layout())


def test_a_goal_that_need_not_be_held_still_has_to_be_met(monkeypatch):
    monkeypatch.setitem(CONTROLLERS, "standing", Standing)
    layout = other_layout(1, candidates=np.array([[-0.8], [0.8]]), dwell_s=0.0)
    check_controller("argmax", layout, atol=0)
    with pytest.raises(NeuroMotionError, match="holds the goal in 0.00"):
        check_controller("standing", layout)


def test_a_controller_of_another_package_is_made_by_name(monkeypatch):
    monkeypatch.setattr("neuromotion_gym.controllers.registry.CONTROLLERS", dict(CONTROLLERS))
    module = ModuleType("elsewhere")
    module.Standing = Standing
    monkeypatch.setitem(sys.modules, "elsewhere", module)
    register_controller("standing", Standing)
    register_controller("standing", Standing)
    register_controller("late", "elsewhere:Standing")
    layout = make_layout()
    assert isinstance(make_controller("standing", layout), Standing)
    assert isinstance(make_controller("late", layout), Standing)
    with pytest.raises(NeuroMotionError, match="There already is a controller 'standing'"):
        register_controller("standing", Leaking)
    with pytest.raises(NeuroMotionError, match="There already is a controller 'argmax'"):
        register_controller("argmax", Standing)
    with pytest.raises(NeuroMotionError, match="holds no colon"):
        register_controller("learned:standing", Standing)
    with pytest.raises(NeuroMotionError, match="the text \"module:name\", not by 'Standing'"):
        register_controller("another", "Standing")


def test_a_programming_error_of_a_controller_is_not_taken_for_a_wrong_option(monkeypatch):
    def broken(layout, gain=1.0):
        return len(gain)

    monkeypatch.setitem(CONTROLLERS, "broken", broken)
    with pytest.raises(TypeError, match="has no len") as caught:
        make_controller("broken", make_layout())
    assert caught.traceback[-1].name == "broken"


def test_an_option_without_default_is_asked_for(monkeypatch):
    monkeypatch.setitem(CONTROLLERS, "choosy", lambda layout, gain: Standing(layout))
    with pytest.raises(NeuroMotionError, match="'choosy' needs the option 'gain'"):
        make_controller("choosy", make_layout())
    make_controller("choosy", make_layout(), gain=2)


def test_controllers_that_go_to_places_need_positions_along_the_axes_of_the_goals():
    layout = other_layout(2, columns=("muscle",))
    for name in CONTROLLERS:
        if name in ("bayes", "blind"):
            with pytest.raises(NeuroMotionError, match="along the 2 axes of the goals, but it sees 1 positions"):
                make_controller(name, layout)
        else:
            check_controller(name, layout, atol=0, reaches=0)
    with pytest.raises(NeuroMotionError, match="cannot be tried without the task itself"):
        share_reached(make_controller("argmax", layout), layout)


def test_controllers_that_go_to_places_pick_the_muscles_that_move_the_limb_there():
    candidates = np.array([[0.6, 0.0], [-0.6, 0.0], [0.0, 0.6], [0.0, -0.6]])
    layout = muscle_layout(candidates)
    seen = np.zeros((1, layout.size), dtype=np.float32)
    asked = [make_controller("blind", layout, posture=place).predict(seen)[0][0] for place in candidates]
    assert np.argmax(asked, axis=1).tolist() == [0, 1, 2, 3]
    assert np.sort(asked, axis=1)[:, :-1].max() == 0  # and no other muscle
    check_controller("bayes", layout, atol=0, reaches=0)
    seen[0, layout.posterior] = np.eye(4)[3]
    state = None
    bayes = make_controller("bayes", layout)
    for _ in range(40):
        action, state = bayes.predict(seen, state)
    assert action[0].argmax() == 3
    with pytest.raises(NeuroMotionError, match="along the 2 axes of the goals"):
        make_controller("blind", replace(layout, columns=("lift", *layout.columns)))


@pytest.mark.parametrize("name", CONTROLLERS)
def test_continuous_targets_are_not_taken_for_a_posterior(name):
    with pytest.raises(NeuroMotionError, match="reads a posterior, but the decoder gives the targets grip"):
        make_controller(name, other_layout(1, targets=("grip",)))
