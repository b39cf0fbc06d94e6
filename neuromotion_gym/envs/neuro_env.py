"""One limb as a `gymnasium.Env`: a batch with one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from neuromotion_gym.envs.closed_loop import ClosedLoop, Observe
from neuromotion_gym.envs.options import CONTROL_S, assemble
from neuromotion_gym.envs.spaces import action_space, observation_space
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    index             meaning                                                range         unit
    ================  =====================================================  ============  ==================
    0 … a-1           position of each axis, home at 0                       -2 … 2        half ranges
    a … 2a-1          velocity of each axis                                  -10 … 10      half ranges per second
    2a … 2a+l-1       posterior of the last decision                         0 … 1         probability
    2a+l              effort, if the decoder gives it                        0 … 1         fraction
    the last a        the goal, only with ``observe_goal=True``              -1 … 1        half ranges
    ================  =====================================================  ============  ==================

    With ``observe="signal"`` it is a `Dict`: ``limb`` (positions, velocities), ``signal`` (the raw window, shape
    (channels, samples)) and, if the decoder is adapted to each person, ``adaptation``.

    Action: a `Box` from -1 to 1 with one element per axis, a fraction of its full speed. The axes are the degrees of
    freedom that the decoder's labels move, listed in `ObservationLayout.columns`; all others are held at home.

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
    ``layout.facts.columns``. The info of a reset also has ``about``: what the episode depends on.

    Render modes: ``rgb_array`` shows the limb alone. ``overlay`` adds, for a human viewer, the ghost of the goal,
    the signal and the decoded labels; its frames must not be given to an agent. ``human`` shows the overlay in a
    window.

    Parameters
    ----------
    env_id : str
        A name in `neuromotion_gym.ENVIRONMENTS`; set by `gymnasium.make`.
    observe : {"posterior", "signal"}
    observe_goal : bool, default False
        Append the goal to the observation, for an upper bound; ``info`` says so.
    decoy : bool, default False
        The operator pursues another goal, drawn independently; no policy should then find the scored one. For tests.
    render_mode : str, optional
        One of ``rgb_array``, ``overlay``, ``human``.
    threads : int, default 1
        With 2, signals are generated and decoded while the physics runs; this is faster if a core is free.
    **options
        See `neuromotion_gym.envs.options.assemble`.

    Version history (before 1.0 ids stay -v0):

    - v0, first: the reward was shaped by a discounted potential.
    - v0, second: the reward above. Observations and infos did not change. ``discount`` has no effect any more.
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
        render_mode: str | None = None,
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
            threads=threads,
            keep_s=keep_s,
        )
        self.render_mode = render_mode
        self.observation_space = observation_space(self.loop)
        self.action_space = action_space(self.loop)
        self._view: View | None = None
        self._row: np.ndarray = np.zeros(1, dtype=int)
        self._running = False

    @property
    def layout(self) -> ObservationLayout:
        """Which element of an observation means what, and the periods of control and decoding."""
        return self.loop.layout

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode.

        Parameters
        ----------
        seed : int, optional
            Seed of everything that is random in this episode and the following ones.
        options : dict, optional
            ``session``: index of the source's session to play; ``goal``: goal to use instead of a drawn one.
        """
        super().reset(seed=seed)
        sessions, goals = reset_options(self.loop, options, 1)
        self.loop.reset(self._row, [self.np_random], sessions=sessions, goals=goals)
        self._running = True
        if self.render_mode == "human":
            self._viewer().show(0)
        return self._observation(), {**self.loop.info_of(0), "about": dict(self.loop.about())}

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

            self._view = View(self.loop)
        return self._view

    def _observation(self) -> Any:
        observation = self.loop.observation()
        if isinstance(observation, dict):
            return {key: value[0] for key, value in observation.items()}
        return observation[0]


def check_render_mode(render_mode: str | None, modes: Sequence[str]) -> None:
    """Refuse unknown modes.

    Raises
    ------
    NeuroMotionError
        If ``render_mode`` is neither None nor one of ``modes``.
    """
    if render_mode is not None and render_mode not in modes:
        raise NeuroMotionError(f"render_mode is one of {', '.join(modes)} or None, not {render_mode!r}.")


def checked_action(action: Any, shape: tuple[int, ...]) -> np.ndarray:
    """``action`` as floats of ``shape``.

    Raises
    ------
    NeuroMotionError
        If it has another shape, or holds NaN or infinity.
    """
    values = np.asarray(action, dtype=float)
    if values.shape != shape:
        raise NeuroMotionError(f"An action has shape {shape} here, not {values.shape}.")
    if not np.isfinite(values).all():
        raise NeuroMotionError("An action holds NaN or infinite values; each lies in -1..1.")
    return values


def reset_options(
    loop: ClosedLoop, options: dict[str, Any] | None, rows: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Sessions, shape (rows,), and goals, shape (rows, axes), from the options of a reset.

    Raises
    ------
    NeuroMotionError
        If an option is unknown, a session does not exist, or a goal lies outside the range of the axes.
    """
    options = options or {}
    unknown = sorted(set(options) - {"session", "goal"})
    if unknown:
        raise NeuroMotionError(f"Options of reset are 'session' and 'goal', not {', '.join(map(repr, unknown))}.")
    sessions = goals = None
    if options.get("session") is not None:
        count = len(loop.parts.source.sessions)
        sessions = np.broadcast_to(np.asarray(options["session"], dtype=int), (rows,))
        if sessions.min() < 0 or sessions.max() >= count:
            raise NeuroMotionError(f"The source has sessions 0 to {count - 1}; option session asks for others.")
    if options.get("goal") is not None:
        axes = len(loop.parts.task.axes)
        goals = np.asarray(options["goal"], dtype=float)
        if goals.shape[-1:] != (axes,) or goals.ndim > 2 or not (np.abs(goals) <= 1).all():
            raise NeuroMotionError(f"A goal has {axes} numbers in -1..1, one per axis.")
        goals = np.broadcast_to(goals, (rows, axes))
    return sessions, goals
