"""What a benchmark writes of an episode is what the loop did: recomputed here from a record of every step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble

PEOPLE = ("Female0", "Male0")


@pytest.fixture(scope="module")
def played():
    """Episodes as `play` reports them, and for each one its steps: positions, intents, decoded labels."""
    parts = assemble("NeuroArm-v0", decoder="emg_armband", source="surrogate", level="standard", subjects=PEOPLE)
    loop = ClosedLoop(parts, 1)
    steps, episodes, step_once = [], [], loop.step

    def step(action):
        before = loop.position[0].copy(), loop.parts.operator.label[0], loop.stream.posterior[0].argmax()
        result = step_once(action)
        steps.append((*before, loop.position[0].copy()))
        if result.terminated[0] or result.truncated[0]:
            episodes.append((list(steps), loop.goal[0].copy(), loop.trials(0)))
            steps.clear()
        return result

    loop.step = step
    keys = episode_keys(parts.source.sessions, 3)
    found, trials = play(loop, make_controller("argmax", loop.layout), keys, seed=1)
    tolerance = loop.layout.tolerance
    loop.close()
    return list(zip(found, episodes, strict=True)), trials, tolerance


def test_positions_give_path_overshoots_place_and_goal(played):
    efficiencies = []
    for (
        told,
        (steps, goal, _),
    ) in played[0]:
        way = np.array([steps[0][0], *(after for *_, after in steps)])
        length = sum(np.linalg.norm(later - sooner) for sooner, later in pairwise(way))
        assert told["path_efficiency"] == pytest.approx(np.linalg.norm(way[-1] - way[0]) / length, abs=1e-4)
        inside = [bool((np.abs(place - goal) <= played[2]).all()) for place in way]
        assert told["overshoots"] == sum(sooner and not later for sooner, later in pairwise(inside))
        assert [float(word) for word in told["place"].split()] == pytest.approx(way[-1].tolist(), abs=1e-3)
        assert [float(word) for word in told["goal"].split()] == pytest.approx(goal.tolist(), abs=1e-3)
        assert told["time_s"] == pytest.approx(0.05 * len(steps))
        assert told["success"] == (inside[-1] and not told["wrong_selection"])
        efficiencies.append(told["path_efficiency"])
    assert len(set(efficiencies)) == len(efficiencies)


def test_labels_give_agreement_and_latency(played):
    for told, (steps, _, _) in played[0]:
        intents, decoded = [int(one[1]) for one in steps], [int(one[2]) for one in steps]
        agree = [intent == label for intent, label in zip(intents, decoded, strict=True)]
        assert told["decoded_right"] == pytest.approx(np.mean(agree), abs=1e-4)
        changes = [step for step in range(1, len(steps)) if intents[step] != intents[step - 1]]
        waited = []
        for change, later in pairwise([*changes, len(steps)]):
            first = next((step for step in range(change, later) if agree[step]), None)
            waited += [] if first is None else [0.05 * (first - change)]
        assert told["latency_s"] == pytest.approx(np.median(waited), abs=1e-3)


def test_every_trial_that_played_is_counted_once(played):
    found = set()
    for told, (_, _, trials) in played[0]:
        assert told["trials"] == len(trials)
        found |= {(told["subject"], told["session"], trial) for trial in trials}
    assert played[1] == found
    assert len(found) > max(told["trials"] for told, _ in played[0])


def test_figures_of_the_way_to_one_goal_are_left_out_where_goals_follow_each_other():
    parts = assemble(
        "NeuroHand-v0", decoder="oracle:emg_armband", source="surrogate", level="standard", subjects=PEOPLE
    )
    loop = ClosedLoop(parts, 2)
    found, _ = play(loop, make_controller("argmax", loop.layout), episode_keys(parts.source.sessions, 1), seed=1)
    loop.close()
    assert [(told["path_efficiency"], told["overshoots"]) for told in found] == [(None, None)] * len(found)
    assert all(told["success"] and told["selected"] == 1 for told in found)
    assert {told["goal"] for told in found} == {" ".join(["0.000"] * 6)}
