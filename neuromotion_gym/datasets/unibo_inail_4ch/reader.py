"""Reader of UniBo-INAIL: four electrodes, rest and five gestures, seven days, two postures of the arm.

A file ``u<person>_d<day>.npz`` holds the 50 trials of one day, one after another: ``lo`` and ``hi`` uint8
(4, samples), the low and the high byte of the first difference of the codes in zigzag coding, modulo 65536, which
begins at 0 in every trial; and for each trial ``length``, ``label`` (2 to 6), ``posture`` (1 or 2), ``on`` and ``off``
(first sample of the gesture, and the sample after its last).

- The codes are those of the electrodes, 500 Hz, without a stated unit. They are **envelopes**: the electrode rectifies
  and smooths.
- A run is one day in one posture: 30 trials in posture 1 (arm not fully extended), 20 in posture 2, with a gap between
  two of them.
- The marks were made on a smoothed signal. A gesture is played from ``on`` to 0.25 s before ``off``, where the muscles
  still act, and rest from ``off`` to the end of the trial. Rest is not always quiet.
- No published file says which number is which gesture. The labels here follow the published list; amplitudes speak
  against parts of its order. The numbers are the same gesture on all days.
- On day 1 of u5 the columns stand in another order than on all other days. The order in `REORDERED` mends that; it was
  found with the labels of that day, which is in the part that is trained on.

M. Zanghieri et al., IEEE BioCAS (2023), doi:10.1109/BioCAS58349.2023.10388902; B. Milosevic et al., IEEE BioRob
1032-1037 (2018), doi:10.1109/BIOROB.2018.8487838. LGPL-2.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

if TYPE_CHECKING:
    import os
    from pathlib import Path

DATASET = "unibo_inail_4ch"
REST = "rest"
GESTURES = {2: "hand_close", 3: "pinch", 4: "three_finger_pinch", 5: "pointing", 6: "hand_open"}
"""Name of each number, in the order of the published list; see the module."""
DAYS, POSTURES = range(1, 8), (1, 2)
RUNS = tuple(f"day_{day}_posture_{posture}" for day in DAYS for posture in POSTURES)
SPEC = SignalSpec(
    "emg",
    ("extensor_carpi_ulnaris", "extensor_digitorum", "flexor_carpi_radialis", "flexor_carpi_ulnaris"),
    500.0,
    "count",
)
"""Channels in the order of the published list; columns are not named."""
STILL_ACTIVE = 125
"""Samples before ``off`` in which some hands have opened already."""
REORDERED = {("u5", 1): (0, 3, 1, 2)}
"""Columns in the order of the channels, where they stand in another one."""
FOLDERS = (DATASET, ".")
"""Possible places of the files, relative to the folder of the data sets."""
_ARRAYS = ("lo", "hi", "length", "label", "posture", "on", "off")


class _Gesture(NamedTuple):
    """One trial: codes, float32 of shape (4, samples), its gesture, and where that is."""

    codes: np.ndarray
    label: str
    posture: int
    on: int
    off: int


def read_day(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One day of one person in one posture, a gap between two trials.

    Parameters
    ----------
    person : str
        ``"u1"`` and so on.
    run : str
        ``"day_1_posture_1"`` to ``"day_7_posture_2"``.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or the file holds something else.
    """
    path = day_file(data_root(root), person, run)
    day, posture = _of_run(run)
    order = list(REORDERED.get((person, day), range(len(SPEC.channels))))
    pieces: list[np.ndarray] = []
    trials: list[Trial] = []
    at = 0
    for one in _content(path):
        if one.posture != posture:
            continue
        length = one.codes.shape[1]
        trials.append(Trial(one.label, at + one.on, at + one.off - STILL_ACTIVE, has_onset=False))
        trials.append(Trial(REST, at + one.off, at + length, has_onset=False))
        pieces.append(one.codes[order])
        at += length
    if not pieces:
        raise NeuroMotionError(f"{path} holds no trial in posture {posture}.")
    gaps = np.cumsum([piece.shape[1] for piece in pieces[:-1]]).tolist()
    samples = np.ascontiguousarray(np.concatenate(pieces, axis=1))
    return Recording(samples, SPEC, tuple(trials), DATASET, person, run, bad_spans=tuple((gap, gap) for gap in gaps))


def day_file(root: Path, person: str, run: str) -> Path:
    """The file that one run of one person is read from.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or the folder of the data sets lacks the file.
    """
    day, _ = _of_run(run)
    if not re.fullmatch(r"u\d", person):
        raise NeuroMotionError(f"{DATASET} has no person {person!r}; people are named u and a digit, such as u1.")
    for folder in FOLDERS:
        path = root / folder / f"{person}_d{day}.npz"
        if path.is_file():
            return path
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, day {day}, of UniBo-INAIL; it has to hold "
        f"{DATASET}/{person}_d{day}.npz."
    )


def _of_run(run: str) -> tuple[int, int]:
    """Day and posture of a run."""
    if run not in RUNS:
        raise NeuroMotionError(f"{DATASET} has no run {run!r}; runs are {RUNS[0]}, {RUNS[1]} and so on to {RUNS[-1]}.")
    day, posture = divmod(RUNS.index(run), len(POSTURES))
    return DAYS[day], POSTURES[posture]


def _content(path: Path) -> list[_Gesture]:
    """All trials of one file.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read or has other arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAYS}
    except Exception as error:  # zipfile, lzma and NumPy raise many kinds of errors on broken bytes
        raise NeuroMotionError(f"{path} is no day of UniBo-INAIL ({type(error).__name__}: {error}).") from error
    low, high = arrays["lo"], arrays["hi"]
    facts = {name: arrays[name] for name in _ARRAYS[2:]}
    bytes_fit = low.dtype == high.dtype == np.uint8 and low.shape == high.shape and low.ndim == 2
    shapes = {name: values.shape for name, values in facts.items()}
    if not bytes_fit or low.shape[0] != len(SPEC.channels) or len({*shapes.values()}) > 1 or facts["on"].ndim != 1:
        raise NeuroMotionError(
            f"{path} holds lo and hi of shapes {low.shape} and {high.shape} ({low.dtype}, {high.dtype}) and facts of "
            f"trials of shapes {shapes}; uint8 of shape ({len(SPEC.channels)}, samples) and one number a trial are "
            "expected."
        )
    rows = np.stack(list(facts.values()), axis=1).astype(int)
    length, label, posture, on, off = rows.T
    marked = (on >= 0) & (on < off - STILL_ACTIVE) & (off < length)
    wrong = ~(marked & np.isin(label, list(GESTURES)) & np.isin(posture, POSTURES))
    if length.sum() != low.shape[1] or wrong.any():
        raise NeuroMotionError(
            f"{path} holds {low.shape[1]} samples for trials of {length.sum()}, and {wrong.sum()} trials with another "
            f"label than {min(GESTURES)} to {max(GESTURES)}, another posture than 1 or 2, or a gesture that does not "
            f"lie inside the trial for more than {STILL_ACTIVE} samples."
        )
    coded = low | (high.astype(np.uint16) << 8)
    steps = (coded >> 1) ^ (np.uint16(0) - (coded & 1))
    stops = np.cumsum(length)
    return [
        _Gesture(
            np.cumsum(steps[:, stop - own[0] : stop], axis=1, dtype=np.uint16).astype(np.float32),
            GESTURES[int(own[1])],
            *own[2:].tolist(),
        )
        for stop, own in zip(stops.tolist(), rows, strict=True)
    ]
