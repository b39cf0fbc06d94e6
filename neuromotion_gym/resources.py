"""Folders of the files that belong to the library, of the data sets, and of the cache. Only this module knows them.

A leaf module: it imports nothing of the library except its error class.
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
    """Folder of the library's limbs, scenes, surrogates and learned controllers."""
    return _shipped("assets")


def classifiers_root() -> Path:
    """Folder of the library's decoders."""
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
    """Folder for files that can be made again: ``NEUROMOTION_CACHE``, else the user's cache folder on this platform."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "neuromotion-gym"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "neuromotion-gym"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neuromotion-gym"
