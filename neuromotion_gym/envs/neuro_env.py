"""One limb as a `gymnasium.Env`: a batch with one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from neuromotion_gym.envs.arguments import check_render_mode, checked_action, checked_options, reset_options
from neuromotion_gym.envs.closed_loop import ClosedLoop, Observe
from neuromotion_gym.envs.description import as_html, as_text
from neuromotion_gym.envs.options import CONTROL_S, assemble
from neuromotion_gym.envs.picture import Picture
from neuromotion_gym.envs.seeds import checked_seed, packed, unpacked
from neuromotion_gym.envs.spaces import action_space, observation_space
from neuromotion_gym.envs.spec import NeuroSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS

if TYPE_CHECKING:
    import mujoco
    from gymnasium.envs.registration import EnvSpec

    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.envs.view import View

RENDER_MODES = ("rgb_array", "overlay", "human")
VISIBLE_S = 3.0
"""Seconds of signal that the overlay shows."""


class NeuroEnv(gym.Env[Any, np.ndarray]):
    """A limb, an operator with a hidden goal, and the decoder between them.

    The agent sees the limb and the output of the decoder, and moves the limb. It is rewarded for bringing the limb to
    the operator's goal.

    Observation (``observe="posterior"``), a float32 `Box` with ``a`` axes and ``l`` labels. Units are those of limbs
    that are driven by set points of degrees of freedom:

    ================  =====================================================  ============  ==================
    how many          meaning                                                range         unit
    ================  =====================================================  ============  ==================
    c                 positions: `ObservationLayout.columns`                 -2 … 2        half ranges
    c                 velocities of the same                                 -10 … 10      half ranges per second
    s                 surroundings, if the task shows any (`context`)        -1 … 1        stated by the task
    l                 posterior of the last decision                         0 … 1         probability
    1                 effort, if the decoder gives it                        0 … 1         fraction
    a                 the goal, only with ``observe_goal=True``              -1 … 1        half ranges
    ================  =====================================================  ============  ==================

    For set points, c and a are the degrees of freedom that the decoder's labels move. Other drives and tasks have other
    columns, units and axes; the page of each environment says which (``docs/environments/``). A decoder of continuous
    targets gives these in place of the posterior, one element a target, -1 … 1.

    With ``observe="signal"`` it is a `Dict`: ``limb`` (positions, velocities, surroundings), ``signal`` (the raw
    window, shape (channels, samples)) and, if the decoder is adapted to each person, ``adaptation``.

    Action: a `Box` from -1 to 1 with one element for everything that the decoder's labels move, in the order of
    ``ObservationLayout.intents.axes``: degrees of freedom, directions, gestures or muscles. For set points an element
    is a fraction of full speed. What no label moves is held at home.

    Reward of one control step, of a task in which a posture has to be selected:

    =====================================  ====================================================================
    term                                   meaning
    =====================================  ====================================================================
    ``d - d'``                             distance from the goal before the step minus that after it: the mean
                                           over the axes, scaled so that a goal is at most 0.75 from a start
    ``+ right``                            1 in the step in which the right goal is selected
    ``- wrong``                            1 in the step in which a wrong selection ends the episode
    ``- 0.2 * control_s / time_limit_s``   cost of time: 0.2 for an episode that lasts to the time limit
    =====================================  ====================================================================

    Over an episode this adds up to ``d(start) - d(end) + right - wrong - 0.2 * share of the time limit used``, whatever
    path the limb takes. A success earns at least about 0.8, standing still -0.2, moving away less, and a wrong
    selection less than standing still. Success never depends on the reward. The reward reveals the distance from the
    goal, so an agent must not get it as an observation.

    Info: ground truth for logging (``is_success``, ``wrong_selection``, ``unstable``, ``time``, ``goal``, ``intent``,
    ``decoded``, ``subject``, ``session``, ``trials``), and the task's own figures under the names in
    ``layout.facts.columns``. The info of a reset also has ``about``: what the episode depends on. All values are plain
    Python values, except for ``goal``, an array.

    Render modes: ``rgb_array`` shows the limb alone. ``overlay`` adds, for a human viewer, the ghost of the goal,
    the signal and the decoded labels; its frames must not be given to an agent. ``human`` shows the overlay in a
    window, or in a cell of a notebook; after its window was closed, the environment goes on without it.

    ``copy.deepcopy`` and ``pickle`` work at any time, also within an episode: the copy has the same future.

    Parameters
    ----------
    env_id : str
        A name in `neuromotion_gym.ENVIRONMENTS`; set by `gymnasium.make`.
    observe : {"posterior", "signal"}
    observe_goal : bool, default False
        Append the goal to the observation, for an upper bound; ``info`` says so.
    decoy : bool, default False
        The operator pursues another goal, drawn independently; no policy should then find the scored one. For tests.
    assist : bool, default False
        The action of the decoded label is added to the agent's (assist as needed); ``info`` says so.
    render_mode : str, optional
        One of ``rgb_array``, ``overlay``, ``human``.
    width, height : int, default 1280 and 720
        Size of a picture in pixels.
    camera : str, optional
        Name of a camera of the limb's MJCF. Default: a view that shows everything that the labels move.
    threads : int, default 1
        With 2, signals are generated and decoded while the physics runs; this is faster if a core is free.
    **options
        See `neuromotion_gym.envs.options.assemble`.

    Version history (before 1.0 ids stay -v0):

    - v0, first: the reward was shaped by a discounted potential.
    - v0, second: the reward above. Observations and infos did not change. ``discount`` has no effect any more.
    - ``NeuroHand-v0`` takes decoders of continuous targets; ``info["decoded"]`` then holds the values of the targets.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": list(RENDER_MODES),
        "render_fps": round(1 / CONTROL_S),
    }

    def __init__(
        self,
        env_id: str | None = None,
        *,
        observe: Observe = "posterior",
        observe_goal: bool = False,
        decoy: bool = False,
        assist: bool = False,
        render_mode: str | None = None,
        width: int = 1280,
        height: int = 720,
        camera: str | None = None,
        threads: int = 1,
        **options: Any,
    ) -> None:
        check_render_mode(render_mode, RENDER_MODES)
        keep_s = VISIBLE_S if render_mode in ("overlay", "human") else 0.0
        self.loop = ClosedLoop(
            assemble(env_id, **options),
            observe=observe,
            observe_goal=observe_goal,
            decoy=decoy,
            assist=assist,
            threads=threads,
            keep_s=keep_s,
        )
        self.render_mode = render_mode
        self._picture = Picture.checked(self.loop.parts.limb, render_mode, width, height, camera)
        self.observation_space = observation_space(self.loop)
        self.action_space = action_space(self.loop)
        self._env_id = env_id or next(iter(ENVIRONMENTS))
        self._spec: EnvSpec | None = None
        self._view: View | None = None
        self._row: np.ndarray = np.zeros(1, dtype=int)
        self._running = False

    @property
    def layout(self) -> ObservationLayout:
        """Which element of an observation means what, and the periods of control and decoding."""
        return self.loop.layout

    @property
    def spec(self) -> EnvSpec | None:
        """Specification by which `gymnasium.make` made this environment, with the real time limit in steps."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = None if spec is None else NeuroSpec.completed(spec, self.loop.max_steps)

    @property
    def model(self) -> mujoco.MjModel:
        """MuJoCo's model of the limb."""
        return self.loop.parts.limb.model

    @property
    def data(self) -> mujoco.MjData:
        """MuJoCo's data of the limb as it is now: a new copy, whose state cannot be written; use `set_state`."""
        return self.loop.physics.data_of(0)

    def set_state(self, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Move the limb: joint positions, shape (nq,), and joint velocities, shape (nv,).

        Set points follow the limb, so that it stays where it was put. The reward of the next step counts the change of
        the distance to the goal.

        Raises
        ------
        NeuroMotionError
            If an array has another shape or is not finite, or if `reset` was not called.
        """
        if not self._running:
            raise NeuroMotionError("set_state() was called before reset().")
        self.loop.set_state(0, qpos, qvel)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Parameters
        ----------
        seed : int, optional
            Seed of everything that is random in this episode and the following ones.
        options : dict, optional
            ``session``: index of the source's session to play; ``goal``: goal to use instead of a drawn one.
        """
        sessions, goals = reset_options(self.loop, checked_options(options), 1)
        super().reset(seed=checked_seed(seed))
        if seed is not None:
            self.loop.forget(self._row)
        self.loop.reset(self._row, [self.np_random], sessions=sessions, goals=goals)
        self._running = True
        if self.render_mode == "human":
            self._viewer().show(0)
        return self._observation(), {**self.loop.info_of(0), "about": self.loop.about()}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Advance by one control period of 50 ms.

        Raises
        ------
        NeuroMotionError
            If the action has another shape or is not finite, or if `reset` was not called.
        """
        if not self._running:
            raise NeuroMotionError("step() was called before reset().")
        result = self.loop.step(checked_action(action, (self.loop.parts.drive.action_size,))[None])
        if self.render_mode == "human":
            self._viewer().show(0)
        return (
            self._observation(),
            float(result.reward[0]),
            bool(result.terminated[0]),
            bool(result.truncated[0]),
            self.loop.info_of(0),
        )

    def render(self) -> np.ndarray | None:
        """Frame of the limb, uint8 array of shape (height, width, 3); None without a render mode or with ``human``."""
        if self.render_mode is None or self.render_mode == "human":
            return None
        return self._viewer().frame(0, overlay=self.render_mode == "overlay")

    def close(self) -> None:
        """Close windows, and free the threads and the source."""
        if self._view is not None:
            self._view.close()
            self._view = None
        self.loop.close()

    def _viewer(self) -> View:
        if self._view is None:
            from neuromotion_gym.envs.view import View

            self._view = View(self.loop, picture=self._picture)
        return self._view

    def __repr__(self) -> str:
        return as_text(self.loop, type(self).__name__, self._env_id)

    def _repr_html_(self) -> str:
        return as_html(self.loop, type(self).__name__, self._env_id)

    def __getstate__(self) -> dict[str, Any]:
        generator = packed(self.np_random)
        return {**self.__dict__, "_view": None, "_np_random": generator}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_np_random": unpacked(state["_np_random"])})

    def _observation(self) -> Any:
        observation = self.loop.observation()
        if isinstance(observation, dict):
            return {key: value[0] for key, value in observation.items()}
        return observation[0]
