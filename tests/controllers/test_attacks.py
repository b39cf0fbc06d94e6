"""Policies that try to succeed without the decoder. None may succeed more often than chance."""

import numpy as np
import pytest
from loop import EEG, emg_layout, make_layout, make_rules, play

from neuromotion_gym.controllers import make_controller

LAYOUTS = {
    "eeg": lambda level: make_layout(EEG, level),
    "emg": lambda level: emg_layout(level),
}
EPISODES = 250


class Deaf:
    """Does not read the posterior: visits a list of postures in turn.

    It moves at ``speed``, a share of full speed, and waits at each posture for ``wait``, a share of the dwell time.
    """

    def __init__(self, layout, postures, wait, speed):
        self.layout, self.postures, self.speed = layout, np.asarray(postures, dtype=float), speed
        self.wait = round(wait * layout.dwell_s / layout.control_s)

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        n = len(observation)
        index, waited = (np.zeros(n, int), np.zeros(n, int)) if state is None else state
        position = observation[:, self.layout.position]
        offset = self.postures[index % len(self.postures)] - position
        stride = self.layout.speed * self.layout.control_s
        there = np.abs(offset).max(axis=1) < stride
        waited = np.where(there, waited + 1, waited)
        on = there & (waited >= self.wait)
        index, waited = np.where(on, index + 1, index), np.where(on, 0, waited)
        return np.clip(offset / stride, -self.speed, self.speed), (index, waited)


def tours(layout):
    """Lists of places that may be the goal, in the order in which they are visited."""
    axes = len(layout.intents.axes)
    if layout.candidates is not None:
        yield layout.candidates
        yield layout.candidates[::-1]
    else:
        generator = np.random.default_rng(0)
        goals = generator.uniform(-0.85, 0.85, (30, axes))
        yield goals[np.abs(goals).max(axis=1) > 0.4]
    yield np.concatenate([-0.9 * np.eye(axes), 0.9 * np.eye(axes)])


@pytest.mark.parametrize("level", ["easy", "standard", "hard"])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_visiting_postures_without_listening_finds_no_more_than_chance(kind, level):
    layout = LAYOUTS[kind](level)
    chance = make_rules(level, layout.intents, layout.lag_s).chance()
    bar = chance + 3.5 * np.sqrt(chance * (1 - chance) / EPISODES) + 1 / EPISODES
    for postures in tours(layout):
        for wait, speed in ((0.95, 1.0), (0.0, 0.45), (0.0, 0.25)):
            success, _, _ = play(Deaf(layout, postures, wait, speed), layout, level, n=EPISODES)
            assert success.mean() <= bar, (wait, speed)


def test_the_decoy_is_what_an_operator_finds_not_the_goal():
    layout = emg_layout("standard")
    for name in ("argmax", "bayes"):
        controller = make_controller(name, layout)
        scored, _, _ = play(controller, layout, "standard", n=EPISODES, decoy=True)
        chance = 1 / 8
        assert scored.mean() < chance + 3.5 * np.sqrt(chance * (1 - chance) / EPISODES)


def test_the_attack_itself_works_where_wrong_selections_are_ignored():
    """A wrong selection ends the episode, and this stops the attack: where it does not, the attack finds every goal."""
    layout = make_layout(EEG, "easy")
    tour = Deaf(layout, layout.candidates, 1.3, 1.0)
    success, _, _ = play(tour, layout, "easy", n=50, wrong_selection="ignore")
    assert success.mean() == 1
