from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.datasets.myo_armband.reader import LABELS, read_round
from neuromotion_gym.errors import NeuroMotionError


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "EvaluationDataset" / "Male0" / "training0"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for i in range(28):
        generator.integers(-128, 128, (50 + i, 8)).astype("<i2").tofile(folder / f"classe_{i}.dat")
    return tmp_path


def test_round_is_28_trials_file_after_file(root) -> None:
    recording = read_round("Male0", "training0", root=root)
    assert (recording.subject, recording.session, recording.spec.unit) == ("Male0", "training0", "count")
    assert recording.spec.channels == tuple(f"emg_{i}" for i in range(1, 9))
    assert [trial.label for trial in recording.trials] == list(LABELS) * 4
    assert not any(trial.has_onset for trial in recording.trials)
    folder = root / "EvaluationDataset" / "Male0" / "training0"
    for i, (_, samples) in enumerate(recording.trial_samples()):
        raw = np.fromfile(folder / f"classe_{i}.dat", "<i2").reshape(-1, 8)
        np.testing.assert_array_equal(samples.T, raw)


def test_root_may_be_the_folder_of_people(root) -> None:
    assert read_round("Male0", "training0", root=root / "EvaluationDataset").trials


def _flat() -> bytes:
    values = np.random.default_rng(1).integers(-9, 9, (50, 8)).astype("<i2")
    values[:, 2] = 4
    return values.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\1\0" * 7, "14 bytes.*the file is cut"),
        (b"", "0 bytes"),
        (np.full((50, 8), 300, "<i2").tobytes(), "outside -128..127"),
        (_flat(), "classe_5.dat is flat in channel emg_3"),
    ],
)
def test_broken_files_are_named(root, content: bytes, message: str) -> None:
    (root / "EvaluationDataset" / "Male0" / "training0" / "classe_5.dat").write_bytes(content)
    with pytest.raises(NeuroMotionError, match=message):
        read_round("Male0", "training0", root=root)


def test_missing_file_round_and_person(root) -> None:
    (root / "EvaluationDataset" / "Male0" / "training0" / "classe_9.dat").unlink()
    with pytest.raises(NeuroMotionError, match=r"classe_9.dat cannot be read: No such file"):
        read_round("Male0", "training0", root=root)
    with pytest.raises(NeuroMotionError, match="no round 'Test7'; rounds are training0, Test0, Test1"):
        read_round("Male0", "Test7", root=root)
    with pytest.raises(NeuroMotionError, match="no recordings of Male9"):
        read_round("Male9", "training0", root=root)
