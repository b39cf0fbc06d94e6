"""Sixteen arms at once, driven by the likeliest label: one physics call and one decoding call a step."""

import gymnasium as gym
import numpy as np

import neuromotion_gym  # noqa: F401  (registers the environments)
from neuromotion_gym.controllers import make_controller

envs = gym.make_vec(
    "NeuroArm-v0", num_envs=16, vectorization_mode="vector_entry_point", level="easy", autoreset_mode="SameStep"
)
controller = make_controller("argmax", envs.unwrapped.layout)
observation, info = envs.reset(seed=0)
state, ended = None, np.ones(16, dtype=bool)
episodes = successes = 0
while episodes < 16:
    action, state = controller.predict(observation, state, episode_start=ended)
    observation, reward, terminated, truncated, info = envs.step(action)
    ended = terminated | truncated
    if ended.any():
        episodes += ended.sum()
        successes += info["final_info"]["is_success"][ended].sum()
print(f"{successes} of {episodes} episodes selected the right posture")
envs.close()
