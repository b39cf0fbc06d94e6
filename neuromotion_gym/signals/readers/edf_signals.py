"""What MNE does to signals of EDF and BDF files without a word: it raises rates, and takes unknown units for volts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import warn
from neuromotion_gym.signals.readers.edf_header import ANNOTATIONS
from neuromotion_gym.signals.units import VOLTS, unit_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.readers.edf_header import EdfHeader, EdfSignal
    from neuromotion_gym.signals.stretches import Faults

TAKEN_BY_MNE = {"uV": 1e-6, "\u00b5V": 1e-6, "\u03bcV": 1e-6, "\x83\xcaV": 1e-6, "mV": 1e-3}
"""Units of EDF and BDF files that MNE knows, and its factors to volts; it takes all others for volts."""
MICRO = re.compile("\u00c2\u00b5|\u00ce\u00bc|\x83\xca")
"""The sign for micro in UTF-8 and in Shift-JIS, read byte by byte."""


def data_signals(header: EdfHeader) -> list[EdfSignal]:
    """The signals that hold samples, not annotations."""
    return [signal for signal in header.signals if signal.name not in ANNOTATIONS]


def note_rates(header: EdfHeader, signals: Sequence[EdfSignal], faults: Faults) -> None:
    """Note the signals that MNE resamples, because another one has a higher rate."""
    highest = max((signal.samples for signal in signals), default=0)
    for signal in signals:
        if signal.samples < highest and header.record_s:
            rates = f"from {signal.samples / header.record_s:g} Hz to {highest / header.record_s:g} Hz"
            faults.note("channels are resampled to the highest rate of those that are read", f"{signal.name} {rates}")


def convert_known_units(raw: Any, header: EdfHeader, unit: str | None = None) -> None:
    """Convert the samples whose unit MNE did not know and we do; what nobody knows stays marked as not known.

    If ``unit`` says the unit of the numbers in the file, the samples become these numbers again, and it is said where
    the file has another unit.
    """
    others: dict[str, str] = {}
    signals = data_signals(header)
    read = signals if len(signals) == len(raw.ch_names) else [one for one in signals if one.name in raw.ch_names]
    kinds = raw.get_channel_types()
    for index, (name, signal) in enumerate(zip(raw.ch_names, read, strict=True)):
        if kinds[index] == "stim":  # codes have no unit, whatever the header says
            continue
        taken = TAKEN_BY_MNE.get(signal.unit, 1.0)
        stated = unit_name(MICRO.sub("µ", signal.unit))
        # The only place where MNE keeps what the file says; `Recording.from_mne` asks for the unit there
        raw._orig_units[name] = stated if stated in VOLTS else "n/a"
        if unit is not None and stated in VOLTS and stated != unit_name(unit):
            others[name] = stated
        by = 1 / taken if unit is not None else VOLTS.get(stated, taken) / taken
        if by != 1:
            raw.apply_function(lambda samples, by: samples * by, picks=[index], by=by)
    if others:
        said = ", ".join(f"{name} in {stated}" for name, stated in others.items())
        warn(f"unit= says {unit_name(unit or '')}, and this is used; the file says {said}.")
