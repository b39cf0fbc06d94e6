"""Write files so that they appear complete or not at all. Only this module writes to a temporary name and renames.

A leaf module: it imports nothing of the library except its error class.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder and its parents where they do not exist, and make sure that files can be written there.

    Call it before long work whose results the folder will hold.

    Raises
    ------
    NeuroMotionError
        If the folder cannot be created or written to; the message says why.
    """
    folder = Path(path)
    try:
        for place in (folder, *folder.parents):
            if place.exists() and not place.is_dir():
                raise NeuroMotionError(f"{folder} cannot be a folder: {place} is a file. Name another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".writing-{uuid4().hex}"
        try:
            trial.write_bytes(b"can this folder be written to?")
        finally:
            trial.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(folder, error) from error
    return folder


def check_folder(path: str | os.PathLike[str]) -> Path:
    """Make sure that a folder can be created and written to, as `make_folder` does, but leave nothing behind.

    Raises
    ------
    NeuroMotionError
        If the folder cannot be created or written to; the message says why.
    """
    folder = Path(path)
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        make_folder(folder)
    finally:
        for place in missing:
            with suppress(OSError):  # another process may have put a file there
                place.rmdir()
    return folder


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``; its file becomes ``path`` at the end of the block.

    The temporary name is unique: two processes that write the same file do not disturb each other. It has the suffix of
    ``path``, because some writers append a suffix if it is missing. After an exception ``path`` is unchanged, and the
    temporary file is deleted.

    Raises
    ------
    NeuroMotionError
        If the folder does not exist or cannot be written to.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}-{uuid4().hex}{target.suffix}")
    try:
        try:
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(target, error) from error


@contextmanager
def filling(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder; its files move to ``folder`` at the end of the block, over files of the same name.

    ``folder`` is created if it does not exist. After an exception in the block its files are unchanged.

    Raises
    ------
    NeuroMotionError
        If the folder cannot be created or written to.
    """
    target = Path(folder)
    make_folder(target)
    temporary = target / f".writing-{uuid4().hex}"
    try:
        temporary.mkdir()
    except OSError as error:
        raise _refused(target, error) from error
    try:
        yield temporary
        for path in sorted(temporary.iterdir()):
            path.replace(target / path.name)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _refused(target: Path, error: OSError) -> NeuroMotionError:
    return NeuroMotionError(f"{target} cannot be written: {error.strerror or error}.")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text to ``path``, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path``, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
