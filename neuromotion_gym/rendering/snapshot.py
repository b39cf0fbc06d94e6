"""The values and words that the overlay shows at one moment. Nothing is drawn here.

This module imports no other module of its folder; the overlay and its panels read a `Snapshot`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that the overlay shows at one moment.

    Parameters
    ----------
    signal : float array, shape (channels, samples)
        The last seconds, newest last.
    rate_hz : float
        Sampling rate of ``signal``.
    unit : str
        Unit of its values, ``V`` for volts.
    channels : sequence of str
        Names of the channels.
    labels : sequence of str
        The decoder's labels, or its targets.
    posterior : float array, shape (labels,)
        Posterior of the decoder's last decision, or values of its targets.
    intended, decoded : str
        The label that the operator wants, and the label that was decoded; empty for a decoder of targets.
    time_s, time_limit_s : float
        Seconds since the start of the episode, and its time limit.
    success : bool or None
        Whether the episode succeeded; None while it goes on.
    wrong : bool
        Whether the episode ended with a wrong selection.
    title, subtitle : str
        Environment, level, decoder and controller; person and part.
    axes : sequence of str
        Axes along which the task measures error; without axes no gauges are drawn.
    positions : float array, shape (axes,)
        Position of the limb on each axis, -1 to 1.
    goals : float array, shape (axes,), or None
        Position of the goal on each axis; if None, no goal is drawn.
    tolerance : float
        Largest distance from the goal that counts as reached, on each axis.
    effort : float or None
        Strength of the contraction, 0 to 1.
    shown_first : sequence of str
        Channels to show if there is no room for all; see `neuromotion_gym.datasets.registry.Dataset`.
    outcome : str
        The task's words for how the episode ended; if empty, general words are shown.
    gauges : str
        Heading of the gauges of the axes.
    goal : str
        Name of the goal, shown beside that heading.
    lowest : float
        Position at the left end of the gauges: -1, or 0 where the limb goes one way only from home.
    """

    signal: np.ndarray
    rate_hz: float
    unit: str
    channels: Sequence[str]
    labels: Sequence[str]
    posterior: np.ndarray
    intended: str
    decoded: str
    time_s: float
    time_limit_s: float
    success: bool | None
    wrong: bool
    title: str
    subtitle: str
    axes: Sequence[str]
    positions: np.ndarray
    goals: np.ndarray | None = None
    tolerance: float = 0.15
    effort: float | None = None
    shown_first: Sequence[str] = ()
    outcome: str = ""
    gauges: str = "Movement"
    goal: str = "target"
    lowest: float = -1.0

    @property
    def ended(self) -> bool:
        """Whether the episode is over."""
        return self.success is not None or self.wrong

    @property
    def verdict(self) -> str:
        """How the episode ended, in words; empty while it goes on."""
        if not self.ended:
            return ""
        return self.outcome or ("Success" if self.success else "Wrong selection" if self.wrong else "Time is up")

    def check(self) -> None:
        """Compare names with values.

        Raises
        ------
        NeuroMotionError
            If numbers of names and of values differ.
        """
        pairs = (
            ("channels", len(self.channels), "rows of signal", len(self.signal)),
            ("labels", len(self.labels), "elements of posterior", len(self.posterior)),
            ("axes", len(self.axes), "positions", len(self.positions)),
            ("axes", len(self.axes), "goals", len(self.axes) if self.goals is None else len(self.goals)),
        )
        for name, count, other, number in pairs:
            if count != number:
                raise NeuroMotionError(f"The snapshot names {count} {name} but has {number} {other}.")


def spoken(label: str) -> str:
    """A label as it is read aloud: ``hand_close`` is "hand close"."""
    return label.replace("_", " ")
