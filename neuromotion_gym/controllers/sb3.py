"""The batch environment in which controllers are trained: features as observations, one action for several steps.

Like `neuromotion_gym.envs.sb3` it needs stable-baselines3 when it is imported.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neuromotion_gym.controllers.base import Memory
    from neuromotion_gym.controllers.history import History
    from neuromotion_gym.envs.layout import ObservationLayout


class Joined(VecEnv):  # type: ignore[misc]  # stable-baselines3 is optional
    """Several batches joined into one, their rows one batch after the other; each may have its own decoder.

    Parameters
    ----------
    envs : sequence of VecEnv
        Batches with the same spaces.
    """

    def __init__(self, envs: Sequence[VecEnv]) -> None:
        if not envs or any(
            (env.observation_space, env.action_space) != (envs[0].observation_space, envs[0].action_space)
            for env in envs
        ):
            raise NeuroMotionError("Batches that are joined must have the same observations and actions.")
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
        """Store the actions of the next step."""
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
        """Close all batches."""
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
    """Presents every episode with its axes exchanged and reversed at random, and its labels accordingly.

    The decoders of a few people confuse a few pairs of gestures. With the random symmetries each confusion occurs
    between all pairs that are equivalent under the symmetries of the task (48 for three axes, 2 for one), so that a
    policy cannot memorise which pairs are confused.

    Parameters
    ----------
    venv : VecEnv
        Batch whose steps are control steps.
    layout : ObservationLayout
        Layout of its observations, which may end with the goal.
    seed : int
        Seed for drawing symmetries.

    Raises
    ------
    NeuroMotionError
        If elements of the action, positions and axes of the goals are not the same, or surroundings are observed.
    """

    def __init__(self, venv: VecEnv, layout: ObservationLayout, seed: int) -> None:
        super().__init__(venv)
        self._axes = len(layout.intents.axes)
        if layout.context or not len(layout.columns) == self._axes == layout.facts.goals.axes:
            raise NeuroMotionError(
                f"Episodes are mirrored only where each element of the action has one position and one axis of the "
                f"goals, and no surroundings are observed; here are {self._axes} elements, {len(layout.columns)} "
                f"positions, {layout.facts.goals.axes} axes and {len(layout.context)} columns of surroundings. "
                "Train with mirror=False."
            )
        self._sources, self._signs = symmetries(layout, venv.observation_space.shape[0])
        self._generator = np.random.default_rng(seed)
        self._drawn: np.ndarray = np.zeros(self.num_envs, dtype=int)

    def reset(self) -> np.ndarray:
        """Begin an episode in every row, and draw a symmetry for each."""
        self._drawn = self._draw(self.num_envs)
        return self._shown(self.venv.reset(), self._drawn)

    def step_async(self, actions: np.ndarray) -> None:
        """Store the actions of the next step, given along the axes as presented."""
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


LIMIT = 512
"""Largest number of symmetries that are used. Three axes have 48, four have 384, ten would have 3.7e9."""


def symmetries(layout: ObservationLayout, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Exchanges and reversals of the axes that leave the directions of the labels, and the candidates, as they are.

    All of them if there are at most `LIMIT`; otherwise the identity and others that are drawn at random, each with the
    same probability.

    Parameters
    ----------
    layout : ObservationLayout
    size : int
        Length of the observation, including the goal if it is observed.
    seed : int
        Seed for drawing symmetries.

    Returns
    -------
    sources : int array, shape (symmetries, size)
        Index of the original element for each place of the presented observation.
    signs : float32 array, shape (symmetries, size)
        Factor on each element, 1 or -1. The identity comes first.
    """
    directions = np.asarray(layout.intents.directions)
    labels, axes = directions.shape
    found = _turns(layout, seed)
    before = np.lexsort(directions.T)
    sources, signs = [], []
    for order, turn in found:
        # For each label, the one whose direction becomes its own; labels of one direction keep their order
        shown = np.empty(labels, dtype=int)
        shown[before] = np.lexsort((directions[:, order] * turn).T)
        effort = [layout.size - 1] if layout.effort else []
        goal = [layout.size + axis for axis in order] if size > layout.size else []
        sources.append([*order, *(axes + axis for axis in order), *(2 * axes + shown), *effort, *goal])
        signs.append([*turn, *turn, *([1] * (labels + len(effort))), *(turn if goal else ())])
    return np.array(sources), np.array(signs, dtype=np.float32)


Turn = tuple[tuple[int, ...], tuple[int, ...]]
"""A symmetry: the axis that is presented in each place, and whether it is reversed (-1) or not (1)."""


def _turns(layout: ObservationLayout, seed: int) -> list[Turn]:
    """All symmetries, sorted by axes and reversals; or `LIMIT` random ones, the identity first."""
    figures = [np.asarray(layout.intents.directions, dtype=float)]
    if layout.candidates is not None:
        figures.append(np.asarray(layout.candidates, dtype=float))
    axes = figures[0].shape[1]
    identity: Turn = (tuple(range(axes)), (1,) * axes)
    every = list(islice(_extended(figures, (), (), None), LIMIT + 1))
    if len(every) <= LIMIT:
        return sorted(every, key=lambda found: (found[0], tuple(-way for way in found[1])))
    generator = np.random.default_rng(seed)
    drawn = {identity: None}
    while len(drawn) < LIMIT:
        drawn[next(_extended(figures, (), (), generator))] = None
    return list(drawn)


def _extended(
    figures: list[np.ndarray], order: tuple[int, ...], turn: tuple[int, ...], generator: np.random.Generator | None
) -> Iterator[Turn]:
    """Symmetries that begin with ``order`` and ``turn``, axis by axis; in random order with a generator.

    The rows of each array in ``figures``, restricted to the axes placed so far, have to be the same set before and
    after; so a beginning that cannot become a symmetry is dropped early. Since symmetries form a group, all beginnings
    that can be completed have equally many completions. In random order, the first symmetry found is thus any of them
    with the same probability.
    """
    placed, axes = len(order), figures[0].shape[1]
    if placed == axes:
        yield order, turn
        return
    choices = [(axis, way) for axis in range(axes) if axis not in order for way in (1, -1)]
    if generator is not None:
        choices = [choices[index] for index in generator.permutation(len(choices))]
    for axis, way in choices:
        longer = (*order, axis), (*turn, way)
        if all(_same_rows(rows[:, : placed + 1], rows[:, longer[0]] * longer[1]) for rows in figures):
            yield from _extended(figures, *longer, generator)


def _same_rows(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Whether two arrays of the same shape hold the same rows, in any order.

    Rows are distinguished by sums of their columns with random weights.
    """
    weights = _weights(ours.shape[1])
    return bool(np.abs(np.sort(ours @ weights) - np.sort(theirs @ weights)).max() < 1e-9)


@cache
def _weights(columns: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(columns)


class DecisionEnv(VecEnvWrapper):  # type: ignore[misc]  # stable-baselines3 is optional
    """Features in place of observations, and one decision for several control steps.

    An action is held for ``repeat`` control steps, and their rewards are discounted step by step. If an episode ends in
    between, the limb is held still in the next episode until all rows decide again. In play `Learned` decides at the
    first step; this is the only difference between training and play. The time limit is treated like any other end:
    time is one of the features, and an episode without a selection has failed.

    Parameters
    ----------
    venv : VecEnv
        Batch whose steps are control steps: `neuromotion_gym.envs.sb3.NeuroVecEnv`, or several of them `Joined`.
    history : History
        Makes the features.
    repeat : int
        Control steps per decision.
    discount : float
        Discount factor of the learner for one control step.
    """

    def __init__(self, venv: VecEnv, history: History, repeat: int, discount: float) -> None:
        space = gym.spaces.Box(-np.inf, np.inf, (history.size,), np.float32)
        super().__init__(venv, observation_space=space)
        self.history, self.repeat, self.discount = history, repeat, discount
        self._memory: Memory | None = None
        self._actions = np.zeros((self.num_envs, *self.action_space.shape), dtype=np.float32)

    def reset(self) -> np.ndarray:
        """Begin an episode in every row; return features."""
        features, self._memory = self.history.step(self.venv.reset())
        return features

    def step_async(self, actions: np.ndarray) -> None:
        """Store the actions of the next decision."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Hold the actions for ``repeat`` control steps; return features, rewards, ends and infos."""
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
