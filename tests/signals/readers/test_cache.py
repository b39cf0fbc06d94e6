from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.cache import cache_folder, data_root, eegmmidb_file, myo_folder

UNPACK = """
import sys
from pathlib import Path
for subject in sys.argv[2:]:
    folder = Path(sys.argv[1]) / subject
    folder.mkdir(parents=True)
    (folder / f"{subject}R04.edf").write_bytes((Path(__file__).parent / "packed" / f"{subject}.edfpack").read_bytes())
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def packs(tmp_path) -> Path:
    folder = tmp_path / "data" / "eegmmidb"
    (folder / "packed").mkdir(parents=True)
    (folder / "packed" / "S001.edfpack").write_bytes(b"one")
    (folder / "unpack.py").write_text(UNPACK)
    return tmp_path / "data"


def test_the_argument_goes_before_the_environment(tmp_path, monkeypatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("NEUROMOTION_DATA", str(tmp_path))
    assert data_root() == tmp_path
    assert data_root(other) == other


def test_without_a_data_folder_the_message_says_how_to_name_one(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("NEUROMOTION_DATA", raising=False)
    with pytest.raises(NeuroMotionError, match="pass root=, or set the environment variable NEUROMOTION_DATA"):
        data_root()
    with pytest.raises(NeuroMotionError, match="does not exist"):
        data_root(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("platform", "end"),
    [
        ("linux", (".cache", "neuromotion-gym")),
        ("darwin", ("Library", "Caches", "neuromotion-gym")),
        ("win32", ("Local", "neuromotion-gym")),
    ],
)
def test_cache_lies_where_the_platform_has_it(monkeypatch, platform: str, end: tuple[str, ...]) -> None:
    for name in ("NEUROMOTION_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder().parts[-len(end) :] == end


@pytest.mark.parametrize("layout", ["", "eegmmidb", "files/eegmmidb/1.0.0"])
def test_published_files_are_taken_where_they_lie(tmp_path, layout: str, cache: Path) -> None:
    path = tmp_path / "data" / layout / "S001" / "S001R04.edf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"edf")
    assert eegmmidb_file(tmp_path / "data", "S001", 4).samefile(path)
    assert not cache.exists()


def test_packs_are_unpacked_once(packs: Path, cache: Path) -> None:
    path = eegmmidb_file(packs, "S001", 4)
    assert path == cache / "eegmmidb" / "S001" / "S001R04.edf"
    assert path.read_bytes() == b"one"
    (packs / "eegmmidb" / "unpack.py").unlink()
    assert eegmmidb_file(packs, "S001", 4) == path
    assert sorted(entry.name for entry in (cache / "eegmmidb").iterdir()) == ["S001"]


def test_a_pack_that_fails_leaves_nothing_behind(packs: Path, cache: Path) -> None:
    (packs / "eegmmidb" / "unpack.py").write_text("raise SystemExit('checksum is wrong')")
    with pytest.raises(NeuroMotionError, match=r"Unpacking S001 with .*unpack.py failed: checksum is wrong"):
        eegmmidb_file(packs, "S001", 4)
    assert list((cache / "eegmmidb").iterdir()) == []


def test_what_is_in_no_pack_is_missing(packs: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"has no S002/S002R04.edf"):
        eegmmidb_file(packs, "S002", 4)
    with pytest.raises(NeuroMotionError, match=r"has no S001/S001R08.edf"):
        eegmmidb_file(packs, "S001", 8)


def test_what_was_unpacked_from_one_folder_is_not_found_in_another(packs: Path, tmp_path) -> None:
    eegmmidb_file(packs, "S001", 4)
    with pytest.raises(NeuroMotionError, match=r"has no S001/S001R04.edf"):
        eegmmidb_file(tmp_path, "S001", 4)


def test_archives_are_unpacked_once(tmp_path, cache: Path) -> None:
    source = tmp_path / "EvaluationDataset" / "Male0" / "training0"
    source.mkdir(parents=True)
    np.ones(8, "<i2").tofile(source / "classe_0.dat")
    data = tmp_path / "data" / "myo_armband_8ch"
    data.mkdir(parents=True)
    with tarfile.open(data / "Male0.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "EvaluationDataset", "EvaluationDataset")
    assert myo_folder(tmp_path / "data", "Male0") == cache / "myo_armband" / "Male0"
    assert (cache / "myo_armband" / "Male0" / "training0" / "classe_0.dat").is_file()
    (data / "Male0.tar.xz").write_bytes(b"gone")
    assert myo_folder(tmp_path / "data", "Male0").is_dir()


def test_broken_and_escaping_archives_are_refused(tmp_path, cache: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "Male0.tar.xz").write_bytes(b"no archive")
    (tmp_path / "evil").write_text("x")
    with tarfile.open(data / "Male1.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "evil", "../../../evil")
    with tarfile.open(data / "Male2.tar.xz", "w:xz") as tar:
        tar.add(tmp_path / "evil", "file")
    for subject, message in [("Male0", "cannot be unpacked"), ("Male1", "cannot be unpacked"), ("Male2", "no folder")]:
        with pytest.raises(NeuroMotionError, match=message):
            myo_folder(data, subject)
    assert list((cache / "myo_armband").iterdir()) == []


def test_real_packs_give_files_that_can_be_read(data_root: Path, cache: Path) -> None:
    pytest.importorskip("mne")
    from neuromotion_gym.signals.readers.eegmmidb import read_run
    from neuromotion_gym.signals.readers.myo_armband import read_round

    assert read_run("S036", 8, root=data_root).samples.shape == (64, 19680)
    recording = read_round("Male7", "Test1", root=data_root)
    assert len(recording.trials) == 28
    assert 27_500 < recording.samples.shape[1] < 28_500
