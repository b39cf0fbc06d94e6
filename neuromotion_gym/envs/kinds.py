"""What kind of value each option of an environment takes; asked before any option is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.operators import OperatorSpec
from neuromotion_gym.schema import shortened


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "env_id": (lambda value: value is None or _text(value), "the name of an environment"),
    "decoder": (lambda value: not isinstance(value, str) or _text(value), "a name, a path or an object"),
    "level": (lambda value: value is None or _text(value), "the name of a level, or None"),
    "part": (_text, "'tune' or 'test'"),
    "subjects": (
        lambda value: value is None or ((_sequence(value) or isinstance(value, np.ndarray)) and all(map(_text, value))),
        "a list of names of people, or None",
    ),
    "ocular": (lambda value: value is None or _text(value), "'keep', 'regress' or None"),
    "perturbations": (_sequence, "a list of names, or of mappings with a name and options"),
    "data_root": (lambda value: value is None or _text(value) or isinstance(value, os.PathLike), "a folder, or None"),
    "operator": (
        lambda value: value is None or isinstance(value, Mapping | OperatorSpec),
        "an OperatorSpec, or a mapping with its figures",
    ),
}
"""Name of an option: whether a value is of its kind, and the kind in words."""


def check_kinds(options: Mapping[str, Any]) -> None:
    """Check that each option has a value of its kind.

    Raises
    ------
    NeuroMotionError
        If one has not; the message says what it takes.
    """
    for name, value in options.items():
        fits, words = KINDS[name]
        if not fits(value):
            raise NeuroMotionError(f"{name} is {words}, not {shortened(value)}.")
