"""Environments: the closed loop, as one Gymnasium environment or as a batch of them."""

from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.layout import ObservationLayout
from neuromotion_gym.envs.neuro_env import NeuroEnv
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.envs.wrappers import IntentAction, VectorIntentAction

__all__ = ["ClosedLoop", "IntentAction", "NeuroEnv", "NeuroVectorEnv", "ObservationLayout", "VectorIntentAction"]
