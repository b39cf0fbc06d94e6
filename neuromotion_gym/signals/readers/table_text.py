"""Text tables (CSV) as programs and people write them: any separator, decimal commas, stray bytes.

What is repaired is noted; what cannot be read is an error that names the line.
"""

from __future__ import annotations

import codecs
import csv
import re
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.signals.stretches import Faults

SEPARATORS = (";", "\t", ",", "|", None)
"""In this order, since a comma may be a decimal sign; None stands for blanks."""
SAMPLED_LINES = 50
"""Number of lines from which the separator and the decimal sign are found."""
_DECIMAL_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_NUMBER_WITH_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?")


class TextTable:
    """Columns of a text table, converted when they are asked for.

    Parameters
    ----------
    path : path
    decimal : {".", ","} or None
        Decimal sign; found from the numbers if None.
    faults : Faults
        Where repairs are noted.

    Raises
    ------
    NeuroMotionError
        If the file is empty or no table.
    """

    def __init__(self, path: Path, decimal: Literal[".", ","] | None, faults: Faults) -> None:
        lines = _lines(_text(path.read_bytes(), faults))
        if not lines:
            raise NeuroMotionError("the file is empty")
        if lines[0].lower().startswith("sep=") and len(lines[0]) == 5:  # as spreadsheets write it
            self._separator: str | None = lines.pop(0)[4]
        else:
            self._separator = _separator(lines[:SAMPLED_LINES], decimal)
        first = self._cells(lines[0])
        with_comma = [
            _NUMBER_WITH_COMMA.fullmatch(cell) for line in lines[:SAMPLED_LINES] for cell in self._cells(line)
        ]
        has_header = _is_header(first, [self._cells(line) for line in lines[1:SAMPLED_LINES]])
        self._offset = 2 if has_header else 1
        body = lines[1:] if has_header else lines
        if not body:
            raise NeuroMotionError("the file has a header and no rows")
        if self._separator != "," and (decimal == "," or (decimal is None and any(with_comma))):
            repaired, count = _DECIMAL_COMMA.subn(".", "\n".join(body))
            body = repaired.split("\n")
            faults.note("decimal commas are read as points", times=count)
        if self._separator == ";":
            faults.note("columns are separated by semicolons")
        width = len(first)
        if len(body) > 1 and len(self._cells(body[-1])) < width:
            body.pop()
            faults.note("the last row is cut and left out")
        self.names: tuple[str, ...] = tuple(first) if has_header else tuple(map(str, range(width)))
        self.has_header = has_header
        self._body = body
        self.rows = len(body)
        if len(set(self.names)) < width:
            raise NeuroMotionError(f"two columns have the same name: {', '.join(self.names)}")
        cells = [self._cells(line) for line in body[:SAMPLED_LINES]]
        if len(cells[0]) != width:
            raise NeuroMotionError(f"the first line has {width} cells, but the first row has {len(cells[0])}")
        self.numeric: tuple[str, ...] = tuple(
            name
            for index, name in enumerate(self.names)
            if name and any(_is_number(row[index]) for row in cells if index < len(row))
        )

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Columns as float64, shape (columns, rows)."""
        return np.ascontiguousarray(self._loaded(names, np.float64).T)

    def texts(self, name: str) -> np.ndarray:
        """A column as text, shape (rows,)."""
        return np.char.strip(self._loaded([name], np.str_)[:, 0])

    def _loaded(self, names: Sequence[str], dtype: type) -> np.ndarray:
        columns = [self.names.index(name) for name in names]
        try:
            found: np.ndarray = np.loadtxt(
                self._body, dtype, comments=None, delimiter=self._separator, usecols=columns, ndmin=2, quotechar='"'
            )
        except ValueError as error:
            raise NeuroMotionError(f"the table cannot be read: {self._with_line(str(error))}") from None
        if len(found) != self.rows:
            raise NeuroMotionError(f"{self.rows} rows are read as {len(found)}: a quotation mark is not closed")
        return found

    def _with_line(self, message: str) -> str:
        """NumPy's message with the line (blank lines and comments are not counted) instead of its row."""
        # NumPy counts rows from 0 where a cell is no number, and from 1 where a row is too short
        first = self._offset - 1 if "column index" in message else self._offset
        return re.sub(r"at row ([0-9]+)", lambda found: f"at line {int(found[1]) + first}", message).rstrip(".")

    def _cells(self, line: str) -> list[str]:
        if self._separator is None:
            return line.split()
        return [cell.strip() for cell in next(csv.reader([line], delimiter=self._separator))]


def _text(data: bytes, faults: Faults) -> str:
    """Bytes as text, without byte order mark and NUL bytes."""
    encoding = "utf-8"
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            faults.note("a byte order mark is left out")
            break
    if encoding == "utf-8" and (count := data.count(b"\0")):
        if count > len(data) // 4:
            raise NeuroMotionError(f"the file is no text: {count} of {len(data)} bytes are NUL")
        data = data.replace(b"\0", b"")
        faults.note("NUL bytes are left out", times=count)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        faults.note("characters are not UTF-8 and are read as cp1252", "", len(re.findall(r"[^\x00-\x7f]", text)))
        return text


def _lines(text: str) -> list[str]:
    """Lines that are neither blank nor comments."""
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return [line for line in lines if line and not line.startswith(("#", "%"))]


def _separator(lines: Sequence[str], decimal: str | None) -> str | None:
    """The first separator that splits all lines into the same number of cells, more than one; else a comma.

    Where a comma is the decimal sign, it separates nothing: then it is a tabulator.
    """
    for separator in SEPARATORS:
        if separator == "," and decimal == ",":
            continue
        split = [line.split() if separator is None else next(csv.reader([line], delimiter=separator)) for line in lines]
        widths = {len(cells) for cells in (split[:-1] or split)}  # the last line may be cut
        if len(widths) == 1 and widths != {1}:
            return separator
    return "\t" if decimal == "," else ","


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns: a column of numbers begins with a word, or they with 0, 1, 2."""
    numeric = [
        first[index] for index in range(len(first)) if any(index < len(row) and _is_number(row[index]) for row in rows)
    ]
    counted = [[str(number) for number in range(start, start + len(numeric))] for start in (0, 1)]
    return not all(map(_is_number, numeric or first)) or (len(numeric) > 1 and numeric in counted)


def _is_number(cell: str) -> bool:
    """Whether a cell holds a number, with a decimal point or a decimal comma."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
