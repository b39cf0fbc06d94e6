"""Recordings made to fit what a decoder reads: channels by name, unit, sampling rate."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.channel_names import matched, renamings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.signals.modality import Modality
    from neuromotion_gym.signals.recording import Recording

RATE_TOLERANCE = 1e-6
"""Largest relative difference between two sampling rates that count as equal."""


class Wanted(Protocol):
    """The fields of a decoder's specification that say what a recording has to be."""

    name: str
    modality: Modality
    channels: tuple[str, ...]
    rate_hz: float
    unit: str


def fitted(recording: Recording, wanted: Wanted, *, others: bool = False, resample: bool = False) -> Recording:
    """The recording with the decoder's channels under its names and in its order, in its unit and at its rate.

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
        If the modality differs, a channel is missing, the unit cannot be converted, or the rate differs and
        ``resample`` is False.
    """
    who = f"Decoder {wanted.name!r} cannot read {recording.name}"
    if recording.spec.modality != wanted.modality:
        raise NeuroMotionError(f"{who}: it is {recording.spec.modality!r}, but the decoder reads {wanted.modality!r}.")
    recording = _with_channels(recording, wanted, others, who)
    try:
        recording = recording.in_unit(wanted.unit)
    except NeuroMotionError as error:
        raise NeuroMotionError(f"{who}: {error}") from None
    if abs(recording.spec.rate_hz - wanted.rate_hz) <= RATE_TOLERANCE * wanted.rate_hz:
        return recording
    rates = f"its rate is {recording.spec.rate_hz:g} Hz, but the decoder reads {wanted.rate_hz:g} Hz"
    if not resample:
        raise NeuroMotionError(f"{who}: {rates}; resample=True converts it.")
    warnings.warn(f"{recording.name} is resampled: {rates}.", NeuroMotionWarning, stacklevel=2)
    return recording.resampled(wanted.rate_hz)


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


def _with_channels(recording: Recording, wanted: Wanted, others: bool, who: str) -> Recording:
    """The recording with the decoder's channels first, found by their names."""
    given = recording.spec.channels
    found = matched(wanted.channels, given)
    missing: Sequence[str] = [name for name in wanted.channels if name not in found]
    if missing:
        raise NeuroMotionError(
            f"{who}: it lacks channels {', '.join(missing)}; it has {', '.join(given)}. "
            "A map of channels ({name in the recording: name of the decoder}) says which is which."
        )
    if said := renamings(found):
        warnings.warn(f"Channels of {recording.name} are matched by name: {said}.", NeuroMotionWarning, stacklevel=3)
    new = {old: name for name, old in found.items()}
    rest = [name for name in given if name not in new] if others else []
    if (*found.values(), *rest) != given:
        recording = recording.pick([*found.values(), *rest])
    return replace(recording, spec=replace(recording.spec, channels=(*wanted.channels, *rest))) if said else recording
