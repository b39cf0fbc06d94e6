from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.leg_uci_knee.reader import MUSCLES, RUNS, read_movement, read_samples
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path / "cache"))


def emg(rows: int = 4000) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(rows, 4))
    for place in range(4):
        values[500 + 300 * place : 1000 + 300 * place, place] *= 10
    return values.round(4)


def write(root: Path, name: str = "2Nmar", before: int = 6, after: str = "\t\t\t\t4.7\n\t\t\t\t\n") -> Path:
    """A file of the published format: lines about it, an empty one, rows, and a last few rows without EMG."""
    path = root / "leg_uci_knee" / "N_TXT" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join("\t".join([f"{value:g}" for value in row] + ["4.9"]) + "\n" for row in emg())
    path.write_text("".join(f"Channel {i}: 'RF', mV\n" for i in range(before)) + "\n" + rows + after)
    return path


@pytest.mark.parametrize("before", [6, 7])
def test_the_emg_ends_where_its_cells_are_empty(tmp_path: Path, before: int) -> None:
    samples = read_samples(write(tmp_path, before=before))
    np.testing.assert_allclose(samples.T, emg(), rtol=1e-4)


def test_a_recording_is_a_window_at_each_burst(tmp_path: Path) -> None:
    write(tmp_path)
    recording = registry.dataset("leg_uci_knee").recording("N02", "gait", tmp_path)
    assert (recording.subject, recording.run, recording.spec.unit) == ("N02", "gait", "mV")
    assert [trial.label for trial in recording.trials] == list(MUSCLES)
    for place, (_, samples) in enumerate(recording.trial_samples()):
        middle = 750 + 300 * place
        shifts = [np.abs(emg()[at : at + 1000, place] - samples[0]).max() for at in range(middle - 550, middle - 450)]
        assert min(shifts) < 1e-3


def test_every_muscle_is_a_label_of_the_leg_and_one_of_two_copies_is_left_out() -> None:
    assert set(MUSCLES) <= set(intent_table("leg"))
    assert "N01" not in registry.dataset("leg_uci_knee").table.people


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"it has to hold leg_uci_knee/N_TXT/2Npie\.txt"):
        read_movement("N02", "standing", root=tmp_path)
    with pytest.raises(NeuroMotionError, match=f"runs are {', '.join(RUNS)}"):
        read_movement("N02", "mar", root=tmp_path)
    path = write(tmp_path)
    path.write_text("Channel\n\n1\t2\tthree\t4\t5\n")
    with pytest.raises(NeuroMotionError, match=r"2Nmar\.txt is no recording of the knee set"):
        read_movement("N02", "gait", root=tmp_path)
    path.write_text("1\t2\t3\t4\t5\n")
    with pytest.raises(NeuroMotionError, match="is no recording of the knee set"):
        read_samples(path)
