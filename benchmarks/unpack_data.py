"""Unpack packed data sets into their published format: ``python benchmarks/unpack_data.py SOURCE TARGET``.

The library reads only published formats. Some folders hold packed files instead: ``eegmmidb/packed/*.edfpack``, with
the script ``unpack.py`` that restores them, and archives ``*.tar.xz`` of other data sets. Unpack such a folder once
with this script, then set ``NEUROMOTION_DATA`` to TARGET. Files that are already there are not changed. The script runs
the ``unpack.py`` of SOURCE, so use it only on folders that you trust.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RESTORED = "eegmmidb"
"""The only folder whose packed files are restored by the ``unpack.py`` inside it."""


def unpack(source: Path, target: Path, people: Sequence[str] = ()) -> None:
    """Unpack ``source``, a folder of data sets, to ``target``.

    Parameters
    ----------
    source, target : path
    people : sequence of str
        Which people of ``eegmmidb``, which takes long to restore; all if empty.
    """
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        own = target / folder.name
        own.mkdir(parents=True, exist_ok=True)
        if folder.name == RESTORED:
            packed = {path.stem for path in (folder / "packed").glob("*.edfpack")}
            missing = [person for person in sorted(packed) if not (own / person).is_dir()]
            wanted = [person for person in missing if not people or person in people]
            if wanted:
                subprocess.run(
                    [sys.executable, str(folder / "unpack.py"), str(own), *wanted],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            continue
        for path in sorted(folder.iterdir()):
            if path.name.endswith(".tar.xz"):
                if not (own / f".{path.name}.done").exists():
                    with tarfile.open(path, "r:xz") as archive:
                        archive.extractall(own, filter="data")
                    (own / f".{path.name}.done").touch()
            elif not (own / path.name).exists():
                (own / path.name).symlink_to(path.resolve())


def main() -> None:
    """Read the command line and unpack."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("people", nargs="*", help=f"Only these people of {RESTORED}.")
    arguments = parser.parse_args()
    unpack(arguments.source, arguments.target, arguments.people)


if __name__ == "__main__":
    main()
