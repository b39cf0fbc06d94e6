"""The batch environment as a learned controller sees it in training: features, and one action for several steps.

Like `neuromotion_gym.envs.sb3`, made for stable-baselines3 throughout.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.controllers.base import Memory
    from neuromotion_gym.controllers.history import History
    from neuromotion_gym.envs.layout import ObservationLayout


class Joined(VecEnv):  # type: ignore[misc]  # stable-baselines3 is optional
    """Several batches as one, their rows in turn: people that a decoder of their own drives for.

    Parameters
    ----------
    envs : sequence of VecEnv
        With the same spaces.
    """

    def __init__(self, envs: Sequence[VecEnv]) -> None:
        if not envs or any(
            (env.observation_space, env.action_space) != (envs[0].observation_space, envs[0].action_space)
            for env in envs
        ):
            raise NeuroMotionError("Batches that are joined have the same observations and actions.")
        self.envs = list(envs)
        self._edges = np.cumsum([env.num_envs for env in envs])[:-1]
        super().__init__(sum(env.num_envs for env in envs), envs[0].observation_space, envs[0].action_space)

    def seed(self, seed: int | None = None) -> list[int | None]:
        """Row ``i`` gets ``seed + i`` at the next reset."""
        seeds: list[int | None] = []
        for env in self.envs:
            seeds += env.seed(None if seed is None else seed + len(seeds))
        return seeds

    def reset(self) -> np.ndarray:
        """Begin an episode in every row."""
        observation = np.concatenate([env.reset() for env in self.envs])
        self.reset_infos = [info for env in self.envs for info in env.reset_infos]
        return observation

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions of the coming step."""
        for env, part in zip(self.envs, np.split(actions, self._edges), strict=True):
            env.step_async(part)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Advance every batch."""
        observations, rewards, dones, infos = zip(*(env.step_wait() for env in self.envs), strict=True)
        return (
            np.concatenate(observations),
            np.concatenate(rewards),
            np.concatenate(dones),
            [info for part in infos for info in part],
        )

    def close(self) -> None:
        """Close all of them."""
        for env in self.envs:
            env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of every row."""
        values = [value for env in self.envs for value in env.get_attr(attr_name)]
        return [values[row] for row in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute in every batch."""
        for env in self.envs:
            env.set_attr(attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method in every batch."""
        results = [result for env in self.envs for result in env.env_method(method_name, *method_args, **method_kwargs)]
        return [results[row] for row in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Rows carry no wrappers of their own."""
        return [False for _ in self._get_indices(indices)]


class Mirrored(VecEnvWrapper):  # type: ignore[misc]  # stable-baselines3 is optional
    """Shows every episode with its axes exchanged and turned round at random, and its labels with them.

    A few people confuse a few pairs of gestures. Shown so, every one of their confusions is one between all pairs that
    the symmetry of the task makes alike (48 for three axes, 2 for one), and a policy cannot learn them by heart.

    Parameters
    ----------
    venv : VecEnv
        Of control steps.
    layout : ObservationLayout
        Of its observations; a goal may stand behind them.
    seed : int
    """

    def __init__(self, venv: VecEnv, layout: ObservationLayout, seed: int) -> None:
        super().__init__(venv)
        self._sources, self._signs = symmetries(layout, venv.observation_space.shape[0])
        self._axes = len(layout.intents.axes)
        self._generator = np.random.default_rng(seed)
        self._drawn: np.ndarray = np.zeros(self.num_envs, dtype=int)

    def reset(self) -> np.ndarray:
        """Begin an episode in every row, each with a symmetry of its own."""
        self._drawn = self._draw(self.num_envs)
        return self._shown(self.venv.reset(), self._drawn)

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions of the coming step, as the policy means them."""
        axes = slice(0, self._axes)
        turned = np.empty_like(actions)
        given = actions * self._signs[self._drawn, axes]
        np.put_along_axis(turned, self._sources[self._drawn, axes], given, axis=1)
        self.venv.step_async(turned)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Advance; rows that begin a new episode draw a new symmetry."""
        observation, reward, done, infos = self.venv.step_wait()
        ended = np.flatnonzero(done)
        for row in ended.tolist():
            last = infos[row]["terminal_observation"]
            infos[row]["terminal_observation"] = self._shown(last[None], self._drawn[[row]])[0]
        self._drawn[ended] = self._draw(len(ended))
        return self._shown(observation, self._drawn), reward, done, infos

    def _draw(self, rows: int) -> np.ndarray:
        return np.asarray(self._generator.integers(len(self._sources), size=rows))

    def _shown(self, observation: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        return np.take_along_axis(observation, self._sources[drawn], axis=1) * self._signs[drawn]


def symmetries(layout: ObservationLayout, size: int) -> tuple[np.ndarray, np.ndarray]:
    """All exchanges and turns of the axes under which the labels' directions stay a set of directions.

    Parameters
    ----------
    layout : ObservationLayout
    size : int
        Length of the observation, with the goal where it is shown.

    Returns
    -------
    sources : int array, shape (symmetries, size)
        Which element of the observation each shown one is.
    signs : float32 array, shape (symmetries, size)
        What it is multiplied by. The identity comes first.
    """
    directions = np.asarray(layout.intents.directions)
    labels, axes = directions.shape
    sources, signs = [], []
    for order in permutations(range(axes)):
        for turn in product((1, -1), repeat=axes):
            wanted = directions[:, order] * turn
            # The label whose direction, so shown, is that of each label
            matches = (wanted[None, :, :] == directions[:, None, :]).all(axis=2)
            if not (matches.sum(axis=0) == 1).all() or not (matches.sum(axis=1) == 1).all():
                continue
            shown = matches.argmax(axis=1)
            effort = [layout.size - 1] if layout.effort else []
            goal = [layout.size + axis for axis in order] if size > layout.size else []
            sources.append([*order, *(axes + axis for axis in order), *(2 * axes + shown), *effort, *goal])
            signs.append([*turn, *turn, *([1] * (labels + len(effort))), *(turn if goal else ())])
    return np.array(sources), np.array(signs, dtype=np.float32)


class DecisionEnv(VecEnvWrapper):  # type: ignore[misc]  # stable-baselines3 is optional
    """Features in place of observations, and one decision for several control steps.

    An action is held for ``repeat`` control steps, whose rewards are discounted step by step. A row whose episode ends
    on the way holds still in the next one until all decide again; `Learned` decides at its first step, which is the
    only difference between training and play. The time limit ends an episode like any other end: time is
    among the features, and an episode without a selection has failed.

    Parameters
    ----------
    venv : VecEnv
        Of control steps: `neuromotion_gym.envs.sb3.NeuroVecEnv`, or several of them `Joined`.
    history : History
        Makes the features.
    repeat : int
        Control steps a decision.
    discount : float
        A control step's; of the environment's shaped reward, too.
    """

    def __init__(self, venv: VecEnv, history: History, repeat: int, discount: float) -> None:
        space = gym.spaces.Box(-np.inf, np.inf, (history.size,), np.float32)
        super().__init__(venv, observation_space=space)
        self.history, self.repeat, self.discount = history, repeat, discount
        self._memory: Memory | None = None
        self._actions = np.zeros((self.num_envs, *self.action_space.shape), dtype=np.float32)

    def reset(self) -> np.ndarray:
        """Begin an episode in every row; features."""
        features, self._memory = self.history.step(self.venv.reset())
        return features

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions of the coming decision."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Hold the actions for ``repeat`` control steps; features, rewards, ends, infos."""
        reward = np.zeros(self.num_envs, dtype=np.float32)
        done = np.zeros(self.num_envs, dtype=bool)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for step in range(self.repeat):
            actions = np.where(done[:, None], 0.0, self._actions)
            observation, gained, ended, told = self.venv.step(actions)
            reward += np.where(done, 0.0, self.discount**step * gained)
            for row in np.flatnonzero(ended & ~done).tolist():
                infos[row] = told[row]
                del infos[row]["terminal_observation"], infos[row]["TimeLimit.truncated"]
            features, self._memory = self.history.step(observation, self._memory, ended)
            done |= ended
        return features, reward, done, infos
