"""Recordings, trials and sessions: what every reader gives and every source plays.

Pure NumPy; reading files is the business of `neuromotion_gym.signals.readers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

Modality = Literal["eeg", "emg"]


@dataclass(frozen=True)
class SignalSpec:
    """What a stream of samples is.

    Parameters
    ----------
    modality : {"eeg", "emg"}
        Kind of signal.
    channels : tuple of str
        Channel names, in the order of the rows of every array of samples.
    rate_hz : float
        Samples a second.
    unit : str
        Unit of one sample: ``"V"`` for volts, or the unit as recorded (the Myo armband: ``"count"``).
    """

    modality: Modality
    channels: tuple[str, ...]
    rate_hz: float
    unit: str


@dataclass(frozen=True)
class Trial:
    """One labelled stretch of a recording.

    Parameters
    ----------
    label : str
        ``snake_case`` label, as in the data set.
    start, stop : int
        First sample and one past the last, in samples of the recording.
    has_onset : bool
        Whether ``start`` is the moment at which the person was asked to begin; False for steady-state recordings.
    """

    label: str
    start: int
    stop: int
    has_onset: bool = True


@dataclass(frozen=True, eq=False)
class Recording:
    """Continuous multichannel samples with the trials marked in them.

    Parameters
    ----------
    samples : float32 array, shape (channels, samples)
        In ``spec.unit``.
    spec : SignalSpec
        Channels, rate and unit.
    trials : tuple of Trial
        In order of time; may be empty (a calibration run without labels).
    dataset, subject, session, run : str
        Where the samples come from. Runs of one subject and session are one `Session`.
    """

    samples: np.ndarray
    spec: SignalSpec
    trials: tuple[Trial, ...]
    dataset: str
    subject: str
    session: str = "0"
    run: str = "0"


@dataclass(frozen=True, eq=False)
class Session:
    """What one episode plays: one subject and session, its calibration run kept apart.

    Parameters
    ----------
    recordings : tuple of Recording
        Played in the loop, trial by trial.
    calibration : tuple of Recording
        Recorded before use; adaptation starts from it, and it is never played.
    """

    dataset: str
    subject: str
    session: str
    recordings: tuple[Recording, ...]
    calibration: tuple[Recording, ...] = field(default=())
