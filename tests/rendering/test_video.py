"""Videos can be read back, and no unfinished file stays."""

from __future__ import annotations

import imageio.v3 as imageio
import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import VideoWriter


def frames(number: int = 12) -> list[np.ndarray]:
    return [np.full((90, 160, 3), (20 * i, 40, 200 - 10 * i), dtype=np.uint8) for i in range(number)]


def test_video_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "rollout.mp4"
    with VideoWriter(path, fps=20) as video:
        for frame in frames():
            video.add(frame)
        assert not path.exists()
    back = imageio.imread(path, plugin="FFMPEG")
    assert back.shape == (12, 90, 160, 3)
    assert np.abs(back[6].astype(int) - frames()[6]).mean() < 12
    meta = imageio.immeta(path, plugin="FFMPEG")
    assert meta["fps"] == 20
    assert meta["codec"] == "h264"
    assert "yuv420p" in meta["pix_fmt"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_nothing_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "rollout.mp4"
    path.write_bytes(b"old")
    video = VideoWriter(path, fps=20)
    video.add(frames()[0])
    video.__exit__(RuntimeError, RuntimeError(), None)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_no_frames_no_file(tmp_path):
    with VideoWriter(tmp_path / "rollout.mp4", fps=20):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "frame", [np.zeros((90, 160, 3)), np.zeros((91, 160, 3), dtype=np.uint8), np.zeros((90, 160), dtype=np.uint8)]
)
def test_odd_frames_are_refused(tmp_path, frame):
    with pytest.raises(NeuroMotionError, match="uint8 array"), VideoWriter(tmp_path / "a.mp4", fps=20) as video:
        video.add(frame)


def test_frames_of_another_size_are_refused(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", fps=20) as video:
        video.add(frames()[0])
        with pytest.raises(NeuroMotionError, match="this one"):
            video.add(np.zeros((80, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize("path", ["rollout.avi", "nowhere/rollout.mp4"])
def test_bad_paths_are_refused(tmp_path, path):
    with pytest.raises(NeuroMotionError, match="mp4|folder"):
        VideoWriter(tmp_path / path, fps=20)
