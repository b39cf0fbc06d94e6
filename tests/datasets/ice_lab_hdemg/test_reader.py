from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from mat_files import write_mat5, write_mat73

from neuromotion_gym.datasets.ice_lab_hdemg.reader import LABELS, read_round
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def trial(gesture: int, columns: int = 192) -> np.ndarray:
    return np.random.default_rng(gesture).normal(size=(20 + gesture, columns))


def write_round(root: Path, write: Callable[..., None], name: str = "Data", columns: int = 192) -> Path:
    folder = root / "ice_lab_hdemg"
    folder.mkdir()
    for gesture in range(1, 8):
        write(folder / f"001-{gesture:03d}-004.mat", name, trial(gesture, columns))
    return folder


@pytest.mark.parametrize(
    ("write", "name", "columns"), [(write_mat5, "Data", 192), (write_mat73, "data", 193), (write_mat5, "data", 193)]
)
def test_a_round_is_one_trial_of_every_gesture(
    tmp_path: Path, write: Callable[..., None], name: str, columns: int
) -> None:
    write_round(tmp_path, write, name, columns)
    recording = read_round("001", "4", root=tmp_path)
    assert recording.samples.shape == (192, sum(20 + gesture for gesture in range(1, 8)))
    assert [one.label for one in recording.trials] == list(LABELS)
    for gesture, (_, samples) in enumerate(recording.trial_samples(), 1):
        np.testing.assert_allclose(samples, trial(gesture, columns)[:, :192].T, rtol=1e-6)
    assert (recording.subject, recording.session, recording.spec.rate_hz) == ("001", "4", 2560.0)


def test_a_hand_can_express_all_labels() -> None:
    assert set(LABELS) <= set(intent_table("hand"))


def test_what_is_no_round_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"has to hold ice_lab_hdemg/001-001-004\.mat and the other gestures"):
        read_round("001", "4", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no 'S1' with a run '4'; people are three digits"):
        read_round("S1", "4", root=tmp_path)
    folder = write_round(tmp_path, write_mat5)
    write_mat5(folder / "001-002-004.mat", "Data", np.ones((9, 64)))
    with pytest.raises(NeuroMotionError, match=r"samples by 192 channels; it is of the shape \(9, 64\)"):
        read_round("001", "4", root=tmp_path)
    (folder / "001-002-004.mat").write_bytes(b"nothing")
    with pytest.raises(NeuroMotionError, match=r"001-002-004\.mat cannot be read"):
        read_round("001", "4", root=tmp_path)
    (folder / "001-002-004.mat").unlink()
    with pytest.raises(NeuroMotionError, match="does not exist; the gestures of a trial"):
        read_round("001", "4", root=tmp_path)
