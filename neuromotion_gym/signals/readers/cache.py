"""Where data sets lie, and unpacking of packed ones, once, into a cache folder.

The readers read published formats. A data folder may hold them as published, or as packs:
``eegmmidb/packed/*.edfpack`` beside their ``unpack.py``, and ``myo_armband_8ch/*.tar.xz``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA_VARIABLE = "NEUROMOTION_DATA"
CACHE_VARIABLE = "NEUROMOTION_CACHE"

EEGMMIDB_FOLDERS = (".", "eegmmidb", "files/eegmmidb/1.0.0", "MNE-eegbci-data/files/eegmmidb/1.0.0")
MYO_FOLDERS = (".", "EvaluationDataset", "myo_armband_8ch", "myo_armband_8ch/EvaluationDataset", "myo_armband")


def data_root(argument: str | os.PathLike[str] | None = None) -> Path:
    """Folder that holds the data sets: the argument, else the environment variable ``NEUROMOTION_DATA``.

    Raises
    ------
    NeuroMotionError
        If neither is given, or the folder does not exist.
    """
    given = argument if argument is not None else os.environ.get(DATA_VARIABLE)
    if not given:
        raise NeuroMotionError(
            f"No data folder: pass root=, or set the environment variable {DATA_VARIABLE} to the folder with the data."
        )
    root = Path(given).expanduser()
    if not root.is_dir():
        raise NeuroMotionError(f"Data folder {root} does not exist; root= or {DATA_VARIABLE} has to name a folder.")
    return root


def cache_folder() -> Path:
    """Folder for what can be made again: ``NEUROMOTION_CACHE``, else the platform's cache of this user."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "neuromotion-gym"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "neuromotion-gym"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neuromotion-gym"


def eegmmidb_file(root: Path, subject: str, run: int) -> Path:
    """Path of one EDF file, e.g. ``S001/S001R03.edf``; unpacked first where the folder holds a pack of it.

    Raises
    ------
    NeuroMotionError
        If the folder has neither the file nor a pack with it.
    """
    name = Path(subject) / f"{subject}R{run:02d}.edf"
    for folder in EEGMMIDB_FOLDERS:
        if (root / folder / name).is_file():
            return root / folder / name
    cached = cache_folder() / "eegmmidb" / name
    for folder in EEGMMIDB_FOLDERS[:2]:
        if (root / folder / "packed" / f"{subject}.edfpack").is_file():
            if not cached.parent.is_dir():
                _unpack_edf(root / folder / "unpack.py", subject, cached.parent)
            if cached.is_file():
                return cached
    raise NeuroMotionError(
        f"{root} has no {name.as_posix()} of EEGMMIDB, as published or in packs; "
        "it has to hold folders S001, S002 and so on (https://physionet.org/content/eegmmidb/1.0.0)."
    )


def myo_folder(root: Path, subject: str) -> Path:
    """Folder of one person of the Myo armband set, with ``training0/classe_0.dat`` in it; unpacked where needed.

    Raises
    ------
    NeuroMotionError
        If the folder has neither that folder nor an archive with it.
    """
    for folder in MYO_FOLDERS:
        if (root / folder / subject / "training0").is_dir():
            return root / folder / subject
    cached = cache_folder() / "myo_armband" / subject
    for folder in (".", "myo_armband_8ch"):
        archive = root / folder / f"{subject}.tar.xz"
        if archive.is_file():
            if not cached.is_dir():
                _unpack_tar(archive, subject, cached)
            return cached
    raise NeuroMotionError(
        f"{root} has no recordings of {subject} of the Myo armband set, as published or in archives; it has to "
        "hold EvaluationDataset/<subject>/training0/classe_0.dat "
        "(https://github.com/UlysseCoteAllard/MyoArmbandDataset)."
    )


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Temporary folder beside ``target``, so that what is renamed to ``target`` is whole for everyone who sees it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(source: Path, target: Path) -> None:
    """Rename, unless another process was faster."""
    try:
        source.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _unpack_edf(script: Path, subject: str, target: Path) -> None:
    """Restore one person's EDF files with the ``unpack.py`` that lies beside the packs."""
    with _whole(target) as temporary:
        done = subprocess.run(
            [sys.executable, str(script), str(temporary), subject], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not (temporary / subject).is_dir():
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
            raise NeuroMotionError(f"Unpacking {subject} with {script} failed: {reason[0]}.")
        _rename(temporary / subject, target)


def _unpack_tar(archive: Path, subject: str, target: Path) -> None:
    """Extract one person's archive."""
    with _whole(target) as temporary:
        try:
            with tarfile.open(archive, "r:xz") as tar:
                tar.extractall(temporary, filter="data")
        except Exception as error:
            raise NeuroMotionError(f"{archive} cannot be unpacked, it has to be a whole tar.xz: {error}.") from error
        found = next((path for path in temporary.rglob(subject) if path.is_dir()), None)
        if found is None:
            raise NeuroMotionError(f"{archive} holds no folder {subject}.")
        _rename(found, target)
