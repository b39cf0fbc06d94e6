"""A batch of limbs as a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from neuromotion_gym.envs.arguments import (
    check_render_mode,
    checked_action,
    checked_mask,
    checked_options,
    checked_steps,
    is_whole,
    reset_options,
)
from neuromotion_gym.envs.closed_loop import ClosedLoop, Observe
from neuromotion_gym.envs.description import as_html, as_text
from neuromotion_gym.envs.neuro_env import RENDER_MODES, VISIBLE_S
from neuromotion_gym.envs.options import CONTROL_S, assemble
from neuromotion_gym.envs.picture import Picture
from neuromotion_gym.envs.seeds import packed, row_seeds, unpacked
from neuromotion_gym.envs.spaces import action_space, observation_space
from neuromotion_gym.envs.spec import NeuroSpec
from neuromotion_gym.envs.vector_info import for_each, masked, observations_of
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.envs.registration import EnvSpec

    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.envs.view import View


MOST_ROWS = 100_000
"""Largest batch; its physics alone takes about 2 GB of memory."""


class NeuroVectorEnv(VectorEnv):
    """``num_envs`` limbs stepped together.

    Row ``i`` seeded with ``seed + i`` follows the trajectory of a single `NeuroEnv` seeded with ``seed + i`` under the
    same actions. Observation, action, reward and options are those of `NeuroEnv`. An info is a dictionary of arrays
    with one element per row, each with the mask ``_name`` that Gymnasium asks for. With ``autoreset_mode="SameStep"``
    the info of a step in which an episode ended has ``final_obs`` (an array of objects, None where none ended) and
    ``final_info`` (all of the info at the end of that episode). The infos of resets and steps themselves then hold
    numbers and truth values, and neither names nor ``about``, since TorchRL reads them into tensors;
    ``env.unwrapped.loop`` has both (`ClosedLoop.info`, `ClosedLoop.about`). A batch can be copied and pickled like a
    single environment.

    Parameters
    ----------
    env_id : str
        A name in `neuromotion_gym.ENVIRONMENTS`; set by `gymnasium.make_vec`.
    num_envs : int
        Size of the batch.
    threads : int, optional
        Native threads of the physics, at most one per row; default: the number of CPU cores.
    autoreset_mode : {"NextStep", "SameStep", "Disabled"} or AutoresetMode
        When a row whose episode ended begins the next one.
    max_episode_steps : int, optional
        Truncate episodes after this number of steps; the task's own time limit still applies.
    **options
        See `NeuroEnv` and `neuromotion_gym.envs.options.assemble`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": list(RENDER_MODES[:2]),
        "render_fps": round(1 / CONTROL_S),
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        env_id: str | None = None,
        num_envs: int = 1,
        *,
        observe: Observe = "posterior",
        observe_goal: bool = False,
        decoy: bool = False,
        assist: bool = False,
        render_mode: str | None = None,
        width: int = 1280,
        height: int = 720,
        camera: str | None = None,
        threads: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        max_episode_steps: int | None = None,
        **options: Any,
    ) -> None:
        check_render_mode(render_mode, RENDER_MODES[:2])
        if not is_whole(num_envs) or not 1 <= num_envs <= MOST_ROWS:
            raise NeuroMotionError(
                f"num_envs is a whole number from 1 on, {MOST_ROWS} at most, not {shortened(num_envs)}."
            )
        self._max_steps = checked_steps(max_episode_steps)
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError as error:
            modes = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise NeuroMotionError(f"autoreset_mode is one of {modes}, not {shortened(autoreset_mode)}.") from error
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.loop = ClosedLoop(
            assemble(env_id, **options),
            int(num_envs),
            observe=observe,
            observe_goal=observe_goal,
            decoy=decoy,
            assist=assist,
            threads=(os.cpu_count() or 1) if threads is None else threads,
            keep_s=VISIBLE_S if render_mode == "overlay" else 0.0,
        )
        self.num_envs = int(num_envs)
        self.render_mode = render_mode
        self.single_observation_space = observation_space(self.loop)
        self.single_action_space = action_space(self.loop)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._picture = Picture.checked(self.loop.parts.limb, render_mode, width, height, camera)
        self._env_id = env_id or next(iter(ENVIRONMENTS))
        self._spec: EnvSpec | None = None
        self._generators = [seeding.np_random(None)[0] for _ in range(num_envs)]
        self._running = False
        self._ended: np.ndarray = np.zeros(num_envs, dtype=bool)
        self._view: View | None = None

    @property
    def layout(self) -> ObservationLayout:
        """Which element of an observation means what, and the periods of control and decoding."""
        return self.loop.layout

    @property
    def spec(self) -> EnvSpec | None:
        """Specification by which `gymnasium.make_vec` made this batch, with the real time limit in steps."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        limit = self.loop.max_steps if self._max_steps is None else min(self.loop.max_steps, self._max_steps)
        self._spec = None if spec is None else NeuroSpec.completed(spec, limit)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every row, or in those of ``options["reset_mask"]``.

        Parameters
        ----------
        seed : int or sequence of int, optional
            Row ``i`` gets ``seed + i``, or the i-th seed of the sequence; without a seed, it keeps its generator.
        options : dict, optional
            ``reset_mask``: bool array of shape (num_envs,). ``session`` and ``goal``: one for all rows that are reset,
            or one per row that is reset.
        """
        asked = checked_options(options)
        mask = checked_mask(asked.pop("reset_mask", np.ones(self.num_envs, dtype=bool)), self.num_envs)
        rows = np.flatnonzero(mask)
        sessions, goals = reset_options(self.loop, asked, len(rows))
        self._seed(row_seeds(seed, self.num_envs), rows)
        self._reset(rows, sessions, goals)
        self._running = True
        values = self._values()
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            values["about"] = for_each(self.loop.about(), self.num_envs)
        return self.loop.observation(), masked(values, mask)

    def step(self, actions: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance every row by one control period, or begin its next episode.

        Raises
        ------
        NeuroMotionError
            If the actions have another shape or are not finite, or if `reset` was not called.
        """
        if not self._running:
            raise NeuroMotionError("step() was called before reset().")
        actions = checked_action(actions, (self.num_envs, self.loop.parts.drive.action_size))
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            raise NeuroMotionError("An episode has ended; with autoreset disabled, reset its row with reset_mask.")
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and self._ended.any():
            rows = np.flatnonzero(self._ended)
            result = self.loop.step(actions, rows, [self._generators[row] for row in rows])
        else:
            result = self.loop.step(actions)
        reward, terminated, truncated = result.reward, result.terminated, result.truncated
        if self._max_steps is not None:
            truncated = truncated | ((self.loop.steps >= self._max_steps) & ~terminated)
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            if self._ended.any():
                reward = np.where(self._ended, 0.0, reward)
                terminated, truncated = terminated & ~self._ended, truncated & ~self._ended
            self._ended = terminated | truncated
            return self.loop.observation(), reward, terminated, truncated, self._info()
        self._ended = terminated | truncated
        if self.autoreset_mode is AutoresetMode.DISABLED or not self._ended.any():
            return self.loop.observation(), reward, terminated, truncated, self._info()
        ended = self._ended.copy()
        last, info = observations_of(self.loop.observation(), ended), masked(self.loop.info(), ended)
        self._reset(np.flatnonzero(ended))
        final = {"final_obs": last, "_final_obs": ended, "final_info": info, "_final_info": ended.copy()}
        return self.loop.observation(), reward, terminated, truncated, {**self._info(), **final}

    def render(self) -> tuple[np.ndarray, ...] | None:
        """A frame of every row, or None without a render mode."""
        if self.render_mode is None:
            return None
        if self._view is None:
            from neuromotion_gym.envs.view import View

            self._view = View(self.loop, picture=self._picture)
        overlay = self.render_mode == "overlay"
        return tuple(self._view.frame(row, overlay=overlay) for row in range(self.num_envs))

    def close_extras(self, **kwargs: Any) -> None:
        """Free the threads, the source and the renderer."""
        if self._view is not None:
            self._view.close()
            self._view = None
        self.loop.close()

    def __repr__(self) -> str:
        return as_text(self.loop, type(self).__name__, self._env_id)

    def _repr_html_(self) -> str:
        return as_html(self.loop, type(self).__name__, self._env_id)

    def __getstate__(self) -> dict[str, Any]:
        generators = [packed(generator) for generator in self._generators]
        return {**self.__dict__, "_view": None, "_generators": generators}

    def __setstate__(self, state: dict[str, Any]) -> None:
        generators = [unpacked(generator) for generator in state["_generators"]]
        self.__dict__.update({**state, "_generators": generators})

    def _seed(self, seeds: list[int | None], rows: np.ndarray) -> None:
        for row in rows.tolist():
            if seeds[row] is not None:
                self._generators[row] = seeding.np_random(seeds[row])[0]
        self.loop.forget(rows[[seeds[row] is not None for row in rows.tolist()]])

    def _reset(self, rows: np.ndarray, sessions: np.ndarray | None = None, goals: np.ndarray | None = None) -> None:
        self.loop.reset(rows, [self._generators[row] for row in rows], sessions=sessions, goals=goals)
        self._ended[rows] = False

    def _info(self) -> dict[str, Any]:
        return masked(self._values(), np.ones(self.num_envs, dtype=bool))

    def _values(self) -> dict[str, np.ndarray]:
        """What the info of a reset or a step tells of every row."""
        values = self.loop.info()
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            return values
        return {name: array for name, array in values.items() if array.dtype.kind in "biuf"}
