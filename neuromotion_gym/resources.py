"""Where things lie: what ships with the library, the data sets, and the cache. The one place that knows.

A leaf: imports nothing of the library but its error class.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

import neuromotion_gym
from neuromotion_gym.errors import NeuroMotionError

DATA_VARIABLE = "NEUROMOTION_DATA"
CACHE_VARIABLE = "NEUROMOTION_CACHE"


def assets_root() -> Path:
    """Folder of the limbs, scenes, surrogates and learned controllers that ship with the library."""
    return _shipped("assets")


def classifiers_root() -> Path:
    """Folder of the decoders that ship with the library."""
    return _shipped("classifiers")


@cache
def _shipped(name: str) -> Path:
    """Folder ``name``: a sub-package of the installed library, or beside the library in a source checkout."""
    for package in neuromotion_gym.__path__:
        for folder in (Path(package) / name, Path(package).parent / name):
            if (folder / "__init__.py").is_file():
                return folder
    raise NeuroMotionError(f"The library's folder {name!r} is missing; install neuromotion-gym again.")


def data_root(argument: str | os.PathLike[str] | None = None) -> Path:
    """Folder that holds the data sets: the argument, else the environment variable ``NEUROMOTION_DATA``.

    Raises
    ------
    NeuroMotionError
        If neither is given, or the folder does not exist.
    """
    given = argument if argument is not None else os.environ.get(DATA_VARIABLE)
    if not given:
        raise NeuroMotionError(
            f"No data folder: pass root=, or set the environment variable {DATA_VARIABLE} to the folder with the data."
        )
    root = Path(given).expanduser()
    if not root.is_dir():
        raise NeuroMotionError(f"Data folder {root} does not exist; root= or {DATA_VARIABLE} has to name a folder.")
    return root


def cache_folder() -> Path:
    """Folder for what can be made again: ``NEUROMOTION_CACHE``, else the platform's cache folder of this user."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "neuromotion-gym"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "neuromotion-gym"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neuromotion-gym"
