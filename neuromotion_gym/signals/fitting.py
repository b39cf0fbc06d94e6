"""Where a decoder meets a signal: whether it can read it, and the signal as the decoder reads it.

A decoder reads channels by name, in its own order, at its own rate and in its own unit. Other spellings of a name and
other units of the same quantity are converted (`fitted`); what cannot be converted is refused. An amplitude that is
far from that of the decoder's training data is a wrong unit or gain, whatever the recording says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.intents import plain_name
from neuromotion_gym.signals.amplitude import typical_amplitude
from neuromotion_gym.signals.channel_names import matched, renamings
from neuromotion_gym.signals.labels import usual_names
from neuromotion_gym.signals.units import factor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.signals.modality import Modality
    from neuromotion_gym.signals.recording import Recording, SignalSpec

RATE_TOLERANCE = 1e-6
"""Largest relative difference between two sampling rates that count as equal."""
NAMED = 8
"""Largest number of channels that a message names."""
REFUSED_TIMES = 30.0
"""A signal whose amplitude is this many times larger or smaller than that of the training data is refused."""
WARNED_TIMES = 5.0
"""A signal whose amplitude is this many times larger or smaller is warned about."""
REST_TIMES = 10.0
"""Muscles at rest may be this many times quieter than the typical signal."""


class Wanted(Protocol):
    """The fields of a decoder's specification that say what a recording has to be."""

    name: str
    modality: Modality
    labels: tuple[str, ...]
    channels: tuple[str, ...]
    rate_hz: float
    unit: str
    window: int
    scale: float | None


def misfits(given: SignalSpec, wanted: Wanted) -> list[str]:
    """Differences between a signal and the input of a decoder, one phrase each; empty if the signal fits.

    The signal may have more channels than the decoder reads, in any order, under other spellings of their names, and
    may be in another unit that can be converted.
    """
    found = []
    if given.modality != wanted.modality:
        found.append(f"modality {given.modality!r} instead of {wanted.modality!r}")
    if not same_rate(given.rate_hz, wanted.rate_hz):
        found.append(f"rate_hz {given.rate_hz!r} instead of {wanted.rate_hz!r}")
    try:
        factor(given.unit, wanted.unit)
    except NeuroMotionError:
        found.append(f"unit {given.unit!r} instead of {wanted.unit!r}")
    try:
        names = matched(wanted.channels, given.channels)
    except NeuroMotionError as error:
        found.append(str(error).rstrip("."))
    else:
        missing = [channel for channel in wanted.channels if channel not in names]
        if missing:
            found.append(f"no channel {_some(missing)} (it has {_some(given.channels)})")
    return found


def same_rate(one: float, other: float) -> bool:
    """Whether two sampling rates differ by rounding only."""
    return abs(one - other) <= RATE_TOLERANCE * other


def fitted(recording: Recording, wanted: Wanted, *, others: bool = False, resample: bool = False) -> Recording:
    """The recording with the decoder's channels under its names and in its order, in its unit and at its rate.

    Labels that the recording has under another usual name are renamed (`neuromotion_gym.signals.labels`). Channels and
    labels that are named differently are said in a warning, and so is an amplitude that is more than `WARNED_TIMES`
    times larger or smaller than that of the decoder's training data.

    Parameters
    ----------
    recording : Recording
    wanted : DecoderSpec
    others : bool
        Keep the other channels, after those of the decoder.
    resample : bool
        Whether another rate is converted, with a warning.

    Raises
    ------
    NeuroMotionError
        If the modality differs, the unit cannot be converted, channels are missing or not clear, the rate differs and
        ``resample`` is False, or the amplitude is more than `REFUSED_TIMES` times off; the message gives both sides.
    """
    given = recording.spec
    other_rate = not same_rate(given.rate_hz, wanted.rate_hz)
    rated = replace(given, rate_hz=wanted.rate_hz) if other_rate and resample else given
    if wrong := misfits(rated, wanted):
        advice = " resample=True converts the rate." if other_rate and not resample else ""
        if any(one.startswith("unit ") for one in wrong):
            advice += " If the numbers have another unit than the recording says, say it with unit=."
        raise NeuroMotionError(f"Decoder {wanted.name!r} cannot read {recording.name}: {'; '.join(wrong)}.{advice}")
    names = matched(wanted.channels, given.channels)
    if said := renamings(names):
        warn(f"Channels of {recording.name} are matched by name: {said}.")
    new = {old: name for name, old in names.items()}
    rest = [name for name in given.channels if name not in new] if others else []
    if (*new, *rest) != given.channels:
        recording = recording.pick([*new, *rest])
    if said:
        recording = replace(recording, spec=replace(recording.spec, channels=(*wanted.channels, *rest)))
    recording = recording.in_unit(wanted.unit)
    if usual := usual_names((trial.label for trial in recording.trials), wanted.labels):
        said = ", ".join(f"{name} = {label}" for name, label in usual.items())
        warn(f"Labels of {recording.name} are matched by name: {said}.")
        trials = (replace(trial, label=usual.get(trial.label, trial.label)) for trial in recording.trials)
        recording = replace(recording, trials=tuple(trials))
    spelled = {plain_name(label): label for label in wanted.labels}
    names_there = dict.fromkeys(trial.label for trial in recording.trials)
    if alike := [name for name in names_there if name not in wanted.labels and plain_name(name) in spelled]:
        said = ", ".join(f"{name!r} is not {spelled[plain_name(name)]!r}" for name in alike)
        warn(
            f"{recording.name} has labels that differ from those of the decoder in their spelling alone, and are not "
            f"used: {said}. A map of labels makes them the same."
        )
    if wanted.scale is not None:
        read = recording.pick(wanted.channels) if rest else recording
        window = round(wanted.window * given.rate_hz / wanted.rate_hz)
        check_amplitude(typical_amplitude([read], window), wanted, recording.name)
    if not other_rate:
        return recording
    warn(
        f"{recording.name} is resampled from {given.rate_hz:g} Hz to {wanted.rate_hz:g} Hz, which decoder "
        f"{wanted.name!r} reads."
    )
    return recording.resampled(wanted.rate_hz)


def check_amplitude(amplitude: float, wanted: Wanted, name: str, *, first_windows: bool = False) -> None:
    """Compare an amplitude with that of a decoder's training data, if its recipe states one.

    Parameters
    ----------
    amplitude : float
        See `neuromotion_gym.signals.amplitude.typical_amplitude`, in ``wanted.unit``.
    wanted : DecoderSpec
    name : str
        What has the amplitude, for messages.
    first_windows : bool
        Whether it is the amplitude of the first windows alone: they may hold rest, which is up to `REST_TIMES` times
        smaller, and they are too few for a warning.

    Raises
    ------
    NeuroMotionError
        If they differ more than `REFUSED_TIMES` times.
    """
    if wanted.scale is None:
        return
    compared = max(amplitude, min(wanted.scale, REST_TIMES * amplitude)) if first_windows else amplitude
    times = max(compared, wanted.scale) / max(min(compared, wanted.scale), 1e-300)
    if times <= (REFUSED_TIMES if first_windows else WARNED_TIMES):
        return
    text = (
        f"{name} has an amplitude of {amplitude:.3g} {wanted.unit}, {'far ' if times > REFUSED_TIMES else ''}"
        f"{'more' if amplitude > wanted.scale else 'less'} than the {wanted.scale:.3g} {wanted.unit} that decoder "
        f"{wanted.name!r} was trained on"
    )
    if times > REFUSED_TIMES:
        raise NeuroMotionError(
            f"{text}: its unit or gain is not what it says. Say the right unit with unit=; {REFUSED_TIMES:g} times "
            "more or less is the limit."
        )
    warn(f"{text}; its unit or gain may be wrong.")


def renamed(recording: Recording, names: Mapping[str, str]) -> Recording:
    """The recording with other names of channels: ``names`` maps names in the recording to new ones.

    Raises
    ------
    NeuroMotionError
        If the recording lacks a channel, or two channels would have the same name.
    """
    found = matched(tuple(names), recording.spec.channels)
    missing = [name for name in names if name not in found]
    if missing:
        raise NeuroMotionError(
            f"{recording.name} lacks channels {', '.join(missing)}; it has {', '.join(recording.spec.channels)}."
        )
    new = {found[old]: name for old, name in names.items()}
    channels = tuple(new.get(name, name) for name in recording.spec.channels)
    return replace(recording, spec=replace(recording.spec, channels=channels))


def _some(names: Sequence[str]) -> str:
    """The first names, for messages."""
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
