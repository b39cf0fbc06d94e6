"""The ICE Lab high-density set: three grids of 8 by 8 electrodes on the forearm; seven gestures, held five times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.ice_lab_hdemg.reader import read_round

    return read_round(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.ice_lab_hdemg.reader import round_files

    return round_files(root, person, run)


DATASET = Dataset(
    name="ice_lab_hdemg",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=2560.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    rest="rest",
)
