from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.unibo_inail_4ch.reader import GESTURES, RUNS, read_day
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root

if TYPE_CHECKING:
    from pathlib import Path

ON, OFF, LENGTH = 70, 300, 360
LABELS, IN = (3, 2, 6, 5), (1, 2, 1, 1)


def write(path: Path, **changes: object) -> np.ndarray:
    """A day with a few trials, as published; returns its codes, shape (trials, 4, samples)."""
    codes = np.random.default_rng(0).integers(0, 65536, (len(LABELS), 4, LENGTH)).astype(np.uint16)
    steps = np.diff(codes, axis=2, prepend=np.uint16(0)).astype(np.int64)
    signed = (steps + 2**15) % 2**16 - 2**15
    coded = np.concatenate(list(np.where(signed < 0, -2 * signed - 1, 2 * signed)), axis=1).astype(np.uint16)
    content: dict[str, object] = {"lo": (coded & 255).astype(np.uint8), "hi": (coded >> 8).astype(np.uint8)}
    whole = {"length": LENGTH, "on": ON, "off": OFF}
    content |= {name: np.full(len(LABELS), value, np.int32) for name, value in whole.items()}
    content |= {"label": np.array(LABELS, np.uint8), "posture": np.array(IN, np.uint8)}
    np.savez_compressed(path, **{**content, **changes})  # type: ignore[arg-type]
    return codes


def test_a_run_is_a_day_in_one_posture_and_trials_do_not_run_into_each_other(tmp_path: Path) -> None:
    codes = write(tmp_path / "u3_d2.npz")
    recording = read_day("u3", "day_2_posture_1", root=tmp_path)
    np.testing.assert_array_equal(recording.samples, np.concatenate(list(codes[[0, 2, 3]]), axis=1))
    wanted = [label for number in (3, 6, 5) for label in (GESTURES[number], "rest")]
    assert [trial.label for trial in recording.trials] == wanted
    assert [(trial.start, trial.stop) for trial in recording.trials[2:4]] == [(430, 535), (660, 720)]
    assert recording.bad_spans == ((LENGTH, LENGTH), (2 * LENGTH, 2 * LENGTH))
    other = read_day("u3", "day_2_posture_2", root=tmp_path)
    np.testing.assert_array_equal(other.samples, codes[1])
    assert [trial.label for trial in other.trials] == [GESTURES[2], "rest"]


def test_the_columns_of_one_day_are_put_into_the_order_of_the_others(tmp_path: Path) -> None:
    codes = write(tmp_path / "u5_d1.npz")
    mended = read_day("u5", "day_1_posture_2", root=tmp_path).samples
    np.testing.assert_array_equal(mended, codes[1][[0, 3, 1, 2]])
    write(tmp_path / "u5_d2.npz")
    np.testing.assert_array_equal(read_day("u5", "day_2_posture_2", root=tmp_path).samples, codes[1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lo": np.zeros((4, 5), np.uint8)}, r"shapes \(4, 5\) and \(4, 1440\)"),
        ({"hi": np.zeros((4, 1440), np.int8)}, r"\(uint8, int8\)"),
        ({"on": np.zeros(3)}, r"'on': \(3,\)"),
        ({"length": np.full(4, 350)}, "1440 samples for trials of 1400"),
        ({"label": np.array([3, 1, 6, 7])}, "2 trials with another label than 2 to 6"),
        ({"off": np.array([300, 360, 180, 300])}, "2 trials .* does not lie inside"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write(tmp_path / "u3_d2.npz", **changes)
    with pytest.raises(NeuroMotionError, match=message):
        read_day("u3", "day_2_posture_1", root=tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"no recordings of u1, day 4, .*u1_d4\.npz"):
        read_day("u1", "day_4_posture_1", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no run 'day_8_posture_1'; runs are day_1_posture_1"):
        read_day("u1", "day_8_posture_1", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no person 's1'"):
        read_day("s1", "day_1_posture_1", root=tmp_path)
    (tmp_path / "u1_d4.npz").write_bytes(b"PK\3\4 broken")
    with pytest.raises(NeuroMotionError, match="is no day of UniBo-INAIL"):
        read_day("u1", "day_4_posture_1", root=tmp_path)
    write(tmp_path / "u1_d4.npz", posture=np.ones(4, np.uint8))
    with pytest.raises(NeuroMotionError, match="no trial in posture 2"):
        read_day("u1", "day_4_posture_2", root=tmp_path)


def test_days_1_to_3_are_trained_on_and_later_days_played_in_the_posture_that_is_asked_for() -> None:
    table = registry.dataset("unibo_inail_4ch").table
    assert table.runs("train")["u7"] == ("day_1_posture_1", "day_2_posture_1", "day_3_posture_1")
    assert table.runs("tune")["u7"] == ("day_4_posture_1",)
    assert table.runs("tune", "posture_2")["u7"] == ("day_4_posture_2",)
    assert table.runs("test", "posture_2")["u1"] == ("day_5_posture_2", "day_6_posture_2", "day_7_posture_2")
    assert table.people == ("u1", "u3", "u4", "u5", "u7")


def test_the_recordings_are_as_described() -> None:
    try:
        recordings = [read_day("u7", run, root=data_root()) for run in RUNS[:2]]
    except NeuroMotionError as error:
        pytest.skip(f"needs the recordings: {error}")
    for recording, repetitions in zip(recordings, (6, 4), strict=True):
        labels = [trial.label for trial in recording.trials]
        assert {label: labels.count(label) for label in GESTURES.values()} == dict.fromkeys(
            GESTURES.values(), repetitions
        )
        assert labels.count("rest") == 5 * repetitions
        assert 10_000 < recording.samples.max() < 36_000
