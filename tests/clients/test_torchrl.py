"""The page on TorchRL, and what it says about modes."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from .scripts import run, scripts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.client, pytest.mark.skipif(find_spec("torchrl") is None, reason="needs TorchRL")]

CHECKS = """
import gymnasium as gym
from torchrl.envs import GymEnv, GymWrapper
from torchrl.envs.utils import check_env_specs

for mode in ("SameStep", "Disabled"):
    batch = gym.make_vec("neuromotion_gym:NeuroArm-v0", 3, level="easy", autoreset_mode=mode, max_episode_steps=15)
    env = GymWrapper(batch)
    check_env_specs(env)
    data = env.rollout(40, break_when_any_done=False)
    assert data["next", "truncated"].sum() == 6, data["next", "truncated"].sum()
    env.close()
env = GymEnv("neuromotion_gym:NeuroArm-v0", level="easy")
check_env_specs(env)
env.close()
print("passed")
"""


def test_a_batch_is_rolled_out(tmp_path: Path) -> None:
    found = re.search(r"(\d+) episodes, (\d+) successes", run(scripts("torchrl")[0], tmp_path))
    assert found
    assert int(found[1]) >= 3


def test_batches_and_single_environments_pass_the_checks_of_torchrl(tmp_path: Path) -> None:
    assert run(CHECKS, tmp_path).strip().endswith("passed")
