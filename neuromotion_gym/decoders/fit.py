"""Whether a decoder can read a signal: modality, sampling rate, unit, channels, and labels or targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording, SignalSpec
    from neuromotion_gym.signals.sources.cued import Cued

RATE_TOLERANCE = 1e-6
"""Largest relative difference between two sampling rates that count as equal."""
NAMED = 8
"""Largest number of channels that a message names."""


def misfits(given: SignalSpec, spec: DecoderSpec) -> list[str]:
    """Differences between a signal and the input of a decoder, one phrase each; empty if the signal fits.

    The signal may have more channels than the decoder reads, in any order.
    """
    found = []
    if given.modality != spec.modality:
        found.append(f"modality {given.modality!r} instead of {spec.modality!r}")
    if abs(given.rate_hz - spec.rate_hz) > RATE_TOLERANCE * spec.rate_hz:
        found.append(f"rate_hz {given.rate_hz!r} instead of {spec.rate_hz!r}")
    if given.unit != spec.unit:
        found.append(f"unit {given.unit!r} instead of {spec.unit!r}")
    missing = [channel for channel in spec.channels if channel not in given.channels]
    if missing:
        found.append(f"no channel {_some(missing)} (it has {_some(given.channels)})")
    return found


def check_recording(recording: Recording, spec: DecoderSpec) -> None:
    """Refuse a recording that a decoder cannot read.

    Raises
    ------
    NeuroMotionError
        If modality, rate, unit or channels differ; the message gives both values.
    """
    if wrong := misfits(recording.spec, spec):
        raise NeuroMotionError(f"Decoder {spec.name!r} cannot read {recording.name}: {'; '.join(wrong)}.")


def check_source(source: Cued, spec: DecoderSpec) -> None:
    """Refuse a source that a decoder cannot read, or that cannot play all labels or targets of the decoder.

    Raises
    ------
    NeuroMotionError
        If modality, rate, unit or channels differ, or labels or targets are missing; the message gives both sides.
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


def _some(names: Sequence[str]) -> str:
    """The first names, for messages."""
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
