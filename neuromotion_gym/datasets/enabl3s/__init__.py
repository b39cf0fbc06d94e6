"""ENABL3S: able-bodied people walk on the flat, stairs and ramps; bursts of seven muscles of each leg, each alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import ONE_ELECTRODE

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.enabl3s.reader import read_leg

    return read_leg(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.enabl3s.circuits import circuit_files

    return circuit_files(root, person)


DATASET = Dataset(
    name="enabl3s",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=1000.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    surrogate=ONE_ELECTRODE,
)
