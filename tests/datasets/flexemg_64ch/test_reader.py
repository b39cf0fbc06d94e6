from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.io import savemat

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checks import check_dataset
from neuromotion_gym.datasets.flexemg_64ch.reader import GRID, read_run
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = ([3, 4, 2, 1], [1, 2, 4, 3], [3, 2, 4, 1], [2, 4, 3, 1], [3, 1, 2, 4])
SCALE = 0.25


def stretch(trial: int, segment: int, samples: int = 1500) -> np.ndarray:
    """Counts of one stretch, shape (64, samples); trial, segment, channel and sample can be told from them."""
    channel, sample = np.arange(64, dtype=np.uint16)[:, None], np.arange(samples, dtype=np.uint16)
    return 10_000 + np.uint16(100 * trial) + channel + np.uint16(7 * (1 + segment)) * (sample % 13)


def write_published(root: Path, person: str = "001", session: str = "Session1Train") -> None:
    folder = root / "flexemg_64ch" / "data" / f"{person}-{session}"
    folder.mkdir(parents=True)
    for trial, order in enumerate(ORDERS, 1):
        raw = np.zeros((28_000, 96), np.uint16)
        for segment in range(5):
            raw[5000 * segment + 1750 : 5000 * segment + 3250, :64] = stretch(trial, segment).T
        facts = {"lsbmV": SCALE, "sequence": np.array(order), "timegest": 5000, "timerest": 5000}
        savemat(folder / f"{person}-{trial:03d}.mat", {"raw": raw, "p": facts})


def write_packed(root: Path, person: str = "001", session: str = "Session1Train", **changes: object) -> Path:
    content = {
        "emg": np.stack([[stretch(trial, segment) for segment in range(5)] for trial in range(1, 6)]),
        "label": np.array([[0, *order] for order in ORDERS], np.int8),
        "lsb_mV": np.float64(SCALE),
        "fs": np.int32(1000),
        **changes,
    }
    path = root / "flexemg_64ch" / f"s{person}_{session}.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **content)
    return path


@pytest.mark.parametrize("write", [write_published, write_packed])
def test_a_session_is_its_later_trials_and_its_start_the_first_one(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    write(tmp_path)
    start, rest = (read_run("s001", run, root=tmp_path) for run in ("first_start", "first"))
    assert [trial.label for trial in start.trials] == [
        "rest", "wrist_flexion", "hand_open", "wrist_extension", "hand_close",
    ]  # fmt: skip
    assert (len(start.trials), len(rest.trials)) == (5, 20)
    for number, (_, samples) in enumerate([*start.trial_samples(), *rest.trial_samples()]):
        counts = stretch(1 + number // 5, number % 5).astype(float)
        np.testing.assert_allclose(samples, SCALE * (counts - counts.mean(axis=1, keepdims=True)), atol=1e-4)
    assert rest.bad_spans[:2] == ((1500, 1500), (3000, 3000))
    assert (start.subject, start.session, start.spec.unit) == ("s001", "first_start", "mV")


def test_the_grid_has_every_channel_once_and_its_halves_run_against_each_other() -> None:
    assert sorted(GRID.ravel()) == list(range(1, 65))
    assert GRID[0].tolist() == [29, 30, 31, 32]
    assert GRID[7].tolist() == [1, 2, 3, 4]
    assert GRID[8].tolist() == [64, 63, 62, 61]
    assert GRID[15].tolist() == [36, 35, 34, 33]


def test_each_session_has_a_calibration_run_of_its_own(tmp_path: Path) -> None:
    table = registry.dataset("flexemg_64ch").table
    assert table.runs("train")["s001"] == ("first_start", "first")
    assert (table.runs("tune")["s002"], table.runs("test")["s003"]) == (("second",), ("third",))
    kind = table.kind(None)
    assert kind.calibration_for(["third"]) == ("third_start",)
    assert kind.calibration_for(["second", "first"]) == ("first_start", "second_start")
    emg = np.random.default_rng(0).integers(0, 99, (5, 5, 64, 30), dtype=np.uint16)
    for session in ("Session1Train", "Session2Test", "Session3Train"):
        write_packed(tmp_path, "001", session, emg=emg)
    subjects = ["s001"]
    (test,) = load_sessions("flexemg_64ch", "test", root=tmp_path, subjects=subjects)
    assert [one.session for one in test.calibration] == ["third_start"]
    train = load_sessions("flexemg_64ch", "train", root=tmp_path, subjects=subjects)
    assert [one.session for one in train] == ["first_start", "first"]
    every = load_sessions("flexemg_64ch", "all", root=tmp_path, subjects=subjects, calibration_apart=True)
    assert [[run.session for run in one.calibration] for one in every] == [
        ["first_start"], ["second_start"], ["third_start"],
    ]  # fmt: skip
    check_dataset("flexemg_64ch", root=tmp_path, subjects=subjects)


def test_what_is_no_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"no recordings of s001.*/001-001\.mat.*Session1Train\.npz"):
        read_run("s001", "first", root=tmp_path)
    with pytest.raises(NeuroMotionError, match=r"no run 'fourth'; its runs: first, second, third, first_start"):
        read_run("s001", "fourth", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no person 'S1'; people are s001"):
        read_run("S1", "first", root=tmp_path)
    path = write_packed(tmp_path, emg=np.zeros((5, 5, 60, 9), np.uint16))
    with pytest.raises(NeuroMotionError, match=r"uint16 of shape \(5, 5, 60, 9\)"):
        read_run("s001", "first", root=tmp_path)
    write_packed(tmp_path, label=np.full((5, 5), 7))
    with pytest.raises(NeuroMotionError, match=r"has labels \[7\]; they are 0 to 4"):
        read_run("s001", "first", root=tmp_path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(NeuroMotionError, match="is no packed session of the flexible-grid set"):
        read_run("s001", "first", root=tmp_path)
