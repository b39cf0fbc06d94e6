"""What other packages bring: functions under the entry point group ``neuromotion_gym.plugins``, called at import.

Such a function takes no argument and calls the library's ``register_*`` functions. It should import what it needs in
its own body, so that ``import neuromotion_gym`` stays quick. A plug-in that fails is left out with a warning: one
broken package must not take the library down.
"""

from __future__ import annotations

import warnings
from importlib.metadata import entry_points

GROUP = "neuromotion_gym.plugins"


def load_plugins() -> list[str]:
    """Call every plug-in once; names of those that were called."""
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
