"""Objects of MNE-Python in memory, read into plain arrays for `Recording.from_mne`.

This module does not use `Recording`; `neuromotion_gym.signals.recording` builds one from these arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from neuromotion_gym.signals.modality import Modality


class Stretch(NamedTuple):
    """A labelled stretch: label, first sample, sample after the last, and whether the first is an onset."""

    label: str
    start: int
    stop: int
    has_onset: bool = True


class Content(NamedTuple):
    """Samples, float32 of shape (channels, samples), in volts, and the labelled stretches in order of time."""

    samples: np.ndarray
    channels: tuple[str, ...]
    rate_hz: float
    stretches: tuple[Stretch, ...]


def content_of(
    inst: Any, modality: Modality, labels: Mapping[str, str | None] | None, trial_s: float | None
) -> Content:
    """Samples and stretches of an `mne.io.Raw` or `mne.Epochs`; see `Recording.from_mne`."""
    import mne

    if not isinstance(inst, mne.io.BaseRaw | mne.BaseEpochs):
        raise NeuroMotionError(f"Recordings come from an mne Raw or Epochs, not from {type(inst).__name__}.")
    picks = _picks(inst, modality)
    if isinstance(inst, mne.BaseEpochs):
        blocks = inst.get_data(picks=picks)
        if not len(blocks):
            raise NeuroMotionError("The Epochs hold no epoch; at least one is needed.")
        samples, stretches = np.concatenate(list(blocks), axis=1), _epoch_stretches(inst, labels)
    else:
        samples, stretches = inst.get_data(picks=picks), _annotation_stretches(inst, labels, trial_s)
    with np.errstate(over="ignore"):  # an overflow becomes infinite; Recording refuses it and names the channel
        samples = np.ascontiguousarray(samples, dtype=np.float32)
    return Content(samples, tuple(inst.ch_names[i] for i in picks), float(inst.info["sfreq"]), stretches)


def _picks(inst: Any, modality: Modality) -> list[int]:
    """Indices of the channels of type ``modality``; if there are none, of all channels that hold data."""
    types = inst.get_channel_types()
    picks = [i for i, kind in enumerate(types) if kind == modality]
    if not picks:
        picks = [i for i, kind in enumerate(types) if kind in ("eeg", "emg", "bio", "ecog", "seeg", "misc")]
    if not picks:
        raise NeuroMotionError(f"No channel of type {modality!r}; channel types are {', '.join(sorted(set(types)))}.")
    return picks


def _label_of(name: str, labels: Mapping[str, str | None] | None, present: Iterable[str]) -> str | None:
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


def _annotation_stretches(
    raw: Any, labels: Mapping[str, str | None] | None, trial_s: float | None
) -> tuple[Stretch, ...]:
    """One stretch for each annotation."""
    rate, first = float(raw.info["sfreq"]), float(raw.first_time) if raw.annotations.orig_time is not None else 0.0
    marks = [mark for mark in raw.annotations if not str(mark["description"]).upper().startswith(("BAD", "EDGE"))]
    present = [str(mark["description"]) for mark in marks]
    if not marks:
        raise NeuroMotionError("The recording has no annotations; trials and their labels come from them.")
    found = []
    for mark, name in zip(marks, present, strict=True):
        label = _label_of(name, labels, present)
        if label is None:
            continue
        length = float(mark["duration"]) or trial_s
        if not length:
            raise NeuroMotionError(
                f"Annotation {name!r} has no duration; pass trial_s= to say how long its trials last."
            )
        onset = float(mark["onset"]) - first
        start, stop = round(onset * rate), min(round((onset + length) * rate), raw.n_times)
        found.append(Stretch(label, start, stop))
    if not found:
        raise NeuroMotionError(
            f"No annotation of the recording has a label: it has {', '.join(sorted(set(present)))}, all mapped to None."
        )
    return tuple(sorted(found, key=lambda stretch: stretch.start))


def _epoch_stretches(epochs: Any, labels: Mapping[str, str | None] | None) -> tuple[Stretch, ...]:
    """One stretch for each epoch, from its onset (or from its first sample, if the epoch begins after the onset)."""
    names = {code: name for name, code in epochs.event_id.items()}
    present = [names[code] for code in epochs.events[:, 2]]
    length, before = len(epochs.times), round(-float(epochs.tmin) * float(epochs.info["sfreq"]))
    if before >= length:
        raise NeuroMotionError(f"The Epochs end at {epochs.tmax} s, before their onset at 0 s.")
    found = []
    for index, name in enumerate(present):
        label = _label_of(name, labels, present)
        if label is not None:
            start = index * length
            found.append(Stretch(label, start + max(before, 0), start + length, has_onset=before >= 0))
    return tuple(found)
