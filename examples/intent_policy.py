"""A decoder as a policy: it maps the raw signal to the label that the operator wants, and this label moves the arm."""

import gymnasium as gym

import neuromotion_gym  # noqa: F401  (registers the environments)
from neuromotion_gym.decoders import IntentPolicy, load_decoder
from neuromotion_gym.envs.wrappers import IntentAction

policy = IntentPolicy(load_decoder("emg_armband"))
env = IntentAction(gym.make("NeuroArm-v0", decoder="emg_armband", level="easy", observe="signal"))
observation, info = env.reset(seed=0)
ended = False
while not ended:
    observation, reward, terminated, truncated, info = env.step(policy.predict(observation))
    ended = terminated or truncated
print(f"after {info['time']:.1f} s: success {info['is_success']}, wrong selection {info['wrong_selection']}")
env.close()
