"""Ninapro database 1, exercise A: twelve movements of single fingers and rest; envelopes as changes from rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset

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
)
