"""Reader of the leg muscle set: four channels; four isometric tasks, held from the first sample on (no onset).

Each published file ``ID <n>.xlsx`` is one recording with a sheet for each task, `TASKS`: 10 s (5 s in two files) of the
electrodes VL, BF, TA and LG at 2000 Hz. The label is the task, named by the muscle that it was meant for. The same
numbers packed as ``ID<nn>.npz`` are read too: integers ``EMG_<task>`` with ``EMG_<task>_scale`` and
``EMG_<task>_offset`` of each column, where the integer -32768 stands for a missing value. The forces are not read.

The unit is not published; by size it is the microvolt. The instrument filtered to 20-500 Hz. What is published as the
channel LG is no such signal: it is positive but for the noise of the converter, most of its power in BF and LG tasks is
below 20 Hz, and its level rises with the force of plantar flexion, as the envelope of an EMG does (rectified and
smoothed).

Published IDs are read as runs of the people in `PEOPLE`, see ``parts.yaml``.

da Silva et al., Biomed Signal Process Control 88:105635, 2024, doi:10.1016/j.bspc.2023.105635; CC0 1.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.leg_isometric_elderly.workbook import sheets
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

if TYPE_CHECKING:
    import os
    from pathlib import Path

DATASET = "leg_isometric_elderly"
TASKS = ("VL", "BF", "TA", "LG")
"""Labels, which are also the names of the channels, in the order of the columns."""
SHEETS = {
    "VL": ("EMG_VL",),
    "BF": ("EMG_BF",),
    "TA": ("EMG_TA", "EMB_TA"),
    "LG": ("EMG_LG", "EMG_GL"),
}
"""Names of the sheet of each task: ID 6 has a misspelt one, and the description calls the last one EMG_GL too."""
RATE_HZ = 2000.0
SPEC = SignalSpec("emg", TASKS, RATE_HZ, "µV")
MISSING = -32768
"""Integer of a packed file that stands for a missing value."""
RUNS = ("first", "second")
FOLDERS = (DATASET, "Electromyography-and-Dynamometry-of-the-Lower-Limb-of-the-Elderly", ".")
"""Possible places of the files, relative to the folder of the data sets."""


PEOPLE: dict[str, tuple[int, ...]] = {
    name: tuple(int(number) for number in re.findall(r"\d+", name))
    for name in (
        *("ID01-02", "ID03-04", "ID05-06", "ID07-08", "ID09-10", "ID11-12", "ID13-14", "ID15-16", "ID17-18"),
        *("ID19", "ID20-21", "ID22-23", "ID24-25", "ID26-27", "ID28-29", "ID30"),
    )
}
"""Published IDs of each person; two IDs that look like one person are one here."""


def read_contractions(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One published ID: four trials, one for each task, joined in the order of `TASKS`.

    Parameters
    ----------
    person : str
        ``"ID01-02"``, ``"ID19"`` and so on, see `PEOPLE`; a new ID after the published ones is a person of its own.
    run : {"first", "second"}
        The person's first or second ID; it becomes the recording's ``session``.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If the file is missing or no recording of four tasks by four channels, has missing values, or a channel is flat.
    """
    path = contraction_file(data_root(root), person, run)
    pieces = _packed(path) if path.suffix == ".npz" else _published(path)
    for task, samples in zip(TASKS, pieces, strict=True):
        _check(path, task, samples)
    edges = np.cumsum([0, *(len(piece) for piece in pieces)])
    trials = tuple(Trial(task, int(edges[i]), int(edges[i + 1]), has_onset=False) for i, task in enumerate(TASKS))
    samples = np.ascontiguousarray(np.concatenate(pieces).T, dtype=np.float32)
    return Recording(samples, SPEC, trials, DATASET, person, run)


def contraction_file(root: Path, person: str, run: str) -> Path:
    """The file of one run of one person.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or the folder of the data sets lacks the file.
    """
    number = _number(person, run)
    names = (f"ID{number:02d}.npz", f"ID {number}.xlsx")
    for folder in FOLDERS:
        for name in names:
            if (root / folder / name).is_file():
                return root / folder / name
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, run {run!r}, of the leg muscle set; it has to hold "
        f"{DATASET}/{names[1]}, as published at https://github.com/hermescb/"
        f"Electromyography-and-Dynamometry-of-the-Lower-Limb-of-the-Elderly, or the packed {names[0]}."
    )


def _number(person: str, run: str) -> int:
    """Published ID of a person's run."""
    ids = PEOPLE.get(person)
    if ids is None:
        if not re.fullmatch(r"ID\d{2,6}", person):
            raise NeuroMotionError(f"The leg muscle set has no {person!r}; its people: {', '.join(PEOPLE)}.")
        number = int(person[2:])
        if whole := next((name for name, own in PEOPLE.items() if number in own), None):
            raise NeuroMotionError(
                f"{person} belongs to the person {whole}, who is played as a whole: two published IDs look like one."
            )
        ids = (number,)
    if run not in RUNS[: len(ids)]:
        raise NeuroMotionError(f"{person} has no run {run!r}; runs are {', '.join(RUNS[: len(ids)])}.")
    return ids[RUNS.index(run)]


def _packed(path: Path) -> list[np.ndarray]:
    """Samples of each task from a packed file, float64 of shape (samples, channels)."""
    names = [f"EMG_{task}{suffix}" for task in TASKS for suffix in ("", "_scale", "_offset")]
    try:
        with np.load(path, allow_pickle=False) as stored:
            absent = [name for name in ("fs", "channels", *names) if name not in stored.files]
            found = {} if absent else {name: stored[name] for name in ("fs", "channels", *names)}
    except Exception as error:  # zipfile, zlib and NumPy can raise nearly any exception on corrupt bytes
        raise NeuroMotionError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    if absent:
        raise NeuroMotionError(f"{path} is no packed recording of the leg muscle set: it lacks {', '.join(absent)}.")
    if found["channels"].tolist() != list(TASKS) or found["fs"].tolist() != RATE_HZ:
        raise NeuroMotionError(
            f"{path} has the channels {found['channels'].tolist()} at {found['fs'].tolist()} Hz; the leg muscle set "
            f"has {', '.join(TASKS)} at {RATE_HZ:g} Hz."
        )
    pieces = []
    for task in TASKS:
        codes, scale, offset = (found[f"EMG_{task}{suffix}"] for suffix in ("", "_scale", "_offset"))
        if codes.dtype != np.int16 or scale.shape != (len(TASKS),) or offset.shape != scale.shape:
            raise NeuroMotionError(
                f"EMG_{task} of {path} is {codes.dtype} with a scale of shape {scale.shape} and an offset of shape "
                f"{offset.shape}; int16 and one number for each of {len(TASKS)} columns are expected."
            )
        if codes.ndim == 2 and codes.shape[1] == len(TASKS):
            codes = np.where(codes == MISSING, np.nan, codes * scale + offset)
        pieces.append(codes)
    return pieces


def _published(path: Path) -> list[np.ndarray]:
    """Samples of each task from a published workbook, float64 of shape (samples, channels)."""
    tables = sheets(path, {name for names in SHEETS.values() for name in names})
    pieces = []
    for names in SHEETS.values():
        found = [name for name in names if name in tables]
        if len(found) != 1:
            raise NeuroMotionError(f"{path} has {len(found)} sheets called {' or '.join(names)}; one is expected.")
        pieces.append(tables[found[0]])
    return pieces


def _check(path: Path, task: str, samples: np.ndarray) -> None:
    """Refuse samples of one task that are no signal of four channels."""
    if samples.ndim != 2 or samples.shape[1] != len(TASKS) or not len(samples):
        raise NeuroMotionError(
            f"EMG_{task} of {path} has the shape {samples.shape}; samples in rows and {len(TASKS)} channels in columns "
            "are expected."
        )
    if missing := int((~np.isfinite(samples)).sum()):
        raise NeuroMotionError(f"EMG_{task} of {path} has {missing} missing values.")
    flat = np.flatnonzero(samples.max(axis=0) == samples.min(axis=0))
    if flat.size:
        raise NeuroMotionError(f"EMG_{task} of {path} is flat in channel {', '.join(TASKS[i] for i in flat)}.")
