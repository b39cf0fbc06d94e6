"""What the overlay shows at one moment: values and words, given by whoever draws. Nothing here draws.

A leaf of its folder: the overlay and its panels read a snapshot and import this module alone.
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
        Their names.
    labels : sequence of str
        The decoder's labels.
    posterior : float array, shape (labels,)
        Its last decision.
    intended, decoded : str
        Labels: what the operator wants, and what was decoded.
    time_s, time_limit_s : float
        Seconds into the episode, and its length.
    success : bool or None
        None while the episode goes on.
    wrong : bool
        Whether it ended by a wrong selection.
    title, subtitle : str
        Environment and decoder; person, part and controller.
    axes : sequence of str
        What the task measures error along; no gauges are drawn where there are none.
    positions : float array, shape (axes,)
        Where the limb is on them, -1 to 1.
    goals : float array, shape (axes,), or None
        Where it should be.
    tolerance : float
        How near counts as there.
    effort : float or None
        Strength of the contraction, 0 to 1.
    shown_first : sequence of str
        Channels to show where there is no room for all, see `neuromotion_gym.datasets.registry.Dataset`.
    outcome : str
        The task's words for how the episode ended; general words where it is empty.
    gauges : str
        Heading of the gauges of the axes.
    goal : str
        What the goal is called beside them.
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
            If a part of the snapshot has more names than values, or fewer.
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
