"""Checks of what an environment is given: options of pictures and of a reset, actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.envs.closed_loop import ClosedLoop


def is_whole(value: Any) -> bool:
    """Whether ``value`` is a whole number, of Python or NumPy, and no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_render_mode(render_mode: Any, modes: Sequence[str]) -> None:
    """Refuse unknown modes.

    Raises
    ------
    NeuroMotionError
        If ``render_mode`` is neither None nor one of ``modes``.
    """
    if render_mode is not None and not (isinstance(render_mode, str) and render_mode in modes):
        raise NeuroMotionError(f"render_mode is one of {', '.join(modes)} or None, not {shortened(render_mode)}.")


def checked_steps(max_episode_steps: Any) -> int | None:
    """A number of steps as a Python integer, or None.

    Raises
    ------
    NeuroMotionError
        If it is not a whole number from 1 on.
    """
    if max_episode_steps is None:
        return None
    if not is_whole(max_episode_steps) or max_episode_steps < 1:
        raise NeuroMotionError(
            f"max_episode_steps is a whole number from 1 on, or None, not {shortened(max_episode_steps)}."
        )
    return int(max_episode_steps)


def checked_action(action: Any, shape: tuple[int, ...]) -> np.ndarray:
    """``action`` as floats of ``shape``.

    Raises
    ------
    NeuroMotionError
        If it has another shape, or holds something that is not a finite number.
    """
    try:
        values = np.asarray(action, dtype=float)
    except (TypeError, ValueError):
        raise NeuroMotionError(f"An action is an array of numbers in -1..1, not {shortened(action)}.") from None
    if values.shape != shape:
        raise NeuroMotionError(f"An action has shape {shape} here, not {values.shape}.")
    if not np.isfinite(values).all():
        raise NeuroMotionError("An action holds NaN or infinite values; each lies in -1..1.")
    return values


def checked_options(options: Any) -> dict[str, Any]:
    """Options of a reset as a dictionary of their own.

    Raises
    ------
    NeuroMotionError
        If they are no dictionary.
    """
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise NeuroMotionError(f"The options of a reset are a dictionary, not {shortened(options)}.")
    return dict(options)


def checked_mask(mask: Any, rows: int) -> np.ndarray:
    """Rows to reset, bool array of shape (rows,).

    Raises
    ------
    NeuroMotionError
        If it is no bool array of this shape, or picks no row.
    """
    try:
        picked = np.asarray(mask)
    except ValueError:  # lists of different lengths
        picked = np.empty(0)
    if picked.shape != (rows,) or picked.dtype != np.bool_ or not picked.any():
        raise NeuroMotionError(
            f"reset_mask is a bool array of shape ({rows},) with at least one True, not {shortened(mask)}."
        )
    return picked


def reset_options(
    loop: ClosedLoop, options: Mapping[str, Any], rows: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Sessions, shape (rows,), and goals, shape (rows, axes), from the options of a reset.

    Raises
    ------
    NeuroMotionError
        If an option is unknown, a session does not exist, or a goal lies outside the range of the axes.
    """
    unknown = [repr(name) for name in options if name not in ("session", "goal")]
    if unknown:
        raise NeuroMotionError(f"Options of reset are 'session' and 'goal', not {', '.join(unknown)}.")
    return _sessions(loop, options.get("session"), rows), _goals(loop, options.get("goal"), rows)


def _sessions(loop: ClosedLoop, session: Any, rows: int) -> np.ndarray | None:
    if session is None:
        return None
    count = len(loop.parts.source.sessions)
    wrong = NeuroMotionError(
        f"Option session is the number of a session, or one for each row; the source has sessions 0 to {count - 1}, "
        f"not {shortened(session)}."
    )
    try:
        sessions = np.asarray(session)
    except ValueError:
        raise wrong from None
    if sessions.dtype.kind not in "iu" or sessions.shape not in ((), (1,), (rows,)):
        raise wrong
    if sessions.min() < 0 or sessions.max() >= count:
        raise wrong
    return np.broadcast_to(sessions.astype(int), (rows,))


def _goals(loop: ClosedLoop, goal: Any, rows: int) -> np.ndarray | None:
    if goal is None:
        return None
    axes = len(loop.parts.task.axes)
    wrong = NeuroMotionError(f"A goal has {axes} numbers in -1..1, one per axis, not {shortened(goal)}.")
    try:
        goals = np.asarray(goal, dtype=float)
    except (TypeError, ValueError):
        raise wrong from None
    if goals.shape not in ((axes,), (1, axes), (rows, axes)) or not (np.abs(goals) <= 1).all():
        raise wrong
    return np.broadcast_to(goals, (rows, axes))
