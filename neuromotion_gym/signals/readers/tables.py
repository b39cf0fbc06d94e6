"""Recordings from tables: a column for each channel, a column for the labels, a row for each sample."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import matched
from neuromotion_gym.signals.readers.made import Found, recording_from
from neuromotion_gym.signals.readers.sizes import check_size
from neuromotion_gym.signals.readers.table_parquet import ParquetTable
from neuromotion_gym.signals.readers.table_text import TextTable
from neuromotion_gym.signals.reading_options import Columns
from neuromotion_gym.signals.stretches import Faults, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
GAP = 1.5
"""A step of time longer than this many usual steps is a gap."""
IRREGULAR = 0.01
"""Largest share of steps that may differ from the usual one by more than a half."""
WHOLE = 0.002
"""Largest relative difference of a measured rate from a whole number of hertz that counts as rounding of the times."""
NO_LABEL = ("", "nan", "n/a")
"""Cells, in lower case, of rows that belong to no trial."""


class Table(Protocol):
    """A table of named columns; ``numeric`` names those that hold numbers."""

    names: tuple[str, ...]
    numeric: tuple[str, ...]
    rows: int
    has_header: bool

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Columns as float64, shape (columns, rows)."""

    def texts(self, name: str) -> np.ndarray:
        """A column as text, shape (rows,)."""


def read_table(path: Path, reading: Reading, origin: Origin, channels: Sequence[str] | None) -> Iterator[Recording]:
    """Recordings of a CSV or Parquet file, one for each combination of subject, session and run.

    Parameters
    ----------
    path : path
    reading : Reading
        Its ``columns`` say what the columns are.
    origin : Origin
        What the file's name tells.
    channels : sequence of str, optional
        Channels to take; all if left out. In a table without a header they name the columns of samples.

    Raises
    ------
    NeuroMotionError
        If the file is no table, a column is missing, or the times of the rows are not regular.
    """
    faults = Faults()
    check_size(path, path.stat().st_size, reading.limit_bytes)
    table: Table
    if path.suffix.lower() == ".parquet":
        table = ParquetTable(path, reading.limit_bytes)
    else:
        table = TextTable(path, reading.decimal, faults)
    columns = _completed(reading.columns or Columns(), table, time_is_needed=reading.rate_hz is None)
    names = _sample_columns(columns, table, channels)
    called = _channel_names(names, table, channels)
    samples = table.numbers(names)
    time = table.numbers([columns.time])[0] * SECONDS[columns.time_unit] if columns.time else None
    labels = _texts(table, columns.label) if columns.label and reading.labels != {} else None
    if labels is None and origin.label is None and reading.labels != {}:
        faults.note(f"no column gives labels, so there are no trials; columns are {', '.join(table.names[:20])}")
    for whose, rows in _groups(columns, table):
        taken = samples if len(rows) == table.rows else samples[:, rows]
        joins = np.flatnonzero(np.diff(rows) != 1) + 1
        rate, gaps = (None, np.array([], int)) if time is None else _rate(time[rows], joins)
        stretches = [] if labels is None else _stretches(labels[rows], joins)
        spans = tuple((int(at), int(at)) for at in sorted({*joins, *gaps}))
        yield recording_from(
            Found(taken, called, rate, None, stretches, spans), reading, origin._replace(**whose), faults
        )
        faults = Faults()


def _completed(columns: Columns, table: Table, *, time_is_needed: bool) -> Columns:
    """Columns that are named in the call or, for label and time, in the table by exactly these words."""
    lower = {name.lower(): name for name in table.names}
    found = {"label": columns.label or lower.get("label")}
    if columns.time is None and time_is_needed:
        found["time"] = lower.get("time")
    columns = columns.model_copy(update=found)
    for use in ("label", "time", "subject", "session", "run"):
        name = getattr(columns, use)
        if name is not None and name not in table.names:
            raise NeuroMotionError(f"there is no column {name!r} for {use}; columns are {', '.join(table.names)}")
    return columns


def _sample_columns(columns: Columns, table: Table, channels: Sequence[str] | None) -> list[str]:
    """Columns with samples: those named in the call, those of the channels asked for, or all with numbers."""
    used = {columns.label, columns.time, columns.subject, columns.session, columns.run}
    if columns.samples:
        found: list[str] = []
        for pattern in columns.samples:
            fits = [name for name in table.names if name == pattern] or [
                name for name in table.names if fnmatchcase(name, pattern) and name not in used
            ]
            if not fits:
                raise NeuroMotionError(f"no column fits {pattern!r}; columns are {', '.join(table.names)}")
            found += [name for name in fits if name not in found]
        return found
    numeric = [name for name in table.numeric if name not in used]
    asked = matched(channels, numeric) if channels is not None and table.has_header else {}
    if channels is not None and len(asked) == len(channels):
        return list(asked.values())
    if not numeric:
        raise NeuroMotionError(f"no column holds samples; columns are {', '.join(table.names)}")
    return numeric


def _channel_names(names: Sequence[str], table: Table, channels: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the channels in these columns: their headers or, in a table without a header, those asked for."""
    if table.has_header:
        return tuple(names)
    if channels is None:
        return tuple(f"channel_{name}" for name in names)
    if len(channels) != len(names):
        raise NeuroMotionError(
            f"the table has no header, and its {len(names)} columns of samples ({', '.join(names)}) cannot be the "
            f"{len(channels)} channels {', '.join(channels)}; say which they are (samples in columns=, channels=)"
        )
    return tuple(channels)


def _texts(table: Table, name: str) -> np.ndarray:
    """A column of names; whole numbers are written without a decimal point, whatever the table does."""
    values, where = np.unique(table.texts(name), return_inverse=True)
    plain = [re.sub(r"^(-?[0-9]+)\.0*$", r"\1", str(value)) for value in values]
    return np.array(["" if value.lower() in NO_LABEL else value for value in plain], dtype=np.str_)[where]


def _groups(columns: Columns, table: Table) -> list[tuple[dict[str, str], np.ndarray]]:
    """Names of subject, session and run as columns give them, and the rows of each combination."""
    uses = [use for use in ("subject", "session", "run") if getattr(columns, use) is not None]
    if not uses:
        return [({}, np.arange(table.rows))]
    texts = [_texts(table, getattr(columns, use)) for use in uses]
    combined = np.zeros(table.rows, np.int64)
    for column in texts:
        values, where = np.unique(column, return_inverse=True)
        combined = combined * len(values) + where
    _, first, where = np.unique(combined, return_index=True, return_inverse=True)
    return [
        (
            {use: str(column[first[group]]) for use, column in zip(uses, texts, strict=True)},
            np.flatnonzero(where == group),
        )
        for group in np.argsort(first)
    ]


def _stretches(labels: np.ndarray, joins: np.ndarray) -> list[Stretch]:
    """Runs of equal labels; a run also ends where rows are joined that are not neighbours in the table."""
    changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    edges = np.unique([0, *changes, *joins, len(labels)])
    return [
        Stretch(str(labels[start]), int(start), int(stop)) for start, stop in pairwise(edges) if labels[start] != ""
    ]


def _rate(time: np.ndarray, joins: np.ndarray) -> tuple[float, np.ndarray]:
    """Rows per second, and the rows before which time is missing.

    Raises
    ------
    NeuroMotionError
        If times do not rise, or their steps are not regular.
    """
    help_text = "if the rate was constant, say rate_hz= and name no column for time"
    steps = np.diff(time)
    inside = np.ones(len(steps), bool)
    inside[joins - 1] = False
    if not inside.any() or not np.isfinite(time).all():
        raise NeuroMotionError(f"the column for time does not give a rate; {help_text}")
    if (steps[inside] <= 0).any():
        row = int(np.flatnonzero(inside & (steps <= 0))[0]) + 2
        raise NeuroMotionError(f"the column for time does not rise at row {row}; {help_text}")
    usual = float(np.median(steps[inside]))
    gaps = inside & (steps > GAP * usual)
    regular = steps[inside & ~gaps]
    odd = int(gaps.sum() + (regular < usual / 2).sum())
    if odd > max(1, IRREGULAR * len(regular)):
        raise NeuroMotionError(
            f"the times of the rows are irregular: {odd} of {len(steps)} steps differ from {usual:g} s by half and "
            f"more; {help_text}"
        )
    rate = 1 / float(regular.mean())
    whole = round(rate)
    return (float(whole) if whole and abs(rate - whole) <= WHOLE * whole else rate), np.flatnonzero(gaps) + 1
