"""Writes small files in the published format of ENABL3S."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.enabl3s.circuits import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = ("Right_Shank_Ax", "Right_Ankle", "Mode")


def write_columns(
    root: Path, circuit: int, values: np.ndarray, person: str = "AB156", columns: tuple[str, ...] = COLUMNS
) -> Path:
    """A raw circuit with EMG, shape (rows, 14), in the order of `COLUMNS`, between other columns."""
    path = root / "enabl3s" / person / "Raw" / f"{person}_Circuit_{circuit:03d}_raw.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = (OTHERS[0], *columns[::-1], *OTHERS[1:])
    rows = len(values)
    whole = np.column_stack([np.full(rows, 0.5), values[:, ::-1][:, -len(columns) :], np.zeros((rows, 2))])
    lines = [",".join(names), *(",".join(f"{value:g}" for value in row) for row in whole)]
    path.write_text("\n".join(lines) + "\n")
    return path
