"""Sixteen arms in one batch: a decoder and its two bounds. A step is one physics and one decoder call for all arms."""

import gymnasium as gym
import numpy as np

import neuromotion_gym  # noqa: F401  (registers the environments)
from neuromotion_gym.controllers import make_controller

# "oracle" always decodes the label that plays; "shuffled" plays labels that have nothing to do with the goal
for decoder in ("emg_armband", "oracle:emg_armband", "shuffled:emg_armband"):
    envs = gym.make_vec(
        "NeuroArm-v0",
        num_envs=16,
        vectorization_mode="vector_entry_point",
        decoder=decoder,
        level="easy",
        autoreset_mode="SameStep",
    )
    controller = make_controller("argmax", envs.unwrapped.layout)
    observation, info = envs.reset(seed=0)
    state, ended = None, np.ones(16, dtype=bool)
    first = np.zeros(16, dtype=bool)  # limbs whose first episode is over
    right = 0
    while not first.all():
        action, state = controller.predict(observation, state, episode_start=ended)
        observation, reward, terminated, truncated, info = envs.step(action)
        ended = terminated | truncated
        new = ended & ~first
        if new.any():
            right += int(info["final_info"]["is_success"][new].sum())
            first |= new
    print(f"{decoder}: success {right / 16:.2f} in 16 episodes")
    envs.close()
