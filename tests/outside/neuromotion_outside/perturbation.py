"""Sweat: the amplitude of all channels falls over an episode."""

import numpy as np

from neuromotion_gym.signals.sources import Perturbed


class Sweat(Perturbed):
    """All channels get weaker, from 1 at the start of an episode to ``left`` after ``minutes``."""

    def __init__(self, inner, left=0.5, minutes=0.2):
        super().__init__(inner)
        self._left, self._samples = left, minutes * 60 * inner.spec.rate_hz

    def start(self, num_rows):
        """Count the samples of every row."""
        super().start(num_rows)
        self._count = np.zeros(num_rows)

    def begin(self, rows, generators):
        """A new episode begins with dry skin."""
        self._count[rows] = 0

    def change(self, samples, rows):
        """Weaken the samples by how long the episode has lasted."""
        rows = slice(None) if rows is None else rows
        place = self._count[rows][:, None] + np.arange(samples.shape[2])
        self._count[rows] += samples.shape[2]
        return samples * (1 - (1 - self._left) * np.minimum(1, place / self._samples))[:, None, :]
