"""Plug-ins of other packages: functions in the entry point group ``neuromotion_gym.plugins``, called at import.

Such a function takes no argument and calls the library's ``register_*`` functions. It should import other modules in
its own body, so that ``import neuromotion_gym`` stays fast. A plug-in that fails is left out with a warning, so that
one broken package does not make the library unusable.
"""

from __future__ import annotations

import warnings
from importlib.metadata import entry_points

GROUP = "neuromotion_gym.plugins"


def load_plugins() -> list[str]:
    """Call every plug-in once; returns the names of those that did not fail."""
    called = []
    for entry in entry_points(group=GROUP):
        try:
            entry.load()()
        except Exception as error:  # noqa: BLE001 -- a plug-in may raise anything
            warnings.warn(
                f"The plug-in {entry.name!r} ({entry.value}) of group {GROUP} failed and is left out: "
                f"{type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
        else:
            called.append(entry.name)
    return called
