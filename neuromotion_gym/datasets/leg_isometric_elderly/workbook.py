"""Numbers in the sheets of an ``.xlsx`` workbook (Office Open XML, ECMA-376), read with the standard library alone."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
GAP = 1000
"""Smallest number of empty rows in a row that are refused."""


def sheets(path: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Tables of numbers by the name of their sheet.

    Parameters
    ----------
    path : pathlib.Path
    wanted : collection of str
        Names of sheets to read; those that the workbook lacks are left out.

    Returns
    -------
    dict of str to float64 array, shape (rows, columns)
        From the first cell to the last row and column that has a number; cells without a number are NaN. Rows without
        a number at the top (headings) are left out.

    Raises
    ------
    NeuroMotionError
        If the file is no workbook, or a sheet is no table of numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            places = _places(archive)
            return {name: _table(archive, places[name]) for name in places if name in wanted}
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{path}: {error}") from error
    except Exception as error:  # zipfile, zlib and the XML parser raise many classes on corrupt bytes
        raise NeuroMotionError(f"{path} cannot be read as a workbook ({type(error).__name__}: {error}).") from error


def _places(archive: zipfile.ZipFile) -> dict[str, str]:
    """File in the archive of each sheet."""
    relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): str(one.get("Target")) for one in relations}
    book = ET.fromstring(archive.read("xl/workbook.xml"))
    found = {str(one.get("name")): targets[one.get(RELATION)] for one in book.iter(f"{MAIN}sheet")}
    return {name: target.lstrip("/") if target.startswith("/") else f"xl/{target}" for name, target in found.items()}


def _table(archive: zipfile.ZipFile, place: str) -> np.ndarray:
    """Numbers of one sheet; see `sheets`."""
    rows: list[dict[int, float]] = []
    first = 1
    with archive.open(place) as file:
        for _, row in ET.iterparse(file):
            if row.tag != f"{MAIN}row":
                continue
            numbers = _numbers(row)
            index = int(row.get("r", first + len(rows)))
            if not rows:
                first = index
            if numbers:
                if not len(rows) <= index - first < len(rows) + GAP:
                    raise NeuroMotionError(f"Row {index} of a sheet follows row {first + len(rows) - 1}.")
                # A workbook may leave empty rows out
                rows += [{} for _ in range(index - first - len(rows))]
                rows.append(numbers)
            row.clear()
    width = max((max(row, default=-1) + 1 for row in rows), default=0)
    table = np.full((len(rows), width), np.nan)
    for index, numbers in enumerate(rows):
        table[index, list(numbers)] = list(numbers.values())
    return table


def _numbers(row: ET.Element) -> dict[int, float]:
    """Numbers of a row by their column."""
    numbers, column = {}, -1
    for cell in row.iter(f"{MAIN}c"):
        reference = cell.get("r")
        column = column + 1 if reference is None else _column(reference)
        value = cell.find(f"{MAIN}v")
        if value is not None and cell.get("t", "n") == "n":
            numbers[column] = float(str(value.text))
    return numbers


def _column(reference: str) -> int:
    """Number of the column of a cell such as ``B7``, from 0."""
    letters = re.match("[A-Z]{1,2}(?=[0-9])", reference)
    if letters is None:
        raise NeuroMotionError(f"A cell is called {reference!r}; it has to be column and row, such as B7.")
    number = 0
    for letter in letters.group():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
