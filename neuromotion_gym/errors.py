"""The errors and the warning that the library raises on purpose."""

from __future__ import annotations

import sys
import warnings


class NeuroMotionError(ValueError):
    """Bad input or an impossible request; the message names what was wrong and what would be right."""


class UnknownOptionError(NeuroMotionError, TypeError):
    """An option that does not exist; also a `TypeError`, which libraries that try options expect."""


class NeuroMotionWarning(UserWarning):
    """Input that can be used, but perhaps not as its owner thinks; one line that names it."""


def warn(message: str) -> None:
    """Show a `NeuroMotionWarning` at the line that its reader wrote: the last one outside the library and Gymnasium."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in (__package__, "gymnasium"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, NeuroMotionWarning, stacklevel=level)
