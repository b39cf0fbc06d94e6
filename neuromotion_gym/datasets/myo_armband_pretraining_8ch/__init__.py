"""Further people of the Myo armband set: one round each, of the same seven gestures with the same armband."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.myo_armband_pretraining_8ch.reader import read_run

    return read_run(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.myo_armband_pretraining_8ch.reader import run_files

    return run_files(root, person, run)


DATASET = Dataset(
    name="myo_armband_pretraining_8ch",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=200.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    rest="neutral",
    integer_range=(-128, 127),
)
