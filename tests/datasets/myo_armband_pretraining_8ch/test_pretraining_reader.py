from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.myo_armband.reader import LABELS
from neuromotion_gym.datasets.myo_armband_pretraining_8ch.reader import read_run
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "PreTrainingDataset" / "Male0" / "training0"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(28):
        generator.integers(-128, 128, (50 + number, 8)).astype("<i2").tofile(folder / f"classe_{number}.dat")
    return tmp_path


def test_a_person_is_read_from_the_published_name(root: Path) -> None:
    recording = read_run("pre_Male0", "training0", root=root)
    assert (recording.dataset, recording.subject) == ("myo_armband_pretraining_8ch", "pre_Male0")
    assert [trial.label for trial in recording.trials] == list(LABELS) * 4
    for number, (_, samples) in enumerate(recording.trial_samples()):
        raw = np.fromfile(root / "PreTrainingDataset" / "Male0" / "training0" / f"classe_{number}.dat", "<i2")
        np.testing.assert_array_equal(samples.T, raw.reshape(-1, 8))


@pytest.mark.parametrize(
    ("person", "run", "message"),
    [
        ("pre_Female7", "training0", "copies of a round of Female0 of the set myo_armband"),
        ("Male0", "training0", "no person 'Male0'; people are pre_Female0"),
        ("pre_Male0", "Test0", "no run 'Test0'; each person has one, training0"),
        ("pre_Male1", "training0", "no recordings of pre_Male1; it has to hold PreTrainingDataset/Male1"),
    ],
)
def test_what_is_no_person_of_the_set_is_refused(root: Path, person: str, run: str, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read_run(person, run, root=root)


def test_people_of_the_other_set_of_the_same_names_are_not_read(root: Path) -> None:
    other = root / "myo_armband_8ch" / "EvaluationDataset"
    other.mkdir(parents=True)
    (root / "PreTrainingDataset" / "Male0").rename(other / "Male0")
    for place in (root, other):
        with pytest.raises(NeuroMotionError, match="no recordings of pre_Male0"):
            read_run("pre_Male0", "training0", root=place)


def test_nobody_is_in_two_parts_and_names_differ_from_the_other_set() -> None:
    table = registry.dataset("myo_armband_pretraining_8ch").table
    sizes = {part: len(table.runs(part)) for part in ("train", "tune", "test", "all")}
    assert sizes == {"train": 15, "tune": 2, "test": 2, "all": 19}
    assert not set(table.people) & set(registry.dataset("myo_armband").table.people)
