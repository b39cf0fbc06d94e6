"""The unit of the numbers that MNE gives for a file, where the unit of the numbers in the file is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.mne_objects import wanted_channels
from neuromotion_gym.signals.units import VOLTS, unit_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

AS_WRITTEN = (".edf", ".bdf")
"""Endings of files whose samples are the numbers of the file where a unit is said; see `edf_signals`."""
ALWAYS = {".set": "µV"}
"""Endings of files that MNE takes to be in one unit, whatever their content."""
NO_SIGNALS = ("misc", "stim")
"""Types of channels in MNE that are not read unless they are asked for."""


def unit_of_numbers(
    inst: Any, file: Path, unit: str | None, channels: Sequence[str] | Mapping[str, str] | None
) -> str | None:
    """Unit of the numbers in an MNE object, see ``unit`` of `Recording.from_mne`.

    Parameters
    ----------
    inst : mne.io.BaseRaw or mne.BaseEpochs
    file : path
        Where it was read from.
    unit : str, optional
        Unit of the numbers in the file. Where the file says the same, MNE has converted them to volts.
    channels : sequence or mapping of str, optional
        Channels that will be taken.

    Raises
    ------
    NeuroMotionError
        If the file says another unit than ``unit``.
    """
    ending = file.suffix.lower()
    if unit is None or ending in AS_WRITTEN:
        return unit
    if channels is None:
        kinds = zip(inst.ch_names, inst.get_channel_types(), strict=True)
        names = [name for name, kind in kinds if kind not in NO_SIGNALS]
    else:
        names = list(wanted_channels(channels, inst.ch_names).values())
    of_all = _stated(inst, ending)
    stated = {name: of_all.get(name, "") for name in names}
    if not set(stated.values()) & set(VOLTS):
        return unit
    if others := {name: one for name, one in stated.items() if one != unit_name(unit)}:
        said = ", ".join(f"{name} in {one or 'no unit'}" for name, one in list(others.items())[:8])
        raise NeuroMotionError(
            f"unit= says {unit_name(unit)}, but the file has {said}, and MNE has converted what is in volts. Leave "
            "unit= out, or read channels of one unit with channels=."
        )
    return "V"


def _stated(inst: Any, ending: str) -> dict[str, str]:
    """Unit of each channel that the file says, and that MNE has converted to volts."""
    if ending in ALWAYS:
        return dict.fromkeys(inst.ch_names, ALWAYS[ending])
    # Both are private, but the only places where MNE keeps what the file says
    if ending == ".gdf":
        factors = {by: unit for unit, by in VOLTS.items() if unit in ("mV", "µV")}  # MNE takes all others for volts
        return dict(zip(inst.ch_names, (factors.get(by, "") for by in inst._raw_extras[0]["units"]), strict=False))
    return {name: unit_name(text) for name, text in getattr(inst, "_orig_units", {}).items()}
