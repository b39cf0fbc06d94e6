"""Where a decoder meets a signal: whether it can read it, and the signal as the decoder reads it.

A decoder reads channels by name, in its own order, at its own rate and in its own unit. Other spellings of a name and
other units of the same quantity are converted (`fitted`); what cannot be converted is refused. An amplitude that is
far from that of the decoder's training data is a wrong unit or gain, whatever the recording says.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.amplitude import typical_amplitude
from neuromotion_gym.signals.channel_names import matched, renamings
from neuromotion_gym.signals.units import factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording, Session, SignalSpec
    from neuromotion_gym.signals.sources.cued import Cued

RATE_TOLERANCE = 1e-6
"""Largest relative difference between two sampling rates that count as equal."""
NAMED = 8
"""Largest number of channels that a message names."""
REFUSED_TIMES = 30.0
"""A signal whose amplitude is this many times larger or smaller than that of the training data is refused."""
WARNED_TIMES = 5.0
"""A signal whose amplitude is this many times larger or smaller is warned about."""


def misfits(given: SignalSpec, spec: DecoderSpec) -> list[str]:
    """Differences between a signal and the input of a decoder, one phrase each; empty if the signal fits.

    The signal may have more channels than the decoder reads, in any order, under other spellings of their names, and
    may be in another unit that can be converted.
    """
    found = []
    if given.modality != spec.modality:
        found.append(f"modality {given.modality!r} instead of {spec.modality!r}")
    if abs(given.rate_hz - spec.rate_hz) > RATE_TOLERANCE * spec.rate_hz:
        found.append(f"rate_hz {given.rate_hz!r} instead of {spec.rate_hz!r}")
    try:
        factor(given.unit, spec.unit)
    except NeuroMotionError:
        found.append(f"unit {given.unit!r} instead of {spec.unit!r}")
    try:
        names = matched(spec.channels, given.channels)
    except NeuroMotionError as error:
        found.append(str(error).rstrip("."))
    else:
        missing = [channel for channel in spec.channels if channel not in names]
        if missing:
            found.append(f"no channel {_some(missing)} (it has {_some(given.channels)})")
    return found


def fitted(recording: Recording, spec: DecoderSpec) -> Recording:
    """The recording as a decoder reads it: its channels, in its order and with its names, in its unit.

    Channels that are named differently are said in a warning, and so is an amplitude that is more than `WARNED_TIMES`
    times larger or smaller than that of the decoder's training data.

    Raises
    ------
    NeuroMotionError
        If modality or rate differ, the unit cannot be converted, channels are missing or not clear, or the amplitude is
        more than `REFUSED_TIMES` times off; the message gives both values.
    """
    if wrong := misfits(recording.spec, spec):
        raise NeuroMotionError(f"Decoder {spec.name!r} cannot read {recording.name}: {'; '.join(wrong)}.")
    names = matched(spec.channels, recording.spec.channels)
    if renamed := renamings(names):
        warnings.warn(
            f"{recording.name}: channels have other names than in decoder {spec.name!r} ({renamed}).",
            NeuroMotionWarning,
            stacklevel=2,
        )
    picked = recording.pick(tuple(names.values())).in_unit(spec.unit)
    found = replace(picked, spec=replace(picked.spec, channels=spec.channels))
    if spec.scale is not None:
        check_amplitude(typical_amplitude([found], spec.window), spec, recording.name)
    return found


def fitted_session(session: Session, spec: DecoderSpec) -> Session:
    """The session with all its recordings `fitted`, calibration runs too."""
    return replace(
        session,
        recordings=tuple(fitted(recording, spec) for recording in session.recordings),
        calibration=tuple(fitted(recording, spec) for recording in session.calibration),
    )


def check_amplitude(amplitude: float, spec: DecoderSpec, name: str, *, refuse_only: bool = False) -> None:
    """Compare an amplitude with that of a decoder's training data, if its recipe states one.

    Parameters
    ----------
    amplitude : float
        See `neuromotion_gym.signals.amplitude.typical_amplitude`, in ``spec.unit``.
    spec : DecoderSpec
    name : str
        What has the amplitude, for messages.
    refuse_only : bool
        Whether `WARNED_TIMES` does not count, for a sample too short to be typical.

    Raises
    ------
    NeuroMotionError
        If they differ more than `REFUSED_TIMES` times.
    """
    if spec.scale is None:
        return
    times = max(amplitude, spec.scale) / max(min(amplitude, spec.scale), 1e-300)
    if times <= (REFUSED_TIMES if refuse_only else WARNED_TIMES):
        return
    more = "larger" if amplitude > spec.scale else "smaller"
    text = (
        f"{name} has an amplitude of {amplitude:.3g} {spec.unit}, but decoder {spec.name!r} was trained on "
        f"{spec.scale:.3g} {spec.unit}, {_times(times)} times {'less' if more == 'larger' else 'more'}"
    )
    if times > REFUSED_TIMES:
        raise NeuroMotionError(f"{text}: its unit or gain is not what it says. Pass unit= with the unit that it has.")
    warnings.warn(f"{text}; its unit or gain may be wrong.", NeuroMotionWarning, stacklevel=3)


def check_source(source: Cued, spec: DecoderSpec) -> None:
    """Refuse a source that a decoder cannot read, or that cannot play all labels or targets of the decoder.

    Raises
    ------
    NeuroMotionError
        If modality or rate differ, the unit cannot be converted, channels are missing or not clear, or labels or
        targets are missing; the message gives both sides.
    """
    wrong = misfits(source.spec, spec)
    played: Sequence[str] = source.labels if spec.classifies else getattr(source, "targets", ())
    missing = [name for name in spec.decoded if name not in played]
    if missing:
        wrong.append(f"it cannot play {', '.join(missing)} (it plays {', '.join(played) or 'labels alone'})")
    if wrong:
        given = source.spec
        raise NeuroMotionError(
            f"Decoder {spec.name!r} reads {len(spec.channels)} channels at {spec.rate_hz:g} Hz, but the source gives "
            f"{len(given.channels)} at {given.rate_hz:g} Hz: {'; '.join(wrong)}."
        )


def _times(times: float) -> str:
    return f"{times:,.0f}" if times < 1e6 else f"{times:.1e}"


def _some(names: Sequence[str]) -> str:
    """The first names, for messages."""
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
