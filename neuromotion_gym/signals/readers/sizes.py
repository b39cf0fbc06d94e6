"""Refuse files that would need too much memory, before they are unpacked."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_LIMIT_BYTES = 2 * 2**30
"""Memory that the content of one file may need, unless the caller says otherwise."""
_COMPRESSED = 15  # type of an element of a MAT file (version 5) whose bytes are compressed
_HEADER_BYTES = 128


def check_size(path: Path, needed_bytes: int, limit_bytes: int) -> None:
    """Refuse a file whose content needs more memory than allowed.

    Raises
    ------
    NeuroMotionError
        If so; the message gives both sizes.
    """
    if needed_bytes > limit_bytes:
        raise NeuroMotionError(
            f"{path} would need {needed_bytes / 2**30:.3g} GB of memory, more than the limit of "
            f"{limit_bytes / 2**30:.3g} GB; if it is to be read, raise the limit (limit_gb= in a reading)."
        )


def zip_bytes(path: Path) -> int:
    """Bytes of all members of a zip archive, as its directory states them."""
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def stated_bytes(path: Path) -> int:
    """Bytes that a file may need in memory: its size or, for MAT files (EEGLAB's ``.set``), what its headers state."""
    with path.open("rb") as file:
        is_mat = file.read(19) == b"MATLAB 5.0 MAT-file"
    return mat_bytes(path) if is_mat else path.stat().st_size


def mat_bytes(path: Path) -> int:
    """Bytes of all variables of a MAT file of version 5, as their headers state them; at least the file's size."""
    size = path.stat().st_size
    total = 0
    with path.open("rb") as file:
        order = "big" if file.read(_HEADER_BYTES)[126:128] == b"MI" else "little"
        while len(tag := file.read(8)) == 8:
            kind, length = (int.from_bytes(tag[at : at + 4], order) for at in (0, 4))  # type: ignore[arg-type]
            if kind == _COMPRESSED:
                inner = zlib.decompressobj().decompress(file.read(min(length, 1024)), 8)
                total += int.from_bytes(inner[4:8], order)  # type: ignore[arg-type]
                file.seek(length - min(length, 1024), 1)
            else:
                total += length
                file.seek(length, 1)
    return max(total, size)
