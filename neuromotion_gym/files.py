"""Writing files so that they appear whole or not at all. The one place that writes to a temporary name and renames.

A leaf: imports nothing of the library but its error class.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path``; what is written there becomes ``path`` at the end of the block.

    The temporary name is unique: two processes that write the same file do not meet. It keeps the ending of ``path``,
    since some writers add one of their own. After an exception ``path`` is as it was, and nothing is left behind.

    Raises
    ------
    NeuroMotionError
        If the folder does not exist or cannot be written to.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}-{uuid4().hex}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise NeuroMotionError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def filling(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder; the files in it move to ``folder`` at the end of the block, replacing their namesakes.

    ``folder`` is made where it does not exist. After an exception it is as it was.

    Raises
    ------
    NeuroMotionError
        If the folder cannot be made or written to.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        temporary = target / f".writing-{uuid4().hex}"
        temporary.mkdir()
    except OSError as error:
        raise NeuroMotionError(f"{target} cannot be written: {error.strerror}.") from error
    try:
        yield temporary
        for path in sorted(temporary.iterdir()):
            path.replace(target / path.name)
    except OSError as error:
        raise NeuroMotionError(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
