"""Checks of an environment's interface: spaces, seeds, rows of a batch, copies, ends, pictures, and hidden goals.

`neuromotion_gym.envs.checks.check_environment` runs them for every environment, along with checks of policies. A check
is a function of the environment's id and the options of ``gym.make``, and raises an error that says what is wrong.
"""

from __future__ import annotations

import copy
import pickle
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.spaces import Box

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.envs.neuro_env import NeuroEnv
from neuromotion_gym.envs.options import choose_decoder
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neuromotion_gym.decoders.bounds import BoundKind
    from neuromotion_gym.envs.closed_loop import ClosedLoop

ROUNDING = 1e-6
"""Largest difference between the posteriors of a batch and those of a single environment."""
INFO = {
    "is_success",
    "wrong_selection",
    "unstable",
    "time",
    "goal",
    "intent",
    "decoded",
    "subject",
    "session",
    "trials",
}
"""Keys of every environment's info; the task's own figures come with them, and ``about`` with that of a reset."""
PICTURE = (288, 240)
"""Width and height of the pictures that are drawn, in pixels."""


def check_spaces(env_id: str, steps: int = 30, **options: Any) -> None:
    """Observations lie in the stated space and have the size that the layout states; rewards are finite."""
    env = NeuroEnv(env_id, **options)
    try:
        observation, info = env.reset(seed=0)
        env.action_space.seed(0)
        ask("about" in info, "the info of a reset lacks 'about'")
        for _ in range(steps):
            ask(
                env.observation_space.contains(observation),
                f"an observation does not lie in the stated space {env.observation_space}: {observation}",
            )
            if isinstance(observation, np.ndarray) and not env.loop.observe_goal:
                ask(observation.size == env.layout.size, "the layout says another size than an observation has")
            observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
            ask(bool(np.isfinite(reward)), f"a reward is {reward}")
            lacking = [name for name in env.layout.facts.columns if name not in info]
            ask(not lacking, f"info lacks the task's own figures {', '.join(lacking)}")
            if terminated or truncated:
                observation, info = env.reset()
    finally:
        env.close()


def check_seeds(env_id: str, steps: int = 30, **options: Any) -> None:
    """The same seed and actions give the same observations, rewards and ends; resets have different goals.

    Where goals may change without notice, all goals count that an episode has while the limb stands still, for the mean
    time after which they change.
    """
    env = NeuroEnv(env_id, **options)
    try:
        actions = _actions(env, steps)
        one, first = _run(env, actions, 3)
        other, second = _run(env, actions, 3)
        ask(_same(one, other) and first == second, "the same seed and actions give another trajectory")
        waits = round((env.layout.facts.lasts_s or 0.0) / env.layout.control_s)
        goals = _goals(env, waits)
        ask(any(_goals(env, waits) != goals for _ in range(7)), "eight resets have the same goal")
    finally:
        env.close()


def check_memory(env_id: str, **options: Any) -> None:
    """An observation that was handed out does not change afterwards."""
    env = NeuroEnv(env_id, **options)
    try:
        before, _ = env.reset(seed=0)
        kept = _copy(before)
        for action in _actions(env, 10):
            env.step(action)
        ask(_same([before], [kept]), "an observation changes after it was handed out")
    finally:
        env.close()


def check_threads(env_id: str, rows: int = 3, steps: int = 30, **options: Any) -> None:
    """One thread and two give the same batch, bit for bit."""
    seen = []
    for threads in (1, 2):
        batch = NeuroVectorEnv(env_id, rows, **{**options, "threads": threads})
        try:
            actions = np.random.default_rng(0).uniform(-1, 1, (steps, rows, batch.loop.parts.drive.action_size))
            seen.append([_copy(batch.reset(seed=7)[0])] + [_copy(batch.step(action)[0]) for action in actions])
        finally:
            batch.close()
    ask(_same(*seen), "two threads give another trajectory than one")


def check_rows(
    env_id: str, rows: int = 3, steps: int = 120, limit: int = 80, mode: str = "NextStep", **options: Any
) -> None:
    """A row of a batch equals a single environment bit for bit, except for rounding in what is decoded.

    Parameters
    ----------
    env_id : str
    rows : int
    steps : int
        Steps of the batch.
    limit : int
        Longest duration of an episode in the batch, in steps; the next episode is compared, too.
    mode : {"NextStep", "SameStep"}
        How the batch begins the next episode of a row.
    **options
        Options of ``gym.make``.
    """
    made = {**options, "threads": 2, "autoreset_mode": mode, "max_episode_steps": limit}
    batch = NeuroVectorEnv(env_id, rows, **made)
    try:
        actions = np.random.default_rng(0).uniform(-1, 1, (steps, rows, batch.loop.parts.drive.action_size))
        labels = batch.layout.intents.directions
        nothing = np.zeros(rows), np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
        together: list[tuple[Any, ...]] = [(_copy(batch.reset(seed=11)[0]), *nothing, batch.loop.info(), {})]
        for action in actions:  # along the decoded labels, so that some episodes end with a selection
            action += labels[batch.loop.stream.posterior.argmax(axis=1)]
            observation, *rest, told = batch.step(np.clip(action, -1, 1, out=action))
            together.append((_copy(observation), *rest, batch.loop.info(), told))
    finally:
        batch.close()
    for row in range(rows):
        env = NeuroEnv(env_id, **options)
        try:
            alone = _alone(env, 11 + row, actions[:, row], limit, same_step=mode == "SameStep")
            for step, (one, (observations, *values, infos, told)) in enumerate(zip(alone, together, strict=True)):
                where = f"row {row} of a batch differs from a single environment in step {step} ({mode})"
                observation, *expected, info, last = one
                ask(_near(observations, observation, row), f"{where}: its observation")
                ask(expected == [value[row] for value in values], f"{where}: its reward or end")
                _ask_info(infos, info, row, where)
                ends_here = "_final_obs" in told and bool(told["_final_obs"][row])
                ask((last is not None) == ends_here, f"{where}: its last observation is missing or superfluous")
                if last is not None:
                    ask(_near(_stacked(told["final_obs"][row]), last[0], 0), f"{where}: its last observation")
                    _ask_info(told["final_info"], last[1], row, f"{where}, at the end of an episode")
        finally:
            env.close()


def check_goal_is_hidden(env_id: str, steps: int = 40, held_s: float = 15.0, **options: Any) -> None:
    """Where the decoder does not tell the goal, nothing that an agent sees depends on it.

    With the bounds ``shuffled`` and ``blind``, and with an operator who pursues another goal (``decoy``), the same seed
    and actions give the same observations whatever the goal. The raw signal is not shown with ``blind``.

    Actions are noise, for some steps, and then those of a label that leads towards one of the goals, at full speed and
    for as long as the episode or ``held_s`` lasts: the limb stops at an end, and selects what is there.
    """
    ways = {"shuffled": bound_options("shuffled", env_id, options), "decoy": {**options, "decoy": True}}
    if options.get("observe") != "signal":
        ways["blind"] = bound_options("blind", env_id, options)
    for way, chosen in ways.items():
        env = NeuroEnv(env_id, **chosen)
        try:
            goals = _two_goals(env.loop)
            for actions in (_actions(env, steps), _towards(env, goals[0], held_s)):
                one, other = (_run(env, actions, 5, goal)[0] for goal in goals)
                length = min(len(one), len(other))  # an episode may end at its goal
                told = length < 2 or not _same(one[:length], other[:length])
                ask(not told, f"under {way!r} an observation depends on the goal")
        finally:
            env.close()


def check_checkers(env_id: str, **options: Any) -> None:
    """The checkers of Gymnasium and, where it is installed, of stable-baselines3 find nothing wrong."""
    from gymnasium.utils.env_checker import check_env

    checkers: dict[str, Callable[[NeuroEnv], None]] = {"Gymnasium": lambda env: check_env(env, skip_render_check=True)}
    if find_spec("stable_baselines3") is not None:
        from stable_baselines3.common.env_checker import check_env as check_sb3

        checkers["stable-baselines3"] = check_sb3
    for name, checker in checkers.items():
        env = NeuroEnv(env_id, **options)
        try:
            checker(env)
        except Exception as error:
            raise NeuroMotionError(f"Environment check: {name}'s checker says: {error}") from error
        finally:
            env.close()


def check_extremes(env_id: str, steps: int = 10_000, rows: int = 48, **options: Any) -> None:
    """Neither random nor bang-bang actions bring physics or observations out of their bounds.

    Parameters
    ----------
    env_id : str
    steps : int
        Control steps of all limbs together, as many with random actions as with bang-bang actions.
    rows : int
        Limbs of each of the two.
    **options
        Options of ``gym.make``; the decoder is replaced by its bound ``blind``, which needs no signals.
    """
    observed = {key: value for key, value in options.items() if key != "observe"}
    batch = NeuroVectorEnv(env_id, 2 * rows, threads=2, **bound_options("blind", env_id, observed))
    try:
        space, size = batch.single_observation_space, batch.loop.parts.drive.action_size
        assert isinstance(space, Box)
        generator = np.random.default_rng(0)
        seen, _ = batch.reset(seed=13)
        ends = np.ones((rows, size))
        for _ in range(-(-steps // rows)):
            inside = (seen >= space.low) & (seen <= space.high)  # also false for NaN
            ask(bool(inside.all()), f"an observation lies outside its space: {seen[~inside.all(axis=1)][:1]}")
            ends = np.where(generator.random(ends.shape) < 0.05, -ends, ends)
            seen, reward, *_ = batch.step(np.concatenate([generator.uniform(-1, 1, ends.shape), ends]))
            ask(bool(np.isfinite(reward).all()), "a reward is not finite")
            ask(not batch.loop.unstable.any(), "physics became unstable")
    finally:
        batch.close()


def check_copies(env_id: str, steps: int = 20, **options: Any) -> None:
    """A copy and a pickle of an environment have the same future."""
    env = NeuroEnv(env_id, **options)
    copies: list[NeuroEnv] = []
    try:
        actions = _actions(env, 2 * steps)
        _run(env, actions[:steps], 3)
        copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]  # noqa: S301 -- written here
        expected = _future(env, actions[steps:])
        for name, copied in zip(("a copy", "a pickle"), copies, strict=True):
            found = _future(copied, actions[steps:])
            ask(_same(found[0], expected[0]) and found[1] == expected[1], f"{name} has another future")
    finally:
        for each in (env, *copies):
            each.close()


def check_end(env_id: str, **options: Any) -> None:
    """An episode ends at its time limit at the latest, either terminated or truncated, and tells the time."""
    env = NeuroEnv(env_id, **bound_options("blind", env_id, options) if options.get("observe") != "signal" else options)
    try:
        env.reset(seed=0)
        action = np.zeros(env.loop.parts.drive.action_size, dtype=np.float32)
        limit = round(env.layout.time_limit_s / env.layout.control_s)
        ends, taken = (False, False), 0
        while not any(ends) and taken <= limit:
            _, _, *flags, _ = env.step(action)
            ends, taken = (bool(flags[0]), bool(flags[1])), taken + 1
        time_s = env.loop.info_of(0)["time"]
        ask(taken <= limit, f"an episode goes on after its time limit of {limit} steps")
        ask(sum(ends) == 1, "an episode is both terminated and truncated")
        ask(not ends[1] or taken == limit, f"an episode is truncated after {taken} of {limit} steps")
        told = f"an episode of {taken} steps of {env.layout.control_s} s tells the time {time_s}"
        ask(abs(time_s - taken * env.layout.control_s) < ROUNDING, told)
    finally:
        env.close()


def check_info(env_id: str, steps: int = 3, **options: Any) -> None:
    """Infos have the keys of `INFO` and the task's own figures; that of a reset also has ``about``."""
    env = NeuroEnv(env_id, **options)
    try:
        own = INFO | set(env.layout.facts.columns)
        _, info = env.reset(seed=0)
        ask(set(info) == own | {"about"}, f"the keys of a reset's info are {', '.join(sorted(info))}")
        for action in _actions(env, steps):
            info = env.step(action)[-1]
            ask(set(info) == own, f"the keys of an info are {', '.join(sorted(info))}")
        plain = {key for key, value in info.items() if not isinstance(value, bool | int | float | str)}
        ask(plain == {"goal"}, f"values of an info are not plain: {', '.join(sorted(plain - {'goal'}))}")
    finally:
        env.close()


def check_pictures(env_id: str, **options: Any) -> None:
    """Pictures have the stated size, and something is to be seen on them; nothing is checked where nothing can draw."""
    from neuromotion_gym.rendering import why_not

    if why_not() is not None:
        return
    width, height = PICTURE
    for mode in ("rgb_array", "overlay"):
        env = NeuroEnv(env_id, render_mode=mode, width=width, height=height, **options)
        try:
            env.reset(seed=0)
            frame = env.render()
            assert frame is not None
            ask(frame.shape == (height, width, 3), f"a picture ({mode}) has shape {frame.shape}")
            ask(frame.dtype == np.uint8, f"a picture ({mode}) has type {frame.dtype}")
            ask(int(frame.std(axis=(0, 1)).max()) > 0, f"a picture ({mode}) is empty")
        finally:
            env.close()


def check_closed(env_id: str, **options: Any) -> None:
    """An environment can be closed twice, and says so when it is reset afterwards."""
    env = NeuroEnv(env_id, **options)
    env.reset(seed=0)
    env.close()
    env.close()
    try:
        env.reset(seed=0)
    except NeuroMotionError:
        return
    ask(False, "an environment can be reset after it was closed")


INTERFACE: tuple[Callable[..., None], ...] = (
    check_checkers,
    check_spaces,
    check_seeds,
    check_memory,
    check_threads,
    *(partial(check_rows, mode=mode) for mode in ("NextStep", "SameStep")),
    check_goal_is_hidden,
    check_extremes,
    check_copies,
    check_end,
    check_info,
    check_pictures,
    check_closed,
)
"""All checks of this module."""


# -- helpers --------------------------------------------------------------------------------------------------------


def ask(holds: bool, fault: str) -> None:
    """Raise an error that says what is wrong, unless ``holds``."""
    if not holds:
        raise NeuroMotionError(f"Environment check: {fault}.")


def _actions(env: NeuroEnv, steps: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (steps, env.loop.parts.drive.action_size)).astype(np.float32)


def _goals(env: NeuroEnv, steps: int) -> set[tuple[float, ...]]:
    """The goals of a new episode in which the limb stands still for some steps, whenever they change."""
    told = [env.reset()[1]]
    told.extend(env.step(action)[4] for action in np.zeros((steps, env.loop.parts.drive.action_size), dtype=np.float32))
    return {tuple(info["goal"].tolist()) for info in told}


def _towards(env: NeuroEnv, goal: np.ndarray, seconds: float) -> np.ndarray:
    """Actions of the label that leads most towards a goal."""
    layout = env.layout
    moves = layout.intents.directions if layout.moves is None else layout.moves
    action = layout.intents.directions[int((moves @ goal).argmax())]
    return np.tile(action.astype(np.float32), (round(seconds / layout.control_s), 1))


def _run(env: NeuroEnv, actions: np.ndarray, seed: int, goal: np.ndarray | None = None) -> tuple[list[Any], list[Any]]:
    """Copies of the observations of one episode, and its rewards and ends."""
    observation, _ = env.reset(seed=seed, options=None if goal is None else {"goal": goal})
    seen, earned = [_copy(observation)], []
    for action in actions:
        observation, *rest = env.step(action)
        seen.append(_copy(observation))
        earned.append(tuple(rest[:3]))
        if rest[1] or rest[2]:
            break
    return seen, earned


def _copy(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {key: value.copy() for key, value in observation.items()}
    return observation.copy()


def _same(one: list[Any], other: list[Any]) -> bool:
    def equal(left: Any, right: Any) -> bool:
        if isinstance(left, dict):
            return all(np.array_equal(left[key], right[key]) for key in left)
        return np.array_equal(left, right)

    return len(one) == len(other) and all(map(equal, one, other))


def _alone(
    env: NeuroEnv, seed: int, actions: np.ndarray, limit: int, *, same_step: bool
) -> Iterator[tuple[Any, float, bool, bool, dict[str, Any], tuple[Any, dict[str, Any]] | None]]:
    """What a row of a batch has to tell of its reset and of every step, from a single environment.

    The last element is the last observation and info of an episode whose next one begins in the same step.
    """
    observation, info = env.reset(seed=seed)
    yield observation, 0.0, False, False, info, None
    taken, over = 0, False
    for action in actions:
        if over and not same_step:
            observation, info = env.reset()
            taken, over = 0, False
            yield observation, 0.0, False, False, info, None
            continue
        observation, reward, terminated, truncated, info = env.step(action)
        taken += 1
        truncated = truncated or (taken >= limit and not terminated)
        over, last = terminated or truncated, None
        if over and same_step:
            last = observation, info
            observation, info = env.reset()
            taken = 0
        yield observation, reward, terminated, truncated, info, last


def _ask_info(batch: dict[str, Any], single: dict[str, Any], row: int, where: str) -> None:
    """Ask that a batch's info has the entries of a single environment's, but for ``trials`` and ``about``."""
    told = {key for key in batch if not key.startswith("_")}
    ask(told == set(single) - {"trials", "about"}, f"{where}: the keys of its info: {', '.join(sorted(told))}")
    for key in told:
        ask(bool(np.all(batch[key][row] == single[key])), f"{where}: its info {key!r}")


def _near(batch: Any, single: Any, row: int) -> bool:
    """Whether the observation of a row is that of a single environment; raw signals are, bit for bit."""
    if isinstance(batch, dict):
        return all(np.array_equal(batch[key][row], single[key]) for key in batch)
    return bool(np.abs(batch[row] - single).max() <= ROUNDING)


def _stacked(observation: Any) -> Any:
    """An observation as that of a batch of one."""
    if isinstance(observation, dict):
        return {key: value[None] for key, value in observation.items()}
    return observation[None]


def _future(env: NeuroEnv, actions: np.ndarray) -> tuple[list[Any], list[Any]]:
    """Observations, and rewards and ends, of the steps to come and of the next episode."""
    seen, earned = [], []
    for action in actions:
        observation, *rest = env.step(action)
        seen.append(_copy(observation))
        earned.append(tuple(rest[:3]))
    return [*seen, _copy(env.reset()[0])], earned


def bound_options(kind: BoundKind, env_id: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options, with their decoder replaced by its bound ``kind``."""
    decoder = choose_decoder(options.get("decoder"), environment(env_id).decoder)
    inner = decoder.inner if isinstance(decoder, BoundDecoder) else decoder
    return {**options, "decoder": BoundDecoder(kind, inner)}


def _two_goals(loop: ClosedLoop) -> tuple[np.ndarray, np.ndarray]:
    """Two goals far from each other."""
    goals = loop.layout.facts.goals.spread(0.5, 64)
    return goals[0], goals[int(np.abs(goals - goals[0]).max(axis=1).argmax())]
