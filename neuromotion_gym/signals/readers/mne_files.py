"""Recordings from files that MNE-Python reads (EDF, BDF, GDF, FIF, BrainVision ...).

MNE reads such files nearly right. What it does without a word is done here with one: only the channels that are asked
for set the rate, gaps of EDF+D files are marked, units that it does not know are not taken for volts, signals without a
scale are left out, and its own warnings are shown.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning, warn
from neuromotion_gym.signals.readers.edf_gaps import joined_annotations
from neuromotion_gym.signals.readers.edf_header import read_header
from neuromotion_gym.signals.readers.edf_signals import convert_known_units, data_signals, note_rates
from neuromotion_gym.signals.readers.mne_objects import wanted_channels
from neuromotion_gym.signals.readers.mne_units import unit_of_numbers
from neuromotion_gym.signals.readers.mne_warnings import warnings_noted
from neuromotion_gym.signals.recording import Recording
from neuromotion_gym.signals.stretches import Faults

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.signals.modality import Modality
    from neuromotion_gym.signals.readers.edf_header import EdfHeader

CHOSEN_FROM_HEADER = (".edf", ".bdf")
"""Endings of files whose header is read here before MNE reads the file."""
WITH_STIM_OPTION = (*CHOSEN_FROM_HEADER, ".gdf")
"""Endings of files whose reader in MNE has to be told which channel is a stim channel."""


def read_raw(
    path: str | os.PathLike[str],
    *,
    channels: Sequence[str] | Mapping[str, str] | None = None,
    stim_channel: str | Sequence[str] | None = None,
    unit: str | None = None,
    strict: bool = False,
) -> Any:
    """`mne.io.Raw` of a file, loaded into memory; every failure raises a NeuroMotionError.

    Parameters
    ----------
    path : path
        File with an ending that MNE knows.
    channels : sequence or mapping of str, optional
        Channels that will be taken, see `Recording.from_mne`. Of an EDF or BDF file only these (and the stim channels)
        are read, so that others do not set the rate.
    stim_channel : str or sequence of str, optional
        Channels whose values mark events.
    unit : str, optional
        Unit of the numbers in an EDF or BDF file, for files that do not say it, or say it wrongly. The samples are then
        these numbers, not volts.
    strict : bool
        Whether what is otherwise warned about is an error.

    Raises
    ------
    NeuroMotionError
        If the file is missing, truncated, or not in a format that MNE reads, or a channel is missing.
    """
    import mne

    file = Path(path)
    if not file.exists():
        raise NeuroMotionError(f"{file} does not exist.")
    ending, faults = file.suffix.lower(), Faults()
    header = read_header(file) if ending in CHOSEN_FROM_HEADER else None
    options: dict[str, Any] = {}
    if stim_channel is not None and ending in WITH_STIM_OPTION:
        options["stim_channel"] = stim_channel
    try:
        if header is not None:
            options["include"] = _chosen(header, channels, stim_channel, faults)
        with warnings_noted(faults):
            raw = mne.io.read_raw(file, preload=True, verbose="WARNING", **options)
            if header is not None:
                convert_known_units(raw, header, unit)
                if header.discontinuous:
                    _with_gaps(raw, file, header, faults)
    except NeuroMotionError as error:
        text = str(error)
        raise (error if text.startswith(str(file)) else NeuroMotionError(f"{file}: {text}")) from None
    except Exception as error:  # with a corrupt file MNE can raise nearly any exception
        raise NeuroMotionError(f"{file} cannot be read as a recording: {type(error).__name__}: {error}") from error
    faults.report(str(file), strict=strict)
    return raw


def read(
    path: str | os.PathLike[str],
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
    """Recording from a file; see `Recording.from_mne` for the options. All its faults are in one warning.

    Parameters
    ----------
    path : path
        File with an ending that MNE knows.
    unit : str, optional
        Unit of the numbers in the file, for files that do not say it; of EDF and BDF files also where they say it
        wrongly, with a warning.

    Raises
    ------
    NeuroMotionError
        If the file is missing, truncated or unreadable, channels are missing, flat or NaN, there are no
        annotations, one is not in ``labels``, or the file says another unit.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        raw = read_raw(path, channels=channels, stim_channel=stim_channel, unit=unit, strict=strict)
        try:
            recording = Recording.from_mne(
                raw,
                modality=modality,
                labels=labels,
                events=events,
                event_id=event_id,
                stim_channel=stim_channel,
                channels=channels,
                unit=unit_of_numbers(raw, Path(path), unit, channels),
                dataset=dataset,
                subject=subject,
                session=session,
                run=run,
                trial_s=trial_s,
                strict=strict,
            )
        except NeuroMotionError as error:
            raise NeuroMotionError(f"{path}: {error}") from error
        except Exception as error:
            raise NeuroMotionError(f"{path} cannot be read as a recording: {type(error).__name__}: {error}") from error
    begins = (f"{Path(path)}: ", f"{recording.name}: ")
    ours = [str(one.message) for one in caught if issubclass(one.category, NeuroMotionWarning)]
    if ours:
        parts = [text.removeprefix(begins[0]).removeprefix(begins[1]).rstrip(".") for text in ours]
        warn(f"{path}: {'; '.join(parts)}.")
    return recording


def _chosen(
    header: EdfHeader,
    channels: Sequence[str] | Mapping[str, str] | None,
    stim_channel: str | Sequence[str] | None,
    faults: Faults,
) -> list[str] | None:
    """Signals that MNE is to read; None for all."""
    signals = data_signals(header)
    names = [signal.name for signal in signals]
    if len(set(names)) < len(names):  # MNE numbers them; which is which can be told only afterwards
        note_rates(header, signals, faults)
        return None
    stim = [] if stim_channel is None else [stim_channel] if isinstance(stim_channel, str) else list(stim_channel)
    if channels is None:
        unscaled = [signal.name for signal in signals if not signal.scaled]
        for name in unscaled:
            faults.note("signals whose minimum and maximum are the same are left out, since they have no scale", name)
        kept = [signal for signal in signals if signal.scaled]
        if not kept:
            raise NeuroMotionError("no signal has a scale: minimum and maximum are the same in the header.")
        note_rates(header, [signal for signal in kept if signal.name not in stim], faults)
        return [signal.name for signal in kept] if unscaled else None
    wanted = list(wanted_channels(channels, names).values())
    kept = [signal for signal in signals if signal.name in wanted]
    if unscaled := [signal.name for signal in kept if not signal.scaled]:
        raise NeuroMotionError(
            f"channels {', '.join(unscaled)} have no scale: minimum and maximum are the same in the header."
        )
    note_rates(header, kept, faults)
    return [*wanted, *(name for name in stim if name not in wanted)]


def _with_gaps(raw: Any, file: Path, header: EdfHeader, faults: Faults) -> None:
    """Put the annotations where they belong, and mark the gaps."""
    import mne

    joined = joined_annotations(file, header)
    if not joined.gaps_s:
        return
    text = f"{joined.missing_s:g} s are missing before {', '.join(f'{gap:g} s' for gap in joined.gaps_s[:3])}"
    faults.note("gaps between records; no trial crosses them", text)
    for mark in joined.unplaced:
        faults.note("annotations in gaps or outside the recording are left out", mark)
    rows = [*joined.marks, *((gap, 0.0, "BAD_ACQ_SKIP") for gap in joined.gaps_s)]
    onsets, durations, texts = zip(*rows, strict=True)
    raw.set_annotations(mne.Annotations(onsets, durations, texts))
