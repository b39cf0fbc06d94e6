"""Observation and action spaces of one limb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from neuromotion_gym.envs.closed_loop import POSITION_BOUND, VELOCITY_BOUND

if TYPE_CHECKING:
    from neuromotion_gym.envs.closed_loop import ClosedLoop


def action_space(loop: ClosedLoop) -> gym.spaces.Box:
    """Fraction of full speed on every axis."""
    return gym.spaces.Box(-1.0, 1.0, (len(loop.layout.intents.axes),), np.float32)


def observation_space(loop: ClosedLoop) -> gym.Space:
    """Flat for ``observe="posterior"``; a dictionary with the raw window for ``observe="signal"``."""
    layout, spec = loop.layout, loop.stream.spec
    axes = len(layout.intents.axes)
    bound = np.repeat([POSITION_BOUND, VELOCITY_BOUND], axes)
    goal = np.ones(axes) if loop.observe_goal else np.empty(0)
    if loop.observe == "signal":
        high = np.concatenate([bound, goal])
        spaces: dict[str, gym.Space[Any]] = {
            "limb": _box(-high, high),
            "signal": gym.spaces.Box(-np.inf, np.inf, (len(spec.channels), spec.window), np.float32),
        }
        if loop.stream.adaptation is not None:
            spaces["adaptation"] = gym.spaces.Box(-np.inf, np.inf, spec.adaptation.shape, np.float32)
        return gym.spaces.Dict(spaces)
    unit = np.ones(len(layout.intents.labels) + int(layout.effort))
    return _box(np.concatenate([-bound, 0 * unit, -goal]), np.concatenate([bound, unit, goal]))


def _box(low: np.ndarray, high: np.ndarray) -> gym.spaces.Box:
    return gym.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
