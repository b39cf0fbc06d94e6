"""A Kalman filter on the velocity that the posterior asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, decided_rows, number, products
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class Kalman(HandWritten):
    """The wanted velocity of every axis is a random walk; each decision measures it.

    The measurement is the posterior-weighted velocity. Its variance is the variance of the labels' velocities under the
    posterior plus a floor, divided by the share of the window that is new, since windows overlap. Uncertain decisions
    therefore move the estimate less.

    Parameters
    ----------
    layout : ObservationLayout
    change_s : float, optional
        Time in which the wanted velocity changes by about full speed; when left out, half the window, at least 0.2 s.
    floor : float, default 0.02
        Variance of the measurement of a decoder that is certain.
    gain : float, default 1.5
        Factor on the estimate; the product is limited to full speed.
    dead : float, default 0.1
        Estimates below this share of full speed hold the axis still.
    """

    name = "kalman"

    def __init__(
        self,
        layout: ObservationLayout,
        change_s: float | None = None,
        floor: float = 0.02,
        gain: float = 1.5,
        dead: float = 0.1,
    ) -> None:
        super().__init__(layout)
        change_s = max(0.2, 0.5 * layout.window_s) if change_s is None else change_s
        for what, value in (("Time of change", change_s), ("Floor", floor), ("Gain", gain), ("Dead band", dead)):
            number(what, value)
        if not (change_s > 0 and floor > 0 and gain > 0):
            raise NeuroMotionError(
                f"Time of change, floor and gain are above zero, not {change_s}, {floor} and {gain}."
            )
        if not 0 <= dead < 1:
            raise NeuroMotionError(f"The dead band is a share of full speed in [0, 1), not {dead}.")
        self.drift = layout.hop_s / change_s
        self.floor, self.gain, self.dead = floor, gain, dead

    def fresh(self, n: int) -> Memory:
        """Estimate and its variance, each of shape (n, axes)."""
        return np.zeros((n, self.axes)), np.ones((n, self.axes))

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        estimate, variance = memory
        measured = products(seen.posterior, self.directions)
        spread = products(seen.posterior, self.directions**2) - measured**2
        noise = (np.maximum(spread, 0.0) + self.floor) / self.weight
        predicted = variance + self.drift
        share = predicted / (predicted + noise)
        estimate = decided_rows(seen.decided, estimate + share * (measured - estimate), estimate)
        variance = decided_rows(seen.decided, (1 - share) * predicted, variance)
        return np.where(np.abs(estimate) > self.dead, self.gain * estimate, 0.0), (estimate, variance)
