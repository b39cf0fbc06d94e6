"""The foot set: four electrodes on the lower leg, five movements of the foot, written as text."""

from pathlib import Path

from neuromotion_gym.datasets.registry import Dataset


def _read(person, run, root):
    from neuromotion_outside.foot_set.reader import read_text

    return read_text(_path(person, run, root))


def _path(person, run, root):
    return root / "foot_set" / f"{person}_{run}.txt"


def _files(person, run, root):
    return (_path(person, run, root),)


DATASET = Dataset(
    name="foot_set",
    parts=Path(__file__).parent / "parts.yaml",
    read=_read,
    files=_files,
    unit="V",
    rate_hz=250.0,
    has_onset=True,
    pieces_s=(0.4, 0.8),
    fade_s=0.02,
    rest="still",
    contrasts=(("press", "lift"),),
)
