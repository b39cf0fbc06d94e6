"""Reader of the Myo readings: eight channels; rest and seven gestures in turn, and a file of stray movements.

A session ``<person>_<session>.npz`` holds eight published files one after another: file 0 is at rest with stray
movements that no decoder should answer to; in files 1 to 7 rest and one gesture take turns, about 5 s each, the first
stretch being rest. Members: ``emg`` int8 (samples, 8), ``label`` uint8 (samples,), ``start`` int32 (9,), the first
sample of each file and the end.

- The label is the cue: the muscle follows it by 0.28 s (median; from -0.16 to 1.5 s). A trial is one stretch of one
  label. The gesture is the number of the file, also where a published label says otherwise (r69069, session 1).
- The file of stray movements is one trial of the label ``stray``.
- Two people were polled at 250 Hz, so that a fifth of their rows repeat the row before; repeated rows are left out
  where there are so many, and the rate is the armband's own, 200 Hz. There are no time stamps.
- Eight garbled lines of r64917 are missing, 5 ms each; they are not marked. Files of r69069 share some rows. In
  r45677, session 3, radial and ulnar deviation look exchanged. All of this is left as published.
- The band lies turned in some sessions, and the other way round in a few.

https://github.com/aljazfrancic/myo-readings-dataset; MIT.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

if TYPE_CHECKING:
    import os
    from pathlib import Path

DATASET = "myo_readings_8ch"
REST, STRAY = "rest", "stray"
GESTURES = (
    "wrist_flexion",
    "wrist_extension",
    "radial_deviation",
    "ulnar_deviation",
    "pronation",
    "supination",
    "hand_close",
)
"""Gesture of files 1 to 7: flexion, extension, radial deviation, ulnar deviation, pronation, supination, fist."""
SESSIONS = ("s1", "s2", "s3")
SPEC = SignalSpec("emg", tuple(f"emg_{number}" for number in range(1, 9)), 200.0, "count")
FILES = 1 + len(GESTURES)
REPEATED = 0.1
"""Share of rows that equal the row before from which on they are left out: polled faster than the armband sends. It is
0.2 in the two people who were, and below 0.01 in all others."""
FOLDERS = (DATASET, ".")
"""Possible places of the files, relative to the folder of the data sets."""


def read_session(person: str, session: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One session of one person, its eight files joined, with a gap between two of them.

    Parameters
    ----------
    person : str
        ``"r10101"`` and so on; ``l`` or ``r`` for the arm.
    session : {"s1", "s2", "s3"}
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or session, or the file holds something else.
    """
    (path,) = session_files(data_root(root), person, session)
    emg, labels, start = _content(path)
    repeats = np.zeros(len(emg), bool)
    repeats[1:] = (emg[1:] == emg[:-1]).all(axis=1)
    repeats[start[:-1]] = False
    kept = ~repeats if repeats.mean() > REPEATED else np.ones(len(emg), bool)
    files = np.repeat(np.arange(FILES), np.diff(start))[kept]
    active = (labels[kept] > 0) & (files > 0)
    edges = [0, *(1 + np.flatnonzero((np.diff(files) != 0) | (np.diff(active) != 0))).tolist(), len(files)]
    trials = tuple(Trial(_label(int(files[begin]), bool(active[begin])), begin, end) for begin, end in pairwise(edges))
    gaps = tuple((at, at) for at in (1 + np.flatnonzero(np.diff(files))).tolist())
    samples = np.ascontiguousarray(emg[kept].T, dtype=np.float32)
    return Recording(samples, SPEC, trials, DATASET, person, session, bad_spans=gaps)


def session_files(root: Path, person: str, session: str) -> tuple[Path, ...]:
    """The file that one session of one person is read from.

    Raises
    ------
    NeuroMotionError
        If there is no such person or session, or the folder of the data sets lacks the file.
    """
    if session not in SESSIONS:
        raise NeuroMotionError(f"{DATASET} has no session {session!r}; sessions are {', '.join(SESSIONS)}.")
    if not re.fullmatch(r"[lr]\d{5}", person):
        raise NeuroMotionError(
            f"{DATASET} has no person {person!r}; people are named l or r, for the arm, and five digits."
        )
    for folder in FOLDERS:
        path = root / folder / f"{person}_{session}.npz"
        if path.is_file():
            return (path,)
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, session {session}, of the Myo readings; it has to hold "
        f"{DATASET}/{person}_{session}.npz."
    )


def _label(file: int, active: bool) -> str:
    return STRAY if file == 0 else GESTURES[file - 1] if active else REST


def _content(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, labels and starts of files of one session.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read or has other arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            emg, labels, start = (stored[name] for name in ("emg", "label", "start"))
    except Exception as error:  # zipfile, lzma and NumPy raise many kinds of errors on broken bytes
        told = f"{type(error).__name__}: {error}"
        raise NeuroMotionError(f"{path} is no session of the Myo readings ({told}).") from error
    channels = len(SPEC.channels)
    good = emg.dtype == np.int8 and emg.ndim == 2 and emg.shape[1] == channels and labels.shape == emg.shape[:1]
    rises = start.shape == (FILES + 1,) and start[0] == 0 and start[-1] == len(emg) and (np.diff(start) > 0).all()
    if not good or not rises:
        raise NeuroMotionError(
            f"{path} holds {emg.dtype} of shape {emg.shape}, labels of shape {labels.shape}, starts {start.tolist()}; "
            f"int8 of shape (samples, {channels}), a label each, and {FILES + 1} rising starts from 0 to "
            "the number of samples are expected."
        )
    return emg, labels, start
