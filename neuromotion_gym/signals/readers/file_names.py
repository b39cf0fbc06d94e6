"""Whose recording a file is: subject, session, run and label from its name and its folders."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.reading_options import PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from neuromotion_gym.signals.reading_options import Reading

UNKNOWN = "0"
"""Name of the subject, session or run that nothing tells."""
_ENTITIES = {"subject": "sub", "session": "ses", "run": "run"}


class Origin(NamedTuple):
    """Where samples come from; ``label`` is that of the whole file, if its name tells it."""

    dataset: str
    subject: str
    session: str
    run: str
    label: str | None = None


def origin_of(path: Path, root: Path | None, reading: Reading) -> Origin:
    """Origin of the recording in a file.

    The pattern ``reading.names`` comes first; without one, entities as in BIDS (``sub-01_ses-2_run-3``) do; without
    these, folders below ``root`` are subject and session, and the file's name is the run. Fixed names in ``reading``
    hold in any case.

    Parameters
    ----------
    path : path
        File.
    root : path, optional
        Folder that was asked for; None if the file itself was.

    Raises
    ------
    NeuroMotionError
        If the file does not fit the pattern.
    """
    found = _by_pattern(path, reading.names) if reading.names else _by_entities(path.stem) or _by_folders(path, root)
    return fixed_origin(reading, found)


def fixed_origin(reading: Reading, found: Mapping[str, str] = MappingProxyType({})) -> Origin:
    """Origin from the names in ``reading`` and, where it leaves them open, from ``found``."""
    fixed = {name: value for name in PLACEHOLDERS if (value := getattr(reading, name)) is not None}
    found = {**found, **fixed}
    return Origin(
        reading.dataset,
        found.get("subject", UNKNOWN),
        found.get("session", UNKNOWN),
        found.get("run", UNKNOWN),
        found.get("label"),
    )


def _by_pattern(path: Path, pattern: str) -> dict[str, str]:
    """What the braces of ``pattern`` hold in the last parts of ``path``."""
    parts = pattern.strip("/").split("/")
    seen: set[str] = set()
    text = ""
    for piece in re.split(r"(\{[^{}]*\}|\*)", "/".join(parts)):
        if piece == "*":
            text += "[^/]*"
        elif piece.startswith("{"):
            name = piece[1:-1]
            text += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+?)"
            seen.add(name)
        else:
            text += re.escape(piece)
    tail = "/".join(path.parts[-len(parts) :])
    with_ending = pattern.endswith((path.suffix, "*"))
    match = re.fullmatch(text, tail if with_ending else tail.removesuffix(path.suffix))
    if match is None:
        raise NeuroMotionError(f"The name of {path} does not fit the pattern {pattern!r}.")
    return match.groupdict()


def _by_entities(stem: str) -> dict[str, str]:
    """Entities of a name as BIDS writes them; empty if it names no subject."""
    given = dict(re.findall(r"(?:^|_)([a-z]+)-([A-Za-z0-9]+)", stem))
    return {name: given[short] for name, short in _ENTITIES.items() if short in given} if "sub" in given else {}


def _by_folders(path: Path, root: Path | None) -> dict[str, str]:
    """Folders below ``root`` as subject and session, and the file's name as run."""
    found = {"run": path.stem}
    folders = path.relative_to(root).parts[:-1] if root is not None else ()
    if folders:
        found["subject"] = folders[0]
    if len(folders) > 1:
        found["session"] = "/".join(folders[1:])
    return found
