from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.myo_readings_8ch.reader import GESTURES, read_session
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

STRETCH, STRAY = 40, 90


def write(root: Path, *, repeated: bool = False, **changes: object) -> np.ndarray:
    """A session of the person r00001; returns its samples without repeated rows, shape (samples, 8)."""
    lengths = [STRAY, *[4 * STRETCH] * len(GESTURES)]
    labels = [np.zeros(STRAY, np.uint8)]
    labels += [np.repeat([0, file, 0, file], STRETCH) for file in range(1, 8)]
    emg = np.random.default_rng(0).integers(-128, 128, (sum(lengths), 8)).astype(np.int8)
    label, start = np.concatenate(labels).astype(np.uint8), np.cumsum([0, *lengths]).astype(np.int32)
    content = {"emg": emg, "label": label, "start": start}
    if repeated:  # every fourth row comes twice
        times = 1 + (np.arange(len(emg)) % 4 == 0)
        ends = np.cumsum(times)
        content = {
            "emg": np.repeat(emg, times, axis=0),
            "label": np.repeat(label, times),
            "start": np.concatenate([[0], ends[start[1:] - 1]]).astype(np.int32),
        }
    np.savez_compressed(root / "r00001_s1.npz", **{**content, **changes})
    return emg


@pytest.mark.parametrize("repeated", [False, True])
def test_trials_are_stretches_of_cue_and_files_do_not_run_into_each_other(tmp_path: Path, repeated: bool) -> None:
    emg = write(tmp_path, repeated=repeated)
    recording = read_session("r00001", "s1", root=tmp_path)
    np.testing.assert_array_equal(recording.samples.T, emg)
    wanted = ["stray", *(label for gesture in GESTURES for label in ("rest", gesture) * 2)]
    assert [trial.label for trial in recording.trials] == wanted
    assert {trial.stop - trial.start for trial in recording.trials[1:]} == {STRETCH}
    borders = [STRAY + 4 * STRETCH * number for number in range(len(GESTURES))]
    assert recording.bad_spans == tuple((at, at) for at in borders)
    assert all(trial.has_onset for trial in recording.trials)


def test_the_gesture_is_the_number_of_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    with np.load(tmp_path / "r00001_s1.npz") as stored:
        content = dict(stored)
    third = slice(int(content["start"][3]), int(content["start"][4]))
    content["label"][third][content["label"][third] > 0] = 2
    write(tmp_path, label=content["label"])
    labels = [trial.label for trial in read_session("r00001", "s1", root=tmp_path).trials]
    assert labels.count("radial_deviation") == labels.count("wrist_extension") == 2


def test_a_few_equal_rows_stay(tmp_path: Path) -> None:
    emg = write(tmp_path)
    emg[100:110] = emg[100]
    write(tmp_path, emg=emg)
    np.testing.assert_array_equal(read_session("r00001", "s1", root=tmp_path).samples.T, emg)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emg": np.zeros((5, 8), np.int16)}, r"int16 of shape \(5, 8\)"),
        ({"start": np.zeros(9, np.int32)}, r"starts \[0, 0"),
        ({"label": np.zeros(3)}, r"labels of shape \(3,\)"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(NeuroMotionError, match=message):
        read_session("r00001", "s1", root=tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"no recordings of r00001, session s1.*r00001_s1\.npz"):
        read_session("r00001", "s1", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no session 's4'; sessions are s1, s2, s3"):
        read_session("r00001", "s4", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no person '00001'"):
        read_session("00001", "s1", root=tmp_path)
    (tmp_path / "r00001_s1.npz").write_bytes(b"PK\3\4 broken")
    with pytest.raises(NeuroMotionError, match="is no session of the Myo readings"):
        read_session("r00001", "s1", root=tmp_path)


def test_every_fourth_person_is_tested_on() -> None:
    table = registry.dataset("myo_readings_8ch").table
    assert set(table.runs("test")) == {"r19999", "r51425", "r75489", "r91827"}
    assert table.runs("tune")["r10101"] == ("s1", "s2", "s3")
    assert (len(table.runs("train")), len(table.people)) == (9, 17)
