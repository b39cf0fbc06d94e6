"""The batch environment as a `VecEnv` of stable-baselines3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import tile_images

from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.envs.wrappers import VectorIntentAction
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import gymnasium as gym

    from neuromotion_gym.envs.layout import ObservationLayout


class NeuroVecEnv(VecEnv):  # type: ignore[misc]  # stable-baselines3 is optional
    """A `NeuroVectorEnv` with the interface of stable-baselines3.

    A row whose episode ended starts the next one in the same step. Its info then holds everything that
    `NeuroVectorEnv` reports about the ended episode (``is_success``, ``wrong_selection``, ``goal``, ``time`` …),
    ``terminal_observation`` and ``TimeLimit.truncated``. The info of a row whose episode goes on is empty:
    stable-baselines3 reads nothing there, and to fill it for every row would take longer than the rest of the step.

    Parameters
    ----------
    env : NeuroVectorEnv or VectorIntentAction
        Made with ``autoreset_mode="SameStep"``, as `make_sb3` does. In a `VectorIntentAction`, actions are the indices
        of labels, for algorithms with discrete actions.

    Raises
    ------
    NeuroMotionError
        If ``env`` is something else, or was made with another ``autoreset_mode``.

    Examples
    --------
    >>> env = VecMonitor(make_sb3("NeuroArm-v0", 64))
    >>> PPO("MlpPolicy", env, n_steps=128).learn(1_000_000)
    """

    def __init__(self, env: NeuroVectorEnv | VectorIntentAction) -> None:
        inner = env.env if isinstance(env, VectorIntentAction) else env
        if not isinstance(inner, NeuroVectorEnv):
            raise NeuroMotionError(
                f"NeuroVecEnv adapts a NeuroVectorEnv, alone or in a VectorIntentAction, not {type(inner).__name__}; "
                'gym.make_vec makes one with vectorization_mode="vector_entry_point".'
            )
        if inner.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise NeuroMotionError(
                'stable-baselines3 needs an environment made with autoreset_mode="SameStep", '
                f"not {inner.autoreset_mode.value!r}."
            )
        self.env = inner
        self._intents = env if isinstance(env, VectorIntentAction) else None
        self._actions: np.ndarray | None = None
        super().__init__(inner.num_envs, inner.single_observation_space, env.single_action_space)

    @property
    def layout(self) -> ObservationLayout:
        """Which element of an observation means what, and the periods of control and decoding."""
        return self.env.layout

    def reset(self) -> Any:
        """Start an episode in every row with what `seed` and `set_options` were given; returns all observations."""
        seeds = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        observation, _ = self.env.reset(seed=seeds, options=self._merged_options())
        info, about = self.env.loop.info(), self.env.loop.about()
        self.reset_infos = [{**_row(info, row), "about": about} for row in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: np.ndarray) -> None:
        """Store the actions of the next step: floats of shape (num_envs, axes), or indices of labels, (num_envs,)."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Advance every row by one control period.

        Returns
        -------
        observation : float32 array, shape (num_envs, size), or dictionary of arrays
            Where an episode ended, the first observation of the next one.
        reward : float32 array, shape (num_envs,)
        done : bool array, shape (num_envs,)
        infos : list of num_envs dictionaries
        """
        if self._actions is None:
            raise NeuroMotionError("step_wait() was called before step_async().")
        actions = self._actions if self._intents is None else self._intents.actions(self._actions)
        observation, reward, terminated, truncated, info = self.env.step(actions)
        self._actions = None
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(done).tolist():
            infos[row] = {
                **_row(info["final_info"], row),
                "terminal_observation": info["final_obs"][row],
                "TimeLimit.truncated": bool(truncated[row] and not terminated[row]),
            }
        return observation, reward.astype(np.float32), done, infos

    def close(self) -> None:
        """Free the threads and the renderer."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """An attribute of the batch, repeated for each of ``indices``."""
        return [getattr(self.env, attr_name) for _ in self._rows(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None) -> None:
        """Set an attribute of the batch.

        Raises
        ------
        NeuroMotionError
            If ``indices`` names only some of the rows.
        """
        if set(self._rows(indices)) != set(range(self.num_envs)):
            raise NeuroMotionError(f"All rows of a batch share {attr_name!r}: set it for all of them.")
        setattr(self.env, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: int | Iterable[int] | None = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call a method of the batch once; its result, or each row's frame (``render``), for each of ``indices``."""
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        each = method_name == "render" and result is not None
        return [result[row] if each else result for row in self._rows(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: int | Iterable[int] | None = None
    ) -> list[bool]:
        """Always false: the rows of a batch have no wrappers of their own."""
        return [False for _ in self._rows(indices)]

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A frame of every row; None for each row without a render mode."""
        frames = self.env.render()
        return [None] * self.num_envs if frames is None else list(frames)

    def render(self, mode: str | None = None) -> np.ndarray | None:
        """Frames of all rows side by side, uint8 array of shape (height, width, 3); None without a render mode."""
        if self.render_mode is None or mode not in (None, self.render_mode):
            return super().render(mode)  # type: ignore[no-any-return]
        return tile_images(self.get_images())  # type: ignore[no-any-return]

    def _rows(self, indices: int | Iterable[int] | None) -> list[int]:
        return [int(row) for row in self._get_indices(indices)]

    def _merged_options(self) -> dict[str, Any] | None:
        """Options of all rows as options of the batch."""
        names = {frozenset(options) for options in self._options}
        if names == {frozenset()}:
            return None
        if len(names) > 1 or "reset_mask" in next(iter(names)):
            raise NeuroMotionError("Give the options of a reset ('session', 'goal' or both) for all rows.")
        return {name: np.array([options[name] for options in self._options]) for name in next(iter(names))}


def make_sb3(env_id: str, num_envs: int, *, intent_action: bool = False, **options: Any) -> NeuroVecEnv:
    """Make a batch environment for stable-baselines3.

    Parameters
    ----------
    env_id : str
        A name in `neuromotion_gym.ENVIRONMENTS`.
    num_envs : int
        Number of rows of the batch.
    intent_action : bool, default False
        Whether actions are the indices of labels, for algorithms with discrete actions; see `VectorIntentAction`.
    **options
        See `NeuroVectorEnv`.
    """
    batch = NeuroVectorEnv(env_id, num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **options)
    return NeuroVecEnv(VectorIntentAction(batch) if intent_action else batch)


def _row(info: dict[str, Any], row: int) -> dict[str, Any]:
    """The entries of an info that belong to one row."""
    values = {key: value[row] for key, value in info.items() if not key.startswith("_")}
    return {key: value.item() if isinstance(value, np.generic) else value for key, value in values.items()}
