"""The Box and Blocks test with intent in it: take some of the blocks that are offered, and leave the others.

In the clinical test (Mathiowetz et al., Am. J. Occup. Ther. 39(6), 1985) a person carries as many blocks as possible
over a partition in a minute. Here the arm is moved by assistance, so that a hand that closes on every block and opens
past the partition would do this without reading anybody's intent. So blocks are offered one by one, after random waits.
A coin says for each whether it is to be taken or left, and only the operator knows it. A block is right if it is taken,
that is, it lies past the partition at the end of its offer, and the coin says take; or if it is not, and the coin says
leave. Wait, place, look and transport of a block do not depend on its coin.

A policy that knows nothing of the coins is therefore right with probability 1/2 for every block, whatever it does, and
independently from block to block: the number of right blocks is binomial, and the chance of a success is known exactly.

``mode="classical"`` is the clinical test: every block is to be taken. It is a test of speed, and a policy that ignores
the decoder can pass it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened
from neuromotion_gym.tasks.task import GoalSpace, Mark, Outcome, TaskFacts, Words, middle_level

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.assisted_grip import AssistedGripDrive
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.tasks.task import Timing

Level = Literal["easy", "standard", "hard"]
LEVELS: tuple[Level, ...] = get_args(Level)
Mode = Literal["intent", "classical"]

TAKE, LEAVE = 1.0, -1.0
"""Goals: the grip closed, and open."""
TOLERANCE = 0.5
DWELL_S = 0.5
WAIT_S = (0.5, 1.5)
"""Waits before a block is offered are uniform in this range."""
PLACE_M, TURN_RAD = 0.003, 0.08
"""Blocks lie up to this far from their places, forward and to the left, and are turned by up to this much."""
SLOW_LAG_S = 0.7
"""From this lag of the decoder on, the grip moves at half speed: it would otherwise go too far before it can stop."""
CLASSICAL_S, CLASSICAL_BLOCKS, CLASSICAL_SUCCESS = 60.0, 12, 10
"""The clinical test lasts a minute; here it has all twelve blocks of the scene, and ten are a success."""
CLASSICAL_SPEED, CLASSICAL_PACE, CLASSICAL_PERIOD = 2.0, 1.8, 1.5
"""How many times as fast as where blocks may have to be left the grip and the arm are (a grip that goes too far costs
nothing here), and how many times as long a block is offered. With a grip of 2.5 times, a slip of the operator drops
four times as many blocks. With an arm of 2.1 times, the hand still swings when it comes down, and pushes blocks."""
CLASSICAL_BACK = 2
"""How many times as fast as with a block the arm comes back without one."""
PROGRESS, GRIP = 0.6, 0.15
"""Weights in the distance of the reward. They add up to 0.75, the largest distance from a start."""
TIME_COST = 0.2
"""Cost of an episode that lasts to the time limit."""
TAKE_COLOUR, LEAVE_COLOUR = (0.0, 0.59, 0.57), (0.84, 0.25, 0.0)
"""Teal, and a dark orange that stands out from wood and skin. People with any kind of colour vision can tell them
apart, and the shapes of the marks differ, too."""
MARK_M, BELOW_M = (0.045, 0.0015), 0.0105
"""Radius (or half side) and half thickness of a mark, and how far it is below the block's centre: on the floor."""


@dataclass(frozen=True)
class BoxAndBlocksLevel:
    """Rules of one level for a decoder's lag.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
    blocks : int
        Number of blocks that are offered.
    net : int
        Right less wrong blocks that are a success.
    speed : float
        Full speed of the grip, half ranges per second.
    period_s : float
        Time for which a block is offered.
    time_limit_s : float
    """

    name: Level
    blocks: int
    net: int
    speed: float
    period_s: float
    time_limit_s: float

    @property
    def chance(self) -> float:
        """Success of every policy that knows nothing of the coins and is offered all blocks; others succeed less."""
        return max(binomial_tail(offered, self.net) for offered in range(self.net, self.blocks + 1))


def binomial_tail(blocks: int, net: int) -> float:
    """Probability that of ``blocks`` fair coins at least ``net`` more are right than wrong."""
    return sum(comb(blocks, right) for right in range(blocks + 1) if 2 * right - blocks >= net) / 2**blocks


def box_and_blocks_level(name: str, lag_s: float, piece_s: float) -> BoxAndBlocksLevel:
    """Level ``name`` for a decoder with a lag of ``lag_s`` seconds.

    A block is offered for as long as an operator needs to close the hand on it, with some time to spare; ``easy`` gives
    a quarter more.

    Parameters
    ----------
    name : {"easy", "standard", "hard"}
    lag_s : float
        Expected time from a change of intent to a change of the decoded label.
    piece_s : float
        Mean length of the pieces that the source plays.

    Raises
    ------
    NeuroMotionError
        If there is no such level.
    """
    if name not in LEVELS:
        raise NeuroMotionError(f"Unknown level {name!r}. Levels: {', '.join(LEVELS)}.")
    blocks, net, share = {"easy": (6, 4, 1.25), "standard": (10, 6, 1.0), "hard": (10, 8, 1.0)}[name]
    speed = 0.5 if lag_s >= SLOW_LAG_S else 1.0
    answer_s = 0.3 + lag_s + 1.5 * piece_s  # reaction, decoder, and a change that waits for the next long piece
    period_s = round(share * (answer_s + 2.2 / speed), 1)
    # The longest offer, a carried block, the answer past the partition, the way back
    longest_s = WAIT_S[1] + period_s + 1.6 + answer_s + 2 / speed + 2.0
    return BoxAndBlocksLevel(name, blocks, net, speed, period_s, float(round(blocks * longest_s)))


class BoxAndBlocksTask:
    """Box and Blocks for a batch of limbs.

    Reward of a step: ``d - d' + right - wrong - 0.2 * control period / time limit``. The distance d is
    ``0.6 * (1 - net / blocks) + 0.15 * |wanted grip - grip| / 2``, where net is the number of right less wrong blocks
    so far. Over an episode this adds up to ``d(start) - d(end) + right - wrong - 0.2 * share of the time limit used``.
    At the end the episode is right if net has reached the level's threshold, wrong if as many more blocks are wrong
    than right, and otherwise neither.

    Parameters
    ----------
    rules : BoxAndBlocksLevel
    limb : Limb
    drive : AssistedGripDrive
    axes : tuple of str
        The grip alone.
    control_s : float
        Control period.
    mode : {"intent", "classical"}, default "intent"
        "classical": every block is to be taken, as many as possible in a minute. A test of speed: it needs no intent.
        A block that is not taken does not count there, so that net is the number of blocks taken.
    """

    levels = LEVELS
    context = ("block_in_reach", "block_in_hand", "past_partition")

    def __init__(
        self,
        rules: BoxAndBlocksLevel,
        limb: Limb,
        drive: AssistedGripDrive,
        axes: tuple[str, ...],
        control_s: float,
        mode: Mode = "intent",
    ) -> None:
        self.rules, self.limb, self.drive, self.axes = rules, limb, drive, axes
        self.options: Mapping[str, Any] = {"mode": mode, "transport": "assisted"}
        self._classical = mode == "classical"
        self._miss = 0.0 if self._classical else -1.0
        self.facts = TaskFacts(
            level=rules.name,
            goals=GoalSpace(1, np.array([[LEAVE], [TAKE]])),
            tolerance=TOLERANCE,
            dwell_s=DWELL_S,
            time_limit_s=rules.time_limit_s,
            chance=1.0 if self._classical else rules.chance,
            choices=None,
            columns=("offered", "taken", "left", "dropped", "net"),
            lasts_s=rules.period_s,
            ends="An episode ends with its last block: a success if enough more blocks are right than wrong.",
        )
        self._control_s = control_s
        self._time_cost = TIME_COST * control_s / rules.time_limit_s
        self._last_step = round(rules.time_limit_s / control_s)
        model = limb.model
        self._qpos = np.array([1 + model.joint(f"block_{k + 1}").qposadr[0] for k in range(rules.blocks)])
        self._partition = drive.transport.plan.partition
        self._beyond = (
            1.0 if limb.side == "right" else -1.0
        )  # the far side of the partition lies towards the body's middle

    @classmethod
    def from_level(
        cls,
        level: str,
        limb: Limb,
        intents: IntentMap,
        drive: Callable[..., AssistedGripDrive],
        timing: Timing,
        *,
        mode: Mode = "intent",
    ) -> BoxAndBlocksTask:
        """See `neuromotion_gym.tasks.task.Task.from_level`, and the class for the options."""
        if not isinstance(mode, str) or mode not in get_args(Mode):
            raise NeuroMotionError(f"mode is 'intent' or 'classical', not {shortened(mode)}.")
        rules = box_and_blocks_level(level, timing.lag_s, timing.piece_s)
        if mode == "classical":
            if level != middle_level(LEVELS):
                raise NeuroMotionError(f"mode='classical' has no levels; leave out level={level!r}.")
            rules = BoxAndBlocksLevel(
                rules.name,
                CLASSICAL_BLOCKS,
                CLASSICAL_SUCCESS,
                CLASSICAL_SPEED * rules.speed,
                CLASSICAL_PERIOD * rules.period_s,
                CLASSICAL_S,
            )
        pace, back = (CLASSICAL_PACE, CLASSICAL_BACK) if mode == "classical" else (1.0, 1)
        moved_by = drive(intents.axes, rules.speed, period_s=rules.period_s, blocks=rules.blocks, pace=pace, back=back)
        return cls(rules, limb, moved_by, intents.axes, timing.control_s, mode)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        blocks = self.rules.blocks
        self.coins: np.ndarray = np.full((num_rows, blocks), TAKE)
        self.decoy_coins: np.ndarray = np.full((num_rows, blocks), TAKE)
        self.goal: np.ndarray = np.zeros((num_rows, 1))
        self.decoy: np.ndarray = np.zeros((num_rows, 1))
        self._rows = np.arange(num_rows)
        self._steps = np.zeros(num_rows, dtype=int)
        self._block = np.zeros(num_rows, dtype=int)
        self._lifted = np.zeros(num_rows, dtype=bool)
        self._counts = {name: np.zeros(num_rows) for name in self.facts.columns}
        self._distance = np.zeros(num_rows)
        self._seen = np.zeros((num_rows, 3))

    def reset(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], goals: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw coins, decoy coins, waits and places of the blocks of ``rows``; see `Task.reset`.

        ``goals`` are the coins of the first block; if one differs from the coin that was drawn, all coins are turned.

        Raises
        ------
        NeuroMotionError
            If a goal is neither 1 nor -1, or -1 in the clinical test, which has no block to leave.
        """
        if goals is not None:
            self._check_goals(goals)
        blocks = self.rules.blocks
        state = self.drive.reset(rows, np.full((len(rows), 1), LEAVE))
        for place, (row, generator) in enumerate(zip(rows.tolist(), generators, strict=True)):
            coins = generator.integers(2, size=(2, blocks))
            if not self._classical:
                self.coins[row], self.decoy_coins[row] = np.where(coins == 1, TAKE, LEAVE)
            waits = generator.uniform(*WAIT_S, blocks)
            self.drive.transport.waits[row] = 0.0 if self._classical else waits
            state[place, self._qpos[:, None] + np.arange(2)] += generator.uniform(-PLACE_M, PLACE_M, (blocks, 2))
            half = generator.uniform(-TURN_RAD, TURN_RAD, blocks) / 2
            state[place, self._qpos + 3], state[place, self._qpos + 6] = np.cos(half), np.sin(half)
        if goals is not None and not self._classical:
            self.coins[rows] *= goals * self.coins[rows, :1]
        self._steps[rows] = self._block[rows] = 0
        self._lifted[rows] = False
        for values in self._counts.values():
            values[rows] = 0.0
        self._set_goals()
        self._distance[rows] = PROGRESS + GRIP * np.abs(self.goal[rows, 0] - LEAVE) / 2
        return state

    def step(self, sensors: np.ndarray) -> Outcome:
        """Judge one control step of every row, from its sensors, shape (rows, nsensordata)."""
        transport, counts, blocks = self.drive.transport, self._counts, self.rules.blocks
        self._steps += 1
        self._lifted |= transport.in_hand
        decided = np.flatnonzero(transport.block > self._block)
        if decided.size:
            block = self._block[decided]
            across = sensors[decided, transport.blocks_read[block, 1]]
            taken = self._beyond * (across - self._partition) > 0
            counts["taken"][decided] += taken
            counts["left"][decided] += ~taken
            counts["dropped"][decided] += self._lifted[decided] & ~taken
            counts["net"][decided] += np.where(taken == (self.coins[decided, block] > 0), 1.0, self._miss)
            self._lifted[decided] = False
            self._block[decided] += 1
        counts["offered"] = np.maximum(counts["offered"], self._block + transport.in_reach)
        self._set_goals()
        self._seen = sensors[self._rows[:, None], transport.blocks_read[np.minimum(transport.block, blocks - 1)]]
        distance = PROGRESS * (1 - counts["net"] / blocks) + GRIP * np.abs(self.error(sensors)[:, 0]) / 2
        ended = (self._block >= blocks) | (self._steps >= self._last_step)
        right = ended & (counts["net"] >= self.rules.net)
        wrong = ended & (counts["net"] <= -self.rules.net)
        reward = self._distance - distance + right - wrong - self._time_cost
        self._distance = distance
        return Outcome(reward, right, wrong, ended, counts)

    def error(self, sensors: np.ndarray, *, decoy: bool = False) -> np.ndarray:
        """Wanted grip minus grip, shape (rows, 1)."""
        return (self.decoy if decoy else self.goal) - self.drive.motion(sensors)[0]

    def situation(self, sensors: np.ndarray) -> np.ndarray:
        """Whether a block is in reach, whether one is in the hand, whether it is past the partition; each 0 or 1."""
        transport = self.drive.transport
        return np.stack([transport.in_reach, transport.in_hand, transport.past], axis=1).astype(float)

    def ghost(self, row: int) -> None:
        """There is none: the goal is a choice, not a posture; see `marks`."""

    def marks(self, row: int) -> list[Mark]:
        """Below the block that is offered or carried: a teal disc if it is to be taken, an orange square if left."""
        if not self._chosen()[row]:
            return []
        take, (wide, half) = self.goal[row, 0] > 0, MARK_M
        size = (wide, half, 0.0) if take else (wide, wide, half)
        place = self._seen[row] - np.array([0.0, 0.0, BELOW_M])
        return [Mark("disc" if take else "box", place, size, TAKE_COLOUR if take else LEAVE_COLOUR, 0.9)]

    def words(self, row: int, right: bool, wrong: bool) -> Words:
        """What is to be done with the block that is offered, and the score; see `neuromotion_gym.tasks.task.Worded`."""
        transport, blocks = self.drive.transport, self.rules.blocks
        net, taken = (int(self._counts[name][row]) for name in ("net", "taken"))
        outcome = f"{taken} blocks taken" if self._classical else f"Net {net} of {blocks} blocks"
        goal = "open"
        if self._chosen()[row]:
            what = "take" if self.goal[row, 0] > 0 else "leave"
            goal = f"{what} block {min(int(transport.block[row]) + 1, blocks)} of {blocks}"
        return Words(outcome, "Hand", goal)

    def _check_goals(self, goals: np.ndarray) -> None:
        choices = (TAKE,) if self._classical else (TAKE, LEAVE)
        for goal in goals[:, 0].tolist():
            if goal not in choices:
                rule = "1 in mode='classical', where every block is to be taken" if self._classical else "1 or -1"
                raise NeuroMotionError(f"A goal is the coin of the first block, take or leave: {rule}, not {goal:g}.")

    def _chosen(self) -> np.ndarray:
        """Whether the coin says what is wanted now: a block is offered or carried, bool array of shape (rows,)."""
        transport = self.drive.transport
        return np.asarray(transport.in_reach | (transport.in_hand & ~transport.past))

    def _set_goals(self) -> None:
        """The wanted grip: the coin's while a block is offered or carried, and open otherwise.

        In the clinical test a hand that closed too early is to open again, so that it can come down to the block.
        """
        chosen, block = self._chosen(), np.minimum(self.drive.transport.block, self.rules.blocks - 1)
        if self._classical:
            chosen &= ~self.drive.transport.closed_early
        for goal, coins in ((self.goal, self.coins), (self.decoy, self.decoy_coins)):
            goal[:, 0] = np.where(chosen, coins[self._rows, block], LEAVE)
