"""Makes the record of what a decoder was fitted on; `neuromotion_gym.decoders.fitted_on_record` writes and reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.fingerprints import fingerprints_of
from neuromotion_gym.decoders.fitted_on_record import FittedOn, read_fitted_on
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.readers.files import READERS
from neuromotion_gym.signals.reading import Reading, read_recordings

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording


def fitted_on_of(recordings: Sequence[Recording], *, part: str | None = None, excluded: Sequence[str] = ()) -> FittedOn:
    """The record of a decoder that was fitted on ``recordings``.

    Raises
    ------
    NeuroMotionError
        If the recordings are of several data sets, or there are none.
    """
    datasets = sorted({recording.dataset for recording in recordings})
    if len(datasets) != 1:
        raise NeuroMotionError(
            f"What a decoder was fitted on has to be of one data set, not of {', '.join(datasets) or 'none'}."
        )
    runs: dict[str, dict[str, None]] = {}
    for recording in recordings:
        runs.setdefault(recording.subject, {})[run_of(recording)] = None
    return FittedOn(
        dataset=datasets[0],
        part=part,
        people=tuple(sorted(runs)),
        runs={person: tuple(sorted(runs[person])) for person in sorted(runs)},
        excluded=tuple(sorted(excluded)),
    )


def record_of_training(
    recordings: Sequence[Recording], dataset: str, *, part: str, excluded: Sequence[str] = ()
) -> FittedOn:
    """The record of a decoder that was trained on a part of its data set, and on the train parts of further ones."""
    own = fitted_on_of([one for one in recordings if one.dataset == dataset], part=part, excluded=excluded)
    names = dict.fromkeys(one.dataset for one in recordings if one.dataset != dataset)
    further = (fitted_on_of([one for one in recordings if one.dataset == name], part="train") for name in names)
    return own.model_copy(update={"also": tuple(further)})


def with_fingerprints(
    record: FittedOn, channels: Sequence[str], root: str | os.PathLike[str] | None = None
) -> FittedOn:
    """``record`` with fingerprints of the recordings of its data set, as recorded.

    Parameters
    ----------
    record : FittedOn
    channels : sequence of str
        Channels that the decoder reads.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    """
    read, folder = registry.dataset(record.dataset).read, data_root(root)
    recordings = (read(person, run, folder).pick(channels) for person, runs in record.runs.items() for run in runs)
    also = tuple(with_fingerprints(one, channels, root) for one in record.also)
    return record.model_copy(update={"fingerprints": fingerprints_of(recordings).to_json(), "also": also})


def stated_fitted_on(given: str, reading: Reading | None = None) -> tuple[FittedOn | None, str]:
    """What a user says that a decoder from elsewhere was fitted on.

    Parameters
    ----------
    given : str
        Path of a ``fitted_on.json``; or path of the recordings, which are then compared with what is played by their
        fingerprints; or any other text, which is only repeated in reports.
    reading : Reading, optional
        How the recordings are read.

    Returns
    -------
    record : FittedOn or None
        None for a text.
    text : str
        Empty for a record.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read, or the text looks like a path and there is no such file.
    """
    if not _exists(given):
        if _looks_like_a_path(given):
            raise NeuroMotionError(
                f"What a decoder was fitted on is said to be {given!r}, but there is no such file or folder. A text "
                "for the report has no / and no ending of a file."
            )
        return None, given
    if Path(given).suffix == ".json":
        return read_fitted_on(Path(given)), ""
    whole = (
        Reading() if reading is None else reading.model_copy(update={"only": None, "calibration": None, "play": None})
    )
    recordings = read_recordings(given, whole)
    return fitted_on_of(recordings).model_copy(update={"fingerprints": fingerprints_of(recordings).to_json()}), ""


def stated_beside(folder: Path, given: str) -> str:
    """What a file in ``folder`` says that a decoder was fitted on: a path is relative to it, a text stays as it is."""
    return str(folder / given) if _exists(given, folder) or _looks_like_a_path(given) else given


def _exists(text: str, folder: Path = Path()) -> bool:
    try:
        return bool(text.strip()) and (folder / text).exists()
    except (OSError, ValueError):  # a text that is too long for a name, or cannot be one
        return False


def _looks_like_a_path(text: str) -> bool:
    return "/" in text or "\\" in text or Path(text).suffix.lower() in (".json", *READERS)


def run_of(recording: Recording) -> str:
    """Name of a recording's run in the table of parts; where each run is a session of its own, the session's name."""
    known = registry.is_known(recording.dataset)
    each = known and registry.dataset(recording.dataset).table.one_session_per == "run"
    return recording.session if each else recording.run
