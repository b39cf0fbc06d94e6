"""What each hand-written controller is for, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from loop import EEG, EMG, NO_REST, emg_layout, make_layout, make_rules, other_layout, play

from neuromotion_gym.controllers import CONTROLLERS, make_controller
from neuromotion_gym.controllers.checks import random_observations
from neuromotion_gym.controllers.handwritten.bayesian import LIMIT, inferred_goals
from neuromotion_gym.errors import NeuroMotionError

LAYOUTS = {
    "eeg": lambda level: make_layout(EEG, level),
    "eeg without rest": lambda level: make_layout(NO_REST, level),
    "emg": lambda level: emg_layout(level),
}
RANKED = [name for name in CONTROLLERS if name != "blind"]


@pytest.mark.parametrize("level", ["easy", "standard", "hard"])
@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("name", RANKED)
def test_reaches_the_goal_with_a_decoder_that_is_right(name, kind, level):
    layout = LAYOUTS[kind](level)
    success, _, _ = play(make_controller(name, layout), layout, level, n=30)
    assert success.mean() >= 0.95


@pytest.mark.parametrize("name", RANKED)
def test_finds_nothing_without_information(name):
    layout = emg_layout("standard")
    success, _, _ = play(make_controller(name, layout), layout, "standard", n=300, accuracy=0.6, informed=False)
    assert success.mean() < 1 / 8 + 3 * np.sqrt(1 / 8 * 7 / 8 / 300)


@pytest.mark.parametrize("level", ["easy", "standard", "hard"])
@pytest.mark.parametrize("kind", ["eeg", "emg"])
def test_blind_scores_what_was_computed(kind, level):
    layout = LAYOUTS[kind](level)
    success, _, seconds = play(make_controller("blind", layout), layout, level, n=400)
    chance = make_rules(level, layout.intents, layout.lag_s).chance()
    assert np.isfinite(seconds).all()
    assert abs(success.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / 400)


def test_goals_that_are_inferred_are_bounded():
    """Ten axes would have ten thousand millions of points on the grid of three axes, which has 702."""
    assert inferred_goals(emg_layout("hard").facts).shape == (702, 3)
    spread = inferred_goals(other_layout(10).facts)
    assert LIMIT / 2 < len(spread) <= LIMIT
    assert spread.shape[1] == 10
    np.testing.assert_allclose(spread.mean(axis=0), 0, atol=0.05)
    make_controller("bayes", other_layout(10, candidates=np.eye(10)))
    with pytest.raises(NeuroMotionError, match="one of 1025 candidates; Bayesian inference takes 1024 at most"):
        make_controller("bayes", other_layout(1, candidates=np.linspace(-1, 1, 1025)[:, None]))


@pytest.mark.parametrize(("hole", "reach", "place"), [(0.35, 0.85, 0.45), (0.0, 0.9, 0.1), (0.6, 0.7, 0.65)])
def test_the_best_constant_place_lies_among_the_goals(hole, reach, place):
    layout = other_layout(3, hole=hole, reach=reach)
    found = layout.facts.goals.best_place(layout.tolerance)
    assert found.tolist() == pytest.approx([place, 0, 0])


@pytest.mark.parametrize("name", ["majority", "evidence", "hmm", "kalman", "bayes"])
def test_a_held_posterior_is_one_decision(name):
    """The same decisions on a control clock twice as fast end in the same belief."""
    slow = make_layout(hop_s=0.25)
    controller = make_controller(name, slow)
    seen = random_observations(slow, 6, 1)
    seen[:, slow.position] = 0.0
    _, once = controller.predict(seen)
    _, held = controller.predict(seen)
    for _ in range(4):  # the next decision comes after five steps
        _, held = controller.predict(seen, held)
    np.testing.assert_array_equal(once[1], held[1])
    _, held = controller.predict(seen, held)
    assert (once[1] != held[1]).any()


@pytest.mark.parametrize("name", RANKED)
def test_holds_still_before_the_first_decision(name):
    layout = make_layout(EEG)
    seen = np.zeros((2, layout.size), dtype=np.float32)
    seen[:, layout.posterior] = 1 / 3
    action, _ = make_controller(name, layout).predict(seen)
    assert np.abs(action).max() < 1e-6


def test_proportional_follows_effort():
    layout = emg_layout(effort=True)
    seen = np.zeros((2, layout.size), dtype=np.float32)
    seen[:, layout.posterior] = np.eye(len(EMG))[1]
    seen[:, -1] = [0.0, 1.0]
    action, _ = make_controller("proportional", layout, slowest=0.4).predict(seen)
    assert action[:, 0] == pytest.approx([0.4, 1.0])


def test_majority_outvotes_a_single_error():
    layout = make_layout(hop_s=0.05)
    controller = make_controller("majority", layout, votes=3)
    state, commands = None, []
    for label in (1, 1, 2, 1, 2, 2):
        seen = np.zeros(layout.size, dtype=np.float32)
        seen[layout.posterior] = 0.2 + 0.4 * np.eye(3)[label]
        action, state = controller.predict(seen, state)
        commands.append(float(action[0]))
    assert commands == [-1, -1, -1, -1, 1, 1]


def test_evidence_decides_sooner_on_more_confident_posteriors():
    layout = make_layout()
    controller = make_controller("evidence", layout, threshold=0.75)

    def steps_to_move(sure):
        state = None
        for step in range(1000):
            seen = np.zeros(layout.size, dtype=np.float32)
            seen[layout.posterior] = [(1 - sure) / 2, (1 - sure) / 2, sure]
            action, state = controller.predict(seen, state)
            if action[0]:
                return step
        return None

    assert steps_to_move(0.95) < steps_to_move(0.6) < steps_to_move(0.45)


def test_bayes_with_a_confusion_matrix_reads_a_decoder_that_swaps_its_labels():
    layout = make_layout()
    swapped = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
    controller = make_controller("bayes", layout, reliability=swapped)
    state = None
    seen = np.zeros(layout.size, dtype=np.float32)
    seen[layout.posterior] = [0, 1, 0]  # says left; right was meant
    for _ in range(200):
        action, state = controller.predict(seen, state)
    assert action[0] > 0


def test_controllers_beat_argmax_somewhere():
    """Runs of errors on a slow decoder: waiting for evidence selects fewer wrong goals than moving at once."""
    layout = make_layout(level="standard")
    _, hasty, _ = play(make_controller("argmax", layout), layout, "standard", n=150, accuracy=0.6)
    _, patient, _ = play(make_controller("bayes", layout), layout, "standard", n=150, accuracy=0.6)
    assert patient.mean() < hasty.mean() - 0.1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("psychic", {}, "Unknown controller 'psychic'. Controllers: argmax"),
        ("argmax", {"votes": 3}, "'argmax' has no option 'votes'. Its options: none"),
        ("majority", {"vote": 3}, "'majority' has no option 'vote'. Its options: votes"),
        ("majority", {"votes": 2.5}, "whole number of votes"),
        ("velocity", {"gain": "fast"}, "The gain of the velocity is a number, not 'fast'"),
        ("velocity", {"gain": np.nan}, "The gain of the velocity is a number, not nan"),
        ("evidence", {"bound": "none"}, "The bound is a number"),
        ("bayes", {"doubt": None}, "doubt is a number, not None"),
        ("majority", {"votes": 0}, "one or more, not 0"),
        ("rejection", {"enter": 0.2, "leave": 0.3}, "cannot be dropped"),
        ("evidence", {"bound": 0.1}, "would never open"),
        ("evidence", {"release": 0.9}, "cannot stop below"),
        ("hmm", {"stay_s": 0}, "above zero"),
        ("velocity", {"gain": 0}, "above zero"),
        ("kalman", {"dead": 1}, "dead band"),
        ("bayes", {"threshold": 1}, "Threshold and doubt"),
        ("bayes", {"reliability": np.eye(2)}, "matrix of 3 x 3"),
        ("blind", {"posture": np.array([2.0])}, "posture"),
    ],
)
def test_refuses_with_a_reason(name, options, message):
    with pytest.raises(NeuroMotionError, match=message):
        make_controller(name, make_layout(), **options)


@pytest.mark.parametrize("layout", [make_layout(EEG), make_layout(NO_REST), emg_layout()], ids=["3", "2", "7"])
def test_evidence_opens_on_a_decoder_torn_between_two_of_its_labels(layout):
    controller = make_controller("evidence", layout)
    labels = len(layout.intents.labels)
    seen = np.zeros(layout.size, dtype=np.float32)
    weights = np.full(labels, 0.02)
    weights[[0, 1]] = 0.3, 0.6
    seen[layout.posterior] = weights / weights.sum()
    state = None
    for _ in range(round(layout.time_limit_s / layout.control_s)):
        action, state = controller.predict(seen, state)
    assert np.abs(action).max() == 1


@pytest.mark.parametrize(("lasts_s", "follows"), [(3.0, True), (None, False)])
def test_bayes_gives_up_a_goal_that_may_change_without_notice(lasts_s, follows):
    """For 15 s one label is decoded at its goal, then the other one for 3 s."""
    layout = other_layout(1, candidates=np.array([[-1.0], [1.0]]))
    layout = replace(layout, facts=replace(layout.facts, lasts_s=lasts_s))
    controller, directions = make_controller("bayes", layout), layout.intents.directions[:, 0]
    state, position, start = None, 0.0, np.ones(1, dtype=bool)
    for step in range(360):
        wanted = 1.0 if step < 300 else -1.0
        seen = np.zeros((1, layout.size), dtype=np.float32)
        seen[0, layout.position] = position
        seen[0, layout.posterior] = np.where(directions == wanted, 0.9, 0.1 / (len(directions) - 1))
        action, state = controller.predict(seen, state, start)
        start = np.zeros(1, dtype=bool)
        position = float(np.clip(position + layout.speed * layout.control_s * action[0, 0], -1, 1))
    assert (position < 0.9) == follows
