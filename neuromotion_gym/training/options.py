"""Options of functions that a recipe names, checked against their signature."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import ConfigDict, PydanticSchemaGenerationError, TypeAdapter, ValidationError

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def checked_options(
    function: Callable[..., Any], given: Mapping[str, Any], what: str, *, positional: int
) -> dict[str, Any]:
    """``given`` as keyword arguments of ``function``.

    Parameters
    ----------
    function : callable
        Its parameters are the options, except the first ``positional`` ones. Values are checked against their
        annotations, as far as those can be looked up from the function's module.
    given : mapping
        Options of the recipe.
    what : str
        Name of the function in messages, such as "Network 'slow_bins'".
    positional : int
        Number of parameters that the caller passes by position.

    Returns
    -------
    dict
        Values of the annotated types: a list becomes a tuple where a tuple is annotated.

    Raises
    ------
    NeuroMotionError
        If an option is unknown, is missing, or has a wrong type.
    """
    options = {
        name: parameter
        for name, parameter in list(inspect.signature(function).parameters.items())[positional:]
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    if unknown := sorted(set(given) - set(options)):
        raise NeuroMotionError(
            f"{what} has no option {', '.join(unknown)}; its options: {', '.join(options) or 'none'}."
        )
    required = [name for name, parameter in options.items() if parameter.default is parameter.empty]
    if missing := [name for name in required if name not in given]:
        raise NeuroMotionError(f"{what} needs the option {', '.join(missing)}.")
    return {
        name: _converted(value, _hint(function, name), f"Option {name!r} of {what}") for name, value in given.items()
    }


def _hint(function: Callable[..., Any], name: str) -> Any:
    """Annotation of one parameter; `typing.Any` where it cannot be looked up."""
    annotation = inspect.signature(function).parameters[name].annotation
    if annotation is inspect.Parameter.empty:
        return Any
    one = SimpleNamespace(__annotations__={name: annotation})
    try:
        return get_type_hints(one, globalns=getattr(function, "__globals__", {}))[name]
    except NameError:  # imported only for type checkers
        return Any


def _converted(value: Any, hint: Any, what: str) -> Any:
    try:
        adapter = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False))
    except PydanticSchemaGenerationError:
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise NeuroMotionError(f"{what} is {shortened(value)}: {first['msg'][0].lower()}{first['msg'][1:]}.") from None
