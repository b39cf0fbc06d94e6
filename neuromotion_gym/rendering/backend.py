"""An OpenGL context without a display, with the library that `neuromotion_gym.opengl` has found."""

from __future__ import annotations

from typing import Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.opengl import choose


def rendering_available() -> bool:
    """Whether frames can be drawn on this machine; `why_not` says what is missing."""
    return why_not() is None


def why_not() -> str | None:
    """Why frames cannot be drawn on this machine; None if they can."""
    return choose()[1]


def backend_name() -> str | None:
    """``"egl"``, ``"osmesa"``, or ``"native"`` for what MuJoCo itself picks; None if there is none."""
    return choose()[0]


def make_context(width: int, height: int) -> Any:
    """Create an OpenGL context that can draw ``width`` x ``height`` pixels.

    Returns
    -------
    An object with ``make_current()`` and ``free()``.

    Raises
    ------
    NeuroMotionError
        If this machine has no way to draw without a display; the message names the packages to install.
    """
    name, reason = choose()
    if name is None:
        raise NeuroMotionError(f"Frames cannot be drawn here: {reason}")
    try:
        if name == "egl":
            from mujoco.egl import GLContext
        elif name == "osmesa":
            from mujoco.osmesa import GLContext
        else:
            from mujoco import GLContext
        return GLContext(width, height)
    except Exception as error:  # drivers raise AttributeError, ImportError, RuntimeError, GLError ...
        raise NeuroMotionError(f"Frames cannot be drawn here: the {name} back end failed ({error}).") from error
