"""EEGMMIDB, the PhysioNet EEG Motor Movement/Imagery Database: 64 channels, real and imagined movements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.eegmmidb.reader import edf_file, read_as_recorded

    return read_as_recorded(edf_file(root, person, int(run)))


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.eegmmidb.reader import edf_file

    return (edf_file(root, person, int(run)),)


DATASET = Dataset(
    name="eegmmidb",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="V",
    rate_hz=160.0,
    has_onset=True,
    pieces_s=(1.0, 2.1),
    fade_s=0.1,
    rest="rest",
    ocular_channels=("Fp1", "Fp2", "F7", "F8"),
    # The cue is on the left or right of the screen, and the eyes follow it; after 2 s they have returned
    skip_cue_s=2.0,
    # Runs 3 and 4 are used as calibration runs without their labels
    calibration_labelled=False,
    contrasts=(("left_fist", "right_fist"),),
    shown_first=("FC3", "C5", "C3", "CP3", "Cz", "FC4", "C4", "C6", "CP4"),
)
