"""Parts: which people and runs of a data set are for training, tuning and testing; one table per data set.

The table is ``parts.yaml`` in the folder of the data set; nothing else in the library decides what is held out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import read_yaml
from neuromotion_gym.signals.modality import Modality

Part = Literal["train", "tune", "test", "all"]
PARTS: tuple[Part, ...] = ("train", "tune", "test", "all")


class Kind(BaseModel):
    """One kind of session: its calibration runs, the runs that are played, and the people who recorded it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calibration: tuple[str, ...]
    """All calibration runs."""
    calibration_of: dict[str, tuple[str, ...]] = {}
    """Calibration runs of single runs, where a session has a calibration run of its own; all of them if left out."""
    runs: tuple[str, ...]
    people: tuple[str, ...] | None = None
    """People who recorded it; everybody if left out."""
    lacking: dict[str, tuple[str, ...]] = {}
    """Runs that some of them did not record."""

    def calibration_for(self, runs: Iterable[str]) -> tuple[str, ...]:
        """Calibration runs of the sessions of ``runs``, in the order of ``calibration``."""
        wanted = set()
        for run in runs:
            itself = (run,) if self.calibration_of and run in self.calibration else self.calibration
            wanted |= {*self.calibration_of.get(run, itself)}
        return tuple(run for run in self.calibration if run in wanted)


class Selection(BaseModel):
    """Runs of some people, as one entry of a part."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: tuple[str, ...]
    runs: tuple[str, ...] | None = None
    """If left out, the runs of the kind of session that is asked for; in the train part also its calibration runs. Of
    the runs that are listed, those of that kind are taken."""
    unseen: bool = False
    """Whether these people are in no other part, while other people of this part are."""


class PartsTable(BaseModel):
    """Parts of one data set, as its ``parts.yaml`` states them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    modality: Modality
    split: Literal["trial", "block", "session", "run", "subject"]
    licence: str
    cite: str
    doi: str | None
    one_session_per: Literal["kind", "run"]
    kinds: dict[str, Kind]
    parts: dict[Literal["train", "tune", "test"], tuple[Selection, ...]]
    folds: tuple[tuple[str, ...], ...]
    """What each fold holds out: people, or runs (see ``fold_of``); each of them is in exactly one fold."""
    fold_of: Literal["person", "run"] = "person"
    """Whether folds hold out people, or, where there is one person only, runs."""

    @property
    def people(self) -> tuple[str, ...]:
        """Names of all people of the data set, sorted."""
        return tuple(sorted({person for part in self.parts.values() for chosen in part for person in chosen.people}))

    @property
    def unseen(self) -> tuple[str, ...]:
        """People of the test part who are marked ``unseen``: they are in no other part."""
        return tuple(person for chosen in self.parts["test"] if chosen.unseen for person in chosen.people)

    def kind_name(self, name: str | None) -> str:
        """Name of a kind of session; the first one of the table for None.

        Raises
        ------
        NeuroMotionError
            If there is no such kind.
        """
        if name is None:
            return next(iter(self.kinds))
        if name not in self.kinds:
            raise NeuroMotionError(f"{self.dataset} has no sessions of kind {name!r}; kinds: {', '.join(self.kinds)}.")
        return name

    def kind(self, name: str | None) -> Kind:
        """Kind of session by name; see `kind_name`."""
        return self.kinds[self.kind_name(name)]

    def runs(self, part: Part, kind_name: str | None = None) -> dict[str, tuple[str, ...]]:
        """Runs of each person of a part, people sorted; calibration runs are included in the train part only.

        Raises
        ------
        NeuroMotionError
            If the part is unknown, or nobody in it recorded this kind of session.
        """
        if part not in PARTS:
            raise NeuroMotionError(f"No part is called {part!r}; parts: {', '.join(PARTS)}.")
        kind = self.kind(kind_name)
        if part == "all":
            chosen = dict.fromkeys(self.people, kind.runs)
        else:
            every = (*kind.calibration, *kind.runs)
            own = every if part == "train" else kind.runs
            # A part may list runs of several kinds of session
            listed = [
                (some.people, some.runs and tuple(run for run in some.runs if run in every))
                for some in self.parts[part]
            ]
            chosen = {person: runs or own for people, runs in listed for person in people if runs != ()}
        if kind.people is not None:
            chosen = {person: runs for person, runs in chosen.items() if person in kind.people}
        chosen = {
            person: tuple(run for run in runs if run not in kind.lacking.get(person, ()))
            for person, runs in chosen.items()
        }
        if not chosen:
            raise NeuroMotionError(
                f"Part {part!r} of {self.dataset} has no sessions of kind {self.kind_name(kind_name)!r}, "
                f"which are of {', '.join(kind.people or ())} alone."
            )
        return dict(sorted(chosen.items()))


def read_parts(path: Path) -> PartsTable:
    """Read a table from a file.

    Raises
    ------
    NeuroMotionError
        If the file is not a table of parts, or its folds do not hold out every person (or run) exactly once.
    """
    content = read_yaml(path, "table of parts")
    try:
        table = PartsTable.model_validate(content)
    except ValidationError as error:
        raise NeuroMotionError(f"{path} is no table of parts: {error}") from error
    held_out = sorted(name for fold in table.folds for name in fold)
    if table.fold_of == "person" and held_out != list(table.people):
        raise NeuroMotionError(f"Folds of {path} have to hold out each of the {len(table.people)} people once.")
    runs = sorted({run for kind in table.kinds.values() for run in kind.runs})
    if table.fold_of == "run" and (held_out != runs or len(table.people) > 1 or table.one_session_per != "run"):
        raise NeuroMotionError(
            f"Folds of {path} are of runs: they have to hold out each of {', '.join(runs)} once, there has to be one "
            f"person, not {len(table.people)}, and each run has to be a session."
        )
    return table
