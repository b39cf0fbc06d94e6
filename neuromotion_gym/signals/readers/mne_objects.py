"""Objects of MNE-Python in memory, read into plain arrays for `Recording.from_mne`.

This module does not use `Recording`; `neuromotion_gym.signals.recording` builds one from these arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.channel_names import matched
from neuromotion_gym.signals.readers.mne_warnings import warnings_noted
from neuromotion_gym.signals.stretches import Stretch
from neuromotion_gym.signals.units import VOLTS, unit_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from neuromotion_gym.signals.modality import Modality
    from neuromotion_gym.signals.stretches import Faults

LEFT_OUT = ("BAD", "EDGE")
"""Beginnings of annotations, in any case, that mark samples not to be used; MNE's own convention."""


class Content(NamedTuple):
    """Samples, float32 of shape (channels, samples), and what is marked in them."""

    samples: np.ndarray
    channels: tuple[str, ...]
    renamed: dict[str, str]
    """Name that was asked for, and name in the object."""
    rate_hz: float
    unit: str
    stretches: tuple[Stretch, ...]
    """As the object has them; see `neuromotion_gym.signals.stretches.sound_stretches`."""
    bad_spans: tuple[tuple[int, int], ...]


class Marks(NamedTuple):
    """Where trials come from; see `Recording.from_mne`."""

    labels: Mapping[str, str | None] | None = None
    events: Any = None
    event_id: Mapping[str, int] | None = None
    stim_channel: str | Sequence[str] | None = None
    trial_s: float | None = None


def content_of(
    inst: Any,
    modality: Modality,
    marks: Marks,
    channels: Sequence[str] | Mapping[str, str] | None,
    unit: str | None,
    faults: Faults,
) -> Content:
    """Samples and stretches of an `mne.io.Raw` or `mne.Epochs`; see `Recording.from_mne`."""
    import mne

    if not isinstance(inst, mne.io.BaseRaw | mne.BaseEpochs):
        raise NeuroMotionError(f"Recordings come from an mne Raw or Epochs, not from {type(inst).__name__}.")
    if channels is None:
        picks = _in_volts(inst, _picks(inst, modality), unit, faults)
        names = {inst.ch_names[i]: inst.ch_names[i] for i in picks}
    else:
        names = wanted_channels(channels, inst.ch_names)
        picks = [inst.ch_names.index(given) for given in names.values()]
    unit = _unit(inst, picks, unit)
    rate = float(inst.info["sfreq"])
    with warnings_noted(faults):
        if isinstance(inst, mne.BaseEpochs):
            samples, stretches, bad = _of_epochs(inst, picks, marks)
        else:
            samples, stretches = inst.get_data(picks=picks), _raw_stretches(inst, marks)
            bad = _bad_spans(inst, picks)
    with np.errstate(over="ignore"):  # an overflow becomes infinite; Recording refuses it and names the channel
        samples = np.ascontiguousarray(samples, dtype=np.float32)
    return Content(samples, tuple(names), names, rate, unit, stretches, bad)


def wanted_channels(channels: Sequence[str] | Mapping[str, str], given: Sequence[str]) -> dict[str, str]:
    """For each channel of the recording to be made, the name among ``given``.

    Parameters
    ----------
    channels : sequence of str, or mapping
        Channels that are wanted, found among ``given`` as `neuromotion_gym.signals.channel_names.matched` does; or a
        map from names among ``given`` to the names that they get.
    given : sequence of str
        Channels of a file or object.

    Raises
    ------
    NeuroMotionError
        If a channel is missing or not clear; the message lists what is there.
    """
    if isinstance(channels, str):
        raise NeuroMotionError(f"channels is the text {channels!r}; it has to be a list or a map of names.")
    asked = list(channels)
    if not asked or not all(isinstance(name, str) for name in asked):
        raise NeuroMotionError(f"channels are {asked!r}; at least one name is needed.")
    found = matched(asked, given)
    missing = [name for name in asked if name not in found]
    if missing:
        raise NeuroMotionError(f"channels {', '.join(missing)} are missing; there are {', '.join(given)}.")
    if isinstance(channels, Mapping):
        found = {str(channels[name]): found[name] for name in asked}
        if len(found) < len(asked):
            raise NeuroMotionError(f"channels gives one name to two channels: {dict(channels)!r}.")
    return found


def _picks(inst: Any, modality: Modality) -> list[int]:
    """Indices of the channels of type ``modality``; if there are none, of all channels that hold data."""
    types = inst.get_channel_types()
    picks = [i for i, kind in enumerate(types) if kind == modality]
    if not picks:
        picks = [i for i, kind in enumerate(types) if kind in ("eeg", "emg", "bio", "ecog", "seeg", "misc")]
    if not picks:
        raise NeuroMotionError(f"No channel of type {modality!r}; channel types are {', '.join(sorted(set(types)))}.")
    return picks


def _unit(inst: Any, picks: Sequence[int], unit: str | None) -> str:
    """Unit of the samples: as given, or volts if MNE knew how to convert the unit of the file.

    MNE takes numbers whose unit it does not know for volts and says nothing, but it notes ``n/a`` for such a channel.
    """
    if unit is not None:
        return unit_name(unit)
    unknown = [inst.ch_names[i] for i in picks if not _is_in_volts(inst, i)]
    if unknown:
        raise NeuroMotionError(
            f"The unit of channels {', '.join(unknown[:8])}{' …' if len(unknown) > 8 else ''} is not known: the file "
            "does not say it, or in a way that MNE does not know. Pass unit= (for example unit='µV'), the unit of "
            "the numbers."
        )
    return "V"


def _is_in_volts(inst: Any, pick: int) -> bool:
    """Whether MNE converted a channel to volts, as far as that is known."""
    # Private, but the only place where MNE keeps what the file says; without it, nothing is known to be wrong
    original = getattr(inst, "_orig_units", {})
    return unit_name(original.get(inst.ch_names[pick], "V")) in VOLTS


def _in_volts(inst: Any, picks: list[int], unit: str | None, faults: Faults) -> list[int]:
    """Those of ``picks`` that are in volts, if some are and no unit is given: others are temperatures and the like."""
    kept = [i for i in picks if _is_in_volts(inst, i)]
    if unit is not None or not kept:
        return picks
    for i in picks:
        if i not in kept:
            faults.note("channels that are not in volts are left out", inst.ch_names[i])
    return kept


def label_of(name: str, labels: Mapping[str, str | None] | None, present: Iterable[str]) -> str | None:
    """Label of one annotation or event; None if it is to be left out."""
    if labels is None:
        return name
    if name not in labels:
        unknown = sorted({other for other in present if other not in labels})
        raise NeuroMotionError(
            f"Unknown labels {', '.join(map(repr, unknown))} in the recording: the label map has "
            f"{', '.join(map(repr, labels))}; map names that are to be left out to None."
        )
    return labels[name]


class _Mark(NamedTuple):
    """An event: its name, first sample and sample after the last (the same: no duration), counted in memory."""

    name: str
    start: int
    stop: int


def _raw_stretches(raw: Any, marks: Marks) -> tuple[Stretch, ...]:
    """One stretch for each event or annotation."""
    if marks.labels is not None and not marks.labels:
        return ()  # the caller says that nothing is labelled
    if marks.events is not None and marks.stim_channel is not None:
        raise NeuroMotionError("Trials come from events= or from stim_channel=, not from both.")
    if marks.events is not None:
        found = _from_events(raw, marks.events, marks.event_id, "events=")
    elif marks.stim_channel is not None:
        found = _from_events(raw, _stim_events(raw, marks.stim_channel), marks.event_id, "the stim channel")
    else:
        found = _from_annotations(raw, marks.event_id)
    present = [mark.name for mark in found]
    rate = float(raw.info["sfreq"])
    stretches = []
    for mark in found:
        label = label_of(mark.name, marks.labels, present)
        if label is None:
            continue
        stop = mark.stop
        if stop <= mark.start + 1:  # MNE gives markers of BrainVision and GDF files the length of one sample
            if marks.trial_s is None or not 0 < marks.trial_s < np.inf:
                raise NeuroMotionError(
                    f"Annotation {mark.name!r} has no duration; pass trial_s= to say how long its trials last."
                )
            stop = mark.start + max(1, round(marks.trial_s * rate))
        stretches.append(Stretch(label, mark.start, stop))
    if not stretches:
        raise NeuroMotionError(
            f"No annotation of the recording has a label: it has {', '.join(sorted(set(present)))}, all mapped to None."
        )
    return tuple(stretches)


def _from_annotations(raw: Any, event_id: Mapping[str, int] | None) -> list[_Mark]:
    """The annotations that do not mark bad samples, where `mne.events_from_annotations` finds them."""
    annotations = raw.annotations
    names = [str(name) for name in annotations.description]
    chosen = {name for name in names if not name.upper().startswith(LEFT_OUT)}
    if not chosen:
        raise NeuroMotionError(
            "The recording has no annotations; trials and their labels come from them. Pass events= or stim_channel= "
            "if its trials are marked there, or labels={} to read it without trials."
        )
    if event_id is not None:
        if not chosen & set(event_id):
            raise NeuroMotionError(
                f"No annotation is in event_id ({', '.join(event_id)}); there are {', '.join(sorted(chosen))}."
            )
        chosen &= set(event_id)
    return [_Mark(name, *edges) for name, edges in zip(names, _edges(raw), strict=True) if name in chosen]


def _edges(raw: Any) -> list[tuple[int, int]]:
    """First sample of each annotation and sample after its last, counted from the first sample in memory.

    The first are those of `mne.events_from_annotations`; the last are found in the same way.
    """
    import mne

    marks, first = raw.annotations, int(raw.first_samp)
    codes = {name: code for code, name in enumerate(sorted(set(marks.description)), start=1)}
    starts = mne.events_from_annotations(raw, codes, regexp=None, verbose="ERROR")[0][:, 0] - first
    ends = marks.onset + np.nan_to_num(marks.duration)
    stops = raw.time_as_index(ends, use_rounding=True, origin=marks.orig_time)
    stops -= first if marks.orig_time is None else 0
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def _bad_spans(raw: Any, picks: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Spans that annotations mark as bad, or as an edge between parts that are not neighbours in time."""
    if not len(raw.annotations):
        return ()
    length, chosen, marks = int(raw.n_times), {raw.ch_names[i] for i in picks}, raw.annotations
    spans = []
    for name, channels, (start, stop) in zip(marks.description, marks.ch_names, _edges(raw), strict=True):
        concerns = not channels or chosen & set(channels)
        if str(name).upper().startswith(LEFT_OUT) and concerns and stop >= 0 and start <= length:
            spans.append((max(start, 0), min(stop, length)))
    return tuple(sorted(spans))


def _stim_events(raw: Any, stim_channel: str | Sequence[str]) -> np.ndarray:
    """Events of a stim channel, float array of shape (n, 3), as `mne.find_events` finds them."""
    import mne

    names = [stim_channel] if isinstance(stim_channel, str) else list(stim_channel)
    missing = [name for name in names if name not in raw.ch_names]
    if missing:
        stim = [name for name, kind in zip(raw.ch_names, raw.get_channel_types(), strict=True) if kind == "stim"]
        raise NeuroMotionError(
            f"There is no stim channel {', '.join(map(str, missing))}; stim channels: {', '.join(stim) or 'none'}."
        )
    found: np.ndarray = mne.find_events(raw, names, shortest_event=1, verbose="WARNING")
    return found


def _from_events(raw: Any, events: Any, event_id: Mapping[str, int] | None, where: str) -> list[_Mark]:
    """Rows of an array of events in MNE's format: sample counted from ``first_samp`` on, 0, code."""
    table = np.asarray(events)
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype.kind not in "iuf" or not np.isfinite(table).all():
        raise NeuroMotionError(
            f"{where} gives {table.dtype} of shape {table.shape}; it has to be whole numbers of shape (events, 3): "
            "sample, 0, code, as mne.find_events gives them."
        )
    if not len(table):
        raise NeuroMotionError(f"{where} holds no event; trials and their labels come from them.")
    codes = [int(code) for code in table[:, 2]]
    names = {code: str(code) for code in codes}
    if event_id is not None:
        names = {int(code): name for name, code in event_id.items()}
        if not set(names) & set(codes):
            raise NeuroMotionError(
                f"No event of {where} is in event_id ({', '.join(f'{n}: {c}' for c, n in names.items())}); its codes "
                f"are {', '.join(map(str, sorted(set(codes))))}."
            )
    first = int(raw.first_samp)
    return [
        _Mark(names[code], int(sample) - first, int(sample) - first)
        for sample, code in zip(table[:, 0], codes, strict=True)
        if code in names
    ]


def _of_epochs(
    epochs: Any, picks: Sequence[int], marks: Marks
) -> tuple[np.ndarray, tuple[Stretch, ...], tuple[tuple[int, int], ...]]:
    """Samples of all epochs one after the other, stretches, and gaps: neighbouring epochs were not recorded so."""
    if marks.events is not None or marks.stim_channel is not None:
        raise NeuroMotionError("Epochs have their own events; events= and stim_channel= are for a Raw.")
    blocks = epochs.get_data(picks=picks)
    if not len(blocks):
        raise NeuroMotionError("The Epochs hold no epoch; at least one is needed.")
    gaps = tuple((i * blocks.shape[2],) * 2 for i in range(1, len(blocks)))
    return np.concatenate(list(blocks), axis=1), _epoch_stretches(epochs, marks), gaps


def _epoch_stretches(epochs: Any, marks: Marks) -> tuple[Stretch, ...]:
    """One stretch for each epoch, from its onset (or from its first sample, if the epoch begins after the onset)."""
    if marks.labels is not None and not marks.labels:
        return ()  # the caller says that nothing is labelled
    names = {code: name for name, code in (marks.event_id or epochs.event_id).items()}
    present = [names.get(code) for code in epochs.events[:, 2]]
    length, before = len(epochs.times), round(-float(epochs.tmin) * float(epochs.info["sfreq"]))
    if before >= length:
        raise NeuroMotionError(f"The Epochs end at {epochs.tmax} s, before their onset at 0 s.")
    found = []
    for index, name in enumerate(present):
        if name is None:  # not in event_id
            continue
        label = label_of(name, marks.labels, [one for one in present if one is not None])
        if label is not None:
            start = index * length
            found.append(Stretch(label, start + max(before, 0), start + length, has_onset=before >= 0))
    return tuple(found)
