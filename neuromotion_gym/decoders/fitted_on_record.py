"""``fitted_on.json``: the recordings that a decoder was fitted on, stored in its folder.

Code that plays or evaluates a decoder checks here whether the decoder was fitted on the same recordings. A decoder from
elsewhere may have no such file: then it is not known what it was fitted on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from neuromotion_gym.decoders.folders import MODEL, model_digest
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.files import write_text
from neuromotion_gym.schema import Checked, from_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FITTED_ON = "fitted_on.json"


class FittedOn(Checked):
    """Recordings of one data set that a decoder was fitted on."""

    dataset: str
    part: str | None = None
    """Part of the data set; None if the recordings belong to no part (a user's own calibration run)."""
    people: tuple[str, ...]
    runs: dict[str, tuple[str, ...]]
    """Runs of each person, named as in the data set's table of parts."""
    excluded: tuple[str, ...] = ()
    """People of the part who were left out (folds)."""
    fingerprints: dict[str, Any] | None = None
    """Fingerprints of the samples, see `neuromotion_gym.datasets.fingerprints`; None if there are none."""
    also: tuple[FittedOn, ...] = ()
    """Further recordings that it was fitted on: of other data sets, or the calibration run of its wearer."""
    complete: bool = True
    """False if a part of its training is unknown, as when a decoder without this file was calibrated."""
    wearer: bool = False
    """Whether these are the recordings of the one person to whom the decoder was calibrated."""
    model: str | None = None
    """Digest of the ONNX file that was fitted, see `model_digest`; None if the record does not say it."""

    @model_validator(mode="after")
    def _consistent(self) -> FittedOn:
        if set(self.people) != set(self.runs):
            raise NeuroMotionError("people and the keys of runs have to be the same")
        if both := set(self.people) & set(self.excluded):
            raise NeuroMotionError(f"{', '.join(sorted(both))} cannot be fitted on and excluded")
        return self

    def shared_with(self, dataset: str, runs: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Those of ``runs`` that the decoder was fitted on, by person; people without any are left out.

        Parameters
        ----------
        dataset : str
        runs : mapping of person to runs
            The runs to be played or evaluated, as `PartsTable.runs` gives them.
        """
        known: dict[str, set[str]] = {}
        for one in (self, *self.also):
            if one.dataset == dataset:
                for person, names in one.runs.items():
                    known.setdefault(person, set()).update(names)
        shared = {
            person: tuple(name for name in names if name in known.get(person, ())) for person, names in runs.items()
        }
        return {person: names for person, names in shared.items() if names}


def fitted_on(folder: str | Path) -> FittedOn | None:
    """The recordings that the decoder in ``folder`` was fitted on; None if the folder has no ``fitted_on.json``.

    None, too, if the file is about another model than the one that lies there now: somebody has replaced it.

    Warns
    -----
    NeuroMotionWarning
        If the model was replaced.

    Raises
    ------
    NeuroMotionError
        If the file exists but does not have the format of `write_fitted_on`.
    """
    path = Path(folder) / FITTED_ON
    if not path.is_file():
        return None
    record = read_fitted_on(path)
    if record.model is not None and model_digest(path.parent) not in (None, record.model):
        warn(f"{path} is about another model than the one beside it; what that was fitted on is not known.")
        return None
    return record


def read_fitted_on(path: Path) -> FittedOn:
    """The record in a file that `write_fitted_on` wrote.

    Raises
    ------
    NeuroMotionError
        If it is no such record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NeuroMotionError(f"{path} is not JSON: {error}") from None
    return from_mapping(FittedOn, content, str(path))


def record_folder(decoder: str | Path | object) -> Path | None:
    """The folder whose ``fitted_on.json`` is about a decoder.

    It is about the folder's ``model.onnx``, or its only ONNX file; for another file beside it nothing is known.

    Parameters
    ----------
    decoder : str, path or decoder
        Folder of a decoder; or a decoder, or a bound of one, that was loaded from a folder or a file.
    """
    if isinstance(decoder, str | Path):
        return Path(decoder)
    path = getattr(getattr(decoder, "inner", decoder), "path", None)
    if not isinstance(path, Path):
        return None
    return path.parent if path.name == MODEL or len(list(path.parent.glob("*.onnx"))) == 1 else None


def worn_by(decoder: str | Path | object) -> FittedOn | None:
    """The recordings of the person to whom a decoder was calibrated; None if it is for everybody, or it is not known.

    Parameters
    ----------
    decoder : str, path or decoder
        Folder of a decoder; or a decoder, or a bound of one, that was loaded from a folder.

    Raises
    ------
    NeuroMotionError
        If the folder has a damaged ``fitted_on.json``.
    """
    folder = record_folder(decoder)
    record = None if folder is None else fitted_on(folder)
    if record is None:
        return None
    worn = [one for one in (record, *record.also) if one.wearer]
    return worn[-1] if worn else None


def write_fitted_on(folder: str | Path, record: FittedOn) -> None:
    """Write ``fitted_on.json`` about the model in ``folder``; an interrupted write leaves no partial file."""
    about = record.model_copy(update={"model": model_digest(Path(folder))})
    content = about.model_dump(mode="json", exclude_defaults=True)
    write_text(Path(folder) / FITTED_ON, json.dumps(content, indent=1) + "\n")
