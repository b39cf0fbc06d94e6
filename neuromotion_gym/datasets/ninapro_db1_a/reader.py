"""Reader of Ninapro database 1, exercise A: twelve finger movements as films ask for them, ten repetitions each.

Repetitions of a movement follow each other. A file ``s<nn>.npz`` is one person, at 100 Hz: ``emg`` uint16
(10, samples), 0.0001 V a step; ``glove`` uint16 (22, samples), 1/256 of a step of the CyberGlove, which is not
calibrated; ``stimulus`` and ``repetition``, the movement that is shown (0 at rest) and its number; ``restimulus``, the
same as published after it was moved to where the muscles act. Each movement is shown for 5.2 s, then there are 3.2 s
of rest.

- The EMG is an envelope: the electrode rectifies and smooths it.
- A run is one repetition of all movements, ten in all. Each is played with the rest before it, and both as changes from
  the rest before that movement or rest (`neuromotion_gym.datasets.ninapro_db1_a.changes`): raw samples at rest tell in
  which block, of one movement each, they were recorded.
- The trial of a movement is where the muscles act (``restimulus``), that of rest begins a second after the movement
  before. The rest before a person's first movement has no rest before it and is left out.
- Targets are joints of the hand, from the glove as changes from the rest just before, too. The glove is not
  calibrated: in each joint `SIZE` is the change that five of a hundred samples of the person's first six repetitions
  exceed.
- Names of movements are in the order of the paper. By the glove the last two look exchanged: in the one that is called
  thumb extension the sensors of the thumb rise as those of fingers do in flexion, in all eight people.

M. Atzori et al., Scientific Data 1:140053 (2014), doi:10.1038/sdata.2014.53; licence not stated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.datasets.ninapro_db1_a.changes import changes_from_rest, movements, rests
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.recording import Recording, SignalSpec, Targets, Trial

if TYPE_CHECKING:
    import os
    from pathlib import Path

DATASET = "ninapro_db1_a"
REST = "rest"
MOVEMENTS = (
    "index_flexion",
    "index_extension",
    "middle_flexion",
    "middle_extension",
    "ring_flexion",
    "ring_extension",
    "little_flexion",
    "little_extension",
    "thumb_adduction",
    "thumb_abduction",
    "thumb_flexion",
    "thumb_extension",
)
"""Names of movements 1 to 12."""
SENSORS = (
    *("thumb_rotation", "thumb_mcp", "thumb_ip", "thumb_abduction", "index_mcp", "index_pip", "index_dip"),
    *("middle_mcp", "middle_pip", "middle_dip", "middle_index_abduction", "ring_mcp", "ring_pip", "ring_dip"),
    *("ring_middle_abduction", "little_mcp", "little_pip", "little_dip", "little_ring_abduction"),
    *("palm_arch", "wrist_flexion", "wrist_abduction"),
)
"""Sensors of the glove."""
JOINTS = {
    "thumb_opposition": ("thumb_rotation",),
    "thumb_cmc": ("thumb_abduction",),
    "thumb_flexion": ("thumb_mcp", "thumb_ip"),
    **{f"{finger}_mcp": (f"{finger}_mcp",) for finger in ("index", "middle", "ring", "little")},
    **{f"{finger}_ip": (f"{finger}_pip",) for finger in ("index", "middle", "ring", "little")},
}
"""Joints of the hand, and the sensors whose mean is their change."""
SIZE, SIZED, STILL = 0.8, 95.0, 10.0
"""Target of the change at this percentile; changes are counted as at least so many steps of the glove."""
CALIBRATION = 6
"""Number of the first repetitions, whose changes give the size."""
REPETITIONS = 10
RUNS = tuple(f"repetition_{number}" for number in range(1, REPETITIONS + 1))
SPEC = SignalSpec("emg", tuple(f"emg_{number}" for number in range(1, 11)), 100.0, "V")
EMG_STEP_V, GLOVE_STEP = 1e-4, 1 / 256
FOLDERS = (DATASET, ".")
"""Possible places of the files, relative to the folder of the data sets."""


@dataclass(frozen=True, eq=False)
class Fingers:
    """All that was recorded of one person, at 100 Hz.

    Parameters
    ----------
    emg : float32 array, shape (10, samples)
        Envelopes in V.
    glove : float32 array, shape (22, samples)
        `SENSORS`, in steps of the glove.
    shown, moved : uint8 array, shape (samples,)
        Movement, 1 to 12 or 0 at rest: the film, and where the muscles act.
    repetition : uint8 array, shape (samples,)
        Number of the repetition that is shown; 0 at rest.
    """

    emg: np.ndarray
    glove: np.ndarray
    shown: np.ndarray
    moved: np.ndarray
    repetition: np.ndarray


def read_person(person: str, *, root: str | os.PathLike[str] | None = None) -> Fingers:
    """All samples of one person, as recorded.

    Parameters
    ----------
    person : str
        ``"s01"`` and so on.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such person, or the file holds something else.
    """
    return _content(person_file(data_root(root), person))


def read_repetition(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One repetition of all movements, each after its rest, with a gap between two of them.

    Parameters
    ----------
    person : str
        ``"s01"`` and so on.
    run : str
        ``"repetition_1"`` to ``"repetition_10"``.
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, the file holds something else, or a rest is too short.
    """
    if run not in RUNS:
        raise NeuroMotionError(f"{DATASET} has no run {run!r}; runs are {RUNS[0]} to {RUNS[-1]}.")
    path = person_file(data_root(root), person)
    changes, joints, moved, turns = _turns(path, path.stat().st_mtime_ns)
    pieces: list[np.ndarray] = []
    made: list[np.ndarray] = []
    trials: list[Trial] = []
    at = 0
    for turn in (one for one in turns if one.repetition == RUNS.index(run) + 1):
        active = turn.film + np.flatnonzero(moved[turn.film : turn.stop])
        begin = turn.rest if np.isfinite(changes[0, turn.rest]) else turn.film
        end = active[-1] + 1
        if begin < turn.film:
            trials.append(Trial(REST, at, at + turn.film - begin, has_onset=False))
        trials.append(Trial(MOVEMENTS[turn.movement - 1], int(at + active[0] - begin), int(at + end - begin), False))
        pieces.append(changes[:, begin:end])
        made.append(joints[:, begin:end])
        at += int(end - begin)
    gaps = np.cumsum([piece.shape[1] for piece in pieces[:-1]])
    samples = np.ascontiguousarray(np.concatenate(pieces, axis=1), dtype=np.float32)
    spans = tuple((gap, gap) for gap in gaps.tolist())
    targets = Targets(tuple(JOINTS), np.ascontiguousarray(np.concatenate(made, axis=1), dtype=np.float32))
    return Recording(samples, SPEC, tuple(trials), DATASET, person, "0", run, bad_spans=spans, targets=targets)


def person_file(root: Path, person: str) -> Path:
    """The file of one person.

    Raises
    ------
    NeuroMotionError
        If there is no such person, or the folder of the data sets lacks the file.
    """
    if not re.fullmatch(r"s\d{2}", person):
        raise NeuroMotionError(f"{DATASET} has no person {person!r}; people are named s and two digits, such as s01.")
    for folder in FOLDERS:
        if (root / folder / f"{person}.npz").is_file():
            return root / folder / f"{person}.npz"
    raise NeuroMotionError(
        f"{root} has no recordings of {person} of Ninapro's exercise A; it has to hold {DATASET}/{person}.npz."
    )


class _Turn(NamedTuple):
    """A rest and the movement after it: their first samples, and the first sample of the next rest."""

    movement: int
    repetition: int
    rest: int
    film: int
    stop: int


@lru_cache(maxsize=2)  # ten runs are read from one file
def _turns(path: Path, changed_ns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[_Turn, ...]]:
    """Changes of the envelopes, joints, movement made, and turns; ``changed_ns`` is when the file was written."""
    found = _content(path)
    films, quiet = movements(found.shown)[:, 0], rests(found.shown, SPEC.rate_hz)[:, 0]
    stops = [*quiet[1:].tolist(), len(found.shown)]
    turns = tuple(
        _Turn(int(found.shown[film]), int(found.repetition[film]), int(rest), int(film), stop)
        for film, rest, stop in zip(films, quiet, stops, strict=True)
    )
    wanted = [(movement, number) for movement in range(1, 13) for number in range(1, REPETITIONS + 1)]
    made = [turn.movement in found.moved[turn.film : turn.stop] for turn in turns]
    if sorted(turn[:2] for turn in turns) != wanted or not all(made):
        raise NeuroMotionError(
            f"{path} shows {len(turns)} repetitions, of which {sum(made)} are also in restimulus; "
            f"{REPETITIONS} of each of {len(MOVEMENTS)} movements are expected, all in restimulus."
        )
    changes = changes_from_rest(found.emg.astype(np.float64), found.shown, SPEC.rate_hz)
    return changes, _joints(found), found.moved, turns


def _joints(found: Fingers) -> np.ndarray:
    """Change of each joint from the rest just before, -1..1, shape (joints, samples); NaN until a rest is over."""
    sensors = changes_from_rest(found.glove.astype(np.float64), found.shown, SPEC.rate_hz)
    rows = [[SENSORS.index(sensor) for sensor in sensors_of] for sensors_of in JOINTS.values()]
    change = np.stack([sensors[row].mean(axis=0) for row in rows])
    sized = (found.repetition >= 1) & (found.repetition <= CALIBRATION) & np.isfinite(change[0])
    size = np.maximum(np.percentile(np.abs(change[:, sized]), SIZED, axis=1), STILL)
    return np.asarray(np.clip(SIZE * change / size[:, None], -1, 1))


def _content(path: Path) -> Fingers:
    """All samples of one file.

    Raises
    ------
    NeuroMotionError
        If the file cannot be read or has other arrays.
    """
    names = ("emg", "glove", "stimulus", "restimulus", "repetition")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in names}
    except Exception as error:  # zipfile, lzma and NumPy raise many kinds of errors on broken bytes
        told = f"{type(error).__name__}: {error}"
        raise NeuroMotionError(f"{path} is no person of Ninapro's exercise A ({told}).") from error
    length = arrays["emg"].shape[-1]
    rows = {"emg": (len(SPEC.channels), length), "glove": (len(SENSORS), length)}
    expected = {name: (rows.get(name, (length,)), np.uint16 if name in rows else np.uint8) for name in names}
    if wrong := [name for name in names if (arrays[name].shape, arrays[name].dtype) != expected[name]]:
        shape, kind = expected[wrong[0]]
        found = arrays[wrong[0]]
        raise NeuroMotionError(
            f"{path} holds {wrong[0]} as {found.dtype} of shape {found.shape}; {np.dtype(kind)} of shape {shape} is "
            f"expected, where {length} is the number of samples of emg."
        )
    return Fingers(
        (arrays["emg"] * EMG_STEP_V).astype(np.float32),
        (arrays["glove"] * GLOVE_STEP).astype(np.float32),
        arrays["stimulus"],
        arrays["restimulus"],
        arrays["repetition"],
    )
