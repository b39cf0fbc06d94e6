"""Videos that any player shows: H.264, yuv420p, in an MP4 that appears under its name only once it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError


class VideoWriter:
    """Writes frames to a file through imageio-ffmpeg. Use as a context manager.

    Leaving the context by an exception removes what was written.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in ``.mp4``.
    fps : float
        Frames a second.
    quality : int
        x264's constant rate factor: 18 looks lossless, 28 is small.

    Raises
    ------
    NeuroMotionError
        If the path does not end in ``.mp4``, or its folder does not exist.
    """

    def __init__(self, path: str | Path, fps: float, quality: int = 20) -> None:
        self.path = Path(path)
        if self.path.suffix != ".mp4":
            raise NeuroMotionError(f"A video's name must end in .mp4, not {self.path.name!r}.")
        if not self.path.parent.is_dir():
            raise NeuroMotionError(f"The folder {str(self.path.parent)!r} for the video does not exist.")
        self.fps, self.quality = fps, quality
        self._unfinished = self.path.with_name(f".{self.path.stem}.{os.getpid()}.mp4")
        self._writer: Any = None
        self._shape: tuple[int, ...] = ()

    def add(self, frame: np.ndarray) -> None:
        """Append a frame.

        Parameters
        ----------
        frame : uint8 array, shape (height, width, 3)
            All of one shape, both sides even.

        Raises
        ------
        NeuroMotionError
            If shape or type are otherwise, or the encoder gives up.
        """
        sides = frame.shape[:2]
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or any(side % 2 for side in sides):
            raise NeuroMotionError(
                f"A frame is a uint8 array of (height, width, 3), both even, not {frame.dtype} {frame.shape}."
            )
        if self._writer is None:
            self._start(frame.shape)
        if frame.shape != self._shape:
            raise NeuroMotionError(f"The video's frames are {self._shape}; this one is {frame.shape}.")
        try:
            self._writer.send(np.ascontiguousarray(frame))
        except OSError as error:
            raise NeuroMotionError(f"ffmpeg stopped while writing {str(self.path)!r}: {error}") from error

    def close(self) -> None:
        """Finish the file and give it its name; nothing is left behind if no frame was added."""
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        self._unfinished.replace(self.path)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif self._writer is not None:
            self._writer.close()
            self._writer = None
            self._unfinished.unlink(missing_ok=True)

    def _start(self, shape: tuple[int, ...]) -> None:
        import imageio_ffmpeg  # type: ignore[import-untyped]

        self._shape = shape
        options = ["-crf", str(self.quality), "-preset", "veryfast", "-movflags", "+faststart"]
        self._writer = imageio_ffmpeg.write_frames(
            str(self._unfinished),
            (shape[1], shape[0]),
            fps=self.fps,
            codec="libx264",
            pix_fmt_out="yuv420p",
            quality=None,
            macro_block_size=2,
            output_params=options,
            ffmpeg_log_level="quiet",
        )
        self._writer.send(None)
