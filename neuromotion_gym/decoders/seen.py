"""Whether a decoder was fitted on what it is to play, and what reports say about it.

What a decoder was fitted on stands in its folder, see `neuromotion_gym.decoders.fitted_on_record`. It is compared with
what is played by the names of people and runs and, where names say nothing (recordings of one's own, new people of a
data set, a decoder that was fitted on something else), by fingerprints of the samples.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.fingerprints import Fingerprints, fingerprints_of
from neuromotion_gym.datasets.people import is_new, runs_of
from neuromotion_gym.datasets.recorded import run_name
from neuromotion_gym.decoders.fitted_on_record import FITTED_ON, FittedOn, fitted_on, record_folder, worn_by
from neuromotion_gym.errors import warn
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.readers.file_names import UNKNOWN

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.datasets.recorded import OwnRecordings
    from neuromotion_gym.decoders.bounds import BoundDecoder
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording

NOT_KNOWN = "not known"
LONG_S = 60.0
"""Length from which on a recording is always found by its fingerprints."""


class Seen(NamedTuple):
    """The data that a decoder was fitted on, and those of them that are played.

    Parameters
    ----------
    fitted_on : str
        Text for reports: data set, part and number of people; ``"not known"`` if the decoder does not say.
    runs : dict of str to tuple of str
        For each person, the played runs that the decoder was fitted on.
    known : bool
        Whether everything that the decoder was fitted on is known.
    copies : tuple of str
        Played people who are in no table, but whose samples the decoder was fitted on under another name.
    """

    fitted_on: str
    runs: dict[str, tuple[str, ...]]
    known: bool = False
    copies: tuple[str, ...] = ()


def record_of(decoder: Decoder | BoundDecoder | str | Path) -> FittedOn | None:
    """What a decoder, or the decoder in a folder, was fitted on; None if it does not say."""
    folder = record_folder(decoder)
    if folder is None:
        return None
    files = [folder / FITTED_ON, *sorted(folder.glob("*.onnx"))]
    try:
        states = tuple((file.name, state.st_mtime_ns, state.st_size) for file in files if (state := file.stat()))
    except OSError:
        return None
    return _record(folder, states)


@lru_cache(maxsize=32)
def _record(folder: Path, states: tuple[tuple[str, int, int], ...]) -> FittedOn | None:
    """The record in a folder; it is read once for each state (modification time and size) of its files."""
    return fitted_on(folder)


def runs_played(playing: Playing, root: str | os.PathLike[str] | None = None) -> dict[str, tuple[str, ...]]:
    """Runs of each person that a `Playing` plays, or that its surrogate was fitted to."""
    if playing.recordings is not None:
        return dict(playing.recordings.played)
    assert playing.part is not None
    return runs_of(playing.dataset, playing.part, playing.session_kind, playing.subjects, root)


def seen_by_decoder(
    record: FittedOn | None,
    playing: Playing,
    root: str | os.PathLike[str] | None = None,
    own: OwnRecordings | None = None,
    *,
    stated: str = "",
    every_run: bool = True,
) -> Seen:
    """Find what a decoder has seen of ``playing``, by names of people and runs and by fingerprints.

    Parameters
    ----------
    record : FittedOn or None
        What the decoder was fitted on, see `record_of`.
    playing : Playing
    root : path, optional
        Folder of the data sets; it is read only where fingerprints are compared.
    own : OwnRecordings, optional
        The recordings, if ``playing`` plays recordings of one's own.
    stated : str
        What the user says that the decoder was fitted on, where it does not say so itself.
    every_run : bool
        Whether the fingerprints of all runs of a data set are compared, and not only where names do not tell.
    """
    if record is None:
        return Seen(f"{stated} (as stated, not checked)" if stated else NOT_KNOWN, {})
    records = (record, *record.also)
    prints = [Fingerprints.from_json(one.fingerprints) for one in records if one.fingerprints is not None]
    found: dict[str, set[str]] = {}
    copies: set[str] = set()
    if own is not None:
        for one in records:
            if one.fingerprints is None:  # names that people give to their files are no proof, but all there is
                _add(found, _same_names(one, own))
        played = ((recording, True) for session in own.sessions for recording in session.recordings)
        before = ((recording, False) for session in own.sessions for recording in session.calibration)
        for recording in _sharing((*played, *before), prints, found, run_name):
            copies.add(recording.subject)
        copies -= {person for one in records if one.dataset == own.dataset for person in one.people}
    else:
        runs = runs_played(playing, root)
        _add(found, record.shared_with(playing.dataset, runs))
        if prints and playing.source == "replay":
            tells = record.dataset == playing.dataset and not record.also and not every_run
            new = {person for person in runs if is_new(playing.dataset, person)}
            chosen = {person: names for person, names in runs.items() if not tells or person in new}
            for recording in _sharing(_recordings(playing, chosen, new, root), prints, found, None):
                copies |= {recording.subject} & new
    complete = all(one.complete for one in records)
    if own is not None and prints:  # neither fingerprints nor names tell of those that are short and nameless
        every = [recording for session in own.sessions for recording in session.recordings]
        complete &= not any(one.subject == UNKNOWN and _is_short(one, fingerprints_of([one])) for one in every)
    return Seen(
        _told(record),
        {person: tuple(sorted(names)) for person, names in sorted(found.items())},
        complete,
        tuple(sorted(copies)),
    )


def split_played(seen: Seen, record: FittedOn | None, playing: Playing, split: str) -> str:
    """Unit that was kept whole between what a decoder was fitted on and what is played.

    Parameters
    ----------
    seen : Seen
    record : FittedOn or None
    playing : Playing
    split : str
        The decoder's own split, which holds for the people of its data set.
    """
    own = playing.recordings
    if own is None:
        people = playing.subjects or ()
        new = bool(people) and all(is_new(playing.dataset, person) for person in people)
        return "subject" if new and seen.known and not seen.runs and not seen.copies else split
    if record is None or not seen.known:
        return NOT_KNOWN
    if seen.runs:
        return "none"
    fitted = {person for one in (record, *record.also) if one.dataset == playing.dataset for person in one.people}
    return "run" if seen.copies or fitted & set(own.played) else "subject"


def facts_of_decoder(
    decoder: Decoder | BoundDecoder,
    playing: Playing,
    root: str | os.PathLike[str] | None = None,
    own: OwnRecordings | None = None,
) -> dict[str, Any]:
    """What ``info["about"]`` says about decoder and recordings together; warns if the decoder has seen what is played.

    Returns
    -------
    dict
        ``fitted_on``, ``seen_by_decoder`` (runs by person) and, for recordings of one's own, ``split``.
    """
    if getattr(decoder, "kind", None) in ("oracle", "blind"):  # they read no samples
        return {}
    record = record_of(decoder)
    seen = seen_by_decoder(record, playing, root, own, every_run=False)
    if seen.runs:
        warn(
            f"Decoder {decoder.spec.name!r} was fitted on what is played ({told_runs(seen.runs)}): this is no test of "
            "it. Play other runs or people."
        )
    elif seen.copies:
        warn(
            f"Decoder {decoder.spec.name!r} was fitted on other recordings of {', '.join(seen.copies)}, under another "
            "name: they are no new people."
        )
    about: dict[str, Any] = {
        "fitted_on": seen.fitted_on,
        "seen_by_decoder": {person: list(runs) for person, runs in seen.runs.items()},
    }
    if own is not None:
        about["split"] = split_played(seen, record, playing, decoder.spec.split)
    return about


def facts_of_wearer(decoder: Decoder | BoundDecoder, dataset: str | None, people: Iterable[str]) -> dict[str, Any]:
    """What ``info["about"]`` says about the wearer of a calibrated decoder; warns if other people are played.

    Parameters
    ----------
    decoder : Decoder or BoundDecoder
    dataset : str or None
        Data set of what is played, if it is known.
    people : iterable of str
        People who are played.

    Returns
    -------
    dict
        ``wearer`` (data set and person) and ``plays_wearer``, which is ``"not known"`` where a recording names nobody;
        empty for a decoder that is not calibrated to one person.
    """
    worn = worn_by(decoder)
    if worn is None or getattr(decoder, "kind", None) in ("oracle", "blind"):
        return {}
    played, wearers = set(people), set(worn.people)
    wearer = ", ".join(worn.people)
    others = sorted(played - wearers) if dataset == worn.dataset else sorted(played)
    if dataset == worn.dataset and UNKNOWN in wearers | played and (UNKNOWN in wearers or set(others) <= {UNKNOWN}):
        nobody = "its calibration run" if UNKNOWN in wearers else "what is played"
        warn(
            f"Decoder {decoder.spec.name!r} is calibrated to one wearer, but {nobody} names nobody: it is not known "
            "whether the wearer is played. Give the wearer's name, the same for both, as subject= of the reading."
        )
        return {"wearer": f"{worn.dataset}: {NOT_KNOWN if UNKNOWN in wearers else wearer}", "plays_wearer": NOT_KNOWN}
    if others:
        told = ", ".join(others[:8]) + (" …" if len(others) > 8 else "")
        warn(
            f"Decoder {decoder.spec.name!r} is calibrated to {wearer} of {worn.dataset!r}, but {told} of {dataset!r} "
            "is played: a decoder of one wearer says nothing about others. Pass recordings of the wearer as source=, "
            "with the wearer's name."
        )
    return {"wearer": f"{worn.dataset}: {wearer}", "plays_wearer": not others}


def told_runs(runs: Mapping[str, Iterable[str]]) -> str:
    """The first people with their runs, for messages."""
    told = "; ".join(f"{person}: {', '.join(names)}" for person, names in list(runs.items())[:8])
    return told + (f" and {len(runs) - 8} people more" if len(runs) > 8 else "")


def _told(record: FittedOn) -> str:
    """Short text for a record of the data that were fitted on."""
    parts = []
    for one in (record, *record.also):
        part = f", part {one.part}" if one.part else ""
        people = f"{len(one.people)} people" if len(one.people) != 1 else "1 person"
        parts.append(f"{one.dataset}{part}, {people}")
    complete = all(one.complete for one in (record, *record.also))
    return "; ".join([*parts, *([] if complete else [f"the rest {NOT_KNOWN}"])])


def _add(found: dict[str, set[str]], more: Mapping[str, Iterable[str]]) -> None:
    for person, runs in more.items():
        found.setdefault(person, set()).update(runs)


def _same_names(record: FittedOn, own: OwnRecordings) -> dict[str, set[str]]:
    """Runs that are played under the names of runs that the decoder was fitted on."""
    found: dict[str, set[str]] = {}
    for session in own.sessions:
        for recording in session.recordings:
            if record.dataset == recording.dataset and recording.run in record.runs.get(recording.subject, ()):
                found.setdefault(recording.subject, set()).add(run_name(recording))
    return found


def _recordings(
    playing: Playing, runs: Mapping[str, tuple[str, ...]], new: set[str], root: str | os.PathLike[str] | None
) -> Iterator[tuple[Recording, bool]]:
    """Recordings of a data set, as recorded, and whether they are played; of new people the calibration runs, too."""
    facts, folder = registry.dataset(playing.dataset), data_root(root)
    calibration = facts.table.kind(playing.session_kind).calibration
    for person, names in runs.items():
        for run in names:
            yield _named(facts.read(person, run, folder), run), True
        for run in calibration if person in new else ():
            yield _named(facts.read(person, run, folder), run), False


def _named(recording: Recording, run: str) -> Recording:
    """A recording under the name that its run has in the table of parts."""
    return replace(recording, run=run)


def _sharing(
    recordings: Iterable[tuple[Recording, bool]],
    prints: list[Fingerprints],
    found: dict[str, set[str]],
    name: Any,
) -> Iterator[Recording]:
    """Recordings that share samples with ``prints``; those that are played are added to ``found``."""
    if not prints:
        return
    for recording, played in recordings:
        mine = fingerprints_of([recording])
        if any(mine.shared_with(other) or _is_called_alike(recording, mine, other) for other in prints):
            if played:
                _add(found, {recording.subject: [name(recording) if name else recording.run]})
            yield recording


def _is_called_alike(recording: Recording, mine: Fingerprints, other: Fingerprints) -> bool:
    """Whether a recording that is too short for fingerprints has the name of one of ``other``."""
    bare = _bare(recording.name)
    alike = recording.subject != UNKNOWN and any(_bare(name) == bare for name in other.landmarks)
    return alike and _is_short(recording, mine)


def _is_short(recording: Recording, mine: Fingerprints) -> bool:
    """Whether a recording is too short to be found by its fingerprints, not even in itself."""
    return recording.duration_s < LONG_S and not mine.shared_with(mine)


def _bare(name: str) -> str:
    """Name of a recording without the number or part of its run, as in ``run 1 (2)``."""
    return re.sub(r"( \([^()]*\))+$", "", name)
