"""The arm table: damaged cells are counted and repaired, blocks are stretches, and published figures come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checks import check_dataset
from neuromotion_gym.datasets.emg_arm_table.reader import (
    BLOCKS,
    FILE,
    LABELS,
    PERSON,
    distinct_rows,
    read_block,
    read_table,
    table_file,
)
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.table_steps import ClipPercentiles, Winsorise, YeoJohnson, fitted_chain, sequences

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "biceps,triceps,middle,label"


def rows(count: int = 12) -> list[str]:
    """Distinct rows of every movement; the number of a row is in its first two values."""
    return [
        f"{10 * number + row},{row},{7 * row},{label}" for number, label in enumerate(LABELS) for row in range(count)
    ]


def write(root: Path, lines: list[str]) -> Path:
    path = root / "emg_arm_table" / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes("\r\n".join([HEADER, *lines, ""]).encode())
    return path


def test_damaged_cells_are_counted_and_repaired(tmp_path) -> None:
    lines = ["100,1,2,elbow_bend", ",5,6,elbow_bend", "\0\0\0009,7,8,elbow_bend", "0\0\0009,0,0,elbow_bend"]
    table = read_table(write(tmp_path, [*lines, "100,1,2,elbow_bend", "100,1,2,hand_open"]))
    assert (table.nul_cells, table.missing_cells, len(table.values)) == (2, 2, 6)
    assert table.values[3].tolist() == [0, 0, 0]
    assert np.isnan(table.values[1:3, 0]).all()
    values, labels, kept = distinct_rows(table)
    assert kept.tolist() == [0, 1, 2, 3, 5]
    assert values[:, 0].tolist() == [100, 200 / 3, 200 / 3, 0, 100]
    assert labels.tolist() == ["elbow_bend"] * 4 + ["hand_open"]


def test_a_block_is_the_same_stretch_of_every_movement(tmp_path) -> None:
    write(tmp_path, rows(12))
    blocks = [read_block(PERSON, run, root=tmp_path) for run in BLOCKS]
    assert [trial.label for trial in blocks[0].trials] == list(LABELS)
    assert [trial.stop - trial.start for block in blocks for trial in block.trials[:1]] == [3, 3, 2, 2, 2]
    second = blocks[1].samples[:, blocks[1].trials[2].start : blocks[1].trials[2].stop]
    assert second.tolist() == [[23, 24, 25], [3, 4, 5], [21, 28, 35]]
    assert not blocks[1].trials[2].has_onset
    check_dataset("emg_arm_table", root=tmp_path)


def test_the_licence_is_marked_as_not_stated() -> None:
    assert registry.dataset("emg_arm_table").table.licence == "not stated"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,elbow_bend", "Line 74 .* is '1', '2', 'elbow_bend'; 3 numbers from 0 to 1023"),
        ("1,2,3,swim", "Line 74 .*'swim'; .* one of elbow_bend"),
        ("1,2,1024,elbow_bend", "Line 74 .*'1024'"),
        ("1,x,3,elbow_bend", "Line 74 .*'x'"),
        ("1,2,nan,elbow_bend", "Line 74 .*'nan'"),
        ("1,2,3,4,elbow_bend", "Line 74 .*'4'"),
    ],
)
def test_a_faulty_row_is_named(tmp_path, line: str, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read_table(write(tmp_path, [*rows(12), line]))


def test_what_is_no_arm_table_is_refused(tmp_path) -> None:
    with pytest.raises(NeuroMotionError, match=r"has no arm table; it has to hold emg_arm_table/emg_dataset\.csv"):
        read_block(PERSON, "block_1", root=tmp_path)
    path = write(tmp_path, [])
    with pytest.raises(NeuroMotionError, match="has no rows"):
        read_table(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(NeuroMotionError, match="its first line has to be 'biceps,triceps,middle,label'"):
        read_table(path)
    write(tmp_path, rows(4))
    with pytest.raises(NeuroMotionError, match="4 distinct rows of 'elbow_bend'; 5 blocks need more"):
        read_block(PERSON, "block_1", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no 'somebody', run 'block_6'; its only person is 'unnamed', its runs"):
        read_block("somebody", "block_6", root=tmp_path)


def test_figures_of_the_published_table_come_out(data_root) -> None:
    """Of its author's notebook and preprosesseddata.csv, commits 3a2ea79 and 4622a14."""
    path = table_file(data_root)
    table = read_table(path)
    assert (table.nul_cells, table.missing_cells, len(table.values)) == (2, 189, 11595)
    values, labels, kept = distinct_rows(table)
    assert len(values) == 11595 - 9109
    steps = {"clip": ClipPercentiles(1, 99), "power": YeoJohnson(), "ends": Winsorise(0.05)}
    prepared = fitted_chain(steps, values)
    published = {
        0: (1.6882076145681888, 1.7368510291332369, 1.7012936629696376),
        1: (-1.2083124412840143, -1.2588698900804622, -1.2030550054862739),
        7: (0.3015180271824651, -0.5916642293565259, 0.006913193749693823),
        399: (0.9308823160352976, -1.2588698900804622, -1.2030550054862739),  # biceps was missing
        1569: (0.9308823160352976, 1.7368510291332369, 1.7012936629696376),  # NUL bytes
        11590: (1.612909, 1.614497, 1.560723),
    }
    for row, expected in published.items():
        assert prepared[np.flatnonzero(kept == row)[0]] == pytest.approx(expected, abs=2e-6)
    codes = np.unique(labels, return_inverse=True)[1]
    correlations = [np.corrcoef(column, codes)[0, 1] for column in prepared.T]
    assert correlations == pytest.approx([-0.056996, -0.004342, 0.028629], abs=5e-7)
    assert len(sequences(prepared, labels, 10)[1]) == 2476
