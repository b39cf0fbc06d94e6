"""Reader of the arm table: three electrodes of one arm, six movements, one run of rows for each movement.

``emg_dataset.csv`` has the columns biceps, triceps, middle (10-bit numbers, 0 to 1023) and label. It has no column of
time, and its source names no rate, electrode, person or protocol: `RATE_HZ` is a convention of this library, not a
fact. Most values are 0 or 1023, the ends of the converter's range.

Cells of the published file are damaged: 188 of ``biceps`` are empty, and NUL bytes begin in two. A text with NUL bytes
ends at the first one, as it did for its author (who counts 189 missing values); `read_table` counts both. As its author
does, a row that was there before with the same label is dropped, and a missing value is the mean of its column (two are
left by then, both in block_1, so that this mean takes a little from the other blocks).

Runs of `read_block` are blocks, see ``parts.yaml``.

mostafa7hmmad, Armrobot-emg-signal, https://github.com/mostafa7hmmad/Armrobot-emg-signal, 2025; no licence is stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial
from neuromotion_gym.signals.table_steps import ImputeNearest, first_of_duplicates

if TYPE_CHECKING:
    import os
    from pathlib import Path

DATASET = "emg_arm_table"
LABELS = ("elbow_bend", "elbow_extend", "wrist_left", "wrist_right", "hand_open", "hand_close")
"""Labels in the order of their runs in the published file."""
CHANNELS = ("biceps", "triceps", "middle")
RATE_HZ = 100.0
"""Rows a second. No rate is published; with this one a window of ten rows lasts 0.1 s, as short as EMG windows are."""
HIGHEST = 1023
SPEC = SignalSpec("emg", CHANNELS, RATE_HZ, "count")
PERSON = "unnamed"
BLOCKS = ("block_1", "block_2", "block_3", "block_4", "block_5")
FILE = "emg_dataset.csv"
FOLDERS = (DATASET, "Armrobot-emg-signal/Dataset", ".")
"""Possible places of the file, relative to the folder of the data sets."""


@dataclass(frozen=True, eq=False)
class Table:
    """The published table, with missing values.

    Parameters
    ----------
    values : float64 array, shape (rows, 3)
        NaN where a value is missing.
    labels : str array, shape (rows,)
    nul_cells, missing_cells : int
        Cells that hold NUL bytes, and cells without a value (NUL bytes at their beginning included).
    """

    values: np.ndarray
    labels: np.ndarray
    nul_cells: int
    missing_cells: int


def read_table(path: Path) -> Table:
    """Read ``emg_dataset.csv``.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read or is no such table; the message names the first faulty row.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise NeuroMotionError(f"{path} cannot be read: {error.strerror}.") from error
    header = ",".join((*CHANNELS, "label"))
    if not lines or lines[0].decode("utf-8", "replace").strip() != header:
        raise NeuroMotionError(f"{path} is no arm table: its first line has to be {header!r}.")
    values, labels, nul = [], [], 0
    for number, line in enumerate(lines[1:], 2):
        cells = line.split(b",")
        nul += sum(b"\0" in cell for cell in cells)
        texts = [cell.split(b"\0")[0].decode("utf-8", "replace").strip() for cell in cells]
        numbers = [_number(text) for text in texts[:-1]]
        faulty = [text for text, found in zip(texts, numbers, strict=False) if found is None]
        if len(texts) != len(CHANNELS) + 1 or texts[-1] not in LABELS or faulty:
            raise NeuroMotionError(
                f"Line {number} of {path} is {', '.join(map(repr, texts))}; {len(CHANNELS)} numbers from 0 to "
                f"{HIGHEST} (or nothing) and one of {', '.join(LABELS)} are expected."
            )
        values.append(numbers)
        labels.append(texts[-1])
    if not values:
        raise NeuroMotionError(f"{path} has no rows.")
    table = np.array(values, float)
    return Table(table, np.array(labels), nul, int(np.isnan(table).sum()))


def distinct_rows(table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The table without duplicates and missing values.

    Returns
    -------
    values : float64 array, shape (rows, 3)
    labels : str array, shape (rows,)
    kept : int array, shape (rows,)
        Number of each row in the published table.
    """
    kept = first_of_duplicates(table.values, table.labels)
    values = table.values[kept]
    # Each column on its own, as published: so the nearest rows are unknown, and the mean of the column is taken
    filled = np.column_stack([ImputeNearest(5).fit(column).transform(column) for column in values.T[..., None]])
    return filled, table.labels[kept], np.flatnonzero(kept)


def read_block(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One block: six trials, one for each movement, joined in the order of `LABELS`.

    Parameters
    ----------
    person : {"unnamed"}
    run : str
        One of `BLOCKS`; it becomes the recording's ``session``.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, the file is missing or faulty, or a movement has fewer rows than blocks.
    """
    if person != PERSON or run not in BLOCKS:
        raise NeuroMotionError(
            f"The arm table has no {person!r}, run {run!r}; its only person is {PERSON!r}, its runs are "
            f"{', '.join(BLOCKS)}."
        )
    path = table_file(data_root(root))
    values, labels = _distinct(path, path.stat().st_mtime_ns)
    pieces = []
    for label in LABELS:
        rows = np.flatnonzero(labels == label)
        if len(rows) < len(BLOCKS):
            raise NeuroMotionError(
                f"{path} has {len(rows)} distinct rows of {label!r}; {len(BLOCKS)} blocks need more."
            )
        pieces.append(values[np.array_split(rows, len(BLOCKS))[BLOCKS.index(run)]])
    edges = np.cumsum([0, *(len(piece) for piece in pieces)])
    trials = tuple(Trial(label, int(edges[i]), int(edges[i + 1]), has_onset=False) for i, label in enumerate(LABELS))
    samples = np.ascontiguousarray(np.concatenate(pieces).T, dtype=np.float32)
    return Recording(samples, SPEC, trials, DATASET, person, run)


def table_file(root: Path) -> Path:
    """The published file.

    Raises
    ------
    NeuroMotionError
        If the folder of the data sets lacks it.
    """
    for folder in FOLDERS:
        if (root / folder / FILE).is_file():
            return root / folder / FILE
    raise NeuroMotionError(
        f"{root} has no arm table; it has to hold {DATASET}/{FILE}, as published at "
        "https://github.com/mostafa7hmmad/Armrobot-emg-signal."
    )


@lru_cache(maxsize=2)  # five blocks are read from one file
def _distinct(path: Path, changed_ns: int) -> tuple[np.ndarray, np.ndarray]:
    values, labels, _ = distinct_rows(read_table(path))
    return values, labels


def _number(text: str) -> float | None:
    """A value of the table: NaN for an empty text, None for a text that is no number from 0 to `HIGHEST`."""
    if not text:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= HIGHEST else None
