"""Indices of labels as actions, of one environment, of a batch and for stable-baselines3."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from neuromotion_gym.envs import IntentAction, NeuroEnv, NeuroVectorEnv, VectorIntentAction
from neuromotion_gym.errors import NeuroMotionError

Options = "Callable[..., dict[str, object]]"


def test_a_batch_moves_as_its_labels_ask(options: Options) -> None:
    env, twin = VectorIntentAction(NeuroVectorEnv(num_envs=3, **options())), NeuroVectorEnv(num_envs=3, **options())
    assert env.action_space == gym.spaces.MultiDiscrete([3, 3, 3])
    assert env.single_action_space == gym.spaces.Discrete(3)
    for one in (env, twin):
        one.reset(seed=0)
    for labels in ([0, 1, 2], [2, 2, 1], np.array([1, 0, 0])):
        seen, earned, *_ = env.step(np.array(labels))
        expected, worth, *_ = twin.step(twin.layout.intents.directions[np.array(labels)])
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(earned, worth)


def test_stable_baselines3_chooses_labels(options: Options) -> None:
    DQN = pytest.importorskip("stable_baselines3").DQN
    from neuromotion_gym.envs.sb3 import NeuroVecEnv, make_sb3

    env = make_sb3("NeuroArm-v0", 2, intent_action=True, max_episode_steps=10, **options())
    twin = make_sb3("NeuroArm-v0", 2, max_episode_steps=10, **options())
    assert env.action_space == gym.spaces.Discrete(3)
    for one in (env, twin):
        one.seed(0)
        one.reset()
    labels = np.array([1, 2])
    one, other = env.step(labels), twin.step(env.layout.intents.directions[labels].astype(np.float32))
    np.testing.assert_array_equal(one[0], other[0])
    DQN("MlpPolicy", env, learning_starts=8, train_freq=2, batch_size=8, buffer_size=200, device="cpu").learn(40)
    with pytest.raises(NeuroMotionError, match="SameStep"):
        NeuroVecEnv(VectorIntentAction(NeuroVectorEnv(num_envs=2, **options())))


@pytest.mark.parametrize("labels", [[0, 1, 3], [-1, 0, 0], [0, 1], 1, [0.5, 1, 1], "abc", None, [[0, 1, 2]]])
def test_labels_that_do_not_exist_are_refused(options: Options, labels: object) -> None:
    env = VectorIntentAction(NeuroVectorEnv(num_envs=3, **options()))
    env.reset(seed=0)
    with pytest.raises(NeuroMotionError, match=r"(index|indices) of|does not exist"):
        env.step(labels)


@pytest.mark.parametrize("label", [3, -1, 0.5, "rest", None, np.nan, [0]])
def test_a_label_that_does_not_exist_is_refused(options: Options, label: object) -> None:
    env = IntentAction(NeuroEnv(**options()))
    env.reset(seed=0)
    with pytest.raises(NeuroMotionError, match=r"index of|does not exist"):
        env.step(label)


def test_each_wrapper_names_the_other(options: Options) -> None:
    with pytest.raises(NeuroMotionError, match="VectorIntentAction"):
        IntentAction(NeuroVectorEnv(num_envs=2, **options()))
    with pytest.raises(NeuroMotionError, match="single environment needs IntentAction"):
        VectorIntentAction(NeuroEnv(**options()))
    with pytest.raises(NeuroMotionError, match="environments of this library"):
        VectorIntentAction(gym.make_vec("CartPole-v1", 2))
