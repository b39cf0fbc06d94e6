"""The leg muscle set: four electrodes on the leg of elderly people; four isometric tasks, one contraction for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import MODELS

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.leg_isometric_elderly.reader import read_contractions

    return read_contractions(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.leg_isometric_elderly.reader import contraction_file

    return (contraction_file(root, person, run),)


DATASET = Dataset(
    name="leg_isometric_elderly",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="µV",
    rate_hz=2000.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    surrogate=replace(
        MODELS["emg"],
        name="banded, covariances and levels by trial",
        # The raw channels fill 20 to 500 Hz, the envelope 0 to 20 Hz; beyond 500 Hz lies the noise of the converter
        edges_hz=(0, 5, 20, 60, 120, 250, 500, 1000),
        frames=20,
        levels=True,
        slow_hz=0.05,
        knots_hz=0.1,
        noise="tape",
    ),
)
