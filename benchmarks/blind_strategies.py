"""Strategies that never look at the posterior: what they reach, an environment gives away without a decoder.

They are made for any environment from the layout of its observations: the elements of an action, the observed columns
of the limb and of its surroundings, the actions of the labels, the candidates, the dwell time and the time limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, check_places
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.envs.layout import ObservationLayout

    Act = Callable[["Sight"], np.ndarray]
    Strategy = Callable[[ObservationLayout, int, np.random.Generator], Act]

MOST_WAYS = 8
"""Largest number of fixed directions, and of fixed places, each of which is a strategy of its own."""
MOVED = 0.05
"""A limb that is slower than this share of its full speed has stopped."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a strategy sees of its rows in one control step.

    Parameters
    ----------
    step : int
        Control steps since the episodes began.
    position, velocity : float array, shape (rows, columns)
    situation : float array, shape (rows, context)
        The limb's surroundings.
    """

    step: int
    position: np.ndarray
    velocity: np.ndarray
    situation: np.ndarray

    @classmethod
    def of(cls, layout: ObservationLayout, observation: np.ndarray, step: int) -> Sight:
        """The parts of observations, shape (rows, size or more), that a strategy sees."""
        return cls(
            step, observation[:, layout.position], observation[:, layout.velocity], observation[:, layout.situation]
        )


def strategies(layout: ObservationLayout) -> dict[str, Strategy]:
    """All strategies for an environment, by names that say what they do."""
    fixed = _few(_ways(layout))
    limit, dwell = layout.time_limit_s, max(layout.dwell_s, layout.control_s)
    found: dict[str, Strategy] = {"rest": _constant(np.zeros(fixed.shape[1]))}
    for number, way in enumerate(fixed):
        found[f"always direction {number}"] = _constant(way)
        found[f"direction {number} until moved by 0.6, then hold"] = _move_and_hold(0.6, way)
    found["always a random direction"] = _always()
    for distance in (0.15, 0.3, 0.45, 0.75, 0.9):
        found[f"a random direction until moved by {distance}, then hold"] = _move_and_hold(distance)
    for share in (0.25, 0.5, 0.75):
        found[f"a random direction at {share} of full speed"] = _always(speed=share)
        found[f"wait {share} of the time, then a random direction"] = _always(begin_s=share * limit)
        found[f"a random direction for {share} of the time"] = _always(end_s=share * limit)
    for seconds in (0.5, 1.5, 4.0):
        found[f"a random direction for {seconds} s"] = _always(end_s=seconds)
        found[f"one label after the other, {seconds} s each"] = _sweep(seconds)
        found[f"bang-bang, {seconds} s each"] = _bang_bang(seconds)
        found[f"a random direction every {seconds} s"] = _walk(seconds, uniform=False)
        found[f"a uniform action every {seconds} s"] = _walk(seconds, uniform=True)
    for seconds in (dwell, 2 * dwell, 4 * dwell):
        found[f"one label and then rest, {seconds:.1f} s each"] = _sweep(seconds, rests=True)
    found["a random direction until it stops, then the opposite"] = _bounce()
    found["with its own motion"] = _along_motion(1.0)
    found["against its own motion"] = _along_motion(-1.0)
    for column, name in enumerate(layout.context):
        for sign in (1.0, -1.0):
            found[f"a direction by coin while {name} is {sign:+g}"] = _react(column, sign, every=1)
            found[f"a direction by coin every second time that {name} is {sign:+g}"] = _react(column, sign, every=2)
    return found | _visits(layout)


def _visits(layout: ObservationLayout) -> dict[str, Strategy]:
    """Strategies that go to goals; none where the limb's positions are not along the axes of the goals."""
    try:
        check_places(HandWritten(layout))
    except NeuroMotionError:
        return {}
    goals = layout.facts.goals.spread(0.4, 64)
    found: dict[str, Strategy] = {
        f"hold goal {number}": _tour(goal[None], wait_s=np.inf) for number, goal in enumerate(_few(goals))
    }
    found["hold a random goal"] = _tour(goals, wait_s=np.inf, shuffled=True)
    found["hold the middle of all goals"] = _tour(goals.mean(axis=0)[None], wait_s=np.inf)
    for share in (0.0, 0.6, 0.95, 1.5):
        found[f"visit the goals at random, {share} of the dwell time each"] = _tour(
            goals, wait_s=share * layout.dwell_s, shuffled=True
        )
    for speed in (0.25, 0.5):
        found[f"pass slowly through the goals, {speed} of full speed"] = _tour(goals, wait_s=0.0, speed=speed)
    return found


def _ways(layout: ObservationLayout) -> np.ndarray:
    """Actions of the labels, and both directions of every element, without repetitions and rest, shape (ways, size)."""
    labels = np.asarray(layout.intents.directions, dtype=float)
    each = np.eye(labels.shape[1])
    ways = np.concatenate([labels, each, -each, np.ones((1, len(each))), -np.ones((1, len(each)))])
    ways = ways[np.abs(ways).max(axis=1) > 0]
    return np.asarray(ways[np.sort(np.unique(ways, axis=0, return_index=True)[1])])


def _few(choices: np.ndarray) -> np.ndarray:
    """At most `MOST_WAYS` of some choices, spread evenly."""
    return choices[np.unique(np.linspace(0, len(choices) - 1, MOST_WAYS).round().astype(int))]


def _drawn(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> np.ndarray:
    """One random direction for each row, shape (rows, size)."""
    ways = _ways(layout)
    return np.asarray(ways[generator.integers(len(ways), size=rows)])


def _constant(action: np.ndarray) -> Strategy:
    """The same action all the time."""
    return lambda layout, rows, generator: lambda sight: np.tile(action, (rows, 1))


def _always(begin_s: float = 0.0, end_s: float = np.inf, speed: float = 1.0) -> Strategy:
    """A random direction from ``begin_s`` to ``end_s``."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        ways = speed * _drawn(layout, rows, generator)
        return lambda sight: ways * float(begin_s <= sight.step * layout.control_s < end_s)

    return start


def _move_and_hold(distance: float, way: np.ndarray | None = None) -> Strategy:
    """One direction until any column has moved by ``distance``, then no movement."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        ways = _drawn(layout, rows, generator) if way is None else np.tile(way, (rows, 1))
        begun: list[np.ndarray] = []
        there = np.zeros(rows, dtype=bool)

        def act(sight: Sight) -> np.ndarray:
            begun[:] = begun or [sight.position]
            there[:] |= np.abs(sight.position - begun[0]).max(axis=1) >= distance
            return np.where(there[:, None], 0.0, ways)

        return act

    return start


def _sweep(seconds: float, rests: bool = False) -> Strategy:
    """One label after the other; with ``rests`` each is followed by rest for the same time."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        labels = np.asarray(layout.intents.directions, dtype=float)
        labels = labels[np.abs(labels).max(axis=1) > 0]
        orders = generator.permuted(np.tile(np.arange(len(labels)), (rows, 1)), axis=1)

        def act(sight: Sight) -> np.ndarray:
            number = int(sight.step * layout.control_s / seconds)
            if rests and number % 2:
                return np.zeros((rows, labels.shape[1]))
            return np.asarray(labels[orders[:, (number // 2 if rests else number) % len(labels)]])

        return act

    return start


def _bang_bang(seconds: float) -> Strategy:
    """Every element of the action at one end of its range, then at the other."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        signs = generator.choice([-1.0, 1.0], (rows, _ways(layout).shape[1]))
        return lambda sight: signs * (-1.0) ** int(sight.step * layout.control_s / seconds)

    return start


def _walk(seconds: float, *, uniform: bool) -> Strategy:
    """Another random direction, or another uniform action, every ``seconds``."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        every = max(1, round(seconds / layout.control_s))
        action = _drawn(layout, rows, generator)

        def act(sight: Sight) -> np.ndarray:
            if sight.step % every == 0:
                action[:] = generator.uniform(-1, 1, action.shape) if uniform else _drawn(layout, rows, generator)
            return action.copy()

        return act

    return start


def _bounce() -> Strategy:
    """A random direction until the limb stops, then the opposite one."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        ways, since = _drawn(layout, rows, generator), np.zeros(rows, dtype=int)
        least = round(1.0 / layout.control_s)

        def act(sight: Sight) -> np.ndarray:
            since[:] += 1
            stopped = (since > least) & (np.abs(sight.velocity).max(axis=1) < MOVED * layout.speed)
            ways[stopped] *= -1
            since[stopped] = 0
            return ways.copy()

        return act

    return start


def _along_motion(sign: float) -> Strategy:
    """The sign of each column's velocity, with or against it; columns beyond the action are left out."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        first = _drawn(layout, rows, generator)

        def act(sight: Sight) -> np.ndarray:
            action = first.copy()
            size = min(action.shape[1], sight.velocity.shape[1])
            moving = np.abs(sight.velocity[:, :size]) > MOVED * layout.speed
            action[:, :size] = np.where(moving, sign * np.sign(sight.velocity[:, :size]), action[:, :size])
            return action

        return act

    return start


def _react(column: int, sign: float, every: int) -> Strategy:
    """Something happens in the surroundings: act in one direction by a coin, every n-th time; else in the opposite."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        ways, coin = _drawn(layout, rows, generator), np.zeros(rows, dtype=bool)
        before, times = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=int)

        def act(sight: Sight) -> np.ndarray:
            now = sign * sight.situation[:, column] > 0.5
            begins = now & ~before
            times[begins] += 1
            coin[begins] = generator.random(int(begins.sum())) < 0.5 if every == 1 else times[begins] % every == 0
            before[:] = now
            return np.where((now & coin)[:, None], ways, -ways)

        return act

    return start


def _tour(goals: np.ndarray, *, wait_s: float, speed: float = 1.0, shuffled: bool = False) -> Strategy:
    """Goes to one goal after the other and waits at each."""

    def start(layout: ObservationLayout, rows: int, generator: np.random.Generator) -> Act:
        orders = np.tile(np.arange(len(goals)), (rows, 1))
        if shuffled:
            orders = generator.permuted(orders, axis=1)
        index, waited, everyone = np.zeros(rows, dtype=int), np.zeros(rows, dtype=int), np.arange(rows)
        stride, steer = layout.speed * layout.control_s, HandWritten(layout).steer

        def act(sight: Sight) -> np.ndarray:
            offset = goals[orders[everyone, index % len(goals)]] - sight.position[:, : goals.shape[1]]
            there = np.abs(offset).max(axis=1) < stride
            waited[there] += 1
            on = there & (waited * layout.control_s >= wait_s)
            index[on] += 1
            waited[on] = 0
            return np.clip(steer(np.clip(offset / (2 * stride), -speed, speed)), -1.0, 1.0)

        return act

    return start
