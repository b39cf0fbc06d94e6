"""Bring packed data sets into the form in which they were published: ``python benchmarks/unpack_data.py SOURCE DEST``.

The library reads published formats alone. A folder that holds packs instead (``eegmmidb/packed/*.edfpack`` with the
``unpack.py`` that restores them, archives ``*.tar.xz`` of other sets) is unpacked by this script once; point
``NEUROMOTION_DATA`` to DEST afterwards. What is already there is left as it is. It runs the ``unpack.py`` of SOURCE:
use it on folders that you trust.
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
"""The one folder whose packs need the script beside them."""


def unpack(source: Path, target: Path, people: Sequence[str] = ()) -> None:
    """Unpack ``source``, a folder of data sets, to ``target``.

    Parameters
    ----------
    source, target : path
    people : sequence of str
        Of the packs that take long to restore, these people alone; all where empty.
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
    """Unpack as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("people", nargs="*", help=f"Of {RESTORED}, these people alone.")
    arguments = parser.parse_args()
    unpack(arguments.source, arguments.target, arguments.people)


if __name__ == "__main__":
    main()
