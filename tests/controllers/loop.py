"""A closed loop without physics or signals: the library's own task and operator, and a decoder that draws its errors.

Positions follow the action exactly. The decoder reports what the operator wanted ``lag_s`` ago, rightly with
probability ``accuracy`` (errors in runs of ``run_s``), as a posterior whose highest probability is ``accuracy``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neuromotion_gym.envs.layout import ObservationLayout
from neuromotion_gym.intents import IntentMap, intent_map
from neuromotion_gym.limbs import SetPointDrive
from neuromotion_gym.operators import Operator, OperatorSpec
from neuromotion_gym.tasks import GoalSpace, PostureTask, TaskFacts, posture_level

EEG = ("rest", "left_fist", "right_fist")
EMG = (
    "neutral", "wrist_flexion", "wrist_extension", "radial_deviation", "ulnar_deviation", "hand_close", "hand_open",
)  # fmt: skip
NO_REST = ("left_fist", "right_fist")
CONTROL_S = 0.05


class Kinematic:
    """A limb whose sensors are the scaled positions of its axes."""

    def positions(self, sensors, axes):
        return sensors

    def state_at(self, places, axes):
        return places


def make_rules(level, intents, lag_s):
    return posture_level(level, len(intents.axes), lag_s, piece_s=lag_s, rest=intents.rest is not None)


def make_layout(labels=EEG, level="easy", hop_s=0.25, window_s=2.0, lag_s=1.8, effort=False) -> ObservationLayout:
    intents = intent_map("arm", labels)
    rules = make_rules(level, intents, lag_s)
    return ObservationLayout(
        intents=intents,
        facts=rules.facts("end"),
        columns=intents.axes,
        effort=effort,
        control_s=CONTROL_S,
        hop_s=hop_s,
        window_s=window_s,
        lag_s=lag_s,
        speed=rules.speed,
    )


def emg_layout(level="standard", **options) -> ObservationLayout:
    return make_layout(EMG, level, hop_s=0.05, window_s=0.2, lag_s=0.45, **options)


def other_layout(axes=1, *, columns=None, candidates=None, reach=0.9, hole=0.2, tolerance=0.1, dwell_s=0.5, targets=()):
    """A layout of a task and a limb that the library does not have, two labels an axis and one that rests."""
    directions = np.concatenate([np.zeros((1, axes)), np.eye(axes), -np.eye(axes)])
    names = tuple(f"axis_{index}" for index in range(axes))
    labels = ("still", *(f"{name}_up" for name in names), *(f"{name}_down" for name in names))
    goals = GoalSpace(axes, candidates, reach, hole)
    return ObservationLayout(
        intents=IntentMap(labels, names, directions),
        facts=TaskFacts("only", goals, tolerance, dwell_s, time_limit_s=12.0 * axes, chance=0.1, choices=None),
        columns=names if columns is None else columns,
        effort=False,
        control_s=0.05,
        hop_s=0.05,
        window_s=0.2,
        lag_s=0.2,
        speed=0.3,
        targets=targets,
    )


def muscle_layout(candidates) -> ObservationLayout:
    """A layout of two joints moved by four muscles, the last of which moves both joints."""
    muscles = ("extend", "flex", "lift", "push")
    layout = other_layout(2, columns=("knee", "ankle", *muscles), candidates=candidates)
    intents = IntentMap(muscles, muscles, np.eye(4))
    moves = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [-0.2, -1.0]])
    return replace(layout, intents=intents, axes=("knee", "ankle"), moves=moves)


def play(
    controller, layout, level, n=200, seed=0, accuracy=1.0, run_s=1.0, decoy=False, informed=True, wrong_selection="end"
):
    """Success, wrong selections and seconds of ``n`` episodes, each of shape (n,); seconds are NaN at a time-out."""
    rules = make_rules(level, layout.intents, layout.lag_s)
    intents, axes = layout.intents, layout.intents.axes
    labels, limb = len(intents.labels), Kinematic()
    drive = SetPointDrive(limb, intents, axes, rules.speed, CONTROL_S)
    task = PostureTask(rules, limb, drive, axes, CONTROL_S, wrong_selection)
    operator = Operator(
        OperatorSpec(), labels, intents.rest, drive, CONTROL_S, layout.lag_s, rules.tolerance, rules.time_limit_s
    )
    drive.start(n)
    task.start(n)
    operator.start(n, len(axes))
    generators = [np.random.default_rng([seed, row]) for row in range(n)]
    rows = np.arange(n)
    position = task.reset(rows, generators)
    operator.reset(rows, generators, task.error(position, decoy=decoy), position)
    coins = np.random.default_rng(seed + 1)
    lag = round(layout.lag_s / CONTROL_S)
    hop = round(layout.hop_s / CONTROL_S)
    wanted = np.tile(operator.label[:, None], (1, lag + 1))
    posterior = np.full((n, labels), 1 / labels)
    right = np.ones(n, dtype=bool)
    other = np.ones(n, dtype=int)
    success, wrong, seconds = np.zeros(n, bool), np.zeros(n, bool), np.full(n, np.nan)
    velocity = np.zeros_like(position)
    state, start = None, np.ones(n, dtype=bool)
    for step in range(round(rules.time_limit_s / CONTROL_S)):
        parts = [position, velocity, posterior, *([np.full((n, 1), 0.5)] if layout.effort else [])]
        action, state = controller.predict(np.concatenate(parts, axis=1).astype(np.float32), state, start)
        start = np.zeros(n, dtype=bool)
        assert action.shape == position.shape
        assert np.isfinite(action).all()
        moved = np.clip(position + rules.speed * CONTROL_S * action, -1, 1)
        velocity, position = (moved - position) / CONTROL_S, moved
        label = operator.step(task.error(position, decoy=decoy), position)
        wanted = np.concatenate([wanted[:, 1:], label[:, None]], axis=1)
        redraw = coins.random(n) < CONTROL_S / run_s
        right = np.where(redraw, coins.random(n) < accuracy, right if step else coins.random(n) < accuracy)
        other = np.where(redraw, coins.integers(1, labels, n), other if step else coins.integers(1, labels, n))
        if (step + 1) % hop == 0:
            told = np.where(right, wanted[:, 0], (wanted[:, 0] + other) % labels)
            if not informed:
                told = (other + coins.integers(0, labels, n) * redraw) % labels
            sure = max(accuracy, 1 / labels)
            posterior = np.full((n, labels), (1 - sure) / (labels - 1))
            posterior[rows, told] = sure
        outcome = task.step(position)
        new = np.isnan(seconds) & outcome.ended
        success |= new & outcome.right
        wrong |= new & outcome.wrong
        seconds[new] = (step + 1) * CONTROL_S
        if np.isfinite(seconds).all():
            break
    return success, wrong, seconds
