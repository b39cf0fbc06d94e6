"""Reader of the flexible-grid set: 64 channels at 1000 Hz; four gestures and rest, held from the first sample on.

A published file ``data/<person>-<session>/<person>-<trial>.mat`` is one trial of 28 s: ``raw``, 16-bit counts of shape
(28000, 96), and the structure ``p`` with ``lsbmV`` (millivolts a count) and ``sequence``, the order of the four
gestures. It begins with 5 s of rest, then come the gestures, 5 s each, and 3 s of rest. Read are five trials of a
session, channels 1 to 64, and of each stretch of 5 s the steady part from 1.75 s to 3.25 s. The same numbers packed as
``<person>_<session>.npz`` (``emg``, ``label``, ``lsb_mV``, ``fs``) are read too.

Labels are ``rest`` and the gestures by what the limb does: "Fist" is ``hand_close``, "Open" ``hand_open``; "Raise" and
"Lower" move the hand at the wrist and are read as ``wrist_extension`` and ``wrist_flexion``.

Samples are in millivolts, as recorded, without the mean of each stretch: electrodes have an offset of about 30 mV.
Nothing is filtered: up to 78 % of the power lies below 20 Hz. Stretches are not neighbours in time; between two of them
is a gap.

The electrodes lie on a grid of 16 rows by 4 columns, `GRID`. Which way the rows run on the arm is not published; that
the grid of the third session reads like that of the first one turned cyclically by four rows says that they run around
it.

Moin et al., IEEE ISCAS 2018, doi:10.1109/ISCAS.2018.8351613, https://github.com/a-moin/flexemg; GPL-3.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

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

DATASET = "flexemg_64ch"
LABELS = ("rest", "hand_close", "wrist_extension", "wrist_flexion", "hand_open")
"""By number in the files: Rest, Fist, Raise, Lower, Open."""
SESSIONS = {"first": "Session1Train", "second": "Session2Test", "third": "Session3Train"}
"""Published name of each session that is read."""
START = "_start"
"""End of the name of a calibration run: the first trial of its session."""
RATE_HZ = 1000.0
CHANNELS = 64
TRIALS = 5
SEGMENTS = 5
SPEC = SignalSpec("emg", tuple(f"emg_{number}" for number in range(1, CHANNELS + 1)), RATE_HZ, "mV")
GRID = np.concatenate([np.arange(1, 33).reshape(8, 4)[::-1], np.arange(33, 65).reshape(8, 4)[::-1, ::-1]])
"""Number of the channel at each place of the grid, int array of shape (16, 4); as published in ``arraymap.mat``."""
SEGMENT_S = 5.0
STEADY = (1750, 3250)
"""First sample and sample after the last that are read of each segment."""
FOLDERS = (DATASET, "flexemg", ".")
"""Possible places of the files, relative to the folder of the data sets."""
LARGEST_BYTES = 100_000_000


class _Session(NamedTuple):
    """Counts of shape (trials, segments, channels, samples), labels (trials, segments), and millivolts a count."""

    counts: np.ndarray
    labels: np.ndarray
    scale: float


def read_run(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """One session without its first trial, or its first trial alone (``<session>_start``).

    Parameters
    ----------
    person : str
        ``"s001"`` and so on.
    run : {"first", "second", "third", "first_start", "second_start", "third_start"}
    root : path, optional
        Folder of the data sets; see `data_root`.

    Returns
    -------
    Recording
        Five stretches for each trial, each labelled.

    Raises
    ------
    NeuroMotionError
        If files are missing, or hold something else.
    """
    paths = run_files(data_root(root), person, run)
    session = _packed(paths[0]) if paths[0].suffix == ".npz" else _published(paths)
    chosen = slice(0, 1) if run.endswith(START) else slice(len(session.counts) - TRIALS + 1, None)
    counts, labels = session.counts[chosen], session.labels[chosen].ravel()
    stretches = counts.reshape(-1, *counts.shape[2:]).astype(np.float64) * session.scale
    stretches -= stretches.mean(axis=-1, keepdims=True)
    names = [LABELS[label] for label in labels]
    return joined(list(stretches), names, SPEC, dataset=DATASET, subject=person, session=run)


def run_files(root: Path, person: str, run: str) -> tuple[Path, ...]:
    """The files that one run of one person is read from: a packed session, or the published trials.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or the folder of the data sets lacks the files.
    """
    session = SESSIONS.get(run.removesuffix(START))
    if session is None:
        names = [*SESSIONS, *(name + START for name in SESSIONS)]
        raise NeuroMotionError(f"The flexible-grid set has no run {run!r}; its runs: {', '.join(names)}.")
    if not re.fullmatch(r"s\d{3}", person):
        raise NeuroMotionError(f"The flexible-grid set has no person {person!r}; people are s001, s002, s003.")
    number, wanted = person[1:], range(1, TRIALS + 1)
    for folder in FOLDERS:
        packed = root / folder / f"{person}_{session}.npz"
        if packed.is_file():
            return (packed,)
        published = root / folder / "data" / f"{number}-{session}"
        if published.is_dir():
            first = (1,) if run.endswith(START) else wanted[1:]
            return tuple(published / f"{number}-{trial:03d}.mat" for trial in first)
    raise NeuroMotionError(
        f"{root} has no recordings of {person}, run {run!r}, of the flexible-grid set; it has to hold "
        f"{DATASET}/data/{number}-{session}/{number}-001.mat and further trials, as published at "
        f"https://github.com/a-moin/flexemg, or the packed {person}_{session}.npz."
    )


def _packed(path: Path) -> _Session:
    names = ("emg", "label", "lsb_mV", "fs")
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in names}
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds of errors on broken bytes
        raise NeuroMotionError(
            f"{path} is no packed session of the flexible-grid set ({type(error).__name__}: {error})."
        ) from error
    counts, labels = found["emg"], found["label"]
    good = counts.dtype == np.uint16 and counts.ndim == 4 and counts.shape[:3] == (TRIALS, SEGMENTS, CHANNELS)
    if not good or labels.shape != counts.shape[:2] or float(found["fs"]) != RATE_HZ:
        raise NeuroMotionError(
            f"{path} holds {counts.dtype} of shape {counts.shape} with labels of shape {labels.shape} at "
            f"{found['fs']} Hz; uint16 of shape ({TRIALS}, {SEGMENTS}, {CHANNELS}, samples) at {RATE_HZ:g} Hz are "
            "expected."
        )
    return _Session(counts, _known(labels, path), float(found["lsb_mV"]))


def _published(paths: tuple[Path, ...]) -> _Session:
    counts, labels, scales = [], [], set()
    for path in paths:
        found = published(path, ("raw", "p"), LARGEST_BYTES, "the trials of a session")
        try:
            raw, facts = np.asarray(found["raw"]), found["p"]
            order = [int(one) for one in np.ravel(facts["sequence"])]
            scales.add(float(np.ravel(facts["lsbmV"])[0]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise NeuroMotionError(
                f"{path} is no trial of the flexible-grid set ({type(error).__name__}: {error})."
            ) from error
        length = round(SEGMENT_S * RATE_HZ)
        if raw.ndim != 2 or raw.shape[1] < CHANNELS or len(raw) < SEGMENTS * length or len(order) != SEGMENTS - 1:
            raise NeuroMotionError(
                f"{path} holds samples of shape {raw.shape} and {len(order)} gestures; at least "
                f"{SEGMENTS * length} samples of {CHANNELS} channels and {SEGMENTS - 1} gestures are expected."
            )
        segments = raw[: SEGMENTS * length, :CHANNELS].reshape(SEGMENTS, length, CHANNELS)
        counts.append(segments[:, STEADY[0] : STEADY[1]].transpose(0, 2, 1))
        labels.append([0, *order])
    if len(scales) != 1:
        raise NeuroMotionError(f"Trials beside {paths[0]} have several scales: {sorted(scales)} mV a count.")
    return _Session(np.stack(counts), _known(np.array(labels), paths[0]), scales.pop())


def _known(labels: np.ndarray, path: Path) -> np.ndarray:
    """Labels as numbers of `LABELS`, int array."""
    if not np.isin(labels, range(len(LABELS))).all():
        raise NeuroMotionError(f"{path} has labels {np.unique(labels).tolist()}; they are 0 to {len(LABELS) - 1}.")
    return labels.astype(np.int64)
