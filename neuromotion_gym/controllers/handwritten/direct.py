"""Controllers without memory: an action from the current posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, number, products
from neuromotion_gym.controllers.smoothing import decide
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class Argmax(HandWritten):
    """The most likely label moves the limb at full speed; a tie (no decision yet) holds it still."""

    name = "argmax"

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        return self.command(decide(seen.posterior)), ()


class Velocity(HandWritten):
    """Posterior-weighted velocity: every label pulls with its probability.

    Parameters
    ----------
    layout : ObservationLayout
    gain : float, default 1.5
        Factor on the velocity; the product is limited to full speed.
    """

    name = "velocity"

    def __init__(self, layout: ObservationLayout, gain: float = 1.5) -> None:
        super().__init__(layout)
        if number("The gain of the velocity", gain) <= 0:
            raise NeuroMotionError(f"The gain of the velocity is above zero, not {gain}.")
        self.gain = gain

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        return self.gain * products(seen.posterior, self.directions), ()


class Proportional(HandWritten):
    """The most likely label moves the limb; speed follows effort, or confidence where the decoder gives no effort.

    Parameters
    ----------
    layout : ObservationLayout
    slowest : float, default 0.4
        Share of full speed at no effort. Below 0.2 / (speed * dwell) a moving limb would select a posture.
    """

    name = "proportional"

    def __init__(self, layout: ObservationLayout, slowest: float = 0.4) -> None:
        super().__init__(layout)
        if not 0 <= number("The slowest speed", slowest) <= 1:
            raise NeuroMotionError(f"The slowest speed is a share of full speed in [0, 1], not {slowest}.")
        self.slowest = slowest

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        strength = seen.effort
        if strength is None:
            chance = 1 / self.labels
            strength = (seen.posterior.max(axis=1) - chance) / (1 - chance)
        speed = self.slowest + (1 - self.slowest) * np.clip(strength, 0.0, 1.0)
        return speed[:, None] * self.command(decide(seen.posterior)), ()
