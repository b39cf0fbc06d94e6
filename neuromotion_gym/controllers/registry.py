"""Controllers by name: the hand-written ones, found by walking their folder, and those that other packages register."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from neuromotion_gym.controllers import handwritten
from neuromotion_gym.controllers.base import Controller, HandWritten
from neuromotion_gym.controllers.follow import Follow
from neuromotion_gym.controllers.learned import PREFIX, Learned
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import check_registered, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.envs.layout import ObservationLayout

    Factory = Callable[..., Controller]


def _walk() -> dict[str, Factory | str]:
    """Hand-written controllers by name, sorted."""
    found: dict[str, Factory | str] = {}
    for module in pkgutil.iter_modules(handwritten.__path__, f"{handwritten.__name__}."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, HandWritten) and "name" in vars(value):
                found[value.name] = value
    return dict(sorted(found.items()))


CONTROLLERS: dict[str, Factory | str] = _walk()
"""Maps the name of a controller to its class, to a function that makes it, or to ``"module:Class"``. ``blind`` ignores
the decoder: it is a bound and is not ranked."""


FOR_TARGETS: dict[str, Factory | str] = {"follow": Follow}
"""Controllers of decoders that give continuous targets and no posterior."""


def known_controllers() -> dict[str, Factory | str]:
    """All controllers by name: `CONTROLLERS` and `FOR_TARGETS`."""
    return CONTROLLERS | FOR_TARGETS


def register_controller(name: str, factory: Factory | str) -> None:
    """Register a controller of another package; registering the same one again changes nothing.

    Parameters
    ----------
    name : str
        Name under which `make_controller` and benchmarks find it.
    factory : callable or str
        Called as ``factory(layout, **options)``; or ``"module:Class"``, which is imported when it is used.

    Raises
    ------
    NeuroMotionError
        If the name is empty or holds a colon, or another controller has it.
    """
    if not name or ":" in name:
        raise NeuroMotionError(f"A controller's name is not empty and holds no colon; got {name!r}.")
    check_registered(name, factory, "controller", known_controllers())
    CONTROLLERS[name] = factory


def make_controller(name: str, layout: ObservationLayout, **options: Any) -> Controller:
    """Controller ``name`` for observations laid out as ``layout``.

    Parameters
    ----------
    name : str
        One of `known_controllers`, or ``learned:`` and the name of a shipped policy or the path of a file.
    layout : ObservationLayout
        All that a controller may know about environment and decoder: the ``layout`` of an environment.
    **options
        Options of that controller; see its class.

    Raises
    ------
    NeuroMotionError
        If there is no such controller, or it has no such option. Errors inside a controller are not caught.
    """
    factory = checked_controller(name, options)
    if name.startswith(PREFIX):
        return factory(layout, name.removeprefix(PREFIX), **options)
    return factory(layout, **options)


def checked_controller(name: str, options: dict[str, Any]) -> Factory:
    """The class or function that makes controller ``name``, if it has these options; nothing is made.

    Raises
    ------
    NeuroMotionError
        If there is no such controller, or it has no such option.
    """
    if name.startswith(PREFIX):
        _check_options(name, Learned, options, given=2)
        return Learned
    known = known_controllers()
    if name not in known:
        raise NeuroMotionError(
            f"Unknown controller {name!r}. Controllers: {', '.join(known)}, {PREFIX}NAME or {PREFIX}PATH."
        )
    factory: Factory = resolve(known[name])
    _check_options(name, factory, options, given=1)
    return factory


def _check_options(name: str, factory: Factory, options: dict[str, Any], given: int) -> None:
    """Compare options with the signature of ``factory``, whose first ``given`` parameters are not options."""
    parameters = list(inspect.signature(factory).parameters.values())[given:]
    named = {parameter.name: parameter for parameter in parameters if parameter.kind not in _COLLECTS}
    known = f"Its options: {', '.join(named) or 'none'}."
    unknown = sorted(set(options) - set(named))
    if unknown and all(parameter.kind is not inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        raise NeuroMotionError(f"Controller {name!r} has no option {', '.join(map(repr, unknown))}. {known}")
    missing = [key for key, each in named.items() if each.default is inspect.Parameter.empty and key not in options]
    if missing:
        raise NeuroMotionError(f"Controller {name!r} needs the option {', '.join(map(repr, missing))}. {known}")


_COLLECTS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
