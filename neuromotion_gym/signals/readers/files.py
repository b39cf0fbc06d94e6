"""The reader of a path: a folder or a file, by its ending."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers import arrays
from neuromotion_gym.signals.readers.file_names import Origin, origin_of
from neuromotion_gym.signals.readers.made import as_said
from neuromotion_gym.signals.readers.mne_files import read_raw
from neuromotion_gym.signals.readers.mne_reading import recording_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

MNE_ENDINGS = (".edf", ".bdf", ".gdf", ".fif", ".vhdr", ".set")
ENDINGS = (*MNE_ENDINGS, ".npz")


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
        for file in _files_in(path):
            yield from read_file(file, reading, channels, root=path)
    elif path.exists():
        yield from read_file(path, reading, channels)
    else:
        raise NeuroMotionError(f"{path} does not exist.")


def read_file(
    file: Path, reading: Reading, channels: Sequence[str] | None, root: Path | None = None
) -> Iterator[Recording]:
    """Recordings of one file; ``root`` is the folder that was asked for, if it was one."""
    ending, origin = file.suffix.lower(), origin_of(file, root, reading)
    if ending in MNE_ENDINGS:
        yield _of_mne(file, reading, origin, channels)
    elif ending == ".npz":
        yield as_said(arrays.read(file), reading)
    else:
        raise NeuroMotionError(f"{file} has an unknown ending; known: {', '.join(ENDINGS)}.")


def _of_mne(file: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Recording:
    raw = read_raw(file)
    try:
        return recording_of(raw, reading, origin, channels)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{file}: {error}") from error
    except Exception as error:  # with a corrupt file MNE can raise nearly any exception
        raise NeuroMotionError(f"{file} cannot be read as a recording: {type(error).__name__}: {error}") from error


def _files_in(folder: Path) -> list[Path]:
    """Files below ``folder`` that can be read, in natural order (run 2 before run 10)."""
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise NeuroMotionError(f"{folder} holds no file that can be read; known endings: {', '.join(ENDINGS)}.")
    return sorted(found, key=lambda path: natural(path.relative_to(folder).as_posix()))


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Sort key in which numbers count as numbers."""
    return [
        (not piece.isdigit(), int(piece) if piece.isdigit() else 0, piece)
        for piece in re.split(r"([0-9]+)", text)
        if piece
    ]
