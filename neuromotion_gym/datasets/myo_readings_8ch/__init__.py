"""The Myo readings: an armband that is put on anew each session, seven gestures of the wrist and rest, with onsets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import MODELS

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.myo_readings_8ch.reader import read_session

    return read_session(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.myo_readings_8ch.reader import session_files

    return session_files(root, person, run)


DATASET = Dataset(
    name="myo_readings_8ch",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=200.0,
    has_onset=True,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    rest="rest",
    # The label is the cue: until the muscle has followed, a trial holds what came before
    skip_cue_s=1.5,
    integer_range=(-128, 127),
    # A raw EMG has no waveform that follows the cue. The shortest of all trials lasts 4.19 s
    surrogate=replace(MODELS["emg"], patterns=0, stretch_s=4.1),
)
