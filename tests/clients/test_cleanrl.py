"""The page on CleanRL, whose files use Gymnasium alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import gymnasium as gym
import pytest

from .scripts import run, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.client


def test_the_wrappers_of_a_single_file_fit_around_a_batch(tmp_path: Path) -> None:
    found = re.search(r"(\d+) episodes, mean length (\d+)", run(scripts("cleanrl")[0], tmp_path))
    assert found
    assert int(found[1]) >= 8
    assert 1 <= int(found[2]) <= 400


def test_the_environments_of_a_single_file_are_made_by_name() -> None:
    """As `ppo_continuous_action.py` makes them."""

    def make() -> gym.Env:
        env = gym.wrappers.FlattenObservation(gym.make("neuromotion_gym:NeuroArm-v0"))
        env = gym.wrappers.ClipAction(gym.wrappers.RecordEpisodeStatistics(env))
        env = gym.wrappers.NormalizeReward(gym.wrappers.NormalizeObservation(env), gamma=0.99)
        return gym.wrappers.TransformReward(env, lambda reward: max(-10, min(10, reward)))

    envs = gym.vector.SyncVectorEnv([make] * 2)
    observation, _ = envs.reset(seed=1)
    assert observation.shape == (2, 14)
    for _ in range(3):
        *_, infos = envs.step(envs.action_space.sample())
    assert infos["is_success"].dtype == bool
    envs.close()
