"""Reader of the further people of the Myo armband set: one round of 28 files, in the format of the set ``myo_armband``.

A person ``pre_<name>`` is read from ``PreTrainingDataset/<name>/training0``. The published names Female7, Female8 and
Female9 are refused: they are byte for byte the three rounds of Female0 of the set ``myo_armband``.

Oddities of the recordings, which are left as they are: all files of pre_Female2 are short (732 to 952 samples); two
files of pre_Female0 have spikes on all channels at once, which are no muscle; 24 files are clipped in more than 0.5 %
of their samples.

Côté-Allard et al., IEEE TNSRE 27(4):760-771, 2019; GPL-3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.datasets.myo_armband.reader import FILES, round_recording
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from neuromotion_gym.signals.recording import Recording

DATASET = "myo_armband_pretraining_8ch"
RUN = "training0"
PREFIX = "pre_"
COPIES = ("Female7", "Female8", "Female9")
"""Published names that stand for the rounds of one person of the other set."""
FOLDERS = (".", "PreTrainingDataset", DATASET, f"{DATASET}/PreTrainingDataset")
"""Possible places of the folders of people, relative to the folder of the data sets."""


def read_run(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """The round of one person: 28 trials (4 repetitions of 7 gestures), one per file, joined in order.

    Parameters
    ----------
    person : str
        ``"pre_Female0"``, ``"pre_Male0"`` and so on.
    run : {"training0"}
    root : path, optional
        Folder of the data sets; see `data_root`.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or a file is missing or broken.
    """
    return round_recording(run_files(data_root(root), person, run), DATASET, person, run)


def run_files(root: Path, person: str, run: str) -> tuple[Path, ...]:
    """The 28 files of one person, in order of time.

    Raises
    ------
    NeuroMotionError
        If there is no such person or run, or the folder of the data sets lacks the person.
    """
    if run != RUN:
        raise NeuroMotionError(f"{DATASET} has no run {run!r}; each person has one, {RUN}.")
    name = person.removeprefix(PREFIX)
    if name in COPIES:
        raise NeuroMotionError(
            f"{person} is no further person: the files are copies of a round of Female0 of the set myo_armband."
        )
    if name == person:
        raise NeuroMotionError(f"{DATASET} has no person {person!r}; people are {PREFIX}Female0 and so on.")
    for folder in FOLDERS:
        round_folder = root / folder / name / RUN
        # Beside other folders of the same names, the folder of the set itself has to be in the path
        if round_folder.is_dir() and (folder != "." or root.name in FOLDERS):
            return tuple(round_folder / f"classe_{number}.dat" for number in range(FILES))
    raise NeuroMotionError(
        f"{root} has no recordings of {person}; it has to hold PreTrainingDataset/{name}/{RUN}/classe_0.dat, as "
        "published at https://github.com/UlysseCoteAllard/MyoArmbandDataset."
    )
