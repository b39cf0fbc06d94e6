"""Videos that any player can show: H.264, yuv420p, in an MP4 file that gets its name only when it is complete."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import replacing

if TYPE_CHECKING:
    from types import TracebackType


class VideoWriter:
    """Writes frames to a file through imageio-ffmpeg. Use it as a context manager.

    After an exception in the context no part of the new video is left, and a file that was there before is unchanged.

    Parameters
    ----------
    path : str or pathlib.Path
        Path of the video; has to end in ``.mp4``.
    fps : float
        Frames per second.
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
        self._file = ExitStack()
        self._writer: Any = None
        self._shape: tuple[int, ...] = ()

    def add(self, frame: np.ndarray) -> None:
        """Append a frame.

        Parameters
        ----------
        frame : uint8 array, shape (height, width, 3)
            All frames have the same shape; height and width are even.

        Raises
        ------
        NeuroMotionError
            If shape or type are wrong, or the encoder stops with an error.
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
        """Finish the file and give it its name; without any frame no file is written."""
        self._finish(None, None, None)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(kind, error, trace)

    def _finish(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the encoder, then rename the file, or remove it where there was an exception."""
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        self._file.__exit__(kind, error, trace)

    def _start(self, shape: tuple[int, ...]) -> None:
        import imageio_ffmpeg  # type: ignore[import-untyped]

        self._shape = shape
        unfinished = self._file.enter_context(replacing(self.path))
        options = ["-crf", str(self.quality), "-preset", "veryfast", "-movflags", "+faststart"]
        self._writer = imageio_ffmpeg.write_frames(
            str(unfinished),
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
