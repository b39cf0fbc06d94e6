"""Reader of the ICE Lab high-density set: 192 channels at 2560 Hz; seven gestures, held from the first sample on.

A published file ``<person>-<gesture>-<trial>.mat``, three digits each, is one trial of 5 s: the matrix ``Data`` (or
``data``), samples by channels. A 193rd column is no channel and is left out. Gestures 1 to 7 are `LABELS` (the networks
that were published have an eighth output, which is not used). MAT files of versions 5 and 7.3 are read. A run is the
trial of that number of all gestures.

Three grids of 8 by 8 electrodes, 10 mm apart, on the forearm. The published unit is not known here. Tested on files
that the tests write in this format; the recordings themselves were not at hand.

https://github.com/MIC-Laboratory/CNN-HD-sEMG-Classifier; licence not stated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.joined import joined
from neuromotion_gym.signals.readers.mat_content import published
from neuromotion_gym.signals.recording import SignalSpec

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from neuromotion_gym.signals.recording import Recording

DATASET = "ice_lab_hdemg"
LABELS = (
    "hand_close",
    "rest",
    "hand_open",
    "supination",
    "pronation",
    "wrist_extension",
    "wrist_flexion",
)
"""By number of the gesture, from 1."""
CHANNELS = 192
SPEC = SignalSpec("emg", tuple(f"emg_{number}" for number in range(1, CHANNELS + 1)), 2560.0, "count")
KEYS = ("Data", "data")
FOLDERS = (DATASET, "ICE_Lab", ".")
"""Possible places of the files, relative to the folder of the data sets."""
LARGEST_BYTES = 500_000_000


def read_round(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One trial of every gesture of one person.

    Parameters
    ----------
    person : str
        Three digits, such as ``"001"``.
    run : str
        Number of the trial, ``"1"`` to ``"5"``.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If files are missing, or hold something else.
    """
    stretches = [_trial(path) for path in round_files(data_root(root), person, run)]
    return joined(stretches, LABELS, SPEC, dataset=DATASET, subject=person, session=run)


def round_files(root: Path, person: str, run: str) -> tuple[Path, ...]:
    """The files of one round, in the order of `LABELS`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or trial, or the folder of the data sets lacks its files.
    """
    if not re.fullmatch(r"\d{3}", person) or not re.fullmatch(r"\d{1,3}", run):
        raise NeuroMotionError(
            f"The ICE Lab high-density set has no {person!r} with a run {run!r}; people are three digits, such as 001, "
            "and a run is the number of a trial."
        )
    names = [f"{person}-{number:03d}-{int(run):03d}.mat" for number in range(1, len(LABELS) + 1)]
    for folder in FOLDERS:
        if (root / folder / names[0]).is_file():
            return tuple(root / folder / name for name in names)
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, run {run!r}, of the ICE Lab high-density set; it has to hold "
        f"{DATASET}/{names[0]} and the other gestures, as published."
    )


def _trial(path: Path) -> np.ndarray:
    """Samples of one file, shape (192, samples)."""
    found = published(path, KEYS, LARGEST_BYTES, "the gestures of a trial")
    samples = np.asarray(next(iter(found.values()), None))
    if samples.ndim != 2 or samples.shape[1] not in (CHANNELS, CHANNELS + 1) or not len(samples):
        raise NeuroMotionError(
            f"{path} has to hold the matrix {' or '.join(KEYS)}, samples by {CHANNELS} channels; it is of the shape "
            f"{samples.shape}."
        )
    return samples[:, :CHANNELS].T
