from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.leg_isometric_elderly.reader import FOLDERS, PEOPLE, TASKS, read_contractions
from neuromotion_gym.datasets.leg_isometric_elderly.workbook import sheets
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def codes(length: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {task: generator.integers(-100, 100, (length + i, 4), dtype=np.int16) for i, task in enumerate(TASKS)}


def arrays(length: int = 30) -> dict[str, np.ndarray]:
    """Content of a packed file."""
    found = {"fs": np.array(2000), "channels": np.array(TASKS)}
    for task, values in codes(length).items():
        found |= {f"EMG_{task}": values, f"EMG_{task}_scale": np.full(4, 2.5), f"EMG_{task}_offset": np.arange(4.0)}
    return found | {"DNM": np.full((length, 4), -32768, np.int16)}


def write_packed(root: Path, number: int = 1, **changes: np.ndarray) -> Path:
    path = root / "leg_isometric_elderly" / f"ID{number:02d}.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **{name: value for name, value in (arrays() | changes).items() if value is not None})
    return path


def write_workbook(path: Path, tables: dict[str, np.ndarray], heading: str = "") -> Path:
    """A workbook as spreadsheet programs write it: relations, one file a sheet, cells without a number left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        listed = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(tables))
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        targets = "".join(f'<Relationship Id="rId{i}" Target="worksheets/s{i}.xml"/>' for i in range(len(tables)))
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{targets}</Relationships>")
        for i, table in enumerate(tables.values()):
            rows = [
                "".join(
                    f'<c r="{"ABCDE"[column]}{row}"><v>{value}</v></c>'
                    for column, value in enumerate(values)
                    if np.isfinite(value)
                )
                for row, values in enumerate(table.tolist(), 2 if heading else 1)
            ]
            text = "".join(
                f'<row r="{row}">{cells}</row>' for row, cells in enumerate(rows, 2 if heading else 1) if cells
            )
            archive.writestr(
                f"xl/worksheets/s{i}.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData>{heading}{text}</sheetData></worksheet>',
            )
    return path


def published(root: Path, number: int = 1, **names: str) -> Path:
    tables = {names.get(task, f"EMG_{task}"): 2.5 * values + np.arange(4) for task, values in codes().items()}
    folder = root / "Electromyography-and-Dynamometry-of-the-Lower-Limb-of-the-Elderly"
    return write_workbook(folder / f"ID {number}.xlsx", {"DNM": np.full((30, 4), np.nan), **tables})


@pytest.mark.parametrize("write", [write_packed, published])
def test_an_id_is_four_trials_one_for_each_task(tmp_path: Path, write: Callable[..., Path]) -> None:
    write(tmp_path, 2)
    recording = read_contractions("ID01-02", "second", root=tmp_path)
    assert (recording.subject, recording.session) == ("ID01-02", "second")
    assert (recording.spec.channels, recording.spec.rate_hz, recording.spec.unit) == (TASKS, 2000.0, "µV")
    assert recording.samples.dtype == np.float32
    for task, (trial, samples) in zip(TASKS, recording.trial_samples(), strict=True):
        assert (trial.label, trial.has_onset) == (task, False)
        np.testing.assert_allclose(samples.T, 2.5 * codes()[task] + np.arange(4), rtol=1e-6)


@pytest.mark.parametrize("names", [{"TA": "EMB_TA"}, {"LG": "EMG_GL"}])
def test_sheets_have_the_other_names_that_were_published(tmp_path: Path, names: dict[str, str]) -> None:
    published(tmp_path, 6, **names)
    assert len(read_contractions("ID05-06", "second", root=tmp_path).trials) == 4


def test_pairs_of_ids_are_one_person_and_every_id_is_read_once() -> None:
    assert len(PEOPLE) == 16
    assert sorted(number for ids in PEOPLE.values() for number in ids) == list(range(1, 31))
    assert PEOPLE["ID17-18"] == (17, 18)
    assert PEOPLE["ID19"] == (19,)
    assert PEOPLE["ID20-21"] == (20, 21)
    table = registry.dataset("leg_isometric_elderly").table
    assert table.people == tuple(sorted(PEOPLE))
    runs = {person: len(names) for person, names in table.runs("all").items()}
    assert runs == {person: len(ids) for person, ids in PEOPLE.items()}


def test_a_new_id_is_a_person_and_half_of_one_is_not(tmp_path: Path) -> None:
    write_packed(tmp_path, 31)
    assert read_contractions("ID31", "first", root=tmp_path).subject == "ID31"
    with pytest.raises(NeuroMotionError, match="ID02 belongs to the person ID01-02, who is played as a whole"):
        read_contractions("ID02", "first", root=tmp_path)
    with pytest.raises(NeuroMotionError, match=r"ID19 has no run 'second'; runs are first\."):
        read_contractions("ID19", "second", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no 'Male0'; its people: ID01-02, ID03-04"):
        read_contractions("Male0", "first", root=tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"no recordings of ID03-04, run 'first'.*/ID 3.xlsx.*packed ID03.npz"):
        read_contractions("ID03-04", "first", root=tmp_path)


def _with(task: str, place: tuple[slice, int], value: int) -> np.ndarray:
    values = codes()[task]
    values[place] = value
    return values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EMG_TA": None}, "lacks EMG_TA"),
        ({"EMG_VL_scale": None}, "lacks EMG_VL_scale"),
        ({"EMG_BF": codes()["BF"][:, :3]}, r"EMG_BF of .*ID01.npz has the shape \(31, 3\)"),
        ({"EMG_BF": codes()["BF"][:0]}, r"EMG_BF of .*ID01.npz has the shape \(0, 4\)"),
        ({"EMG_BF": codes()["BF"].astype(float)}, "EMG_BF of .* is float64"),
        ({"EMG_LG_scale": np.ones(3)}, r"a scale of shape \(3,\)"),
        ({"EMG_LG": _with("LG", (slice(3, 5), 1), -32768)}, "EMG_LG of .* has 2 missing values"),
        ({"EMG_VL_offset": np.full(4, np.nan)}, "EMG_VL of .* has 120 missing values"),
        ({"EMG_TA": _with("TA", (slice(None), 2), 7)}, "EMG_TA of .* is flat in channel TA"),
        ({"fs": np.array(1000)}, "at 1000 Hz; the leg muscle set has VL, BF, TA, LG at 2000 Hz"),
        ({"channels": np.array(["VL", "TA", "BF", "LG"])}, r"channels \['VL', 'TA', 'BF', 'LG'\]"),
    ],
)
def test_what_is_wrong_in_a_packed_file_is_named(tmp_path: Path, changes: dict, message: str) -> None:
    write_packed(tmp_path, **changes)
    with pytest.raises(NeuroMotionError, match=message):
        read_contractions("ID01-02", "first", root=tmp_path)


@pytest.mark.parametrize("name", ["ID01.npz", "ID 1.xlsx"])
def test_files_that_are_cut_are_named(tmp_path: Path, name: str) -> None:
    path = write_packed(tmp_path) if name.endswith(".npz") else published(tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(NeuroMotionError, match=f"{name} cannot be read"):
        read_contractions("ID01-02", "first", root=tmp_path)


def test_workbooks_without_a_sheet_or_with_missing_cells_are_named(tmp_path: Path) -> None:
    published(tmp_path, 1, TA="Sheet3")
    with pytest.raises(NeuroMotionError, match="has 0 sheets called EMG_TA or EMB_TA; one is expected"):
        read_contractions("ID01-02", "first", root=tmp_path)
    path = published(tmp_path, 2)
    tables = sheets(path, {f"EMG_{task}" for task in TASKS})
    tables["EMG_BF"][7, 3] = np.nan
    write_workbook(path, tables)
    with pytest.raises(NeuroMotionError, match="EMG_BF of .*ID 2.xlsx has 1 missing values"):
        read_contractions("ID01-02", "second", root=tmp_path)


def test_headings_are_left_out_and_rows_without_numbers_are_missing(tmp_path: Path) -> None:
    table = np.arange(20.0).reshape(4, 5)
    table[2] = np.nan
    heading = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    path = write_workbook(tmp_path / "x.xlsx", {"A": table, "B": table}, heading)
    found = sheets(path, {"A", "C"})
    assert list(found) == ["A"]
    np.testing.assert_array_equal(found["A"], table)


def test_the_published_table_of_ages_has_a_row_for_each_id(data_root: Path) -> None:
    path = next((data_root / folder / "Demographics.xlsx" for folder in FOLDERS), None)
    if path is None or not path.is_file():
        pytest.skip("needs the published Demographics.xlsx")
    (ages,) = (table[:, 0] for table in sheets(path, {"Planilha1"}).values())
    assert len(ages) >= 30
    assert 64 <= ages[:30].min() <= ages[:30].max() <= 82


def test_real_recordings_have_the_published_lengths(data_root: Path) -> None:
    recording = read_contractions("ID05-06", "second", root=data_root)
    assert [trial.stop - trial.start for trial in recording.trials] == [10001, 10001, 20001, 20001]
    steps = np.diff(np.unique(recording.samples[0, :10001]))
    assert steps.min() == pytest.approx(10_000 / 4095, rel=1e-3)  # of a converter of 12 bits
    envelope = recording.samples[3]
    assert -5 < envelope.min() < envelope.mean() / 10
    assert recording.samples[0].mean() < 1
