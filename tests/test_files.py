"""Files appear complete or not at all; where they cannot be written, one sentence says why."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import check_folder, filling, make_folder, replacing, write_text


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    folder = make_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []
    assert make_folder(folder) == folder


@pytest.mark.parametrize("below", ["", "inner", "inner/most"])
def test_a_file_in_the_way_is_named(tmp_path, below):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(NeuroMotionError, match=re.escape(f"{taken} is a file. Name another folder.")):
        make_folder(taken / below)
    assert taken.read_text() == "mine"


def test_a_folder_is_checked_and_leaves_nothing_behind(tmp_path):
    assert check_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(NeuroMotionError, match="is a file"):
        check_folder(tmp_path / "file" / "b")
    assert check_folder(tmp_path) == tmp_path


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written_to_is_refused_at_once():
    with pytest.raises(NeuroMotionError, match=r"^/proc/self cannot be written: "):
        make_folder("/proc/self")
    with pytest.raises(NeuroMotionError, match=r"^/proc/here cannot be written: "):
        make_folder("/proc/here")


def _write_half(writer, target: Path) -> None:
    with writer(target) as new:
        (new / "file" if writer is filling else new).write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("writer", [replacing, filling])
def test_after_a_full_disk_nothing_has_changed(tmp_path, writer):
    target = tmp_path / "target"
    if writer is filling:
        target.mkdir()
        (target / "file").write_text("before")
    else:
        target.write_text("before")
    with pytest.raises(NeuroMotionError, match="target cannot be written: No space left on device"):
        _write_half(writer, target)
    assert {path.name for path in tmp_path.rglob("*")} <= {"target", "file"}
    assert (target / "file" if writer is filling else target).read_text() == "before"


def test_a_name_that_is_too_long_is_one_sentence(tmp_path):
    for write in (make_folder, lambda path: write_text(path, "x")):
        with pytest.raises(NeuroMotionError, match="cannot be written: File name too long"):
            write(tmp_path / ("a" * 300))
