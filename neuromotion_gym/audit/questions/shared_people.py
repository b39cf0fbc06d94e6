"""Asks whether people, sessions or trials are on both sides of the split, by name or under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.datasets.fingerprints import Fingerprints, fingerprints_of
from neuromotion_gym.decoders.seen import record_of
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

WORDS = {"subject": "person", "session": "session", "trial": "trial"}
FEWEST_EXCERPTS = 2
"""Excerpts of two people that hold the same samples, from which on the people count as one."""


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Share of tested excerpts from people (sessions, trials) of the training part; people with the same samples."""
    answers = []
    if material.test.any() and not material.test.all():
        answers.append(_by_name(material))
    if len(set(material.people.tolist())) > 1:
        answers.append(_under_two_names(material))
    if material.decoder is not None and material.recordings:
        seen = _seen(material)
        answers += [] if seen is None else [seen]
    return answers or NotAsked("no split is given, and only one person")


def _keys(material: Material) -> np.ndarray:
    """Name of the person (session, trial) of every excerpt; parts that are the same everywhere are left out."""
    parts = [material.people, material.sessions, material.trials]
    chosen = parts[: ("subject", "session", "trial").index(material.claim) + 1]
    telling = [part for part in chosen if len(set(part.tolist())) > 1] or chosen[-1:]
    return np.array([" ".join(key) for key in zip(*telling, strict=True)])


def _by_name(material: Material) -> Answer:
    keys, word = _keys(material), WORDS[material.claim]
    shared = np.isin(keys[material.test], keys[~material.test])
    names = sorted(set(keys[material.test][shared].tolist()))
    told = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    sentence = f"No {word} is on both sides of the split."
    if len(names):
        sentence = (
            f"{shared.mean():.0%} of the tested excerpts come from a {word} of the training part ({told}), so the "
            f"figure says nothing of a {word} never seen."
        )
    return Answer(
        f"share of tested excerpts whose {word} is in the training part",
        Interval(float(shared.mean()), np.nan, np.nan),
        0.0,
        None,
        sentence,
        f"Hold out whole {'people' if word == 'person' else word + 's'}, or say that the figure is for known ones "
        "(claim='session' or 'trial').",
        fact=bool(shared.any()),
    )


def _under_two_names(material: Material) -> Answer:
    """People with the same samples: exact or scaled copies of excerpts, and recordings by fingerprint."""
    people = np.array(sorted(set(material.people.tolist())))
    number = np.searchsorted(people, material.people)
    pairs: set[tuple[str, str]] = set()
    for index, person in enumerate(people):
        mine, others = np.flatnonzero(number == index), np.flatnonzero(number > index)
        if not len(others):
            continue
        hit = others[material.runs.sharing(others, mine)]
        twins, counts = np.unique(number[hit], return_counts=True)
        pairs |= {(str(person), str(people[twin])) for twin in twins[counts >= FEWEST_EXCERPTS]}
    pairs |= _by_fingerprint(material)
    involved = {name for pair in pairs for name in pair}
    told = "; ".join(f"{one} and {other}" for one, other in sorted(pairs)[:4])
    return Answer(
        "share of people who have samples of somebody else",
        Interval(len(involved) / len(people), np.nan, np.nan),
        0.0,
        None,
        f"The same samples stand under two names: {told}." if pairs else "No two people share samples.",
        "Treat such people as one: keep them on one side of the split, and count them once.",
        fact=bool(pairs),
    )


def _by_fingerprint(material: Material) -> set[tuple[str, str]]:
    by_person: dict[str, list[Fingerprints]] = {}
    several = len({recording.dataset for recording in material.recordings}) > 1
    for recording in material.recordings:
        person = f"{recording.dataset}/{recording.subject}" if several else recording.subject
        by_person.setdefault(person, []).append(fingerprints_of([recording]))
    names = sorted(by_person)
    merged = [
        Fingerprints({key: marks for one in by_person[name] for key, marks in one.landmarks.items()}) for name in names
    ]
    return {
        (names[first], names[second])
        for first in range(len(names))
        for second in range(first + 1, len(names))
        if merged[first].shared_with(merged[second])
    }


def _seen(material: Material) -> Answer | None:
    """Recordings of the test part that the decoder was fitted on, by fingerprint; None if it does not say."""
    record = record_of(material.decoder) if material.decoder is not None else None
    prints = [
        Fingerprints.from_json(one.fingerprints)
        for one in ((record, *record.also) if record is not None else ())
        if one.fingerprints is not None
    ]
    tested = material.tested
    if not prints or not tested:
        return None
    seen = [one for one in tested if any(fingerprints_of([one]).shared_with(other) for other in prints)]
    people = sorted({one.subject for one in seen})
    sentence = "The decoder was fitted on none of the tested recordings."
    if seen:
        sentence = f"The decoder was fitted on {len(seen)} of {len(tested)} tested recordings ({', '.join(people)})."
    return Answer(
        "share of tested recordings that the decoder was fitted on",
        Interval(len(seen) / len(tested), np.nan, np.nan),
        0.0,
        None,
        sentence,
        "Test on recordings that the decoder was not fitted on.",
        fact=bool(seen),
    )


QUESTION = Question("shared_people", "Are people, sessions or trials on both sides of the split?", ask)
