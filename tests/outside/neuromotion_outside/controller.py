"""A controller that waits for two equal decisions in a row."""

import numpy as np

from neuromotion_gym.controllers.base import HandWritten


class Twice(HandWritten):
    """Moves for a label once two decisions in a row agree on it; ``speed`` is a share of full speed."""

    def __init__(self, layout, speed=1.0):
        super().__init__(layout)
        self.speed = speed

    def fresh(self, n):
        """The decision before, -1 for none."""
        return (np.full(n, -1),)

    def act(self, seen, memory):
        """Command of the label that was decided twice."""
        (before,) = memory
        label = seen.posterior.argmax(axis=1)
        agreed = np.where(label == before, label, -1)
        return self.speed * self.command(agreed), (np.where(seen.decided, label, before),)
