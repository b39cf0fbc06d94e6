"""BIDS data sets, through mne-bids: people, sessions and runs as BIDS names them, trials from ``events.tsv``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.modality import Modality
from neuromotion_gym.signals.readers.edf_gaps import joined_annotations
from neuromotion_gym.signals.readers.edf_header import read_header
from neuromotion_gym.signals.readers.edf_signals import convert_known_units, data_signals, note_rates
from neuromotion_gym.signals.readers.file_names import UNKNOWN, Origin
from neuromotion_gym.signals.readers.files import natural
from neuromotion_gym.signals.readers.mne_files import CHOSEN_FROM_HEADER
from neuromotion_gym.signals.readers.mne_reading import recording_of
from neuromotion_gym.signals.readers.mne_units import unit_of_numbers
from neuromotion_gym.signals.readers.mne_warnings import warnings_noted
from neuromotion_gym.signals.readers.sizes import check_size, stated_bytes
from neuromotion_gym.signals.reading_options import matches
from neuromotion_gym.signals.stretches import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

ENDINGS = (".edf", ".bdf", ".vhdr", ".set")
"""Endings of the files with samples that BIDS allows for EEG and EMG."""


def is_bids_root(folder: Path) -> bool:
    """Whether a folder is the root of a BIDS data set."""
    return (folder / "dataset_description.json").is_file() and any(folder.glob("sub-*/"))


def read_bids(root: Path, reading: Reading, channels: Sequence[str] | None) -> Iterator[Recording]:
    """Recordings of a BIDS data set, person by person.

    Parameters
    ----------
    root : path
    reading : Reading
        ``only`` and ``task`` say which recordings are read; ``modality`` which kind of data, if there are several.
    channels : sequence of str, optional
        Channels to take; all of the modality if left out.

    Raises
    ------
    NeuroMotionError
        If mne-bids is not installed, there is nothing to read, or a file cannot be read.
    """
    try:
        from mne_bids import find_matching_paths
    except ImportError:
        raise NeuroMotionError(f"{root}: reading BIDS needs mne-bids: pip install 'neuromotion-gym[io]'") from None
    kinds = [reading.modality] if reading.modality is not None else list(get_args(Modality))
    asked = reading.only or {}
    try:
        paths = find_matching_paths(
            root,
            subjects=asked.get("subject"),
            sessions=asked.get("session"),
            tasks=reading.task,
            datatypes=kinds,
            suffixes=kinds,
            extensions=list(ENDINGS),
            ignore_nosub=True,
        )
    except Exception as error:  # with files that are named wrongly mne-bids can raise nearly any exception
        raise NeuroMotionError(f"{root} cannot be read as BIDS: {type(error).__name__}: {error}") from error
    present = sorted({path.datatype for path in paths})
    if len(present) > 1:
        raise NeuroMotionError(f"{root} holds {' and '.join(present)}; say with modality= which is to be read.")
    if not paths:
        raise NeuroMotionError(
            f"{root} holds no BIDS recordings of {' or '.join(kinds)}"
            f"{f' with task {reading.task}' if reading.task else ''}{f' of {asked}' if asked else ''}."
        )
    reading = reading.model_copy(update={"modality": present[0]})
    several = len({path.task for path in paths}) > 1
    for path in sorted(
        paths,
        key=lambda path: [natural(path.entities[name] or "") for name in ("subject", "session", "run", "task")],
    ):
        origin = _origin(path, reading, several)
        if matches(origin, asked):
            yield _read(path, reading, origin, channels)


def _origin(path: Any, reading: Reading, several_tasks: bool) -> Origin:
    """Names as BIDS has them; the task is part of the run where there are several."""
    parts = [path.task] if several_tasks or path.run is None else []
    parts += [path.run] if path.run is not None else []
    names = {
        "subject": path.subject,
        "session": path.session or UNKNOWN,
        "run": "_".join(part for part in parts if part) or UNKNOWN,
    }
    names |= {name: value for name in names if (value := getattr(reading, name)) is not None}
    return Origin(reading.dataset, **names, label=reading.label)


def _read(path: Any, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Recording:
    """The recording of one file; what mne-bids warns of is noted."""
    from mne_bids import read_raw_bids

    file, faults = path.fpath, Faults()
    check_size(file, stated_bytes(file), reading.limit_bytes)
    header = read_header(file) if file.suffix in CHOSEN_FROM_HEADER else None
    if header is not None:
        note_rates(header, data_signals(header), faults)
        if header.discontinuous and joined_annotations(file, header).gaps_s:
            raise NeuroMotionError(f"{file} has gaps between its records; times in events.tsv may count them or not.")
    try:
        with warnings_noted(faults):
            raw = read_raw_bids(path, verbose="WARNING")
            raw.load_data(verbose="WARNING")
            if header is not None:
                convert_known_units(raw, header, reading.unit)
    except Exception as error:  # with corrupt files MNE and mne-bids can raise nearly any exception
        raise NeuroMotionError(f"{file} cannot be read as BIDS: {type(error).__name__}: {error}") from error
    faults.report(str(file), strict=reading.strict)
    try:
        unit = unit_of_numbers(raw, file, reading.unit, channels)
        return recording_of(raw, reading.model_copy(update={"unit": unit}), origin, channels)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{file}: {error}") from error
