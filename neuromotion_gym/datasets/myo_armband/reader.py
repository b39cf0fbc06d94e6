"""Reader of the Myo armband set: eight channels; seven gestures, held from the first sample on (no onset).

Each file ``classe_<i>.dat`` holds little-endian int16 without a header, the eight channels interleaved, values
-128..127, at 200 Hz. The gesture is ``i mod 7``, the repetition ``i div 7``.

Côté-Allard et al., IEEE TNSRE 27(4):760-771, 2019; GPL-3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

DATASET = "myo_armband"
LABELS = (
    "neutral",
    "radial_deviation",
    "wrist_flexion",
    "ulnar_deviation",
    "wrist_extension",
    "hand_close",
    "hand_open",
)
SUBJECTS = ("Female0", "Female1", *(f"Male{i}" for i in range(8)))
"""The people in the table of parts; the published set also has Male8 to Male15."""
ROUNDS = ("training0", "Test0", "Test1")
SPEC = SignalSpec("emg", tuple(f"emg_{i}" for i in range(1, 9)), 200.0, "count")
FILES = 28
FOLDERS = (".", "EvaluationDataset", "myo_armband_8ch", "myo_armband_8ch/EvaluationDataset", "myo_armband")
"""Possible places of the folders of people, relative to the folder of the data sets."""


def read_round(subject: str, round_name: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One round of one person: 28 trials (4 repetitions of 7 gestures), one per file, joined in order.

    Parameters
    ----------
    subject : str
        ``"Female0"``, ``"Male0"`` and so on.
    round_name : {"training0", "Test0", "Test1"}
        Name of the round; it becomes the recording's ``session``.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If the folder or a file is missing, or a file is truncated, has values outside the armband's range, or is flat.
    """
    return round_recording(round_files(data_root(root), subject, round_name), DATASET, subject, round_name)


def round_recording(paths: Sequence[Path], dataset: str, subject: str, session: str) -> Recording:
    """One round from its 28 files, which are given in order of time.

    Raises
    ------
    NeuroMotionError
        If a file is missing or truncated, has values outside the armband's range, or is flat.
    """
    pieces = [_read_file(path) for path in paths]
    edges = np.cumsum([0, *(piece.shape[1] for piece in pieces)])
    trials = tuple(
        Trial(LABELS[i % len(LABELS)], int(edges[i]), int(edges[i + 1]), has_onset=False) for i in range(FILES)
    )
    return Recording(np.concatenate(pieces, axis=1), SPEC, trials, dataset, subject, session)


def round_files(root: Path, subject: str, round_name: str) -> tuple[Path, ...]:
    """The 28 files of one round of one person, in order of time.

    Raises
    ------
    NeuroMotionError
        If the folder of the data sets lacks the person, or the person lacks the round.
    """
    for folder in FOLDERS:
        person = root / folder / subject
        if (person / ROUNDS[0]).is_dir():
            if not (person / round_name).is_dir():
                raise NeuroMotionError(f"{subject} has no round {round_name!r}; rounds are {', '.join(ROUNDS)}.")
            return tuple(person / round_name / f"classe_{i}.dat" for i in range(FILES))
    raise NeuroMotionError(
        f"{root} has no recordings of {subject} of the Myo armband set; it has to hold "
        "EvaluationDataset/<subject>/training0/classe_0.dat, as published at "
        "https://github.com/UlysseCoteAllard/MyoArmbandDataset."
    )


def _read_file(path: Path) -> np.ndarray:
    """Samples of one ``.dat`` file, float32 of shape (8, samples)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise NeuroMotionError(f"{path} cannot be read: {error.strerror}.") from error
    channels = len(SPEC.channels)
    if not raw or len(raw) % (2 * channels):
        raise NeuroMotionError(
            f"{path} has {len(raw)} bytes, but samples of {channels} int16 channels take multiples of {2 * channels}: "
            "the file is cut."
        )
    samples = np.frombuffer(raw, "<i2").reshape(-1, channels).T
    if samples.min() < -128 or samples.max() > 127:
        raise NeuroMotionError(f"{path} has values outside -128..127, which the armband cannot give: not its format.")
    flat = np.flatnonzero(samples.max(axis=1) == samples.min(axis=1))
    if flat.size:
        raise NeuroMotionError(f"{path} is flat in channel {', '.join(SPEC.channels[i] for i in flat)}.")
    return np.ascontiguousarray(samples, dtype=np.float32)
