"""The flexible-grid set: 64 electrodes around the forearm, 16 by 4; four gestures and rest, three sessions a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.flexemg_64ch.reader import read_run

    return read_run(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.flexemg_64ch.reader import run_files

    return run_files(root, person, run)


DATASET = Dataset(
    name="flexemg_64ch",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="mV",
    rate_hz=1000.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    rest="rest",
)
