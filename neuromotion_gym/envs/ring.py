"""The last samples of a batch of limbs, of which a decoder reads windows; nothing is moved when a step is added."""

from __future__ import annotations

import numpy as np


class SampleRing:
    """A ring of samples for every row.

    It is twice as long as what it holds, and what is written is written again one ring further, so that every window
    lies in one piece. Rows that get the same number of samples a step write at one place.

    Parameters
    ----------
    num_rows, channels : int
        Size of the batch, and of a sample.
    window : int
        Samples of a window.
    kept : int
        Samples that `recent` gives; the window at least.
    step : int
        Samples that a step adds at most.
    """

    def __init__(self, num_rows: int, channels: int, window: int, kept: int, step: int) -> None:
        self._window, self._kept = window, kept
        self._capacity = kept + step + 1
        self._samples: np.ndarray = np.zeros((num_rows, channels, 2 * self._capacity), dtype=np.float32)
        self._windows = np.lib.stride_tricks.sliding_window_view(self._samples, window, axis=2)
        self._head = 0
        self._write: np.ndarray = np.zeros(num_rows, dtype=int)

    def begin(self, rows: np.ndarray) -> None:
        """Forget what ``rows`` held; one window of samples, appended next, ends where the other rows' ends."""
        self._samples[rows] = 0.0
        self._write[rows] = (self._head - self._window) % self._capacity

    def append(self, rows: np.ndarray, samples: np.ndarray) -> None:
        """Add samples of some rows, shape (m, channels, n), each where its ring goes on."""
        index = (self._write[rows, None] + np.arange(samples.shape[2])) % self._capacity
        turned = samples.transpose(0, 2, 1)
        self._samples[rows[:, None], :, index] = turned
        self._samples[rows[:, None], :, index + self._capacity] = turned
        self._write[rows] = (self._write[rows] + samples.shape[2]) % self._capacity

    def append_all(self, samples: np.ndarray) -> None:
        """Add as many samples to every row, shape (rows, channels, n), at one place."""
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
        """Windows that ended ``late`` samples ago, both of shape (m,): float32 array of shape (m, channels, window)."""
        first = self._write[rows] - late - self._window
        return np.asarray(self._windows[rows, :, first % self._capacity])

    def windows_of_all(self) -> np.ndarray:
        """Last window of every row, where all write at one place: float32 array of shape (rows, channels, window)."""
        first = (self._head - self._window) % self._capacity
        return self._samples[:, :, first : first + self._window].copy()

    def recent(self, row: int) -> np.ndarray:
        """Last samples of one row, float32 array of shape (channels, kept)."""
        first = (int(self._write[row]) - self._kept) % self._capacity
        return self._samples[row, :, first : first + self._kept].copy()
