"""What is known of a data set: the folders beside this file, and what other packages register.

Generic code asks here and never knows a data set by name. A data set is a folder ``datasets/<name>/`` whose
``__init__.py`` holds ``DATASET``, a `Dataset`; its ``parts.yaml`` says who is for training, tuning and testing. Readers
are imported when they read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.parts import PartsTable, read_parts
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.signals.recording import Recording


@dataclass(frozen=True, eq=False)
class Dataset:
    """Facts of one data set.

    Parameters
    ----------
    name : str
        Its name in recipes and options.
    parts : pathlib.Path
        Its table of parts, see `neuromotion_gym.datasets.parts.PartsTable`.
    read : callable
        From a person, a run and the folder of the data sets to a `Recording`.
    files : callable
        From the same to the files that this run is read from, for checksums.
    unit : str
        Unit of a sample as the reader gives it.
    rate_hz : float
        Sampling rate.
    has_onset : bool
        Whether a trial begins when the person was asked to begin. Without onsets no cue can be left out.
    pieces_s : (float, float)
        Shortest and longest time between two restarts of a source.
    fade_s : float
        Length of the cross-fade at a restart.
    rest : str or None
        Label of a person who wants nothing.
    ocular_channels : tuple of str
        Channels that see the eyes and can be regressed out of all others; empty where there are none.
    skip_cue_s : float
        Seconds after the onset that are left out by default for decoders of sliding windows: what people do when they
        see the cue tells the label.
    integer_range : (int, int) or ()
        Lowest and highest integer that the device gives, where it gives integers.
    calibration_labelled : bool
        Whether a surrogate may use the labels of calibration runs.
    contrasts : tuple of tuples of str
        Labels that reports also tell apart on their own.
    shown_first : tuple of str
        Channels that pictures show where there is no room for all.
    """

    name: str
    parts: Path
    read: Callable[[str, str, Path], Recording]
    files: Callable[[str, str, Path], tuple[Path, ...]]
    unit: str
    rate_hz: float
    has_onset: bool
    pieces_s: tuple[float, float]
    fade_s: float
    rest: str | None = None
    ocular_channels: tuple[str, ...] = ()
    skip_cue_s: float = 0.0
    integer_range: tuple[int, int] | tuple[()] = ()
    calibration_labelled: bool = True
    contrasts: tuple[tuple[str, ...], ...] = ()
    shown_first: tuple[str, ...] = ()

    @cached_property
    def table(self) -> PartsTable:
        """Its parts, folds, kinds of session and licence."""
        table = read_parts(self.parts)
        if table.dataset != self.name:
            raise NeuroMotionError(f"{self.parts} is the table of {table.dataset!r}, not of {self.name!r}.")
        return table


_REGISTERED: dict[str, Dataset] = {}


def register_dataset(dataset: Dataset) -> None:
    """Make a data set of another package known; the same one again changes nothing.

    Raises
    ------
    NeuroMotionError
        If another data set has this name.
    """
    if dataset.name in _shipped_names() or _REGISTERED.get(dataset.name, dataset) is not dataset:
        raise NeuroMotionError(f"There already is a data set {dataset.name!r}; choose another name.")
    _REGISTERED[dataset.name] = dataset


def dataset(name: str) -> Dataset:
    """Facts of a data set.

    Raises
    ------
    NeuroMotionError
        If there is none of that name; the message lists those there are.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in _shipped_names():
        raise NeuroMotionError(f"No data set is called {name!r}. Data sets: {', '.join(dataset_names())}.")
    found: Dataset = import_module(f"neuromotion_gym.datasets.{name}").DATASET
    return found


def dataset_names() -> list[str]:
    """Names of all data sets, sorted."""
    return sorted({*_shipped_names(), *_REGISTERED})


def is_known(name: str) -> bool:
    """Whether there is a data set of this name; a decoder of one's own may name another."""
    return name in _REGISTERED or name in _shipped_names()


def _shipped_names() -> set[str]:
    return {path.parent.name for path in Path(__file__).parent.glob("*/parts.yaml")}
