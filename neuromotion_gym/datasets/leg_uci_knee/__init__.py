"""The knee set: four muscles of the thigh while people walk and move the knee; their bursts, one channel at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import ONE_ELECTRODE

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.leg_uci_knee.reader import read_movement

    return read_movement(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.leg_uci_knee.reader import movement_file

    return (movement_file(root, person, run),)


DATASET = Dataset(
    name="leg_uci_knee",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="mV",
    rate_hz=1000.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    surrogate=ONE_ELECTRODE,
)
