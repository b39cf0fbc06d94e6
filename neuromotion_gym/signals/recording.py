"""Recordings, trials and sessions: readers return them, and sources play them.

This module needs NumPy and SciPy only; files are read by `neuromotion_gym.signals.readers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.modality import Modality, checked_modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class SignalSpec:
    """Modality, channels, sampling rate and unit of a stream of samples.

    Parameters
    ----------
    modality : {"eeg", "emg"}
        Kind of signal, see `neuromotion_gym.signals.modality`.
    channels : tuple of str
        Channel names, in the order of the channel axis of every array of samples.
    rate_hz : float
        Samples per second.
    unit : str
        Unit of one sample: ``"V"`` for volts, or the unit as recorded (the Myo armband: ``"count"``).

    Raises
    ------
    NeuroMotionError
        If the modality is unknown, the rate is not positive, there are no channels, or a channel name is empty or
        occurs twice.
    """

    modality: Modality
    channels: tuple[str, ...]
    rate_hz: float
    unit: str

    def __post_init__(self) -> None:
        checked_modality(self.modality)
        if not np.isfinite(self.rate_hz) or self.rate_hz <= 0:
            raise NeuroMotionError(f"Sampling rate is {self.rate_hz} Hz; it has to be above 0.")
        if not self.channels or not all(self.channels):
            raise NeuroMotionError(f"Channels are {self.channels}; at least one is needed, and each needs a name.")
        twice = sorted({name for name in self.channels if self.channels.count(name) > 1})
        if twice:
            raise NeuroMotionError(f"Channel names have to differ, but {', '.join(twice)} is there more than once.")


@dataclass(frozen=True)
class Trial:
    """One labelled stretch of a recording.

    Parameters
    ----------
    label : str
        ``snake_case`` label, as in the data set.
    start, stop : int
        First sample and the sample after the last, counted from the start of the recording.
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
    as_recorded : bool
        False after channels were mixed (`transformed`). Flat channels are an error only where this is True: after
        ocular regression the ocular channels are zero, although their electrodes are not broken.

    Raises
    ------
    NeuroMotionError
        If the samples are not a finite float32 array of shape (channels, samples), a channel is flat although
        ``as_recorded`` is True, or a trial lies outside the recording.
    """

    samples: np.ndarray
    spec: SignalSpec
    trials: tuple[Trial, ...]
    dataset: str
    subject: str
    session: str = "0"
    run: str = "0"
    as_recorded: bool = True

    def __post_init__(self) -> None:
        _check_samples(self.samples, self.spec, self.name, self.as_recorded)
        length = self.samples.shape[1]
        for trial in self.trials:
            if not 0 <= trial.start < trial.stop <= length:
                raise NeuroMotionError(
                    f"Trial {trial.label!r} of {self.name} covers samples {trial.start} to {trial.stop}, "
                    f"but the recording has {length}."
                )

    @classmethod
    def from_mne(
        cls,
        inst: Any,
        *,
        modality: Modality,
        labels: Mapping[str, str | None] | None = None,
        dataset: str = "user",
        subject: str = "0",
        session: str = "0",
        run: str = "0",
        trial_s: float | None = None,
    ) -> Recording:
        """Recording from an `mne.io.Raw` (trials from its annotations) or `mne.Epochs` (each epoch is a trial).

        Parameters
        ----------
        inst : mne.io.BaseRaw or mne.BaseEpochs
            Channels of type ``modality`` are taken; if there are none (an EDF file does not give types), all data
            channels are. Bad channels are kept: drop or interpolate them first. Samples are assumed to be in volts.
        modality : {"eeg", "emg"}
            Kind of signal.
        labels : mapping of str to str or None, optional
            Annotation (or event) name to label; None leaves the annotation out. Without a mapping each
            annotation's name is its label. Annotations that begin with ``BAD`` or ``EDGE`` are always left out.
        dataset, subject, session, run : str
            Where the samples come from.
        trial_s : float, optional
            Length in seconds of trials whose annotation has no duration.

        Raises
        ------
        NeuroMotionError
            If there are no annotations, one is not in ``labels``, or a trial has no length.
        """
        from neuromotion_gym.signals.readers.mne_objects import content_of

        found = content_of(inst, modality, labels, trial_s)
        spec = SignalSpec(modality, found.channels, found.rate_hz, "V")
        trials = tuple(Trial(*stretch) for stretch in found.stretches)
        return cls(found.samples, spec, trials, dataset, subject, session, run)

    @property
    def name(self) -> str:
        """Data set, subject, session and run, for messages."""
        return f"{self.dataset} {self.subject}, session {self.session}, run {self.run}"

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.spec.rate_hz)

    def trial_samples(self) -> Iterator[tuple[Trial, np.ndarray]]:
        """Each trial with its samples, a view of shape (channels, samples)."""
        for trial in self.trials:
            yield trial, self.samples[:, trial.start : trial.stop]

    def pick(self, channels: Sequence[str]) -> Recording:
        """The recording with the named channels only, in the given order.

        Raises
        ------
        NeuroMotionError
            If a channel is missing.
        """
        missing = [name for name in channels if name not in self.spec.channels]
        if missing:
            raise NeuroMotionError(
                f"{self.name} lacks channels {', '.join(missing)}; it has {', '.join(self.spec.channels)}."
            )
        picks = [self.spec.channels.index(name) for name in channels]
        spec = replace(self.spec, channels=tuple(channels))
        return replace(self, samples=self.samples[picks], spec=spec)

    def resampled(self, rate_hz: float) -> Recording:
        """The recording at another sampling rate (zero-phase polyphase filter; not for use in the loop)."""
        if not np.isfinite(rate_hz) or rate_hz <= 0:
            raise NeuroMotionError(f"Cannot resample {self.name} to {rate_hz} Hz; the rate has to be above 0.")
        if rate_hz == self.spec.rate_hz:
            return self
        from scipy.signal import resample_poly

        ratio = Fraction(rate_hz / self.spec.rate_hz).limit_denominator(10_000)
        samples = resample_poly(self.samples, ratio.numerator, ratio.denominator, axis=1).astype(np.float32)
        length, scale = samples.shape[1], float(ratio)
        trials = tuple(
            replace(
                trial,
                start=(start := min(round(trial.start * scale), length - 1)),
                stop=max(start + 1, min(round(trial.stop * scale), length)),
            )
            for trial in self.trials
        )
        return replace(self, samples=samples, spec=replace(self.spec, rate_hz=rate_hz), trials=trials)

    def transformed(self, matrix: np.ndarray) -> Recording:
        """The recording as ``matrix @ samples`` (causal); ``matrix`` has shape (channels, channels)."""
        n = len(self.spec.channels)
        if matrix.shape != (n, n):
            raise NeuroMotionError(f"{self.name} has {n} channels; a matrix of shape {matrix.shape} cannot mix them.")
        return replace(self, samples=matrix.astype(np.float32) @ self.samples, as_recorded=False)


@dataclass(frozen=True, eq=False)
class Session:
    """Recordings of one subject and session, calibration runs apart; an episode plays one session.

    Parameters
    ----------
    recordings : tuple of Recording
        Played in the loop, trial by trial.
    calibration : tuple of Recording
        Calibration runs, recorded before use: the data for adaptation. They are never played.
    """

    dataset: str
    subject: str
    session: str
    recordings: tuple[Recording, ...]
    calibration: tuple[Recording, ...] = field(default=())

    def pick(self, channels: Sequence[str]) -> Session:
        """The session with the named channels only, in the given order; see `Recording.pick`."""
        return replace(
            self,
            recordings=tuple(recording.pick(channels) for recording in self.recordings),
            calibration=tuple(recording.pick(channels) for recording in self.calibration),
        )


def _check_samples(samples: np.ndarray, spec: SignalSpec, name: str, as_recorded: bool) -> None:
    """Raise one NeuroMotionError if ``samples`` cannot be a recording of ``spec``."""
    if not isinstance(samples, np.ndarray) or samples.ndim != 2 or samples.dtype != np.float32:
        found = (
            f"{samples.dtype} of shape {samples.shape}" if isinstance(samples, np.ndarray) else type(samples).__name__
        )
        raise NeuroMotionError(f"Samples of {name} are {found}; they have to be float32 of shape (channels, samples).")
    if samples.shape[0] != len(spec.channels):
        raise NeuroMotionError(
            f"Samples of {name} have {samples.shape[0]} rows, but {len(spec.channels)} channels are named."
        )
    if samples.shape[1] == 0:
        raise NeuroMotionError(f"{name} holds no samples.")
    broken = ~np.isfinite(samples).all(axis=1)
    if broken.any():
        raise NeuroMotionError(
            f"{name} has NaN or infinite samples in channel {_named(spec, broken)}; every sample has to be finite."
        )
    if as_recorded and samples.shape[1] > 1:
        flat = samples.max(axis=1) == samples.min(axis=1)
        if flat.any():
            raise NeuroMotionError(
                f"{name} is flat in channel {_named(spec, flat)}: drop the channel or leave the recording out."
            )


def _named(spec: SignalSpec, mask: np.ndarray) -> str:
    """Names of the channels in ``mask``, for messages."""
    return ", ".join(name for name, hit in zip(spec.channels, mask, strict=True) if hit)
