"""Wrappers for use with your own decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorActionWrapper, VectorEnv
from gymnasium.vector.utils import batch_space

from neuromotion_gym.envs.neuro_env import NeuroEnv
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class IntentAction(gym.ActionWrapper[Any, Any, Any]):
    """Actions are indices of the decoder's labels; the limb carries out the intent of the label at full speed.

    With ``observe="signal"`` a decoder is then a policy from raw windows to intents:
    ``IntentPolicy(decoder).predict(obs)``. `VectorIntentAction` does the same for a batch.

    Raises
    ------
    NeuroMotionError
        If the environment is not one of this library, or its decoder gives continuous targets instead of labels.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        if isinstance(env, VectorEnv):
            raise NeuroMotionError("IntentAction wraps a single environment; a batch needs VectorIntentAction.")
        super().__init__(env)
        self.layout = _layout(self, env.unwrapped, NeuroEnv)
        self.action_space = gym.spaces.Discrete(len(self.layout.intents.labels))

    def action(self, action: Any) -> np.ndarray:
        """The action that label number ``action`` asks for."""
        return _directions(action, (), self.layout)


class VectorIntentAction(VectorActionWrapper):
    """`IntentAction` for a batch: an action is an int array of shape (rows,) with the index of a label for each row.

    Raises
    ------
    NeuroMotionError
        If the batch is not one of this library, or its decoder gives continuous targets instead of labels.
    """

    def __init__(self, env: VectorEnv) -> None:
        if not isinstance(env, VectorEnv):
            raise NeuroMotionError("VectorIntentAction wraps a batch; a single environment needs IntentAction.")
        super().__init__(env)
        self.layout = _layout(self, env.unwrapped, NeuroVectorEnv)
        self.single_action_space = gym.spaces.Discrete(len(self.layout.intents.labels))
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def actions(self, actions: Any) -> np.ndarray:
        """The actions that the labels ask for, float32 array of shape (rows, action size)."""
        return _directions(actions, (self.num_envs,), self.layout)


def _layout(wrapper: Any, inner: Any, kind: type[NeuroEnv | NeuroVectorEnv]) -> ObservationLayout:
    name = type(wrapper).__name__
    if not isinstance(inner, kind):
        raise NeuroMotionError(f"{name} wraps environments of this library, not {type(inner).__name__}.")
    if inner.layout.targets:
        raise NeuroMotionError(f"{name} needs a decoder with labels; this one gives continuous targets.")
    return inner.layout


def _directions(indices: Any, shape: tuple[int, ...], layout: ObservationLayout) -> np.ndarray:
    """Directions of labels, float32 array of shape (*shape, action size)."""
    labels = layout.intents.labels
    try:
        chosen = np.asarray(indices)
    except ValueError:  # lists of different lengths
        chosen = np.empty(0)
    if chosen.dtype.kind not in "iu" or chosen.shape != shape:
        wanted = f"an array of {shape[0]} indices" if shape else "the index"
        raise NeuroMotionError(f"An action is {wanted} of a label, a whole number, not {shortened(indices)}.")
    if chosen.min() < 0 or chosen.max() >= len(labels):
        raise NeuroMotionError(
            f"Intent {shortened(indices)} does not exist; there are {', '.join(labels)}, numbered from 0."
        )
    return layout.intents.directions[chosen].astype(np.float32)
