"""The reader of a path: a folder or a file, by its ending."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.readers import arrays, mat_content, mne_files
from neuromotion_gym.signals.readers.file_names import UNKNOWN, Origin, origin_of
from neuromotion_gym.signals.readers.keyed import recordings_of_keys
from neuromotion_gym.signals.readers.made import as_said
from neuromotion_gym.signals.readers.mne_reading import completed, continuations, epochs_of, options_of, recording_of
from neuromotion_gym.signals.readers.mne_units import unit_of_numbers
from neuromotion_gym.signals.readers.sizes import check_size, stated_bytes
from neuromotion_gym.signals.readers.tables import read_table
from neuromotion_gym.signals.readers.xdf import read_xdf
from neuromotion_gym.signals.reading_options import Reading
from neuromotion_gym.signals.recording import Recording

MNE_ENDINGS = (".edf", ".bdf", ".gdf", ".fif", ".vhdr", ".set")


def read_path(path: Path, reading: Reading, channels: Sequence[str] | None) -> Iterator[Recording]:
    """Recordings of a file, or of all files of a folder that can be read.

    Parameters
    ----------
    path : path
    reading : Reading
    channels : sequence of str, optional
        Channels to take; all if left out.

    Raises
    ------
    NeuroMotionError
        If the path does not exist, its ending is not known, or a file cannot be read.
    """
    if path.is_dir():
        origins = {file: origin_of(file, path, reading) for file in files_in(path)}
        nameless = [file for file, origin in origins.items() if origin.subject == UNKNOWN and file.suffix != ".npz"]
        if len(nameless) > 1 and reading.subject is None:
            warn(
                f"{len(nameless)} files of {path} are taken for runs of one person; names= in the reading says whose "
                f"they are (such as '{{subject}}_{{run}}{nameless[0].suffix}'), subject= that it is one person."
            )
        for file, origin in origins.items():
            yield from _read_file(file, reading, origin, channels)
    elif path.is_file():
        yield from _read_file(path, reading, origin_of(path, None, reading), channels)
    else:
        raise NeuroMotionError(f"{path} does not exist.")


def _read_file(file: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Iterator[Recording]:
    """Recordings of one file; every failure is a NeuroMotionError that names it."""
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise NeuroMotionError(f"{file} has an unknown ending; known: {', '.join(READERS)}.")
    try:
        yield from reader(file, reading, origin, channels)
    except NeuroMotionError as error:
        message = str(error).removeprefix(f"{file}: ")
        raise NeuroMotionError(message if str(file) in message else f"{file}: {message}") from error
    except Warning:  # the caller has made warnings errors
        raise
    except Exception as error:  # with corrupt bytes the readers of formats can raise nearly any exception
        raise NeuroMotionError(f"{file} cannot be read as a recording: {type(error).__name__}: {error}") from error


def _read_mne(file: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Iterator[Recording]:
    check_size(file, stated_bytes(file), reading.limit_bytes)
    epochs = epochs_of(file, strict=reading.strict)
    if epochs is not None:
        unit = unit_of_numbers(epochs, file, reading.unit, channels)
        yield recording_of(epochs, reading.model_copy(update={"unit": unit}), origin, channels)
    else:
        yield completed(mne_files.read(file, **options_of(reading, origin, channels)), reading, origin)


def _read_arrays(file: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Iterator[Recording]:
    """An archive with the library's own keys, which says itself where it comes from, or with keys of its own."""
    if reading.keys is None:
        found = arrays.read(file, unit=reading.unit, strict=reading.strict, limit_bytes=reading.limit_bytes)
        yield as_said(found, reading, origin.label)
        return
    content = {
        name: np.char.strip(array).ravel().tolist() if array.dtype.kind == "U" else array
        for name, array in arrays.load(file, reading.limit_bytes).items()
    }
    yield from recordings_of_keys(content, reading.keys, reading, origin, first_index=0)


def _read_mat(file: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Iterator[Recording]:
    if reading.keys is None:
        raise NeuroMotionError(
            "what the variables of a MAT file are has to be said, such as keys={'samples': ..., 'label': ...}; it has "
            + ", ".join(f"{name} ({kind})" for name, kind in mat_content.variables(file).items())
        )
    paths = [path for _, path in reading.keys if isinstance(path, str)]
    names = sorted({path.split(".")[0] for path in paths})
    content = mat_content.content(file, names, reading.limit_bytes)
    missing = [name for name in names if name not in content]
    if missing:
        raise NeuroMotionError(f"there is no {', '.join(missing)}; there are {', '.join(mat_content.variables(file))}")
    yield from recordings_of_keys(content, reading.keys, reading, origin, first_index=1)


READERS: dict[str, Callable[[Path, Reading, Origin, Sequence[str] | None], Iterator[Recording]]] = {
    **dict.fromkeys(MNE_ENDINGS, _read_mne),
    ".csv": read_table,
    ".tsv": read_table,
    ".parquet": read_table,
    ".mat": _read_mat,
    ".npz": _read_arrays,
    ".xdf": read_xdf,
}
"""Reader of each ending."""


BESIDE_BIDS = re.compile(r"(.*_)?(channels|electrodes|events|participants|scans|sessions)\.tsv")
"""Names of the tables that BIDS puts beside recordings; they hold no samples."""


def files_in(folder: Path) -> list[Path]:
    """Files below ``folder`` that can be read, in natural order (run 2 before run 10).

    Files that MNE reads with the one before them (large FIF files are split) are left out.
    """
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READERS
        and path.is_file()
        and not BESIDE_BIDS.fullmatch(path.name)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    continued = {part for path in found if path.suffix == ".fif" for part in continuations(path)}
    found = [path for path in found if path not in continued]
    if not found:
        raise NeuroMotionError(f"{folder} holds no file that can be read; known endings: {', '.join(READERS)}.")
    return sorted(found, key=lambda path: natural(path.relative_to(folder).as_posix()))


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Sort key in which numbers count as numbers."""
    return [
        (not piece.isdigit(), int(piece) if piece.isdigit() else 0, piece)
        for piece in re.split(r"([0-9]+)", text)
        if piece
    ]
