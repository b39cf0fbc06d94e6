"""Checksums of files and of everything that a `Playing` reads: they show whether results come from the same data."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.people import runs_of
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.surrogate.parameters import shipped_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuromotion_gym.datasets.playing import Playing


def files_checksum(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of files, 64 hexadecimal digits.

    The order of ``paths`` and the place of their common folder do not matter: names are relative to the deepest folder
    that holds all files. A file is not read again while its path, size and modification time stay the same.

    Raises
    ------
    NeuroMotionError
        If ``paths`` is empty, or a file cannot be read.
    """
    files = [path.absolute() for path in paths]
    if not files:
        raise NeuroMotionError("A checksum needs one file or more.")
    common = Path(os.path.commonpath([file.parent for file in files]))
    digest = hashlib.sha256()
    for name, file in sorted((file.relative_to(common).as_posix(), file) for file in files):
        digest.update(f"{name}\0{_file_checksum(file)}\n".encode())
    return digest.hexdigest()


def data_checksum(playing: Playing, root: str | os.PathLike[str] | None = None) -> str:
    """SHA-256 over all files that a `Playing` reads, 64 hexadecimal digits.

    For recordings of one's own: the digest of their samples. For a surrogate: its file and the table of parts. For a
    replay: the table of parts and, for every person who is
    played, the files of the runs and of the calibration runs.

    Parameters
    ----------
    playing : Playing
    root : path, optional
        Folder of the data sets, for a replay; the environment variable ``NEUROMOTION_DATA`` if left out.

    Raises
    ------
    NeuroMotionError
        If a file is missing, or the part lacks a person of ``playing.subjects``.
    """
    if playing.recordings is not None:
        return playing.recordings.digest
    facts = registry.dataset(playing.dataset)
    assert playing.part is not None
    runs = runs_of(playing.dataset, playing.part, playing.session_kind, playing.subjects, root)
    digest = hashlib.sha256(_file_checksum(facts.parts).encode())
    if playing.source == "surrogate":
        name = f"{playing.dataset}_{playing.part}"
        shipped = shipped_surrogates()
        if name not in shipped:
            raise NeuroMotionError(f"No surrogate is called {name!r}. Surrogates: {', '.join(shipped) or 'none'}.")
        digest.update(_file_checksum(shipped[name]).encode())
        return digest.hexdigest()
    folder = data_root(root)
    calibration = facts.table.kind(playing.session_kind).calibration
    for person in runs:
        for run in dict.fromkeys((*calibration, *runs[person])):
            checksum = files_checksum(facts.files(person, run, folder))
            digest.update(f"{person}\0{run}\0{checksum}\n".encode())
    return digest.hexdigest()


def _file_checksum(path: Path) -> str:
    """SHA-256 of one file's bytes."""
    try:
        state = path.stat()
        return _checksum_of(str(path), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise NeuroMotionError(f"{path} cannot be read: {error.strerror}.") from error


@lru_cache(maxsize=100_000)
def _checksum_of(path: str, size: int, changed_ns: int) -> str:
    """SHA-256 of a file; it is read once for each size and modification time."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
