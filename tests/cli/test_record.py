"""``neuromotion record``: a video of one episode, or one line that says why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np
import pytest

from neuromotion_gym.cli.record import record
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import why_not

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(why_not() is not None, reason="this machine cannot draw")


def test_a_video_of_one_episode_is_as_long_as_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "arm.mp4"
    record("NeuroArm-v0", decoder="oracle:emg_armband", level="easy", side="left", speed=12, out=out)
    said = capsys.readouterr().out
    assert "emg_armband on NeuroArm-v0, level easy, controller argmax. Success after" in said
    seconds = float(said.split("after ")[1].split(" s")[0])
    pictures = iio.imread(out, plugin="FFMPEG").astype(int)
    assert len(pictures) == pytest.approx(seconds / 0.05 / 12 + 1.5 / 0.05, abs=2)
    assert np.abs(pictures[0] - pictures[-1]).max() > 50


def test_a_name_that_is_no_video_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"must end in \.mp4"):
        record("NeuroArm-v0", out=tmp_path / "arm.avi")
    assert not list(tmp_path.iterdir())
