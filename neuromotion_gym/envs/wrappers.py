"""Wrappers for use with your own decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from neuromotion_gym.envs.neuro_env import NeuroEnv
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class IntentAction(gym.ActionWrapper[Any, Any, Any]):
    """Actions are indices of the decoder's labels; the limb carries out the intent of the label at full speed.

    With ``observe="signal"`` a decoder is then a policy from raw windows to intents:
    ``IntentPolicy(decoder).predict(obs)``.

    Raises
    ------
    NeuroMotionError
        If the environment is not one of this library, or its decoder gives continuous targets instead of labels.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        inner = env.unwrapped
        if not isinstance(inner, NeuroEnv):
            raise NeuroMotionError(f"IntentAction wraps environments of this library, not {type(inner).__name__}.")
        self.layout: ObservationLayout = inner.layout
        if self.layout.targets:
            raise NeuroMotionError("IntentAction needs a decoder with labels; this one gives continuous targets.")
        self.action_space = gym.spaces.Discrete(len(self.layout.intents.labels))

    def action(self, action: Any) -> np.ndarray:
        """The action that label number ``action`` asks for."""
        index = int(action)
        if not 0 <= index < len(self.layout.intents.labels):
            labels = ", ".join(self.layout.intents.labels)
            raise NeuroMotionError(f"Intent {index} does not exist; there are {labels}, numbered from 0.")
        return self.layout.intents.directions[index].astype(np.float32)
