"""Two things must not reveal the goal: the times of restarts, and a decoder whose signals do not depend on the goal."""

import numpy as np
import pytest

from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble

EPISODES = 48


def make_loop(decoder, rows, level="easy", **options):
    return ClosedLoop(assemble("NeuroArm-v0", decoder=decoder, source="surrogate", level=level), rows, **options)


def joins(goals):
    """Where the source restarts, and the operator's labels, shape (steps, rows) each, while limbs move at random."""
    loop = make_loop("oracle:emg_armband", len(goals))
    generators = [np.random.default_rng([11, row]) for row in range(len(goals))]
    loop.reset(np.arange(len(goals)), generators, goals=goals)
    since, found, labels = loop.parts.source.since_onset, [], []
    drive = np.random.default_rng(3)
    for _ in range(120):
        loop.step(drive.uniform(-1, 1, goals.shape))
        now = loop.parts.source.since_onset
        found.append(now < since + 1)
        labels.append(loop.parts.operator.label.copy())
        since = now
    loop.close()
    return np.array(found), np.array(labels)


def test_joins_do_not_tell_the_goal():
    """A new label waits for the source's own clock: its restarts are the same for all goals."""
    goals = 0.6 * np.eye(3)[[0, 1, 2, 0]]
    first, wanted = joins(goals)
    second, other = joins(-goals[::-1])
    assert (wanted != other).any()
    assert first.sum() > 4 * 5
    np.testing.assert_array_equal(first, second)


class JoinsOnly:
    """Reads only the restarts: visits every candidate, and stays where no restart came in the last eight steps."""

    def __init__(self, loop):
        self.loop, self.layout = loop, loop.layout
        self.since = None

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        n, layout = len(observation), self.layout
        start = np.zeros(n, bool) if state is not None else np.ones(n, bool)
        start = start | (np.zeros(n, bool) if episode_start is None else episode_start)
        index, waited, quiet, since = state or (np.zeros(n, int), np.zeros(n, int), np.zeros(n, int), np.zeros(n, int))
        index, waited, quiet = (np.where(start, 0, value) for value in (index, waited, quiet))
        now = self.loop.parts.source.since_onset
        joined = now <= since
        goals = layout.candidates[index % len(layout.candidates)]
        offset = goals - observation[:, layout.position]
        stride = layout.speed * layout.control_s
        there = np.abs(offset).max(axis=1) < 2 * stride
        waited, quiet = np.where(there, waited + 1, 0), np.where(joined & ~start, 0, quiet + 1)
        restless = there & (waited > 0.6 * layout.dwell_s / layout.control_s) & (quiet < 8)
        index = np.where(restless, index + 1, index)
        return np.clip(offset / stride, -1, 1), (index, waited, quiet, now)


@pytest.mark.slow
def test_a_controller_that_sees_only_joins_is_at_chance():
    loop = make_loop("emg_armband", EPISODES)
    keys = episode_keys(loop.parts.source.sessions, 12)
    episodes, _ = play(loop, JoinsOnly(loop), keys, seed=1)
    loop.close()
    success = np.mean([episode["success"] for episode in episodes])
    assert success < 1 / 6 + 3 * np.sqrt(1 / 6 * 5 / 6 / len(keys))


@pytest.mark.parametrize(("decoder", "options"), [("shuffled:emg_armband", {}), ("emg_armband", {"decoy": True})])
@pytest.mark.parametrize("controller", ["argmax", "bayes"])
def test_nothing_is_found_that_was_not_told(decoder, options, controller):
    loop = make_loop(decoder, EPISODES, **options)
    keys = episode_keys(loop.parts.source.sessions, 6)[:EPISODES]
    episodes, _ = play(loop, make_controller(controller, loop.layout), keys, seed=2)
    loop.close()
    success = np.mean([episode["success"] for episode in episodes])
    assert success < 1 / 6 + 3 * np.sqrt(1 / 6 * 5 / 6 / EPISODES)
