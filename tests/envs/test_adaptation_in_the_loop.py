"""A decoder that follows its wearer in a loop: one option, which is told, and which other decoders refuse."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.benchmark.config import BenchmarkConfig, Grid, expand
from neuromotion_gym.errors import NeuroMotionError

NAME = "emg_armband_follows"


def posteriors(steps: int, seeds: list[int | None], **adaptation: object) -> list[np.ndarray]:
    """Last posterior of episodes of the same person, whose actions are all zero."""
    env = gym.make("NeuroArm-v0", decoder=NAME, adaptation=adaptation or None, disable_env_checker=True)
    found = []
    for seed in seeds:
        env.reset(seed=seed, options={"session": 2})
        for _ in range(steps):
            observation, *_ = env.step(np.zeros(3))
        found.append(observation[-8:-1])
    assert env.reset()[1]["about"]["adaptation"]["kind"] == "wearer"
    env.close()
    return found


def test_an_episode_goes_on_with_the_wearer_and_a_seed_begins_anew() -> None:
    online, again = posteriors(60, [3, 3])
    np.testing.assert_array_equal(online, again)
    (without,) = posteriors(60, [3], update=False)
    assert not np.allclose(online, without)
    np.testing.assert_array_equal(*(posteriors(60, [3, 3], keep="session")))
    _, second = posteriors(60, [3, None], keep="session")
    _, cleared = posteriors(60, [3, None])
    assert not np.array_equal(second, cleared)


def test_it_is_told_and_other_decoders_refuse_it() -> None:
    env = gym.make("NeuroArm-v0", decoder=NAME, adaptation={"keep": "session"}, disable_env_checker=True)
    told = {"kind": "wearer", "start": "nothing", "update": True, "keep": "session"}
    assert env.reset(seed=0)[1]["about"]["adaptation"] == told
    env.close()
    with pytest.raises(NeuroMotionError, match="its adaptation is of kind 'none'"):
        gym.make("NeuroArm-v0", adaptation={"keep": "session"}, disable_env_checker=True)


def test_the_digest_of_a_benchmark_holds_it_where_it_is_given() -> None:
    grid = {"decoders": [NAME], "controllers": ["argmax"], "levels": ["easy"]}
    with pytest.raises(Exception, match="keep is 'episode' in a benchmark"):
        Grid(**grid, adaptation={"keep": "session"})
    digests = set()
    for adaptation in (None, {"start": "nothing"}, {"start": "calibration"}):
        (cell,) = expand(BenchmarkConfig(name="follows", grids=[{**grid, "adaptation": adaptation}]))
        digests.add(cell.digest())
    assert len(digests) == 3
