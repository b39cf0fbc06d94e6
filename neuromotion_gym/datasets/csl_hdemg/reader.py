"""Reader of the CSL high-density set: 168 of 192 channels at 2048 Hz; ``idle`` and 26 gestures without an onset.

A published file ``<person>/<session>/gest<i>.mat``, i from 0 to 26, holds the cell array ``gestures``, a trial a cell:
a matrix of 192 channels by samples. Gesture 0 is taken as ``idle``, the one of which there are 30 trials; the others, 1
to 26, are ``gesture_1`` to ``gesture_26`` (the publication has their names). MAT files of versions 5 and 7.3 are read.

The grid has 24 columns of 8 electrodes, and the channels run along the columns from the elbow to the wrist. Each
channel is the difference of two neighbours, so that every eighth one carries nothing and is left out.

The published unit is not known here. Tested on files that the tests write in this format; the recordings themselves
were not at hand.

Amma, Krings, Böer and Schultz, CHI 2015, doi:10.1145/2702123.2702501; licence not stated.
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

DATASET = "csl_hdemg"
LABELS = ("idle", *(f"gesture_{number}" for number in range(1, 27)))
"""By number of the file."""
COLUMN = 8
PUBLISHED = 192
KEPT = tuple(index for index in range(PUBLISHED) if (index + 1) % COLUMN)
"""Rows that carry a difference of two electrodes, from 0."""
SPEC = SignalSpec("emg", tuple(f"emg_{index + 1}" for index in KEPT), 2048.0, "count")
FOLDERS = (DATASET, "csl-hdemg", ".")
"""Possible places of the files, relative to the folder of the data sets."""
LARGEST_BYTES = 2_000_000_000


def read_session(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One session of one person: all trials of all gestures, in the order of the gestures.

    Parameters
    ----------
    person, run : str
        ``"subject1"`` and ``"session1"`` and so on.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If files are missing, or hold something else.
    """
    stretches, labels = [], []
    for label, path in zip(LABELS, session_files(data_root(root), person, run), strict=True):
        for trial in _trials(path):
            stretches.append(trial[list(KEPT)])
            labels.append(label)
    return joined(stretches, labels, SPEC, dataset=DATASET, subject=person, session=run)


def session_files(root: Path, person: str, run: str) -> tuple[Path, ...]:
    """The files of one session, in the order of `LABELS`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or session, or the folder of the data sets lacks its files.
    """
    if not re.fullmatch(r"subject\d{1,3}", person) or not re.fullmatch(r"session\d{1,3}", run):
        raise NeuroMotionError(
            f"The CSL high-density set has no {person!r} with a run {run!r}; people are subject1 and so on, their runs "
            "session1 and so on."
        )
    for folder in FOLDERS:
        place = root / folder / person / run
        if place.is_dir():
            return tuple(place / f"gest{number}.mat" for number in range(len(LABELS)))
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, run {run!r}, of the CSL high-density set; it has to hold "
        f"{DATASET}/{person}/{run}/gest0.mat to gest{len(LABELS) - 1}.mat, as published."
    )


def _trials(path: Path) -> list[np.ndarray]:
    """Trials of one file, each of shape (192, samples)."""
    found = published(path, ("gestures",), LARGEST_BYTES, "the gestures of a session").get("gestures")
    trials = found if isinstance(found, list) else []
    shapes = [getattr(one, "shape", None) for one in trials]
    if not trials or any(shape is None or len(shape) != 2 or shape[0] != PUBLISHED for shape in shapes):
        raise NeuroMotionError(
            f"{path} has to hold the cell array gestures, each cell {PUBLISHED} channels by samples; its cells are of "
            f"the shapes {shapes or 'none'}."
        )
    return [np.asarray(one) for one in trials]
