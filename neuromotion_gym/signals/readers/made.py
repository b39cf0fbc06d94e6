"""Recordings made from what a reader found in a file and what a `Reading` says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.mne_objects import label_of
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial
from neuromotion_gym.signals.sample_faults import note_sample_faults
from neuromotion_gym.signals.stretches import Faults, Stretch, sound_stretches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading


class Found(NamedTuple):
    """What a reader found.

    ``samples`` has shape (channels, samples); the labels of ``stretches`` are names in the file; ``rate_hz`` and
    ``unit`` are None where the file does not say them.
    """

    samples: np.ndarray
    channels: tuple[str, ...]
    rate_hz: float | None
    unit: str | None
    stretches: Sequence[Stretch]
    bad_spans: tuple[tuple[int, int], ...] = ()


def recording_from(found: Found, reading: Reading, origin: Origin, faults: Faults) -> Recording:
    """Recording of what a reader found.

    Parameters
    ----------
    found : Found
    reading : Reading
        Its unit and label map hold; its rate has to agree with that of the file.
    origin : Origin
        If it has a label, the whole recording is one trial of this label.
    faults : Faults
        Faults that the reader noted; they are reported here, once for a recording.

    Raises
    ------
    NeuroMotionError
        If modality, unit or rate are not known, or the label map lacks a name.
    """
    if reading.modality is None:
        raise NeuroMotionError("The kind of signal is not known; say it with modality= in the reading.")
    unit = reading.unit if reading.unit is not None else found.unit
    if unit is None:
        raise NeuroMotionError("The unit of the samples is not known; say it with unit= in the reading (such as 'µV').")
    rate = rate_of(found.rate_hz, reading.rate_hz)
    with np.errstate(over="ignore"):  # an overflow becomes infinite; Recording refuses it and names the channel
        samples = np.ascontiguousarray(found.samples, dtype=np.float32)
    stretches = found.stretches
    if origin.label is not None:
        stretches = [Stretch(origin.label, 0, samples.shape[1], has_onset=False)]
    label = label_map((one.label for one in stretches), reading.labels)
    named = [
        one._replace(label=new, has_onset=one.has_onset if reading.has_onset is None else reading.has_onset)
        for one in stretches
        if (new := label[one.label]) is not None
    ]
    sound = sound_stretches(named, samples.shape[1], found.bad_spans, faults)
    spec = SignalSpec(reading.modality, found.channels, rate, unit)
    trials = tuple(Trial(*one) for one in sound)
    made = Recording(
        samples, spec, trials, origin.dataset, origin.subject, origin.session, origin.run, bad_spans=found.bad_spans
    )
    note_sample_faults(samples, spec.channels, spec.unit, faults)
    faults.report(made.name, strict=reading.strict)
    return delayed(made, reading.delay_s)


def delayed(recording: Recording, delay_s: float) -> Recording:
    """The recording with trials that begin ``delay_s`` after their markers.

    Raises
    ------
    NeuroMotionError
        If a trial ends before it would begin.
    """
    samples = round(delay_s * recording.spec.rate_hz)
    if not samples:
        return recording
    short = [trial for trial in recording.trials if trial.start + samples >= trial.stop]
    if short:
        raise NeuroMotionError(
            f"delay_s={delay_s:g} is longer than {len(short)} of {len(recording.trials)} trials of {recording.name}, "
            f"such as {short[0].label!r} at sample {short[0].start}."
        )
    return replace(recording, trials=tuple(replace(one, start=one.start + samples) for one in recording.trials))


def rate_of(found: float | None, said: float | None) -> float:
    """Sampling rate from what the file tells and what the reading says.

    Raises
    ------
    NeuroMotionError
        If neither is known, or they differ by more than 1 %.
    """
    if found is None and said is None:
        raise NeuroMotionError("The sampling rate is not known; say it with rate_hz= in the reading.")
    if said is None:
        return float(found or 0.0)
    if found is not None and abs(found - said) > 0.01 * said:
        raise NeuroMotionError(f"The file has {found:g} samples per second, but rate_hz={said:g} was said.")
    return said


def label_map(present: Iterable[str], labels: Mapping[str, str | None] | None) -> dict[str, str | None]:
    """The label of each name that is present; None for names that are left out (all of them, for an empty map).

    Raises
    ------
    NeuroMotionError
        If ``labels`` lacks a name; the message lists both sides.
    """
    names = list(dict.fromkeys(present))
    if labels is not None and not labels:
        return dict.fromkeys(names)
    return {name: label_of(name, labels, names) for name in names}


def as_one_trial(recording: Recording, label: str, labels: Mapping[str, str | None] | None) -> Recording:
    """A recording that is one trial of a label, or has no trial if the label map leaves it out.

    Raises
    ------
    NeuroMotionError
        If ``labels`` lacks the label.
    """
    name = label_map([label], labels)[label]
    whole = Trial(name, 0, recording.samples.shape[1], has_onset=False) if name is not None else None
    return replace(recording, trials=() if whole is None else (whole,))


def as_said(recording: Recording, reading: Reading, label_of_all: str | None) -> Recording:
    """A recording that knows all of itself, with what ``reading`` says otherwise: unit, labels, names, onsets, delay.

    Parameters
    ----------
    recording : Recording
    reading : Reading
        Its rate has to agree with that of the recording.
    label_of_all : str, optional
        If it is given, the whole recording is one trial of this label.

    Raises
    ------
    NeuroMotionError
        If the label map lacks a label, the rate differs, or a trial is shorter than the delay.
    """
    if label_of_all is not None:
        recording = as_one_trial(recording, label_of_all, None)
    label = label_map((trial.label for trial in recording.trials), reading.labels)
    trials = tuple(
        replace(trial, label=new, has_onset=trial.has_onset if reading.has_onset is None else reading.has_onset)
        for trial in recording.trials
        if (new := label[trial.label]) is not None
    )
    fixed = {name: value for name in ("subject", "session", "run") if (value := getattr(reading, name)) is not None}
    if reading.dataset != type(reading).model_fields["dataset"].default:
        fixed["dataset"] = reading.dataset
    spec = replace(recording.spec, rate_hz=rate_of(recording.spec.rate_hz, reading.rate_hz))
    if reading.unit is not None:
        spec = replace(spec, unit=reading.unit)
    if fixed or trials != recording.trials or spec != recording.spec:
        recording = replace(recording, trials=trials, spec=spec, **fixed)
    return delayed(recording, reading.delay_s)
