"""UniBo-INAIL: four electrodes on the forearm, put on anew on each of seven days; rest and five gestures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import MODELS

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.unibo_inail_4ch.reader import read_day

    return read_day(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.unibo_inail_4ch.reader import day_file

    return (day_file(root, person, run),)


DATASET = Dataset(
    name="unibo_inail_4ch",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=500.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    rest="rest",
    integer_range=(0, 65535),
    surrogate=replace(
        MODELS["emg"],
        name="banded up to half the rate, covariances and levels by trial",
        edges_hz=(0, 3, 8, 16, 30, 60, 120, 250),
        levels=True,  # an envelope lies around a level, not around zero
        slow_hz=0.05,
        knots_hz=0.1,
        noise="tape",
    ),
)
