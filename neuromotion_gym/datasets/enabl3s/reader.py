"""Reader of the ENABL3S set: windows of one second at the bursts of seven muscles of a leg, one channel at 1000 Hz.

The label is the muscle that the electrode lies on. Bursts are looked for in each circuit alone. A run is a leg; both
legs are one session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.enabl3s.circuits import DATASET, LEGS, MUSCLES, RATE_HZ, person_table
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.burst_recording import burst_recording
from neuromotion_gym.signals.recording import SignalSpec

if TYPE_CHECKING:
    import os

    from neuromotion_gym.signals.recording import Recording

SPEC = SignalSpec("emg", ("muscle",), RATE_HZ, "count")


def read_leg(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """Windows at the bursts of one leg of one person, muscle by muscle, circuit by circuit.

    Parameters
    ----------
    person, run : str
        ``"AB156"`` and so on, and one of `LEGS`.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such leg, files are missing or hold something else, or no muscle has a burst.
    """
    if run not in LEGS:
        raise NeuroMotionError(f"ENABL3S has no run {run!r}; runs are {' and '.join(LEGS)}.")
    table = person_table(data_root(root), person)
    mine = table["side"] == LEGS.index(run)
    circuits = table["circuit"][mine]
    edges = np.flatnonzero(np.diff(circuits)) + 1
    pieces = [(muscle, one) for muscle in MUSCLES for one in np.split(table[muscle][mine], edges)]
    return burst_recording(pieces, SPEC, dataset=DATASET, subject=person, session="0", run=run)
