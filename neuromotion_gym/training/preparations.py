"""Preparations by name: how sessions become training windows, as ``data.preparation`` of a recipe says.

A preparation is a module ``neuromotion_gym.training.windows.<name>``, found by walking the folder, or is registered by
another package. It has a function ``training_windows(recipe, sessions, *, options...) -> TrainingWindows``, whose
parameters after the first two are the options that ``data.options`` may hold.
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import check_registered, resolve
from neuromotion_gym.training.options import checked_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session
    from neuromotion_gym.training.data import TrainingWindows

_REGISTERED: dict[str, Callable[..., TrainingWindows] | str] = {}


def register_preparation(name: str, training_windows: Callable[..., TrainingWindows] | str) -> None:
    """Register a preparation of another package; registering the same one again changes nothing.

    Parameters
    ----------
    name : str
        Name in recipes.
    training_windows : callable or str
        The function; or ``"module:function"``, which is imported when it is used, so that registering needs no torch.

    Raises
    ------
    NeuroMotionError
        If another preparation has this name.
    """
    check_registered(name, training_windows, "preparation", {**dict.fromkeys(_shipped()), **_REGISTERED})
    _REGISTERED[name] = training_windows


def list_preparations() -> list[str]:
    """Names of all preparations, sorted."""
    return sorted({*_shipped(), *_REGISTERED})


def preparation(name: str) -> Callable[..., TrainingWindows]:
    """The function that makes windows from sessions.

    Raises
    ------
    NeuroMotionError
        If no preparation has this name; the message lists all names.
    """
    registered = registered_preparation(name)
    if registered is not None:
        return registered
    if name not in _shipped():
        raise NeuroMotionError(f"data.preparation {name!r} is unknown. Preparations: {', '.join(list_preparations())}.")
    found: Callable[..., Any] = import_module(f"neuromotion_gym.training.windows.{name}").training_windows
    return found


def registered_preparation(name: str) -> Callable[..., TrainingWindows] | None:
    """The function of a preparation that another package has registered; None for those of the library."""
    found: Callable[..., TrainingWindows] | None = resolve(_REGISTERED.get(name))
    return found


def prepared_windows(recipe: Recipe, sessions: Sequence[Session]) -> TrainingWindows:
    """Windows of ``sessions``, made as the recipe says.

    Raises
    ------
    NeuroMotionError
        If the preparation or one of its options is unknown, or the sessions do not fit the decoder.
    """
    data, _, _ = recipe.trainable()
    function = preparation(data.preparation)
    options = checked_options(function, data.options, f"Preparation {data.preparation!r}", positional=2)
    return function(recipe, sessions, **options)


def _shipped() -> set[str]:
    names = (path.name for path in files("neuromotion_gym.training.windows").iterdir())
    return {name[:-3] for name in names if name.endswith(".py") and name != "__init__.py"}
