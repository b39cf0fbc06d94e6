"""Facts of a decoder from elsewhere on the command line: ``--fact rate_hz=160 --fact 'labels=[rest, fist]'``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from neuromotion_gym.errors import NeuroMotionError

FactOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fact",
        help="What an ONNX file does not say, as NAME=VALUE: rate_hz=160, unit=mV, 'labels=\\[rest, fist]'; "
        "may be repeated.",
    ),
]


def facts_from(given: list[str] | None) -> dict[str, Any]:
    """The facts of a decoder that the options ``--fact`` state; values are YAML.

    Raises
    ------
    NeuroMotionError
        If an option is not NAME=VALUE, its value is not YAML, or a name is given twice.
    """
    from neuromotion_gym.plain_yaml import parse_yaml

    found: dict[str, Any] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not name or not sign:
            raise NeuroMotionError(f"--fact is a name and a value, such as rate_hz=160, not {text!r}.")
        if name in found:
            raise NeuroMotionError(f"--fact {name} is given twice.")
        found[name] = parse_yaml(value, f"--fact {name}")
    return found
