"""EEGMMIDB, the PhysioNet EEG Motor Movement/Imagery Database 1.0.0: EDF+ files, 64 channels, 160 Hz, volts.

Schalk et al., IEEE TBME 51(6):1034-1043, 2004; Goldberger et al., Circulation 101(23):e215-e220, 2000;
doi:10.13026/C28G6P; licence ODC-By 1.0.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.readers.mne_files import read_raw
from neuromotion_gym.signals.recording import Recording

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

DATASET = "eegmmidb"
FOLDERS = (".", "eegmmidb", "files/eegmmidb/1.0.0", "MNE-eegbci-data/files/eegmmidb/1.0.0")
"""Possible places of the folders of people, relative to the folder of the data sets."""
RATE_HZ = 160.0
CHANNELS = 64
LABELS = ("rest", "left_fist", "right_fist", "both_fists", "both_feet")

_FISTS: Mapping[str, str | None] = {"T0": "rest", "T1": "left_fist", "T2": "right_fist"}
_FISTS_FEET: Mapping[str, str | None] = {"T0": "rest", "T1": "both_fists", "T2": "both_feet"}
_BASELINE: Mapping[str, str | None] = {"T0": "rest"}


def run_meaning(run: int) -> tuple[str, Mapping[str, str | None]]:
    """Session (``"real"``, ``"imagined"`` or ``"baseline"``) and map from annotations to labels, for run 1 to 14."""
    if run in (1, 2):
        return "baseline", _BASELINE
    if not 3 <= run <= 14:
        raise NeuroMotionError(f"EEGMMIDB has runs 1 to 14, not {run}.")
    return ("real", "imagined", "real", "imagined")[(run - 3) % 4], (_FISTS if (run - 3) % 4 < 2 else _FISTS_FEET)


def read_run(
    subject: str, run: int, *, root: str | os.PathLike[str] | None = None, resample_hz: float | None = None
) -> Recording:
    """One run of one person. Its trials are the stretches annotated T0, T1 and T2; each begins at its onset.

    Parameters
    ----------
    subject : str
        ``"S001"`` to ``"S109"``.
    run : int
        1 to 14.
    root : path, optional
        Folder of the data sets; see `data_root`.
    resample_hz : float, optional
        Resample to this rate. S088, S092 and S100 were recorded at 128 Hz and cannot be read without it.

    Raises
    ------
    NeuroMotionError
        If the file is missing, truncated or corrupt; if it is not at 160 Hz and ``resample_hz`` is not given; or if
        its channels are not the 64 of the data set, are flat, or have samples that are not finite.
    """
    return read_file(edf_file(data_root(root), subject, run), resample_hz=resample_hz)


def edf_file(root: Path, subject: str, run: int) -> Path:
    """Path of one EDF file below a folder of data sets, e.g. ``S001/S001R03.edf``.

    Raises
    ------
    NeuroMotionError
        If the folder has no such file.
    """
    name = Path(subject) / f"{subject}R{run:02d}.edf"
    for folder in FOLDERS:
        if (root / folder / name).is_file():
            return root / folder / name
    raise NeuroMotionError(
        f"{root} has no {name.as_posix()} of EEGMMIDB; it has to hold folders S001, S002 and so on, as published at "
        "https://physionet.org/content/eegmmidb/1.0.0."
    )


def read_file(path: str | os.PathLike[str], *, resample_hz: float | None = None) -> Recording:
    """Read one EDF file, which has its published name (``S001R03.edf``); see `read_run`."""
    recording = read_as_recorded(path)
    if recording.spec.rate_hz != RATE_HZ and resample_hz is None:
        raise NeuroMotionError(
            f"{path} is recorded at {recording.spec.rate_hz:g} Hz, not at {RATE_HZ:g} Hz as the rest of EEGMMIDB; "
            f"pass resample_hz={RATE_HZ:g} to resample it."
        )
    return recording if resample_hz is None else recording.resampled(resample_hz)


def read_as_recorded(path: str | os.PathLike[str]) -> Recording:
    """Like `read_file`, at the rate at which the file was recorded, whatever it is."""
    import mne

    path = Path(path)
    match = re.fullmatch(r"(S\d{3})R(\d{2})\.edf", path.name)
    if match is None:
        raise NeuroMotionError(f"{path} is not named like a file of EEGMMIDB (S001R03.edf: person 1, run 3).")
    subject, run = match[1], int(match[2])
    session, labels = run_meaning(run)
    raw = read_raw(path)
    try:
        mne.datasets.eegbci.standardize(raw)
        recording = Recording.from_mne(
            _without_padding(raw),
            modality="eeg",
            labels=labels,
            dataset=DATASET,
            subject=subject,
            session=session,
            run=str(run),
        )
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{path}: {error}") from error
    except Exception as error:
        raise NeuroMotionError(f"{path} cannot be read as EEGMMIDB: {type(error).__name__}: {error}") from error
    missing = [name for name in channel_names() if name not in recording.spec.channels]
    if missing or len(recording.spec.channels) != CHANNELS:
        raise NeuroMotionError(
            f"{path} has {len(recording.spec.channels)} channels, not the {CHANNELS} of EEGMMIDB; "
            f"missing: {', '.join(missing) or 'none'}."
        )
    return recording.pick(channel_names())


def channel_names() -> tuple[str, ...]:
    """10-10 names of the 64 channels, in the order of the files."""
    rows = (
        "FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6 Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 "
        "F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FT8 T7 T8 T9 T10 TP7 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 "
        "O1 Oz O2 Iz"
    )
    return tuple(rows.split())


def _without_padding(raw: Any) -> Any:
    """``raw`` without the zeros that fill up the last data record of many files."""
    first = max(0, raw.n_times - round(raw.info["sfreq"]))
    used = np.flatnonzero(raw.get_data(start=first).any(axis=0))
    if used.size and first + used[-1] + 1 < raw.n_times:
        raw.crop(0, (first + used[-1]) / raw.info["sfreq"])
    return raw
