"""The page on TorchRL, and what it says about modes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import gymnasium as gym
import pytest

from .scripts import run, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.client
torchrl = pytest.importorskip("torchrl", reason="needs TorchRL")


def test_a_batch_is_rolled_out(tmp_path: Path) -> None:
    found = re.search(r"(\d+) episodes, (\d+) successes", run(scripts("torchrl")[0], tmp_path))
    assert found
    assert int(found[1]) >= 3


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_a_batch_passes_the_checks_of_torchrl(mode: str) -> None:
    from torchrl.envs import GymWrapper
    from torchrl.envs.utils import check_env_specs

    batch = gym.make_vec("neuromotion_gym:NeuroArm-v0", 3, level="easy", autoreset_mode=mode, max_episode_steps=15)
    env = GymWrapper(batch)
    check_env_specs(env)
    data = env.rollout(40, break_when_any_done=False)
    assert data["next", "truncated"].sum() == 6
    env.close()


def test_a_single_environment_is_made_by_its_name() -> None:
    from torchrl.envs import GymEnv
    from torchrl.envs.utils import check_env_specs

    env = GymEnv("neuromotion_gym:NeuroArm-v0", level="easy")
    check_env_specs(env)
    env.close()
