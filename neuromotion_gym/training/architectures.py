"""Networks by name: how the section ``network`` of a recipe becomes an untrained torch module.

An architecture is a module ``neuromotion_gym.training.networks.<name>``, found by walking the folder, or is registered
by another package. It has a function ``build(spec, *, options...) -> DecoderNetwork``, whose parameters after the first
are the options that ``network.options`` may hold.
"""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import check_registered, resolve
from neuromotion_gym.training.options import checked_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.training.networks.network import DecoderNetwork

_REGISTERED: dict[str, Callable[..., DecoderNetwork] | str] = {}


def register_network(name: str, build: Callable[..., DecoderNetwork] | str) -> None:
    """Register a network of another package; registering the same one again changes nothing.

    Parameters
    ----------
    name : str
        Name in recipes.
    build : callable or str
        The function; or ``"module:function"``, which is imported when it is used, so that registering needs no torch.

    Raises
    ------
    NeuroMotionError
        If another network has this name.
    """
    check_registered(name, build, "network", {**dict.fromkeys(_shipped()), **_REGISTERED})
    _REGISTERED[name] = build


def list_networks() -> list[str]:
    """Names of all architectures, sorted."""
    return sorted({*_shipped(), *_REGISTERED})


def builder(name: str) -> Callable[..., DecoderNetwork]:
    """The function that builds a network.

    Raises
    ------
    NeuroMotionError
        If no network has this name; the message lists all names.
    """
    registered = registered_network(name)
    if registered is not None:
        return registered
    if name not in _shipped():
        raise NeuroMotionError(f"No network is called {name!r}. Networks: {', '.join(list_networks())}.")
    build: Callable[..., DecoderNetwork] = import_module(f"neuromotion_gym.training.networks.{name}").build
    return build


def registered_network(name: str) -> Callable[..., DecoderNetwork] | None:
    """The function of a network that another package has registered; None for those of the library."""
    found: Callable[..., DecoderNetwork] | None = resolve(_REGISTERED.get(name))
    return found


def build_network(recipe: Recipe) -> DecoderNetwork:
    """Network of a recipe, untrained.

    Raises
    ------
    NeuroMotionError
        If the architecture or an option is unknown, an option has a wrong type, or torch refuses its value.
    """
    _, network, _ = recipe.trainable()
    build = builder(network.name)
    options = checked_options(build, network.options, f"Network {network.name!r}", positional=1)
    try:
        return build(recipe.decoder, **options)
    except NeuroMotionError:
        raise
    except (ValueError, RuntimeError) as error:  # how torch refuses a size or a rate
        raise NeuroMotionError(f"Network {network.name!r} cannot be built with {network.options}: {error}") from error


def _shipped() -> set[str]:
    names = (path.name for path in files("neuromotion_gym.training.networks").iterdir())
    return {name[:-3] for name in names if name.endswith(".py") and name not in ("__init__.py", "network.py")}
