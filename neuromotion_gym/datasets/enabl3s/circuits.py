"""Tables of the ENABL3S set: the EMG of one circuit from its raw file, and that of all circuits of a person, cached.

A published file ``AB156/Raw/AB156_Circuit_001_raw.csv`` is one circuit of walking, stairs and ramps: a line with the
names of columns, then a line a sample at 1000 Hz, with EMG (``Right_TA`` … ``Left_RF``) beside angles, inertial sensors
and events. Only the EMG is read. The published unit is not known here.

Tested on files that the tests write in this format; the recordings themselves were not at hand.

Hu, Rouse and Hargrove, Front Robot AI 5:14, 2018, doi:10.3389/frobt.2018.00014; figshare 5362627.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import make_folder, replacing
from neuromotion_gym.resources import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

DATASET = "enabl3s"
MUSCLES = ("TA", "MG", "SOL", "BF", "ST", "VL", "RF")
LEGS = ("right", "left")
COLUMNS = tuple(f"{leg.capitalize()}_{muscle}" for leg in LEGS for muscle in MUSCLES)
RATE_HZ = 1000.0
FOLDERS = (DATASET, "ENABL3S", "5362627", ".")
"""Possible places of the people's folders, relative to the folder of the data sets."""


def read_circuit(path: Path) -> np.ndarray:
    """EMG of one circuit.

    Returns
    -------
    float32 array, shape (2 legs, 7 muscles, samples), in the order of `LEGS` and `MUSCLES`

    Raises
    ------
    NeuroMotionError
        If the file is missing, lacks a column, or a value is missing or no number.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            names = [name.strip().strip('"') for name in file.readline().split(",")]
            if absent := [name for name in COLUMNS if name not in names]:
                raise NeuroMotionError(
                    f"{path} is no raw circuit of ENABL3S: it lacks the columns {', '.join(absent)}."
                )
            places = [names.index(name) for name in COLUMNS]
            values = np.loadtxt(file, np.float32, delimiter=",", usecols=places, ndmin=2)
    except (OSError, ValueError, IndexError) as error:
        raise NeuroMotionError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    if not len(values) or not np.isfinite(values).all():
        wrong = "no samples" if not len(values) else f"{int((~np.isfinite(values)).sum())} missing values"
        raise NeuroMotionError(f"The EMG of {path} has {wrong}.")
    return np.ascontiguousarray(values.T).reshape(len(LEGS), len(MUSCLES), -1)


def circuit_files(root: Path, person: str) -> tuple[Path, ...]:
    """The raw files of one person, in the order of the circuits.

    Raises
    ------
    NeuroMotionError
        If the name is no name of this set, or the folder of the data sets has no circuit of this person.
    """
    if not re.fullmatch(r"AB\d{3}", person):
        raise NeuroMotionError(f"ENABL3S has no {person!r}; its people are AB and three digits, such as AB156.")
    for folder in FOLDERS:
        for place in (root / folder / person / "Raw", root / folder / person):
            if found := sorted(place.glob(f"{person}_Circuit_[0-9][0-9][0-9]_raw.csv")):
                return tuple(found)
    raise NeuroMotionError(
        f"{root} has no circuits of {person} of ENABL3S; it has to hold {DATASET}/{person}/Raw/"
        f"{person}_Circuit_001_raw.csv and so on, as published at https://doi.org/10.6084/m9.figshare.5362627."
    )


def person_table(root: Path, person: str) -> dict[str, np.ndarray]:
    """All circuits of a person as one table with a column for each muscle.

    Where pyarrow is installed, the table is kept as Parquet in the cache folder and read from there until a file
    changes: reading the text takes minutes.

    Returns
    -------
    dict of str to array, shape (rows,)
        ``circuit`` (int16, number in the file's name), ``side`` (int8, index into `LEGS`), and float32 for each of
        `MUSCLES`. Circuit after circuit, in each the right leg and then the left one, rows in order of time.

    Raises
    ------
    NeuroMotionError
        See `circuit_files` and `read_circuit`.
    """
    files = circuit_files(root, person)
    if importlib.util.find_spec("pyarrow") is None:
        return _joined(files)
    import pyarrow as pa
    import pyarrow.parquet

    told = repr([(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])
    kept = cache_folder() / DATASET / f"{person}_{hashlib.sha256(told.encode()).hexdigest()[:16]}.parquet"
    try:
        found = pa.parquet.read_table(kept)
        return {name: found.column(name).to_numpy() for name in found.column_names}
    except (OSError, pa.ArrowInvalid):  # not there, or cut off
        pass
    table = _joined(files)
    make_folder(kept.parent)
    with replacing(kept) as part:
        pa.parquet.write_table(pa.table(table), part)
    return table


def _joined(files: tuple[Path, ...]) -> dict[str, np.ndarray]:
    """Read the table; see `person_table`."""
    numbers, legs, values = [], [], []
    for file in files:
        circuit = read_circuit(file)
        number, samples = int(file.stem.split("_")[2]), circuit.shape[2]
        numbers.append(np.full(len(LEGS) * samples, number, np.int16))
        legs.append(np.repeat(np.arange(len(LEGS), dtype=np.int8), samples))
        values.append(circuit.transpose(1, 0, 2).reshape(len(MUSCLES), -1))
    whole = np.concatenate(values, axis=1)
    return {
        "circuit": np.concatenate(numbers),
        "side": np.concatenate(legs),
        **dict(zip(MUSCLES, whole, strict=True)),
    }
