"""Registry of data sets: the folders beside this file, and the data sets that other packages register.

Generic code gets the facts of a data set here and never mentions a data set by name. A data set is a folder
``datasets/<name>/`` whose ``__init__.py`` defines ``DATASET``, a `Dataset`; its ``parts.yaml`` says which people and
runs are for training, tuning and testing. A reader is imported only when it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.datasets.parts import PartsTable, read_parts
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.fitting import same_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.signals.recording import Recording
    from neuromotion_gym.signals.surrogate.models import SurrogateModel


@dataclass(frozen=True, eq=False)
class Dataset:
    """Facts of one data set.

    Parameters
    ----------
    name : str
        Name in recipes and options.
    parts : pathlib.Path
        File with the table of parts, see `neuromotion_gym.datasets.parts.PartsTable`.
    read : callable
        Function of a person, a run and the folder of the data sets; returns a `Recording`, at the rate at which this
        person was recorded. Other modules call `recording`, which compares the rates.
    files : callable
        Function of the same arguments; returns the files from which the run is read, for checksums.
    unit : str
        Unit of the samples that the reader returns.
    rate_hz : float
        Sampling rate.
    has_onset : bool
        Whether a trial begins when the person was asked to begin. Without onsets ``skip_cue`` does not apply.
    pieces_s : (float, float)
        Shortest and longest time between two restarts of a source.
    fade_s : float
        Length of the cross-fade at a restart.
    rest : str or None
        Label for rest: the person intends no movement.
    ocular_channels : tuple of str
        Channels that record the eyes and can be regressed out of all channels; empty where there are none.
    skip_cue_s : float
        Seconds after the onset that are left out by default for decoders of sliding windows: there the reaction to the
        cue, such as an eye movement, reveals the label, or what the person did before still goes on.
    integer_range : (int, int) or ()
        Lowest and highest value, for devices that give integers.
    calibration_labelled : bool
        Whether a surrogate may use the labels of calibration runs.
    contrasts : tuple of tuples of str
        Groups of labels; reports also give the accuracy among the labels of each group alone.
    shown_first : tuple of str
        Channels that pictures show if there is no space for all.
    surrogate : SurrogateModel, optional
        Model of its surrogates; the default of its modality if left out.
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
    surrogate: SurrogateModel | None = None

    @cached_property
    def table(self) -> PartsTable:
        """The table of parts: parts, folds, kinds of session and licence."""
        table = read_parts(self.parts)
        if table.dataset != self.name:
            raise NeuroMotionError(f"{self.parts} is the table of {table.dataset!r}, not of {self.name!r}.")
        return table

    def recording(self, person: str, run: str, root: Path, *, resample: bool = False) -> Recording:
        """One run of one person at the rate of the data set.

        Parameters
        ----------
        person, run : str
        root : pathlib.Path
            Folder of the data sets.
        resample : bool
            Whether a run at another rate is resampled, with a warning.

        Raises
        ------
        NeuroMotionError
            If the run has another rate and ``resample`` is False, or its files are missing or corrupt.
        """
        found = self.read(person, run, root)
        if same_rate(found.spec.rate_hz, self.rate_hz):
            return found
        rates = f"{found.name} is recorded at {found.spec.rate_hz:g} Hz, {self.name} otherwise at {self.rate_hz:g} Hz"
        if not resample:
            raise NeuroMotionError(f"{rates}: pass resample=True (--resample) to resample it.")
        warn(f"{rates}: it is resampled.")
        return found.resampled(self.rate_hz)


_REGISTERED: dict[str, Dataset] = {}


def register_dataset(dataset: Dataset) -> None:
    """Register a data set of another package; registering the same object again has no effect.

    Raises
    ------
    NeuroMotionError
        If another data set has this name, or it is no plain name (see `checked_name`).
    """
    checked_name(dataset.name, "data set")
    if dataset.name in _shipped_names() or _REGISTERED.get(dataset.name, dataset) is not dataset:
        raise NeuroMotionError(f"There already is a data set {dataset.name!r}; choose another name.")
    _REGISTERED[dataset.name] = dataset


def dataset(name: str) -> Dataset:
    """Facts of a data set.

    Raises
    ------
    NeuroMotionError
        If there is no data set of this name; the message lists all names.
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


def checked_name(name: str, what: str) -> str:
    """Return ``name`` if it is a plain name and no path: names of data sets and people become parts of paths.

    Raises
    ------
    NeuroMotionError
        If it begins with anything but a letter or digit, or holds a slash, a backslash, a colon or a control character.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w[^/\\:\x00-\x1f]*", name):
        raise NeuroMotionError(
            f"{name!r} is no name of a {what}: a name begins with a letter or digit and holds no slash, backslash, "
            "colon or control character."
        )
    return name


def is_known(name: str) -> bool:
    """Whether there is a data set of this name; a user's own decoder may state one that is not registered."""
    return name in _REGISTERED or name in _shipped_names()


def _shipped_names() -> set[str]:
    return {path.parent.name for path in Path(__file__).parent.glob("*/parts.yaml")}
