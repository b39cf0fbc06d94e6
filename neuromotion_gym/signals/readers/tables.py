"""Recordings from tables: a column for each channel, a column for the labels, a row for each sample."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import matched
from neuromotion_gym.signals.readers.rows import Rows, names_of, recordings_of_rows
from neuromotion_gym.signals.readers.sizes import check_size
from neuromotion_gym.signals.readers.table_parquet import ParquetTable
from neuromotion_gym.signals.readers.table_text import TextTable
from neuromotion_gym.signals.reading_options import Columns
from neuromotion_gym.signals.stretches import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


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
        Channels to take; all if left out.

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
    columns = _completed(reading.columns or Columns(), table)
    names = _sample_columns(columns, table, channels)
    if columns.label is None and origin.label is None and reading.labels != {}:
        faults.note(f"no column gives labels, so there are no trials; columns are {', '.join(table.names[:20])}")
    uses_time = reading.rate_hz is None or (reading.columns is not None and reading.columns.time is not None)
    whose = {use: named for use in ("subject", "session", "run") if (named := getattr(columns, use)) is not None}
    rows = Rows(
        table.numbers(names),
        _channel_names(names, table, reading.named_channels),
        time_s=table.numbers([columns.time])[0] * SECONDS[columns.time_unit] if columns.time and uses_time else None,
        labels=names_of(table.texts(columns.label)) if columns.label else None,
        whose={use: names_of(table.texts(named)) for use, named in whose.items()},
    )
    yield from recordings_of_rows(rows, reading, origin, faults)


def _completed(columns: Columns, table: Table) -> Columns:
    """Columns that are named in the call or, for label and time, in the table by exactly these words."""
    lower = {name.lower(): name for name in table.names}
    found = {use: getattr(columns, use) or lower.get(use) for use in ("label", "time")}
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
