"""Checksums: what changes them, and what does not."""

from __future__ import annotations

import os
import shutil

import pytest

from neuromotion_gym.datasets import checksums, registry
from neuromotion_gym.datasets.checksums import data_checksum, files_checksum
from neuromotion_gym.datasets.playing import Playing
from neuromotion_gym.errors import NeuroMotionError

LABELS = ("neutral", "hand_close")


@pytest.fixture
def two_files(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_text(name)
    return [folder / "a", folder / "b"]


def test_content_and_names_change_a_checksum_but_order_and_folder_do_not(two_files, tmp_path):
    before = files_checksum(two_files)
    assert files_checksum(two_files[::-1]) == before
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert files_checksum([tmp_path / "two" / path.name for path in two_files]) == before
    renamed = two_files[1].rename(tmp_path / "one" / "c")
    assert files_checksum([two_files[0], renamed]) != before
    renamed.rename(two_files[1]).write_text("other")
    assert files_checksum(two_files) != before


def test_a_file_of_the_same_size_and_another_time_is_read_again(two_files):
    before = files_checksum(two_files)
    two_files[0].write_text("x")
    os.utime(two_files[0], ns=(0, 12345))
    assert files_checksum(two_files) != before


def test_a_file_that_did_not_change_is_read_once(two_files):
    checksums._checksum_of.cache_clear()
    for _ in range(3):
        files_checksum(two_files)
    assert checksums._checksum_of.cache_info().misses == 2


def test_missing_files_are_named(tmp_path):
    with pytest.raises(NeuroMotionError, match="gone"):
        files_checksum([tmp_path / "gone"])
    with pytest.raises(NeuroMotionError, match="one file or more"):
        files_checksum([])


@pytest.fixture
def replay(small_armband, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(small_armband, root)
    playing = Playing(source="replay", dataset="myo_armband", part="test", subjects=("Male0", "Male6"), labels=LABELS)
    return playing, root, root / "EvaluationDataset"


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("Male0/Test1/classe_3.dat", True),
        ("Male0/training0/classe_3.dat", True),  # the calibration run
        ("Male6/Test0/classe_0.dat", True),
        ("Male0/Test0/classe_3.dat", False),  # of the tune part
        ("Male1/Test1/classe_3.dat", False),  # of a person who is not played
    ],
)
def test_what_is_played_changes_the_checksum_and_other_files_do_not(replay, file, read):
    playing, root, folder = replay
    before = data_checksum(playing, root)
    path = folder / file
    path.write_bytes(path.read_bytes()[:-16])
    assert (data_checksum(playing, root) != before) is read


def test_people_part_and_table_change_the_checksum(replay, tmp_path, monkeypatch):
    playing, root, _ = replay
    before = data_checksum(playing, root)
    assert data_checksum(playing.model_copy(update={"subjects": ("Male0",)}), root) != before
    assert data_checksum(playing.model_copy(update={"part": "all"}), root) != before
    facts = registry.dataset("myo_armband")
    table = tmp_path / "parts.yaml"
    table.write_bytes(facts.parts.read_bytes() + b"# changed\n")
    changed = type(facts)(**{**{key: getattr(facts, key) for key in facts.__dataclass_fields__}, "parts": table})
    monkeypatch.setattr(registry, "dataset", lambda _: changed)
    assert data_checksum(playing, root) != before


def test_the_checksum_of_a_surrogate_is_that_of_its_file():
    playing = Playing(source="surrogate", dataset="myo_armband", part="tune", labels=LABELS)
    tune = data_checksum(playing)
    assert tune == data_checksum(playing.model_copy(update={"labels": LABELS[::-1]}))
    assert tune != data_checksum(playing.model_copy(update={"part": "test"}))
    with pytest.raises(NeuroMotionError, match="myo_armband_train"):
        data_checksum(playing.model_copy(update={"part": "train"}))


def test_a_person_of_another_part_is_refused(replay):
    playing, root, _ = replay
    with pytest.raises(NeuroMotionError, match="no Nobody"):
        data_checksum(playing.model_copy(update={"subjects": ("Nobody",)}), root)
