"""A controller for decoders that give continuous targets: the joints go where the decoder says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, number
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class Follow(HandWritten):
    """Moves every joint to its target, smoothed over time (a low-pass filter of first order).

    Parameters
    ----------
    layout : ObservationLayout
    smooth_s : float, default 0.3
        Time constant of the filter; 0 for none.
    gain : float, default 1
        Factor on the targets. Regression on a noisy signal says too small values, so that more than 1 may be better.

    Raises
    ------
    NeuroMotionError
        If the decoder gives no targets, or the limb's positions are not those of the targets.
    """

    reads_targets = True

    def __init__(self, layout: ObservationLayout, smooth_s: float = 0.3, gain: float = 1.0) -> None:
        super().__init__(layout)
        if not layout.targets or layout.columns != layout.targets:
            raise NeuroMotionError(
                f"Follow moves joints to a decoder's targets, but the decoder gives "
                f"{', '.join(layout.targets) or 'a posterior'} and the limb has {', '.join(layout.columns)}."
            )
        if number("The time constant", smooth_s) < 0:
            raise NeuroMotionError(f"The time constant is 0 s or more, not {smooth_s}.")
        if number("The gain of the targets", gain) <= 0:
            raise NeuroMotionError(f"The gain of the targets is above zero, not {gain}.")
        self.axes = len(layout.targets)
        self._gain = gain
        self._share = 1.0 if smooth_s == 0 else 1 - float(np.exp(-layout.control_s / smooth_s))

    def fresh(self, n: int) -> Memory:
        """Smoothed targets, shape (n, targets)."""
        return (np.zeros((n, self.axes)),)

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        (smooth,) = memory
        wanted = np.clip(self._gain * seen.posterior, -1.0, 1.0)
        smooth = smooth + self._share * (wanted - smooth)
        # Half of the way in a step: the limb is seen a little after its set points
        return (smooth - seen.position) / (2 * self.layout.speed * self.layout.control_s), (smooth,)
