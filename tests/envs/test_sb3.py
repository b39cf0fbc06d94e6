"""The batch as stable-baselines3's `VecEnv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecFrameStack, VecMonitor, VecNormalize

from neuromotion_gym.controllers import make_controller
from neuromotion_gym.envs import NeuroVectorEnv
from neuromotion_gym.envs.sb3 import NeuroVecEnv, make_sb3
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering.backend import rendering_available, why_not

if TYPE_CHECKING:
    pass

Options = "Callable[..., dict[str, object]]"


@pytest.mark.parametrize("observe", ["posterior", "signal"])
def test_the_terminal_observation_is_the_last_one(options: Options, observe: str) -> None:
    adapted = make_sb3("NeuroArm-v0", 3, observe=observe, max_episode_steps=60, **options())
    stopping = NeuroVectorEnv(num_envs=3, autoreset_mode="Disabled", observe=observe, max_episode_steps=60, **options())
    adapted.seed(5)
    seen = adapted.reset()
    twin, _ = stopping.reset(seed=5)
    ended = 0
    rng = np.random.default_rng(0)
    for _ in range(130):
        action = 0.5 * rng.uniform(-1, 1, (3, 1)).astype(np.float32)
        seen, reward, done, infos = adapted.step(action)
        twin, worth, terminated, truncated, facts = stopping.step(action)
        assert (reward == worth.astype(np.float32)).all()
        assert (done == (terminated | truncated)).all()
        for row in np.flatnonzero(done):
            last = infos[row]["terminal_observation"]
            for key in twin if observe == "signal" else ():
                assert (last[key] == twin[key][row]).all()
            if observe == "posterior":
                assert np.abs(last - twin[row]).max() <= 1e-6
            assert infos[row]["TimeLimit.truncated"] == truncated[row]
            assert infos[row]["is_success"] == facts["is_success"][row]
            assert infos[row]["time"] == facts["time"][row] > 0
            ended += 1
        assert all(infos[row] == {} for row in np.flatnonzero(~done))
        if done.any():
            twin, _ = stopping.reset(options={"reset_mask": done})
        for key in twin if observe == "signal" else ():
            assert (seen[key] == twin[key]).all()
        if observe == "posterior":
            assert np.abs(seen - twin).max() <= 1e-6
    assert ended >= 6


def test_success_and_truncation_are_told_apart(options: Options) -> None:
    env = make_sb3("NeuroArm-v0", 4, **options())
    env.seed(0)
    seen = env.reset()
    policy = make_controller("argmax", env.layout)
    infos = []
    for _ in range(600):
        seen, _, done, new = env.step(policy.predict(seen, None)[0])
        infos += [new[row] for row in np.flatnonzero(done)]
    assert sum(info["is_success"] for info in infos) >= 4
    assert not any(info["is_success"] and info["TimeLimit.truncated"] for info in infos)


def test_the_monitor_counts_episodes(options: Options) -> None:
    env = VecMonitor(make_sb3("NeuroArm-v0", 2, max_episode_steps=25, **options()), info_keywords=("is_success",))
    env.reset()
    episodes, rewards = [], np.zeros(2)
    for _ in range(50):
        _, reward, done, infos = env.step(np.ones((2, 1), np.float32))
        rewards += reward
        for row in np.flatnonzero(done):
            assert infos[row]["episode"]["l"] <= 25
            assert infos[row]["episode"]["r"] == pytest.approx(rewards[row], abs=1e-4)
            rewards[row] = 0
            episodes.append(infos[row]["episode"])
    assert len(episodes) >= 4
    assert all("is_success" in episode for episode in episodes)


def test_ppo_learns_on_it(options: Options) -> None:
    env = VecMonitor(make_sb3("NeuroArm-v0", 4, max_episode_steps=30, **options()))
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=64, n_epochs=2, seed=0, device="cpu")
    before = model.policy.state_dict()["action_net.weight"].clone()
    model.learn(256)
    assert (model.policy.state_dict()["action_net.weight"] != before).any()
    assert len(model.ep_info_buffer) >= 4
    assert set(model.ep_success_buffer) <= {True, False}
    assert len(model.ep_success_buffer) >= 4
    rewards, lengths = evaluate_policy(model, env, n_eval_episodes=4, return_episode_rewards=True)
    assert len(rewards) == 4
    assert max(lengths) <= 30


def test_dictionaries_can_be_learned_from(options: Options) -> None:
    env = make_sb3("NeuroArm-v0", 2, observe="signal", max_episode_steps=10, **options())
    PPO("MultiInputPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu").learn(32)


def test_usual_wrappers_fit(options: Options) -> None:
    env = VecNormalize(VecFrameStack(make_sb3("NeuroArm-v0", 2, max_episode_steps=5, **options()), 3))
    seen = env.reset()
    assert seen.shape == (2, 3 * env.unwrapped.layout.size)
    for _ in range(12):
        _, _, done, infos = env.step(np.zeros((2, 1), np.float32))
    assert all("terminal_observation" in infos[row] for row in np.flatnonzero(done))


def test_the_same_seed_gives_the_same_rows(options: Options) -> None:
    env = make_sb3("NeuroArm-v0", 2, **options())
    starts = []
    for seed in (3, 3, 4):
        env.seed(seed)
        starts.append(env.reset())
    assert (starts[0] == starts[1]).all()
    assert (starts[0][1] == starts[2][0]).all()
    assert (env.reset() != starts[2]).any()


def test_options_reach_the_rows_once(options: Options) -> None:
    env = make_sb3("NeuroArm-v0", 2, **options(level="hard"))
    env.set_options([{"goal": [0.5], "session": 0}, {"goal": [-0.5], "session": 1}])
    env.reset()
    assert [info["goal"].tolist() for info in env.reset_infos] == [[0.5], [-0.5]]
    assert [info["subject"] for info in env.reset_infos] == ["P0", "P1"]
    assert env.reset_infos[0]["about"]["level"] == "hard"
    env.reset()
    assert [info["goal"].tolist() for info in env.reset_infos] != [[0.5], [-0.5]]
    env.set_options([{"goal": [0.5]}, {}])
    with pytest.raises(NeuroMotionError, match="all rows"):
        env.reset()


def test_attributes_are_those_of_the_batch(options: Options) -> None:
    env = make_sb3("NeuroArm-v0", 3, **options())
    assert env.get_attr("num_envs", [0, 2]) == [3, 3]
    assert env.has_attr("layout")
    assert not env.has_attr("nothing")
    env.set_attr("note", "seen")
    assert env.env.note == "seen"
    with pytest.raises(NeuroMotionError, match="all of them"):
        env.set_attr("note", "other", 1)
    assert env.env_method("render", indices=[1]) == [None]
    assert env.env_is_wrapped(Monitor, 0) == [False]
    assert env.get_images() == [None] * 3


def test_another_way_of_restarting_is_refused(options: Options) -> None:
    with pytest.raises(NeuroMotionError, match="SameStep"):
        NeuroVecEnv(NeuroVectorEnv(num_envs=2, **options()))
    with pytest.raises(NeuroMotionError, match="vector_entry_point"):
        NeuroVecEnv(gym.make("CartPole-v1"))


def test_stepping_without_actions_is_refused(options: Options) -> None:
    env = make_sb3("NeuroArm-v0", 2, **options())
    env.reset()
    with pytest.raises(NeuroMotionError, match="step_async"):
        env.step_wait()


def test_a_batch_of_gymnasium_is_taken_up() -> None:
    batch = gym.make_vec("NeuroArm-v0", num_envs=2, vectorization_mode="vector_entry_point", autoreset_mode="SameStep")
    env = NeuroVecEnv(batch)
    assert env.reset().shape == (2, env.layout.size)
    env.close()


@pytest.mark.skipif(not rendering_available(), reason=f"cannot draw here: {why_not()}")
def test_frames_stand_side_by_side(options: Options) -> None:
    for mode in ("rgb_array", "overlay"):
        env = make_sb3("NeuroArm-v0", 2, render_mode=mode, **options())
        env.reset()
        one = env.get_images()[0].shape
        assert env.render().shape == (2 * one[0], one[1], 3)
        env.close()


def test_a_closed_batch_gives_its_source_free(options: Options) -> None:
    told = options()
    first = make_sb3("NeuroArm-v0", 2, **told)
    with pytest.raises(NeuroMotionError, match="plays this source"):
        make_sb3("NeuroArm-v0", 2, **told)
    first.close()
    second = make_sb3("NeuroArm-v0", 2, **told)
    assert second.reset().shape == (2, second.layout.size)
    second.close()
