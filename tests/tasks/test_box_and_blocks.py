"""Laws of Box and Blocks: what a block counts, what the operator wants, what no policy without intent can exceed."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neuromotion_gym.envs.options import assemble, make_task
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import environments_for
from neuromotion_gym.limbs.transport import ACROSS, BACK, CARRIED, OFFERED, OVER, PAST, WAITING, arm_plan
from neuromotion_gym.tasks.box_and_blocks import (
    LEAVE,
    LEAVE_COLOUR,
    LEVELS,
    TAKE,
    TAKE_COLOUR,
    BoxAndBlocksTask,
    binomial_tail,
    box_and_blocks_level,
)

CONTROL_S = 0.05


class Hand:
    """A drive, its transport and its limb, whose sensors are the grip and the place of every block across the box."""

    def __init__(self, blocks: int, rows: int) -> None:
        self.transport, self.limb, self.blocks = self, SimpleNamespace(side="right", model=self), blocks
        self.plan = SimpleNamespace(partition=0.0)
        self.blocks_read = 1 + np.arange(blocks)[:, None] + np.zeros(3, dtype=int)
        self.phase, self.block = np.full(rows, OFFERED), np.zeros(rows, dtype=int)
        self.waits = np.zeros((rows, blocks))
        self.sensors = np.full((rows, 1 + blocks), -1.0)

    in_reach = property(lambda self: self.phase == OFFERED)
    in_hand = property(lambda self: (self.phase == CARRIED) | (self.phase == PAST))
    past = property(lambda self: self.phase == PAST)
    closed_early = np.zeros(1, dtype=bool)

    def joint(self, name: str) -> Any:
        return SimpleNamespace(qposadr=[7 * (int(name.removeprefix("block_")) - 1)])

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        return np.zeros((len(rows), 1 + 7 * self.blocks))

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return sensors[:, :1], np.zeros((len(sensors), 1))


def make(
    level: str = "standard", coins: list[float] | None = None, rows: int = 1, seed: int = 7
) -> tuple[BoxAndBlocksTask, Hand]:
    rules = box_and_blocks_level(level, 0.4, 0.5)
    hand = Hand(rules.blocks, rows)
    task = BoxAndBlocksTask(rules, hand.limb, hand, ("grip",), CONTROL_S)  # type: ignore[arg-type]
    task.start(rows)
    task.reset(np.arange(rows), [np.random.default_rng([seed, row]) for row in range(rows)])
    if coins is not None:
        task.coins[:] = coins
    return task, hand


def offer(task: BoxAndBlocksTask, hand: Hand, take: bool, arrives: bool = True) -> float:
    """One block: taken or left; if it does not arrive, it is dropped on the way. The reward of all steps."""
    block, earned = int(hand.block[0]), 0.0
    for phase, steps in ((OFFERED, 3), (CARRIED, 2 * take), (PAST, 2 * (take and arrives)), (ACROSS, 1)):
        if phase == PAST and take and arrives:
            hand.sensors[:, 1 + block] = 1.0
        if phase == ACROSS:
            hand.block[:] += 1
            phase = OVER if hand.block[0] == hand.blocks else ACROSS
        for _ in range(steps):
            hand.phase[:] = phase
            outcome = task.step(hand.sensors)
            earned += float(outcome.reward[0])
    hand.last = outcome  # type: ignore[attr-defined]
    return earned


@pytest.mark.parametrize(("level", "chance"), [("easy", 7 / 64), ("standard", 56 / 1024), ("hard", 11 / 1024)])
def test_chance_is_that_of_coins(level: str, chance: float) -> None:
    rules = box_and_blocks_level(level, 0.4, 0.5)
    assert rules.chance == chance
    every = np.array(list(product((-1, 1), repeat=rules.blocks))).sum(axis=1)
    assert (every >= rules.net).mean() == chance
    # To be offered fewer blocks does not help
    assert max(binomial_tail(offered, rules.net) for offered in range(rules.blocks)) <= chance


def test_whatever_is_done_without_the_coins_succeeds_as_often_as_chance_says() -> None:
    rules = box_and_blocks_level("easy", 0.4, 0.5)
    coins = np.array(list(product((LEAVE, TAKE), repeat=rules.blocks)))
    for takes in ((0,) * 6, (1,) * 6, (1, 0, 0, 1, 1, 0)):
        task, hand = make("easy", rows=len(coins))
        task.coins[:] = coins
        for take in takes:
            offer(task, hand, bool(take))
        nets = hand.last.columns["net"]  # type: ignore[attr-defined]
        assert np.mean(nets >= rules.net) == np.mean(hand.last.right) == rules.chance  # type: ignore[attr-defined]


def test_a_block_counts_by_where_it_lies_and_by_its_coin() -> None:
    task, hand = make(coins=[TAKE, TAKE, LEAVE, LEAVE, TAKE] + [LEAVE] * 5)
    for take, arrives, net in ((1, 1, 1), (0, 1, 0), (1, 1, -1), (0, 1, 0), (1, 0, -1)):
        offer(task, hand, bool(take), bool(arrives))
        assert hand.last.columns["net"][0] == net  # type: ignore[attr-defined]
    figures = {name: float(values[0]) for name, values in hand.last.columns.items()}  # type: ignore[attr-defined]
    assert figures == {"offered": 5, "taken": 2, "left": 3, "dropped": 1, "net": -1}


def test_the_operator_wants_the_coin_while_a_block_is_offered_or_carried_and_an_open_hand_otherwise() -> None:
    task, hand = make(coins=[TAKE] * 10)
    task.decoy_coins[:] = LEAVE
    for phase, wanted in ((OFFERED, TAKE), (CARRIED, TAKE), (PAST, LEAVE), (ACROSS, LEAVE)):
        hand.phase[:] = phase
        hand.sensors[:, 0] = 0.25
        task.step(hand.sensors)
        assert task.error(hand.sensors)[0, 0] == wanted - 0.25
        assert task.error(hand.sensors, decoy=True)[0, 0] == LEAVE - 0.25
        assert task.goal[0, 0] == wanted


def test_a_given_goal_turns_every_coin_and_nothing_else() -> None:
    drawn, states = {}, {}
    for goal in (TAKE, LEAVE):
        task, hand = make(rows=2)
        generators = [np.random.default_rng(row) for row in range(2)]
        states[goal] = task.reset(np.arange(2), generators, np.full((2, 1), goal))
        drawn[goal] = task.coins.copy(), task.decoy_coins.copy(), hand.waits.copy()
        assert (task.goal == goal).all()
    np.testing.assert_array_equal(drawn[TAKE][0], -drawn[LEAVE][0])
    for one, other in zip(drawn[TAKE][1:], drawn[LEAVE][1:], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(states[TAKE], states[LEAVE])
    assert len(np.unique(drawn[TAKE][2])) == 20  # every block waits for a time of its own


@pytest.mark.parametrize("goal", [0.0, 0.3, 2.0])
def test_goals_other_than_take_and_leave_are_refused(goal: float) -> None:
    task, _ = make()
    coins = task.coins.copy()
    with pytest.raises(NeuroMotionError, match=f"coin of the first block, take or leave: 1 or -1, not {goal:g}"):
        task.reset(np.zeros(1, dtype=int), [np.random.default_rng(0)], np.full((1, 1), goal))
    np.testing.assert_array_equal(task.coins, coins)


def test_a_block_counts_as_offered_from_the_beginning_of_its_offer() -> None:
    task, hand = make()
    told = []
    for block, phase in ((0, WAITING), (0, OFFERED), (0, BACK), (1, ACROSS), (1, WAITING), (1, OFFERED), (1, CARRIED)):
        hand.block[:], hand.phase[:] = block, phase
        told.append(task.step(hand.sensors).columns["offered"][0])
    assert told == [0, 1, 1, 1, 1, 2, 2]


def test_coins_are_fair_and_tell_nothing_of_each_other() -> None:
    task, _ = make(rows=400)
    coins = np.concatenate([task.coins, task.decoy_coins], axis=1)
    error = 1 / np.sqrt(400)
    assert np.abs(coins.mean(axis=0)).max() < 4 * error
    assert np.abs(np.corrcoef(coins.T) - np.eye(20)).max() < 5 * error


@pytest.mark.parametrize(
    ("rights", "right", "wrong"), [(10, True, False), (8, True, False), (7, False, False), (2, False, True)]
)
def test_an_episode_ends_with_its_last_block_and_earns_what_its_docstring_says(
    rights: int, right: bool, wrong: bool
) -> None:
    task, hand = make(coins=[TAKE] * 10)
    task.reset(np.zeros(1, dtype=int), [np.random.default_rng(0)], np.full((1, 1), TAKE))
    task.coins[:] = TAKE
    hand.sensors[:, 0] = 1.0
    earned, steps = 0.0, 0
    start = 0.6 + 0.15  # the hand is open, and the coin of the first block says take
    for block in range(10):
        earned += offer(task, hand, block < rights)
        steps += 4 + 4 * (block < rights)
    last = hand.last  # type: ignore[attr-defined]
    assert (last.ended[0], last.right[0], last.wrong[0]) == (True, right, wrong)
    end = 0.6 * (1 - (2 * rights - 10) / 10) + 0.15  # the hand is closed, and no block is offered
    cost = 0.2 * steps * CONTROL_S / task.rules.time_limit_s
    assert earned == pytest.approx(start - end + right - wrong - cost)
    if right:
        assert earned > 0.8


def test_the_time_limit_ends_the_test() -> None:
    task, hand = make(coins=[LEAVE] * 10)
    limit = round(task.rules.time_limit_s / CONTROL_S)
    ends = [bool(task.step(hand.sensors).ended[0]) for _ in range(limit)]
    assert ends == [False] * (limit - 1) + [True]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("lag_s", "piece_s"), [(0.4, 0.5), (1.9, 1.55)])
def test_an_operator_has_time_to_close_the_hand(level: str, lag_s: float, piece_s: float) -> None:
    rules = box_and_blocks_level(level, lag_s, piece_s)
    closing_s = (1 + 0.4) / rules.speed  # contact is made by 0.4
    assert rules.period_s > 0.25 + lag_s + piece_s / 2 + closing_s
    assert rules.time_limit_s > rules.blocks * (1.5 + rules.period_s)


def spec() -> Any:
    from neuromotion_gym.decoders.zoo import load_decoder

    return load_decoder("emg_armband").spec


def test_the_classical_test_takes_every_block_in_a_minute_and_needs_no_intent() -> None:
    made = make_task("NeuroGrasp-v0", spec(), 0.5, mode="classical")
    task = made.task
    assert isinstance(task, BoxAndBlocksTask)
    task.start(2)
    made.task.drive.start(2)
    generators = [np.random.default_rng(row) for row in range(2)]
    with pytest.raises(NeuroMotionError, match="1 in mode='classical'"):
        task.reset(np.arange(2), generators, np.full((2, 1), LEAVE))
    task.reset(np.arange(2), generators, np.full((2, 1), TAKE))
    assert (task.coins == TAKE).all()
    assert (task.facts.time_limit_s, task.facts.chance, task.options["mode"]) == (60.0, 1.0, "classical")
    usual = make_task("NeuroGrasp-v0", spec(), 0.5).task.rules
    assert (task.drive.speed, task.rules.period_s) == (2 * usual.speed, 1.5 * usual.period_s)
    assert task.drive.ramp
    assert (task.rules.blocks, task.rules.net) == (12, 10)
    assert task.drive.transport.plan.path.shape[1] < arm_plan(task.limb, CONTROL_S).path.shape[1]  # fewer steps
    assert task.drive.transport.plan.hover == arm_plan(task.limb, CONTROL_S).hover
    with pytest.raises(NeuroMotionError, match="has no levels"):
        make_task("NeuroGrasp-v0", spec(), 0.5, "hard", mode="classical")


def test_in_the_classical_test_a_hand_that_closed_too_early_is_to_open_again() -> None:
    goals = []
    for mode in ("classical", "intent"):
        hand = Hand(10, 1)
        rules = box_and_blocks_level("standard", 0.4, 0.5)
        task = BoxAndBlocksTask(rules, hand.limb, hand, ("grip",), CONTROL_S, mode)  # type: ignore[arg-type]
        task.start(1)
        task.reset(np.zeros(1, dtype=int), [np.random.default_rng(0)])
        task.coins[:] = TAKE
        for early in (False, True, False):
            hand.closed_early = np.array([early])
            task.step(hand.sensors)
            goals.append(float(task.goal[0, 0]))
    assert goals == [TAKE, LEAVE, TAKE, TAKE, TAKE, TAKE]


def test_the_classical_test_counts_blocks_that_are_taken() -> None:
    rules, rows = box_and_blocks_level("standard", 0.4, 0.5), np.zeros(1, dtype=int)
    hand = Hand(rules.blocks, 1)
    task = BoxAndBlocksTask(rules, hand.limb, hand, ("grip",), CONTROL_S, "classical")  # type: ignore[arg-type]
    task.start(1)
    task.reset(rows, [np.random.default_rng(0)])
    for take, right in zip((1, 0, 1, 0, 0, 1, 1, 1, 0, 1), (0,) * 9 + (1,), strict=True):
        offer(task, hand, bool(take))
        assert hand.last.right[0] == right  # type: ignore[attr-defined]
    assert hand.last.columns["net"][0] == hand.last.columns["taken"][0] == 6  # type: ignore[attr-defined]


def test_unknown_modes_and_levels_are_refused() -> None:
    with pytest.raises(NeuroMotionError, match="mode is 'intent' or 'classical', not 'fast'"):
        make_task("NeuroGrasp-v0", spec(), 0.5, mode="fast")
    with pytest.raises(NeuroMotionError, match="Levels: easy, standard, hard"):
        make_task("NeuroGrasp-v0", spec(), 0.5, "harder")


def test_labels_of_the_wrist_do_nothing_and_are_not_the_label_for_rest() -> None:
    intents = make_task("NeuroGrasp-v0", spec(), 0.5).layout.intents
    moves = dict(zip(intents.labels, intents.directions[:, 0], strict=True))
    assert {label for label, move in moves.items() if move} == {"hand_close", "hand_open"}
    assert intents.rest is not None
    assert intents.labels[intents.rest] == "neutral"


def test_the_words_name_the_choice_and_the_score() -> None:
    task, hand = make(coins=[TAKE, LEAVE] * 5)
    blocks, told = hand.blocks, []
    for number in range(3):
        hand.phase[:] = OFFERED
        task.step(hand.sensors)
        told.append(task.words(0, False, False).goal)
        offer(task, hand, take=number == 0)
    assert told == [f"{what} block {number + 1} of {blocks}" for number, what in enumerate(("take", "leave", "take"))]
    hand.phase[:] = PAST
    assert task.words(0, False, False).goal == "open"
    assert task.words(0, False, False).outcome == f"Net 1 of {blocks} blocks"


def test_people_see_at_the_block_whether_to_take_or_to_leave_it() -> None:
    task, hand = make(coins=[TAKE, LEAVE] + [TAKE] * 8, rows=2)
    hand.blocks_read[:] = 1 + np.arange(hand.blocks)[:, None]
    seen = []
    for block, phase in ((0, WAITING), (0, OFFERED), (0, CARRIED), (0, PAST), (1, WAITING), (1, OFFERED)):
        hand.block[:], hand.phase[:] = block, [phase, WAITING]
        hand.sensors[0, 1 + block] = 0.1 * (block + 1)
        task.step(hand.sensors)
        assert task.marks(1) == []
        seen.append([(mark.shape, mark.colour, round(float(mark.position[0]), 6)) for mark in task.marks(0)])
    take, leave = [("disc", TAKE_COLOUR, 0.1)], [("box", LEAVE_COLOUR, 0.2)]
    assert seen == [[], take, take, [], [], leave]


def test_a_decoder_without_a_label_for_rest_is_refused() -> None:
    with pytest.raises(
        NeuroMotionError, match="NeuroGrasp-v0 needs a decoder with a label for rest; 'eeg_cnn_transformer'"
    ):
        assemble("NeuroGrasp-v0", decoder="eeg_cnn_transformer")
    assert "NeuroGrasp-v0" not in environments_for(("left_fist", "right_fist"))
    assert "NeuroGrasp-v0" in environments_for(("rest", "left_fist", "right_fist"))
