"""Ninapro database 1, exercise A: twelve movements of single fingers and rest; envelopes as changes from rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import MODELS

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.ninapro_db1_a.reader import read_repetition

    return read_repetition(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.ninapro_db1_a.reader import person_file

    return (person_file(root, person),)


DATASET = Dataset(
    name="ninapro_db1_a",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="V",
    rate_hz=100.0,
    has_onset=False,
    pieces_s=(0.5, 1.0),
    fade_s=0.1,
    rest="rest",
    surrogate=replace(
        MODELS["emg"],
        name="banded up to half the rate, covariances and levels by stretch",
        edges_hz=(0, 1, 2, 4, 8, 50),
        frames=1,
        groups=10,
        patterns=10,
        levels=True,  # an envelope is a level; changes of it over a stretch are left to the slowest band
        slow_hz=0.05,
        knots_hz=0.1,
        noise="tape",
        stretch_s=1.8,  # the shortest of all movements takes 1.84 s
    ),
)
