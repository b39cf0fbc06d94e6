"""Parquet tables, through pyarrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.sizes import check_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ParquetTable:
    """Columns of a Parquet file, converted when they are asked for.

    Parameters
    ----------
    path : path
    limit_bytes : int
        Memory that the table may need; checked before it is unpacked.

    Raises
    ------
    NeuroMotionError
        If pyarrow is not installed, or the table is empty or too large.
    """

    has_header = True

    def __init__(self, path: Path, limit_bytes: int) -> None:
        try:
            import pyarrow.parquet
            import pyarrow.types as kinds
        except ImportError:
            raise NeuroMotionError("reading Parquet files needs pyarrow: pip install 'neuromotion-gym[io]'") from None
        file = pyarrow.parquet.ParquetFile(path)
        check_size(path, 8 * file.metadata.num_rows * file.metadata.num_columns, limit_bytes)
        self._table = file.read()
        self.rows: int = self._table.num_rows
        self.names: tuple[str, ...] = tuple(self._table.column_names)
        if not self.rows or len(set(self.names)) < len(self.names):
            raise NeuroMotionError("the table has no rows" if not self.rows else "two columns have the same name")
        self.numeric: tuple[str, ...] = tuple(
            field.name
            for field in self._table.schema
            if kinds.is_integer(field.type) or kinds.is_floating(field.type) or kinds.is_decimal(field.type)
        )

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Columns as float64, shape (columns, rows); missing values are NaN."""
        found = np.empty((len(names), self.rows))
        for row, name in zip(found, names, strict=True):
            if name not in self.numeric:
                raise NeuroMotionError(f"column {name!r} holds {self._table.schema.field(name).type}, not numbers")
            row[:] = self._table.column(name).cast("float64").to_numpy()
        return found

    def texts(self, name: str) -> np.ndarray:
        """A column as text, shape (rows,); missing values are empty."""
        values = self._table.column(name).to_pylist()
        return np.array(["" if value is None else str(value).strip() for value in values], dtype=np.str_)
