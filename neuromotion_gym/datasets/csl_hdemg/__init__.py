"""The CSL high-density set: 192 channels around the forearm, 27 gestures; five sessions of five people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.registry import Dataset

if TYPE_CHECKING:
    from neuromotion_gym.signals.recording import Recording


def _read(person: str, run: str, root: Path) -> Recording:
    from neuromotion_gym.datasets.csl_hdemg.reader import read_session

    return read_session(person, run, root=root)


def _files(person: str, run: str, root: Path) -> tuple[Path, ...]:
    from neuromotion_gym.datasets.csl_hdemg.reader import session_files

    return session_files(root, person, run)


DATASET = Dataset(
    name="csl_hdemg",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="count",
    rate_hz=2048.0,
    has_onset=False,
    pieces_s=(0.3, 0.7),
    fade_s=0.03,
    rest="idle",
)
