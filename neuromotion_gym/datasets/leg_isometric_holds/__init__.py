"""The leg muscle set one channel at a time: the electrode of the muscle that a task is named after, at 1000 Hz."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset
from neuromotion_gym.signals.surrogate.models import ONE_ELECTRODE

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.leg_isometric_holds.reader import read_holds

    return read_holds(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.leg_isometric_elderly.reader import contraction_file

    return (contraction_file(root, person, run),)


DATASET = Dataset(
    name="leg_isometric_holds",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="µV",
    rate_hz=1000.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    surrogate=ONE_ELECTRODE,
    contrasts=(("VL", "BF", "TA"),),  # without the one whose published channel is no raw signal
)
