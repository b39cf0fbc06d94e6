"""Observation and action spaces of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

if TYPE_CHECKING:
    from neuromotion_gym.envs.closed_loop import ClosedLoop


def action_space(loop: ClosedLoop) -> gym.spaces.Box:
    """From -1 to 1 in every element; the drive defines what an element means."""
    return gym.spaces.Box(-1.0, 1.0, (loop.parts.drive.action_size,), np.float32)


def observation_space(loop: ClosedLoop) -> gym.Space:
    """Flat for ``observe="posterior"``; a dictionary with the raw window for ``observe="signal"``."""
    layout, spec, drive = loop.layout, loop.stream.spec, loop.parts.drive
    seen = np.ones(len(layout.columns))
    around = np.ones(len(layout.context))
    bound = np.concatenate([seen * drive.position_bound, seen * drive.velocity_bound, around])
    goal = np.ones(len(loop.parts.task.axes)) if loop.observe_goal else np.empty(0)
    if loop.observe == "signal":
        high = np.concatenate([bound, goal])
        spaces: dict[str, gym.Space[Any]] = {
            "limb": _box(-high, high),
            "signal": gym.spaces.Box(-np.inf, np.inf, (len(spec.channels), spec.window), np.float32),
        }
        if loop.stream.adaptation is not None:
            spaces["adaptation"] = gym.spaces.Box(-np.inf, np.inf, spec.adaptation.shape, np.float32)
        return gym.spaces.Dict(spaces)
    decoded = np.ones(layout.decoded.stop - layout.decoded.start)
    lowest = -decoded if layout.targets else 0 * decoded
    effort = np.ones(int(layout.effort))
    return _box(np.concatenate([-bound, lowest, 0 * effort, -goal]), np.concatenate([bound, decoded, effort, goal]))


def _box(low: np.ndarray, high: np.ndarray) -> gym.spaces.Box:
    return gym.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
