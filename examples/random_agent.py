"""One episode of NeuroArm-v0 with an agent that acts at random."""

import gymnasium as gym

import neuromotion_gym  # noqa: F401  (registers the environments)

env = gym.make("NeuroArm-v0", level="easy")
env.action_space.seed(0)
observation, info = env.reset(seed=0)
ended = False
while not ended:
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    ended = terminated or truncated
print(f"after {info['time']:.1f} s: success {info['is_success']}, wrong selection {info['wrong_selection']}")
env.close()
