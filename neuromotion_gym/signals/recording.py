"""Recordings, trials and sessions: readers return them, and sources play them.

This module needs NumPy and SciPy only; files are read by `neuromotion_gym.signals.readers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.html_table import fact_table
from neuromotion_gym.signals.channel_names import renamings
from neuromotion_gym.signals.modality import Modality, checked_modality
from neuromotion_gym.signals.sample_faults import note_sample_faults
from neuromotion_gym.signals.stretches import Faults, overlaps, sound_stretches
from neuromotion_gym.signals.units import factor, unit_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
        Unit of one sample: ``"V"`` for volts, or the unit as recorded (the Myo armband: ``"count"``). It gets one
        name, see `neuromotion_gym.signals.units.unit_name`: ``"uv"`` becomes ``"µV"``.

    Raises
    ------
    NeuroMotionError
        If the modality is unknown, the rate is not positive, the unit is missing, there are no channels, or a channel
        name is empty or occurs twice.
    """

    modality: Modality
    channels: tuple[str, ...]
    rate_hz: float
    unit: str

    def __post_init__(self) -> None:
        checked_modality(self.modality)
        if not isinstance(self.rate_hz, Real):
            raise NeuroMotionError(f"Sampling rate is {self.rate_hz!r}; it has to be a number.")
        if not np.isfinite(self.rate_hz) or self.rate_hz <= 0:
            raise NeuroMotionError(f"Sampling rate is {self.rate_hz} Hz; it has to be above 0.")
        object.__setattr__(self, "unit", unit_name(self.unit))
        if not self.unit:
            raise NeuroMotionError("The unit of the samples is not known; say it with unit= (for example unit='µV').")
        if not isinstance(self.channels, str | tuple) and isinstance(self.channels, Iterable):
            object.__setattr__(self, "channels", tuple(self.channels))
        if not isinstance(self.channels, tuple) or not all(isinstance(name, str) for name in self.channels):
            raise NeuroMotionError(f"Channels are {self.channels!r}; they have to be a tuple of names.")
        if not self.channels or not all(self.channels):
            raise NeuroMotionError(f"Channels are {self.channels}; at least one is needed, and each needs a name.")
        twice = sorted({name for name in self.channels if self.channels.count(name) > 1})
        if twice:
            raise NeuroMotionError(f"Channel names have to differ, but {', '.join(twice)} is there more than once.")

    def in_words(self) -> str:
        """Kind, channels, rate and unit, such as ``EEG, 64 channels at 160 Hz in V``."""
        channels = _counted(len(self.channels), "channel")
        return f"{self.modality.upper()}, {channels} at {self.rate_hz:g} Hz in {self.unit}"


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

    Raises
    ------
    NeuroMotionError
        If the label is no text, or a sample is no whole number.
    """

    label: str
    start: int
    stop: int
    has_onset: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.label, str):
            raise NeuroMotionError(f"The label of a trial is {self.label!r}; it has to be a text.")
        if not isinstance(self.start, Integral) or not isinstance(self.stop, Integral):
            raise NeuroMotionError(
                f"Trial {self.label!r} is from {self.start!r} to {self.stop!r}; both are whole numbers of samples."
            )


@dataclass(frozen=True, eq=False)
class Targets:
    """What a person did during a recording, measured along named axes beside the signal, such as joints of the hand.

    Parameters
    ----------
    names : tuple of str
        Names of the axes; for joints those of the limb's degrees of freedom.
    values : float32 array, shape (targets, samples)
        -1 to 1 of the range of each axis, with rest at 0; one value for every sample of the signal.

    Raises
    ------
    NeuroMotionError
        If names are missing or not unique, or values have another shape or leave their range.
    """

    names: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        if not self.names or not all(self.names) or len(set(self.names)) < len(self.names):
            raise NeuroMotionError(f"Targets need unique names that are not empty, not {', '.join(self.names)!r}.")
        if self.values.dtype != np.float32 or self.values.ndim != 2 or len(self.values) != len(self.names):
            raise NeuroMotionError(
                f"Values of {len(self.names)} targets are {self.values.dtype} of shape {self.values.shape}; they have "
                "to be float32 of shape (targets, samples)."
            )
        if not (np.abs(self.values) <= 1).all():
            raise NeuroMotionError("Values of targets have to be numbers from -1 to 1.")


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
    bad_spans : tuple of (int, int)
        First sample and sample after the last of spans that nothing is to be learned from or played from. A span
        without samples is a gap: the samples before and after it are not neighbours in time. No trial overlaps one.
    targets : Targets, optional
        What the person did meanwhile, if it was measured.

    Raises
    ------
    NeuroMotionError
        If the samples are not a finite float32 array of shape (channels, samples), a channel is flat although
        ``as_recorded`` is True, a trial lies outside the recording or in a bad span, or targets have another length.
    """

    samples: np.ndarray
    spec: SignalSpec
    trials: tuple[Trial, ...]
    dataset: str
    subject: str
    session: str = "0"
    run: str = "0"
    as_recorded: bool = True
    bad_spans: tuple[tuple[int, int], ...] = ()
    targets: Targets | None = None

    def __post_init__(self) -> None:
        _check_samples(self.samples, self.spec, self.name, self.as_recorded)
        length = self.samples.shape[1]
        if self.targets is not None and self.targets.values.shape[1] != length:
            raise NeuroMotionError(
                f"Targets of {self.name} have {self.targets.values.shape[1]} values each, but the recording has "
                f"{length} samples."
            )
        for trial in self.trials:
            if not 0 <= trial.start < trial.stop <= length:
                raise NeuroMotionError(
                    f"Trial {trial.label!r} of {self.name} covers samples {trial.start} to {trial.stop}, "
                    f"but the recording has {length}."
                )
        for start, stop in self.bad_spans:
            if not 0 <= start <= stop <= length:
                raise NeuroMotionError(
                    f"The bad span of {self.name} from {start} to {stop} lies outside its {length} samples."
                )
            inside = [trial for trial in self.trials if overlaps(trial.start, trial.stop, start, stop)]
            if inside:
                raise NeuroMotionError(
                    f"Trial {inside[0].label!r} of {self.name} covers samples {inside[0].start} to {inside[0].stop}, "
                    f"which overlap the bad span or gap from {start} to {stop}; leave it out."
                )

    @classmethod
    def from_mne(
        cls,
        inst: Any,
        *,
        modality: Modality,
        labels: Mapping[str, str | None] | None = None,
        events: Any = None,
        event_id: Mapping[str, int] | None = None,
        stim_channel: str | Sequence[str] | None = None,
        channels: Sequence[str] | Mapping[str, str] | None = None,
        unit: str | None = None,
        dataset: str = "user",
        subject: str = "0",
        session: str = "0",
        run: str = "0",
        trial_s: float | None = None,
        strict: bool = False,
    ) -> Recording:
        """Recording from an `mne.io.Raw` (trials from its annotations or events) or `mne.Epochs` (an epoch a trial).

        Trials begin where `mne.events_from_annotations` puts them, also after a crop, without a date, and with
        ``first_samp`` other than 0. Trials that cannot be meant (outside the recording, repeated, one stretch under
        two labels, in spans whose annotation begins with ``BAD`` or ``EDGE``) are left out and counted in one warning.

        Parameters
        ----------
        inst : mne.io.BaseRaw or mne.BaseEpochs
            Channels marked bad are kept: drop or interpolate them first.
        modality : {"eeg", "emg"}
            Kind of signal. Without ``channels``, the channels of this type are taken; if there are none (an EDF file
            does not give types), all data channels are.
        labels : mapping of str to str or None, optional
            Name of an annotation or event to label; None leaves it out. Without a mapping each name is its label.
            ``labels={}`` reads the recording without trials.
        events : int array, shape (events, 3), optional
            Events of a Raw as MNE has them: sample (counted as ``raw.first_samp`` is), 0, code.
        event_id : mapping of str to int, optional
            Name of each code of ``events`` or of the stim channel; other codes are left out. Without it the code is
            the name. For annotations: the names that are used.
        stim_channel : str or sequence of str, optional
            Channels whose values mark the events of a Raw, see `mne.find_events`.
        channels : sequence of str, or mapping of str to str, optional
            Channels to take, in this order. Other spellings of a name are found and said
            (`neuromotion_gym.signals.channel_names`); the recording has the names given here. A mapping gives the
            channels of ``inst`` new names.
        unit : str, optional
            Unit of the numbers in ``inst``; volts by default, as MNE means them. It has to be given where the file did
            not say the unit: MNE then takes the numbers for volts.
        dataset, subject, session, run : str
            Where the samples come from.
        trial_s : float, optional
            Length in seconds of trials whose annotation has no duration, and of trials from events.
        strict : bool
            Whether faults that are otherwise warned about are errors.

        Raises
        ------
        NeuroMotionError
            If there are no annotations or events, one is not in ``labels``, a trial has no length, a channel is
            missing or not clear, the unit is not known, or ``strict`` is true and there are faults.
        """
        from neuromotion_gym.signals.readers.mne_objects import Marks, content_of

        marks = Marks(labels, events, event_id, stim_channel, trial_s)
        faults = Faults()
        found = content_of(inst, modality, marks, channels, unit, faults)
        spec = SignalSpec(modality, found.channels, found.rate_hz, found.unit)
        note_sample_faults(found.samples, spec.channels, spec.unit, faults)
        sound = sound_stretches(found.stretches, found.samples.shape[1], found.bad_spans, faults)
        trials = tuple(Trial(*stretch) for stretch in sound)
        made = cls(found.samples, spec, trials, dataset, subject, session, run, bad_spans=found.bad_spans)
        if found.stretches and not trials:
            raise NeuroMotionError(f"{made.name} has no trial that can be used: {faults.text()}.")
        if said := renamings(found.renamed) if not isinstance(channels, Mapping) else "":
            warn(f"Channels of {made.name} are matched by name: {said}.")
        faults.report(made.name, strict=strict)
        return made

    def __repr__(self) -> str:
        """One line: where it comes from, what it holds, how long, and its trials by label."""
        told = self._facts()
        return f"<Recording {self.name}: {told['signal']}, {told['length']}, {told['trials']}>"

    def _repr_html_(self) -> str:
        """A small table, for a cell of a notebook."""
        where = {"data set": self.dataset, "person": self.subject, "session": self.session, "run": self.run}
        return fact_table("Recording", {**where, **self._facts()})

    def _facts(self) -> dict[str, str]:
        """What it holds, in words."""
        spec, bad = self.spec, int((~self.good_samples()).sum()) / self.spec.rate_hz
        gaps = sum(start == stop for start, stop in self.bad_spans)
        less = [f"{bad:.1f} s of them bad"] if bad else []
        less += [f"{gaps} gap{'s' if gaps > 1 else ''}"] if gaps else []
        return {
            "signal": spec.in_words(),
            "channels": _some(spec.channels),
            "length": ", ".join([f"{self.duration_s:.1f} s", *less]),
            "trials": _by_label([self]),
        }

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

    def good_samples(self) -> np.ndarray:
        """Which samples lie outside the bad spans, bool array of shape (samples,)."""
        good = np.ones(self.samples.shape[1], bool)
        for start, stop in self.bad_spans:
            good[start:stop] = False
        return good

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
        spans = tuple((round(start * scale), min(round(stop * scale), length)) for start, stop in self.bad_spans)
        trials = tuple(
            replace(
                trial,
                start=(start := min(round(trial.start * scale), length - 1)),
                stop=max(start + 1, min(round(trial.stop * scale), length)),
            )
            for trial in self.trials
        )
        spec, targets = replace(self.spec, rate_hz=rate_hz), self.targets
        if targets is not None:
            at = np.arange(length) / scale
            rows = [np.interp(at, np.arange(self.samples.shape[1]), row) for row in targets.values]
            targets = replace(targets, values=np.array(rows, np.float32))
        return replace(self, samples=samples, spec=spec, trials=trials, bad_spans=spans, targets=targets)

    def in_unit(self, unit: str) -> Recording:
        """The recording in another unit: volts, millivolts, microvolts or nanovolts.

        Raises
        ------
        NeuroMotionError
            If the recording's unit cannot be converted.
        """
        by = factor(self.spec.unit, unit)
        spec = replace(self.spec, unit=unit)
        return self if spec == self.spec else replace(self, samples=self.samples * np.float32(by), spec=spec)

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

    def __repr__(self) -> str:
        """One line: whose it is, what it holds, and its trials by label."""
        told = self._facts()
        apart = f", calibration apart: {told['calibration']}" if self.calibration else ""
        return f"<Session {self.dataset} {self.subject}, session {self.session}: {told['recordings']}{apart}>"

    def _repr_html_(self) -> str:
        """A small table, for a cell of a notebook."""
        where = {"data set": self.dataset, "person": self.subject, "session": self.session}
        return fact_table("Session", {**where, **self._facts()})

    def _facts(self) -> dict[str, str]:
        """What it holds, in words."""
        specs = list(dict.fromkeys(one.spec for one in (*self.recordings, *self.calibration)))
        told = {
            "signal": "; ".join(spec.in_words() for spec in specs),
            "recordings": _together(self.recordings),
        }
        return {**told, "calibration": _together(self.calibration) if self.calibration else "none"}

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


def _together(recordings: Sequence[Recording]) -> str:
    """Number, runs, length and trials of some recordings."""
    runs = _some(list(dict.fromkeys(one.run for one in recordings)))
    seconds = sum(one.duration_s for one in recordings)
    return f"{_counted(len(recordings), 'recording')} (run {runs}), {seconds:.1f} s, {_by_label(recordings)}"


def _by_label(recordings: Sequence[Recording]) -> str:
    """Number of trials, and of each label, the most frequent first."""
    count = Counter(trial.label for one in recordings for trial in one.trials)
    labels = _some([f"{label} {number}" for label, number in count.most_common()])
    return _counted(count.total(), "trial") + (f" ({labels})" if labels else "")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _some(names: Sequence[str], shown: int = 8) -> str:
    """The first names; the rest is counted."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
