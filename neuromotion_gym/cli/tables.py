"""Tables that lose nothing on a narrow terminal or in a pipe: where one has no room, it turns into a list.

Every command prints its tables through `print_table`.
"""

from __future__ import annotations

import os
import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console

from neuromotion_gym.cli.messages import say

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

GAP = "  "
"""What stands between two columns."""
INDENT = "  "
READABLE = 16
"""A column of broken cells has at least this width; narrower ones are harder to read than a list."""


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", bold: Collection[int] = ()
) -> None:
    """Print a table, or a list of ``column: value`` lines where the terminal is too narrow for it.

    Cells are broken between words only. Where not even that makes the table fit, each row becomes a few lines. A pipe
    has no width, so that a table in it is as wide as it needs; the environment variable ``COLUMNS`` overrides both.

    Parameters
    ----------
    columns : sequence of str
        Headings. The cells of the first column are never broken.
    rows : sequence of sequence of str
        Plain text, without markup; each row as long as ``columns``.
    title : str
        Line above the table.
    bold : collection of int
        Indices of rows that are printed in bold.
    """
    console = Console()
    free = not console.is_terminal and "COLUMNS" not in os.environ
    widths = _widths(columns, rows, None if free else console.width)
    if title:
        say(f"{title}\n", style="bold", console=console)
    if widths is not None:
        for line in _lines(columns, widths):
            say(line, style="bold", console=console)
        say(
            ("─" if console.encoding.startswith("utf") else "-") * (sum(widths) + len(GAP) * (len(widths) - 1)),
            console=console,
        )
    for index, row in enumerate(rows):
        for line in _listed(columns, row, console.width) if widths is None else _lines(row, widths):
            say(line, style="bold" if index in bold else "", console=console)
    if widths is not None:
        say(console=console)


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int | None) -> list[int] | None:
    """Width of each column so that all fit into ``room``; None if there is too little room."""
    cells = list(zip(columns, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in cells]
    if room is None:
        return widths
    words = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in cells]
    least = [max(word, min(width, READABLE)) for word, width in zip(words, widths, strict=True)]
    least[0] = widths[0]
    while sum(widths) + len(GAP) * (len(widths) - 1) > room:
        broken = [index for index in range(len(widths)) if widths[index] > least[index]]
        if not broken:
            return None
        widths[max(broken, key=widths.__getitem__)] -= 1
    return widths


def _lines(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """Lines of one row of a table."""
    columns = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for parts in zip_longest(*columns, fillvalue=""):
        padded = [part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)]
        yield GAP.join(padded).rstrip()


def _listed(columns: Sequence[str], cells: Sequence[str], width: int) -> Iterator[str]:
    """Lines of one row as a list, with an empty line after it."""
    for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        indent = INDENT if place else ""
        yield from _wrapped(f"{column}: {cell}" if column else cell, width, indent, indent + INDENT)
    yield ""


def _wrapped(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
