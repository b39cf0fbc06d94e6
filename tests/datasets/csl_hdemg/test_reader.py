from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from mat_files import write_mat5, write_mat73

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.csl_hdemg.reader import KEPT, read_session
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def trial(gesture: int, number: int) -> np.ndarray:
    """A trial whose length and values tell it; every eighth channel is empty."""
    values = np.random.default_rng([gesture, number]).normal(size=(192, 12 + number))
    values[7::8] = 0
    return values


def write_session(root: Path, write: Callable[..., None]) -> Path:
    folder = root / "csl_hdemg" / "subject2" / "session3"
    folder.mkdir(parents=True)
    for gesture in range(27):
        cells = [trial(gesture, number) for number in range(3 if gesture == 0 else 2)]
        write(folder / f"gest{gesture}.mat", "gestures", cells)
    return folder


@pytest.mark.parametrize("write", [write_mat5, write_mat73])
def test_a_session_is_all_trials_of_all_gestures_without_the_empty_channels(
    tmp_path: Path, write: Callable[..., None]
) -> None:
    write_session(tmp_path, write)
    recording = read_session("subject2", "session3", root=tmp_path)
    assert recording.samples.shape == (168, (12 + 13 + 14) + 26 * (12 + 13))
    assert recording.spec.channels[6:8] == ("emg_7", "emg_9")
    assert [one.label for one in recording.trials[:4]] == ["idle", "idle", "idle", "gesture_1"]
    pieces = list(recording.trial_samples())
    np.testing.assert_allclose(pieces[2][1], trial(0, 2)[list(KEPT)], rtol=1e-6)
    np.testing.assert_allclose(pieces[-1][1], trial(26, 1)[list(KEPT)], rtol=1e-6)
    assert (len(recording.bad_spans), recording.session) == (len(pieces) - 1, "session3")


def test_whole_sessions_are_held_out() -> None:
    table = registry.dataset("csl_hdemg").table
    assert table.runs("train")["subject5"] == ("session1", "session2", "session3")
    assert table.runs("test") == {f"subject{i}": ("session5",) for i in range(1, 6)}


def test_what_is_no_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"has to hold csl_hdemg/subject2/session3/gest0\.mat to gest26\.mat"):
        read_session("subject2", "session3", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no 'S2' with a run 'session3'"):
        read_session("S2", "session3", root=tmp_path)
    folder = write_session(tmp_path, write_mat5)
    write_mat5(folder / "gest4.mat", "gestures", [np.ones((191, 9))])
    with pytest.raises(NeuroMotionError, match=r"gest4\.mat has to hold the cell array gestures.*\(191, 9\)"):
        read_session("subject2", "session3", root=tmp_path)
    write_mat5(folder / "gest4.mat", "other", np.ones((2, 2)))
    with pytest.raises(NeuroMotionError, match="its cells are of the shapes none"):
        read_session("subject2", "session3", root=tmp_path)
    (folder / "gest4.mat").write_bytes(b"nothing")
    with pytest.raises(NeuroMotionError, match=r"gest4\.mat cannot be read"):
        read_session("subject2", "session3", root=tmp_path)
    (folder / "gest4.mat").unlink()
    with pytest.raises(NeuroMotionError, match=r"gest4\.mat does not exist; the gestures of a session"):
        read_session("subject2", "session3", root=tmp_path)
