"""The arm table: biceps, triceps and "middle" of one arm as 10-bit numbers; six movements, one recording of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import MODELS

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.emg_arm_table.reader import read_block

    return read_block(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.emg_arm_table.reader import table_file

    return (table_file(root),)


DATASET = Dataset(
    name="emg_arm_table",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=100.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.01,
    integer_range=(0, 1023),
    surrogate=replace(
        MODELS["emg"],
        name="banded up to half the rate, covariances and levels by trial",
        edges_hz=(0, 5, 15, 30, 50),
        frames=4,
        levels=True,  # counts lie around a level, not around zero
        slow_hz=0.05,
        knots_hz=0.1,
        noise="tape",
    ),
)
