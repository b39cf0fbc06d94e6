"""Which people, runs and rounds of a data set are for training, tuning and testing: one table a data set.

The table is ``parts.yaml`` in the folder of the data set; nothing else in the library decides what is held out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.modality import Modality

Part = Literal["train", "tune", "test", "all"]
PARTS: tuple[Part, ...] = ("train", "tune", "test", "all")


class Kind(BaseModel):
    """One kind of session: its calibration runs, the runs that are played, and who recorded it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calibration: tuple[str, ...]
    runs: tuple[str, ...]
    people: tuple[str, ...] | None = None
    """Everybody, where left out."""


class Selection(BaseModel):
    """Some people's runs within a part."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: tuple[str, ...]
    runs: tuple[str, ...] | None = None
    """Those of the kind of session, where left out; in the train part its calibration runs too."""
    unseen: bool = False
    """Whether no recording of these people is in any other part, while other people's are."""


class PartsTable(BaseModel):
    """Parts of one data set, as written in its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    modality: Modality
    split: Literal["trial", "session", "run", "subject"]
    licence: str
    cite: str
    doi: str | None
    one_session_per: Literal["kind", "run"]
    kinds: dict[str, Kind]
    parts: dict[Literal["train", "tune", "test"], tuple[Selection, ...]]
    folds: tuple[tuple[str, ...], ...]
    """Each fold's held-out people; together everybody, once."""

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody in the data set, sorted."""
        return tuple(sorted({person for part in self.parts.values() for chosen in part for person in chosen.people}))

    @property
    def unseen(self) -> tuple[str, ...]:
        """People of the test part marked as never seen elsewhere."""
        return tuple(person for chosen in self.parts["test"] if chosen.unseen for person in chosen.people)

    def kind_name(self, name: str | None) -> str:
        """Name of a kind of session; the first of the table where none is named.

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
        """Runs of each person of a part, calibration runs left out but for the train part; people sorted.

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
            own = (*kind.calibration, *kind.runs) if part == "train" else kind.runs
            chosen = {person: some.runs or own for some in self.parts[part] for person in some.people}
        if kind.people is not None:
            chosen = {person: runs for person, runs in chosen.items() if person in kind.people}
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
        If the file is no table of parts, or its folds do not hold out everybody once.
    """
    import yaml

    try:
        table = PartsTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise NeuroMotionError(f"{path} is no table of parts: {error}") from error
    held_out = sorted(person for fold in table.folds for person in fold)
    if held_out != list(table.people):
        raise NeuroMotionError(f"Folds of {path} have to hold out each of the {len(table.people)} people once.")
    return table
