"""Who is played: people of a part of a data set, and people whom its table does not know but whose files are there.

The table of parts lists the people of the published set. A data folder may hold more: further people of that set, or
one's own recordings made with the same protocol and named in the same way. They are played when they are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.registry import checked_name
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.parts import Part


def runs_of(
    dataset: str,
    part: Part,
    session_kind: str | None = None,
    subjects: Sequence[str] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Runs of each chosen person, people sorted.

    Parameters
    ----------
    dataset, part, session_kind
        See `neuromotion_gym.datasets.parts.PartsTable.runs`.
    subjects : sequence of str, optional
        People of the part, and new people: those who are in no part of the table, but whose files the data folder
        holds. Everybody of the part if left out.
    root : path, optional
        Folder of the data sets; it is read only if a person is new.

    Raises
    ------
    NeuroMotionError
        If a person is in another part, or is new and the data folder lacks the calibration run or every other run.
    """
    table = registry.dataset(dataset).table
    known = table.runs(part, session_kind)
    if subjects is None:
        return known
    found = {}
    for person in sorted(set(subjects)):
        if person in known:
            found[person] = known[person]
        elif is_new(dataset, person) and part != "train":
            found[person] = _recorded_runs(dataset, part, session_kind, person, root)
        else:
            raise NeuroMotionError(f"Part {part!r} of {dataset} has no {person}; its people: {', '.join(known)}.")
    return found


def is_new(dataset: str, person: str) -> bool:
    """Whether the table of parts does not list a person, so that no decoder of the library was trained on them."""
    return person not in registry.dataset(dataset).table.people


def _recorded_runs(
    dataset: str, part: str, session_kind: str | None, person: str, root: str | os.PathLike[str] | None
) -> tuple[str, ...]:
    """Runs of a new person that the data folder holds."""
    facts = registry.dataset(dataset)
    kind = facts.table.kind(session_kind)
    checked_name(person, "person")

    def missing(run: str) -> str:
        try:
            files = facts.files(person, run, data_root(root))
        except NeuroMotionError as error:
            return str(error)
        absent = [path for path in files if not path.is_file()]
        return f"{absent[0]} does not exist." if absent else ""

    lacking = {run: missing(run) for run in (*kind.calibration, *kind.runs)}
    runs = tuple(run for run in kind.runs if not lacking[run])
    first = next((lacking[run] for run in kind.calibration if lacking[run]), "" if runs else lacking[kind.runs[0]])
    if first:
        raise NeuroMotionError(
            f"Part {part!r} of {dataset} has no {person}, whose recordings are not in the data folder either: {first} "
            f"People of the part: {', '.join(facts.table.runs(part, session_kind))}."  # type: ignore[arg-type]
        )
    return runs
