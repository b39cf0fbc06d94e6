"""Small files in the published format; the recordings themselves were not at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from circuit_files import write_columns

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.enabl3s import circuits
from neuromotion_gym.datasets.enabl3s.circuits import COLUMNS, MUSCLES, person_table, read_circuit
from neuromotion_gym.datasets.enabl3s.reader import read_leg
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_table

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3000


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path / "cache"))


def emg(circuit: int, rows: int = ROWS) -> np.ndarray:
    """Columns in the order of the file; the muscle at place i has a burst of 0.4 s at 0.5 + 0.1 i s, in both legs."""
    values = np.random.default_rng(circuit).normal(size=(rows, len(COLUMNS)))
    for place in range(len(COLUMNS)):
        start = 500 + 100 * (place % len(MUSCLES))
        values[start : start + 400, place] *= 10 + place
    return values.round(4)


def write_circuit(root: Path, circuit: int, person: str = "AB156", columns: tuple[str, ...] = COLUMNS) -> Path:
    return write_columns(root, circuit, emg(circuit), person, columns)


def test_a_circuit_is_the_emg_of_two_legs(tmp_path: Path) -> None:
    found = read_circuit(write_circuit(tmp_path, 1))
    assert found.shape == (2, 7, ROWS)
    np.testing.assert_allclose(found.reshape(14, -1).T, emg(1), rtol=1e-4)


def test_the_table_of_a_person_is_read_from_text_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    for circuit in (2, 1):
        write_circuit(tmp_path, circuit)
    table = person_table(tmp_path, "AB156")
    assert list(table) == ["circuit", "side", *MUSCLES]
    assert table["circuit"][[0, 2 * ROWS, -1]].tolist() == [1, 2, 2]
    np.testing.assert_allclose(table["SOL"][ROWS : 2 * ROWS], emg(1)[:, COLUMNS.index("Left_SOL")], rtol=1e-4)
    read = []
    monkeypatch.setattr(circuits, "_joined", lambda files: read.append(files) or table)
    again = person_table(tmp_path, "AB156")
    assert not read
    assert all(np.array_equal(again[name], table[name]) for name in table)
    write_circuit(tmp_path, 3)
    person_table(tmp_path, "AB156")
    assert len(read) == 1


def test_a_leg_is_a_window_at_each_burst_of_each_muscle(tmp_path: Path) -> None:
    for circuit in (1, 2):
        write_circuit(tmp_path, circuit)
    recording = registry.dataset("enabl3s").recording("AB156", "left", tmp_path)
    assert recording.spec.channels == ("muscle",)
    assert [trial.label for trial in recording.trials] == [muscle for muscle in MUSCLES for _ in range(2)]
    for number, (_, samples) in enumerate(recording.trial_samples()):
        circuit, muscle = 1 + number % 2, number // 2
        assert samples.shape == (1, 1000)
        whole = emg(circuit)[:, 7 + muscle]
        start = int(np.argmin([np.abs(whole[at : at + 1000] - samples[0]).max() for at in range(ROWS - 999)]))
        np.testing.assert_allclose(samples[0], whole[start : start + 1000], rtol=1e-3, atol=1e-4)
        assert abs(start + 500 - (700 + 100 * muscle)) < 60 or start == 0


def test_every_muscle_is_a_label_of_the_leg() -> None:
    assert set(MUSCLES) <= set(intent_table("leg"))


def test_what_is_no_circuit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"it has to hold enabl3s/AB156/Raw/AB156_Circuit_001_raw\.csv"):
        read_leg("AB156", "left", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="people are AB and three digits"):
        read_leg("S1", "left", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no run 'both'; runs are right and left"):
        read_leg("AB156", "both", root=tmp_path)
    path = write_circuit(tmp_path, 1, columns=COLUMNS[:-1])
    with pytest.raises(NeuroMotionError, match="lacks the columns Left_RF"):
        read_circuit(path)
    text = write_circuit(tmp_path, 1).read_text()
    path.write_text(text.replace("0.5,", "0.5,,", 1))
    with pytest.raises(NeuroMotionError, match=r"001_raw\.csv cannot be read"):
        read_circuit(path)
    path.write_text(text.splitlines()[0] + "\n" + ",".join(["nan"] * 17) + "\n")
    with pytest.raises(NeuroMotionError, match="has 14 missing values"):
        read_circuit(path)
