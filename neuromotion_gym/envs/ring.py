"""The last samples of every row, from which a decoder reads windows. Adding samples does not move older ones."""

from __future__ import annotations

from typing import Any

import numpy as np


class SampleRing:
    """A ring buffer of samples for every row.

    The ring is stored twice, one copy behind the other, and samples are written into both, so that no window is split
    by the end of the ring. Rows that get the same number of samples per step write at the same position.

    Parameters
    ----------
    num_rows, channels : int
        Size of the batch, and number of channels.
    window : int
        Number of samples of a window.
    kept : int
        Number of samples that `recent` returns, at least those of a window.
    step : int
        Largest number of samples that are added per step.
    """

    def __init__(self, num_rows: int, channels: int, window: int, kept: int, step: int) -> None:
        self._window, self._kept = window, kept
        self._capacity = kept + step + 1
        self._samples: np.ndarray = np.zeros((num_rows, channels, 2 * self._capacity), dtype=np.float32)
        self._look()
        self._head = 0
        self._write: np.ndarray = np.zeros(num_rows, dtype=int)

    def _look(self) -> None:
        """Take the view of all windows of the samples."""
        self._windows = np.lib.stride_tricks.sliding_window_view(self._samples, self._window, axis=2)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_windows"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._look()

    def begin(self, rows: np.ndarray) -> None:
        """Delete the samples of ``rows``; one window appended next will end where the samples of other rows end."""
        self._samples[rows] = 0.0
        self._write[rows] = (self._head - self._window) % self._capacity

    def append(self, rows: np.ndarray, samples: np.ndarray) -> None:
        """Append samples, shape (m, channels, n), to some rows, shape (m,)."""
        index = (self._write[rows, None] + np.arange(samples.shape[2])) % self._capacity
        turned = samples.transpose(0, 2, 1)
        self._samples[rows[:, None], :, index] = turned
        self._samples[rows[:, None], :, index + self._capacity] = turned
        self._write[rows] = (self._write[rows] + samples.shape[2]) % self._capacity

    def append_all(self, samples: np.ndarray) -> None:
        """Append samples, shape (rows, channels, n), to all rows, at the same position of each ring."""
        first, count = self._head, samples.shape[2]
        fits = min(count, self._capacity - first)
        for start in (first, first + self._capacity):
            self._samples[:, :, start : start + fits] = samples[:, :, :fits]
        if fits < count:
            for start in (0, self._capacity):
                self._samples[:, :, start : start + count - fits] = samples[:, :, fits:]
        self._head = (first + count) % self._capacity
        self._write[:] = self._head

    def windows(self, rows: np.ndarray, late: np.ndarray | int = 0) -> np.ndarray:
        """Windows of ``rows`` that ended ``late`` samples ago, float32 array of shape (m, channels, window)."""
        first = self._write[rows] - late - self._window
        return np.asarray(self._windows[rows, :, first % self._capacity])

    def windows_of_all(self) -> np.ndarray:
        """Last windows, float32 array of shape (rows, channels, window), if all rows write at the same position."""
        first = (self._head - self._window) % self._capacity
        return self._samples[:, :, first : first + self._window].copy()

    def recent(self, row: int) -> np.ndarray:
        """Last samples of one row, float32 array of shape (channels, kept)."""
        first = (int(self._write[row]) - self._kept) % self._capacity
        return self._samples[row, :, first : first + self._kept].copy()
