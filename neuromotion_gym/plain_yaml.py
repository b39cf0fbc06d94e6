"""Read YAML files of settings: plain values only, every key once, no deep nesting. All YAML is read here.

A leaf module: it imports nothing of the library except its error class.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

try:  # LibYAML takes a tenth of the time; not every build of PyYAML has it
    from yaml import CSafeLoader as Loader
except ImportError:
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 1_000_000
"""Largest length of a file in characters; a file of settings is a page or two."""
DEEPEST = 50
"""Largest number of lists and tables inside one another."""
_BRACKETS = re.compile(rf"(?:[\[{{]\s*){{{DEEPEST + 1}}}")


class _EveryKeyOnce(Loader):
    """PyYAML keeps the last of two equal keys without a word; this loader refuses the second one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                line = key.start_mark.line + 1
                if key.value in lines:
                    raise yaml.YAMLError(
                        f"key {key.value!r} is there twice, in lines {lines[key.value]} and {line}; keep one of them"
                    )
                lines[key.value] = line
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> object:
    """Parse the YAML text of a file of settings.

    Parameters
    ----------
    text : str
    where : str
        The file, for messages.

    Raises
    ------
    NeuroMotionError
        If the text is not YAML, is too long or too deeply nested, uses aliases, or has the same key twice in a table.
    """
    if len(text) > LONGEST:
        raise NeuroMotionError(f"{where} is longer than {LONGEST:,} characters; a file of settings is a page or two.")
    try:
        _check_events(text, where)
        return yaml.load(text, Loader=_EveryKeyOnce)  # noqa: S506 (a SafeLoader)
    except NeuroMotionError:
        raise
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        text = " ".join(str(error).split())
        raise NeuroMotionError(f"{where} is not YAML that can be read: {text[:200]}") from None


def read_yaml(path: Path, what: str) -> object:
    """Read and parse a YAML file.

    Parameters
    ----------
    path : pathlib.Path
    what : str
        What the file should be, for messages: "recipe".

    Raises
    ------
    NeuroMotionError
        If the file cannot be read, or as in `parse_yaml`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NeuroMotionError(f"No {what} can be read from {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise NeuroMotionError(f"{path} is not UTF-8 text.") from None
    return parse_yaml(text, str(path))


def _check_events(text: str, where: str) -> None:
    """Refuse aliases and deep nesting before anything is built: PyYAML needs minutes for thousands of brackets."""
    if _BRACKETS.search(text):  # already the first event would take a second
        raise NeuroMotionError(f"{where} has more than {DEEPEST} lists and tables inside one another.")
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise NeuroMotionError(f"{where} uses YAML aliases (*name); write the values out.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise NeuroMotionError(f"{where} has more than {DEEPEST} lists and tables inside one another.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
