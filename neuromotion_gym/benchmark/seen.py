"""Checks whether a decoder or a controller was trained on the data that it would be tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuromotion_gym.controllers.learned import PREFIX, heard, policy_path, read_policy
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.fingerprints import Fingerprints, fingerprints_of
from neuromotion_gym.decoders.fitted_on import fitted_on
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.decoders.fitted_on import FittedOn

NOT_KNOWN = "not known"


class Seen(NamedTuple):
    """The data that a decoder was fitted on, and those of them that are played.

    Parameters
    ----------
    fitted_on : str
        Text for reports: data set, part and number of people; ``"not known"`` if the decoder's folder does not say.
    runs : dict of str to tuple of str
        For each person, the played runs that the decoder was fitted on.
    """

    fitted_on: str
    runs: dict[str, tuple[str, ...]]


def runs_played(playing: Playing) -> dict[str, tuple[str, ...]]:
    """Runs of each person that a `Playing` plays, or that its surrogate was fitted to."""
    runs = registry.dataset(playing.dataset).table.runs(playing.part, playing.session_kind)
    people = runs if playing.subjects is None else playing.subjects
    return {person: runs[person] for person in people if person in runs}


def seen_by_decoder(folder: str, playing: Playing, root: str | os.PathLike[str] | None = None) -> Seen:
    """Find what the decoder in ``folder`` has seen of ``playing``, by names of people and runs and by fingerprints.

    Parameters
    ----------
    folder : str
    playing : Playing
    root : path, optional
        Folder of the data sets; it is read only if the decoder's record holds fingerprints.
    """
    record = fitted_on(folder)
    if record is None:
        return Seen(NOT_KNOWN, {})
    played = runs_played(playing)
    found = {person: set(names) for person, names in record.shared_with(playing.dataset, played).items()}
    taken = [one.fingerprints for one in (record, *record.also) if one.fingerprints is not None]
    if taken and playing.source == "replay":
        for person, run in _same_samples([Fingerprints.from_json(one) for one in taken], playing.dataset, played, root):
            found.setdefault(person, set()).add(run)
    return Seen(_told(record), {person: tuple(sorted(names)) for person, names in sorted(found.items())})


def _told(record: FittedOn) -> str:
    """Short text for a record of the data that were fitted on."""
    parts = []
    for one in (record, *record.also):
        part = f", part {one.part}" if one.part else ""
        parts.append(f"{one.dataset}{part}, {len(one.people)} people")
    complete = all(one.complete for one in (record, *record.also))
    return "; ".join([*parts, *([] if complete else [f"the rest {NOT_KNOWN}"])])


def _same_samples(
    fitted: Sequence[Fingerprints],
    dataset: str,
    played: dict[str, tuple[str, ...]],
    root: str | os.PathLike[str] | None,
) -> set[tuple[str, str]]:
    """(person, run) of every played run that shares samples with the data that were fitted on."""
    facts, folder = registry.dataset(dataset), data_root(root)
    found = set()
    for person, runs in played.items():
        for run in runs:
            prints = fingerprints_of([facts.read(person, run, folder)])
            if any(prints.shared_with(other) for other in fitted):
                found.add((person, run))
    return found


def refuse_seen(decoder: str, seen: Seen) -> None:
    """Refuse to test a decoder on data that it was fitted on.

    Raises
    ------
    NeuroMotionError
        If the decoder has seen any of the played runs.
    """
    if seen.runs:
        told = "; ".join(f"{person}: {', '.join(runs)}" for person, runs in list(seen.runs.items())[:8])
        more = f" and {len(seen.runs) - 8} people more" if len(seen.runs) > 8 else ""
        raise NeuroMotionError(
            f"Decoder {decoder!r} was trained on what this benchmark plays ({told}{more}). Play another part or other "
            "people, or say allow_seen: true; its rows are then marked."
        )


def controllers_of(
    name: str, people: Sequence[str], dataset: str, *, allow_seen: bool
) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Find the controller that drives for each person.

    ``name`` may list several learned controllers, separated by commas. The first one that was not trained on a person
    drives for that person.

    Parameters
    ----------
    name : str
        Name in the configuration.
    people : sequence of str
        All people who are played.
    dataset : str
        Data set of these people. The same name in another data set means another person.
    allow_seen : bool
        Whether a policy may drive for people that it was trained on.

    Returns
    -------
    list of (controller, its people, those of them that it was trained on)

    Raises
    ------
    NeuroMotionError
        If all policies were trained on one of ``people``, and ``allow_seen`` is False.
    """
    if not name.startswith(PREFIX):
        return [(name, tuple(people), ())]
    sources = name.removeprefix(PREFIX).split(",")
    met = {source: set(heard(read_policy(policy_path(source))[1], people, dataset)) for source in sources}
    groups: dict[str, list[str]] = {}
    for person in people:
        strangers = [source for source in sources if person not in met[source]]
        if not strangers and not allow_seen:
            told = "; ".join(f"{source} on {', '.join(sorted(met[source]))}" for source in sources)
            raise NeuroMotionError(
                f"Each of the learned controllers was trained on people that it would drive for: {told}. Name another "
                "one as well, separated by a comma, or say allow_seen: true; the rows are then marked."
            )
        groups.setdefault((strangers or sources)[0], []).append(person)
    return [
        (PREFIX + source, tuple(group), tuple(person for person in group if person in met[source]))
        for source, group in groups.items()
    ]
