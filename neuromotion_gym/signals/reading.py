"""Recordings of one's own from whatever holds them: objects in memory, files, folders, data sets of other libraries."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.channel_names import matched, renamings
from neuromotion_gym.signals.fitting import fitted, renamed
from neuromotion_gym.signals.montage import is_electrode
from neuromotion_gym.signals.readers.file_names import UNKNOWN, fixed_origin
from neuromotion_gym.signals.readers.made import as_said
from neuromotion_gym.signals.readers.mne_reading import is_of_mne, recording_of, with_modality_of
from neuromotion_gym.signals.readers.unused import BIDS, MNE, MOABB, RECORDING, refuse_unused
from neuromotion_gym.signals.reading_options import Reading, matches
from neuromotion_gym.signals.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from neuromotion_gym.signals.fitting import Wanted

__all__ = ["Reading", "read_recordings"]

KINDS = "a Recording, an MNE Raw or Epochs, the path of a file or folder, a MOABB data set, or a list of these"


def read_recordings(
    what: Any, reading: Reading | Mapping[str, Any] | None = None, spec: Wanted | None = None
) -> tuple[Recording, ...]:
    """Recordings of one's own, ready for a decoder.

    Parameters
    ----------
    what : Recording, MNE Raw or Epochs, path, MOABB data set, or list of these
        A path is that of a file, of a folder of files, or of the root of a BIDS data set; ``docs/recordings.md`` has
        the formats.
    reading : Reading or mapping of its fields, optional
        What the files do not say.
    spec : DecoderSpec, optional
        The decoder that is to read them: its modality and its channels hold where ``reading`` does not say them, and
        unit, names and order of the channels, other usual names of labels, and rate are made to fit.

    Returns
    -------
    tuple of Recording
        In the order of the list or of the names of the files.

    Raises
    ------
    NeuroMotionError
        If something cannot be read, does not fit the decoder, or ``reading`` says what nothing that is read uses.
    """
    reading = Reading.of(reading)
    refuse_unused(reading, _kinds(what, reading))
    if spec is not None and reading.modality is None:
        reading = reading.model_copy(update={"modality": spec.modality})
    found = [
        _as_wanted(one, reading, spec)
        for one in _found(what, reading, _taken(reading, spec))
        if reading.only is None or matches(one, reading.only)
    ]
    if len(found) > 1 and reading.events is not None:
        raise NeuroMotionError(f"events= belong to one recording, but {len(found)} are read; read them one by one.")
    if not found:
        asked = "" if reading.only is None else f" of {dict(reading.only)}"
        raise NeuroMotionError(f"There are no recordings{asked}. Recordings are read from {KINDS}.")
    return _told_apart(found)


def _kinds(what: Any, reading: Reading) -> set[str]:
    """What is to be read, see `neuromotion_gym.signals.readers.unused`; empty for what cannot be read."""
    from neuromotion_gym.signals.readers.bids import is_bids_root
    from neuromotion_gym.signals.readers.files import files_in
    from neuromotion_gym.signals.readers.moabb import is_of_moabb

    if isinstance(what, list | tuple):
        return set().union(*(_kinds(one, reading) for one in what))
    if isinstance(what, str | os.PathLike):
        path = Path(what)
        try:
            if is_bids_root(path):
                return {BIDS}
            endings = {file.suffix.lower() for file in (files_in(path) if path.is_dir() else [path])}
        except OSError:
            return set()
        return {RECORDING if one == ".npz" and reading.keys is None else one for one in endings}
    if is_of_mne(what):
        return {MNE}
    if is_of_moabb(what):
        return {MOABB}
    return {RECORDING} if isinstance(what, Recording) else set()


def _found(what: Any, reading: Reading, channels: Sequence[str] | None) -> Iterator[Recording]:
    """Recordings as they are read, one after the other."""
    # The readers of formats are imported when something is read: the package imports this module at its start
    from neuromotion_gym.signals.readers.bids import is_bids_root, read_bids
    from neuromotion_gym.signals.readers.files import read_path
    from neuromotion_gym.signals.readers.moabb import is_of_moabb, read_moabb

    if isinstance(what, Recording):
        yield as_said(what, reading, reading.label)
    elif isinstance(what, list | tuple):
        for one in what:
            yield from _found(one, reading, channels)
    elif isinstance(what, str | os.PathLike):
        path = Path(what)
        try:
            is_bids = is_bids_root(path)
        except OSError as error:  # such as a name that is too long
            raise NeuroMotionError(f"{what!r} cannot be read: {error.strerror}.") from error
        yield from (read_bids if is_bids else read_path)(path, reading, channels)
    elif is_of_mne(what):
        yield recording_of(what, with_modality_of(what, reading), fixed_origin(reading), channels)
    elif is_of_moabb(what):
        yield from read_moabb(what, reading, channels)
    else:
        raise NeuroMotionError(f"Recordings are read from {KINDS}, not from {type(what).__name__}.")


def _taken(reading: Reading, spec: Wanted | None) -> tuple[str, ...] | None:
    """Names, in the file, of the channels to take; None for all."""
    if isinstance(reading.channels, tuple):
        return reading.channels
    if spec is None or reading.ocular_channels:  # the eyes are regressed out of all channels
        return None
    return tuple({new: old for old, new in (reading.channels or {}).items()}.get(name, name) for name in spec.channels)


def _as_wanted(recording: Recording, reading: Reading, spec: Wanted | None) -> Recording:
    """A recording with what the reading says, made to fit the decoder."""
    if isinstance(reading.channels, tuple):
        recording = _with_channels(recording, reading.channels)
    elif reading.channels:
        new = (
            reading.channels
            if spec is None
            else {
                old: new
                for old, new in reading.channels.items()
                if new in spec.channels or new in reading.ocular_channels
            }
        )
        recording = renamed(recording, new)
    eyes = matched(reading.ocular_channels, recording.spec.channels)
    if other := {old: name for name, old in eyes.items() if old != name}:
        recording = renamed(recording, other)
    if spec is None:
        return recording
    recording = fitted(recording, spec, others=bool(reading.ocular_channels), resample=reading.resample)
    return _in_the_reference(recording, reading, spec)


def _in_the_reference(recording: Recording, reading: Reading, spec: Wanted) -> Recording:
    """The recording without channels that do not belong in an average reference: others than the eyes and electrodes.

    Channels that the decoder reads or that ``reading`` names are kept, whatever they are called.
    """
    if isinstance(reading.channels, tuple):
        return recording
    said = reading.channels or {}
    known = {*spec.channels, *reading.ocular_channels, *said, *said.values()}
    other = [name for name in recording.spec.channels if name not in known and not is_electrode(name)]
    if not other:
        return recording
    warn(
        f"Channels {', '.join(other)} of {recording.name} are no electrodes by their names and are left out of the "
        "average reference; a map of channels= in the reading names channels that belong to it."
    )
    return recording.pick([name for name in recording.spec.channels if name not in other])


def _with_channels(recording: Recording, names: tuple[str, ...]) -> Recording:
    """The recording with these channels, in this order and under these names, found by their spelling."""
    found = matched(names, recording.spec.channels)
    missing = [name for name in names if name not in found]
    if missing:
        raise NeuroMotionError(
            f"{recording.name} lacks channels {', '.join(missing)}; it has {', '.join(recording.spec.channels)}."
        )
    if said := renamings(found):
        warn(f"Channels of {recording.name} are matched by name: {said}.")
    recording = recording.pick(list(found.values()))
    return replace(recording, spec=replace(recording.spec, channels=names)) if said else recording


def _told_apart(recordings: Sequence[Recording]) -> tuple[Recording, ...]:
    """Recordings with a run of their own each: those that nothing tells apart are numbered.

    Several of one name may be one run, with a file for each label. If they have the same labels, they may be of several
    people, and this is said.
    """
    keys = [(one.dataset, one.subject, one.session, one.run) for one in recordings]
    total, seen, found = Counter(keys), Counter[tuple[str, ...]](), []
    labels: dict[tuple[str, str, str, str], set[str]] = {}
    alike: dict[tuple[str, str, str, str], str] = {}
    for key, one in zip(keys, recordings, strict=True):
        own = {trial.label for trial in one.trials}
        if key in labels and not (own and labels[key] and own.isdisjoint(labels[key])):
            alike[key] = one.name
        labels.setdefault(key, set()).update(own)
        seen[key] += 1
        if total[key] > 1:
            number = str(seen[key])
            one = replace(one, run=number if one.run == UNKNOWN else f"{one.run} ({number})")
        found.append(one)
    if alike:
        counted = "; ".join(f"{total[key]} recordings are called {name}" for key, name in list(alike.items())[:8])
        warn(
            f"{counted}{' …' if len(alike) > 8 else ''}: they are taken for runs of one person. If they are of several "
            "people, say whose they are (subject= or names= in the reading)."
        )
    return tuple(found)
