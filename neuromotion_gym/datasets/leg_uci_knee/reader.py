"""Reader of the knee set: windows of one second at the bursts of four muscles of a leg, one channel at 1000 Hz.

A published file ``N_TXT/<n>Nmar.txt``, ``<n>Npie.txt`` or ``<n>Nsen.txt`` is one recording of one person without knee
trouble: gait, bending the knee while standing, stretching it while seated, about five times each. Some lines about file
and channels, an empty line, then tab-separated columns: RF, BF, VM, ST in mV and the angle of the knee, which is not
read. The EMG ends up to 22 rows before the angle; there its cells are empty. Names of channels differ between files,
their order does not. Recordings of the group with knee trouble are not read.

The repetitions are not marked: bursts are found in each channel. Their label is the muscle that the electrode lies on.

People 1 and 2 share two of their three recordings, bit for bit; person 1 is left out.

UCI Machine Learning Repository, "EMG dataset in Lower Limb" (2014); licence not stated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.burst_recording import burst_recording
from neuromotion_gym.signals.recording import SignalSpec

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from neuromotion_gym.signals.recording import Recording

DATASET = "leg_uci_knee"
MUSCLES = ("RF", "BF", "VM", "ST")
"""Labels, in the order of the columns."""
RUNS = {"gait": "mar", "standing": "pie", "seated": "sen"}
"""Recordings of a person, and how their files are called."""
SPEC = SignalSpec("emg", ("muscle",), 1000.0, "mV")
FOLDERS = (DATASET, "Action-Classification-From-Lower-Limb-EMG-Signal", ".")
"""Possible places of the folder ``N_TXT``, relative to the folder of the data sets."""


def read_movement(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """Windows at the bursts of one recording, muscle by muscle.

    Parameters
    ----------
    person, run : str
        ``"N02"`` to ``"N11"``, and one of `RUNS`.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such recording, its file holds something else, or no muscle has a burst.
    """
    samples = read_samples(movement_file(data_root(root), person, run))
    channels = zip(MUSCLES, samples, strict=True)
    return burst_recording(channels, SPEC, dataset=DATASET, subject=person, session="0", run=run)


def read_samples(path: Path) -> np.ndarray:
    """EMG of one file in mV, float32 of shape (4 muscles, samples).

    Raises
    ------
    NeuroMotionError
        If the file cannot be read, or is no recording of four channels and an angle.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise NeuroMotionError(f"{path} cannot be read ({error.strerror or error}).") from error
    begin = next((number for number, line in enumerate(lines) if not line.strip()), len(lines)) + 1
    rows = [line.split("\t")[: len(MUSCLES)] for line in lines[begin:]]
    filled = [number for number, row in enumerate(rows) if all(cell.strip() for cell in row)]
    rows = rows[: filled[-1] + 1] if filled else []
    try:
        samples = np.array(rows, np.float32)
    except ValueError:
        samples = np.empty(0, np.float32)
    if samples.ndim != 2 or samples.shape[1] != len(MUSCLES) or not np.isfinite(samples).all():
        raise NeuroMotionError(
            f"{path} is no recording of the knee set: after an empty line, rows of the columns {', '.join(MUSCLES)} "
            "and the angle of the knee are expected, with tabs between them."
        )
    return np.ascontiguousarray(samples.T)


def movement_file(root: Path, person: str, run: str) -> Path:
    """The file of one recording.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or the folder of the data sets lacks the file.
    """
    if not re.fullmatch(r"N\d{2}", person) or run not in RUNS:
        raise NeuroMotionError(
            f"The knee set has no {person!r} with a run {run!r}; people are N and two digits, such as N02, and runs "
            f"are {', '.join(RUNS)}."
        )
    name = f"N_TXT/{int(person[1:])}N{RUNS[run]}.txt"
    for folder in FOLDERS:
        if (root / folder / name).is_file():
            return root / folder / name
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, run {run!r}, of the knee set; it has to hold {DATASET}/{name}, as "
        "published by the UCI Machine Learning Repository (EMG dataset in Lower Limb)."
    )
