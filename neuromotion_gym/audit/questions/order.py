"""Asks whether time tells the label, by models without signal: the place of a trial in its session, the last label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.label_model import by_group, permuted, scoring, tells_label, told
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.label_model import Told
    from neuromotion_gym.audit.material import Material, Units

PLACES = 40
"""Places in a session that are told apart; longer sessions are divided into this many stretches."""


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Accuracy of the place of a trial in its session, and of the label before it."""
    units = material.units
    if len(material.names) < 2:
        return NotAsked("there is one label only")
    alone = _one_stretch_each(units)
    if alone is not None:
        return [alone]
    answers = []
    if len(np.unique(units.blocks)) > 1:
        found = tells_label(places(units), units, options, by="session", standardise=False)
        if found is not None:
            answers.append(
                Answer(
                    "accuracy of the time of a trial alone",
                    found.accuracy,
                    found.chance,
                    found.p,
                    f"The place of a trial in its session tells the label at {found.accuracy.mean:.2f} without any "
                    f"signal, learned on other {found.held_out}s (chance {found.chance:.2f}).",
                    "Record in a new random order in every session; until then show this figure beside the decoder's, "
                    "and use changes against the signal just before a trial instead of levels.",
                    dots=found.each,
                )
            )
    last = last_label(units, options)
    if last is not None:
        answers.append(
            Answer(
                "accuracy of the last label alone",
                last.accuracy,
                last.chance,
                last.p,
                f"The label before it tells the label of a trial at {last.accuracy.mean:.2f} without any signal "
                f"(chance {last.chance:.2f}).",
                "Score whatever uses past trials (adaptation, priors, running means) with the order of trials "
                "shuffled, too, and draw labels independently in new recordings.",
                dots=last.each,
            )
        )
    return answers or NotAsked("every session has one label only")


def _one_stretch_each(units: Units) -> Answer | None:
    """The finding that every label was recorded in one trial alone, so that it cannot be told from its time."""
    counts = np.bincount(units.labels)
    if counts.max() > 1:
        return None
    return Answer(
        "trials of each label",
        Interval(1.0, np.nan, np.nan),
        2.0,
        None,
        f"Each of the {len(counts)} labels was recorded in one trial: whatever changes with time tells the label, and "
        "no trial can be held out.",
        "Record every label several times in a mixed order. Until then no accuracy from these recordings says that a "
        "movement is recognised.",
        fact=True,
        is_share=False,
    )


def places(units: Units) -> np.ndarray:
    """Place of each trial in its session as indicators, with the share of the session before it, and its powers."""
    n = len(units.labels)
    place, share = np.zeros(n, np.int64), np.zeros(n)
    longest = int(np.bincount(units.blocks).max())
    for block in np.unique(units.blocks):
        mine = np.flatnonzero(units.blocks == block)
        share[mine] = np.arange(len(mine)) / max(len(mine) - 1, 1)
        place[mine] = np.arange(len(mine))
    place = place * min(PLACES, longest) // longest
    indicators = (place[:, None] == np.arange(place.max() + 1)).astype(float)
    centred = 2 * share - 1
    return np.column_stack([indicators, *(centred**power for power in range(1, 6))])


def last_label(units: Units, options: Options) -> Told | None:
    """Accuracy of the label that most often follows the last one in other sessions; permuted within sessions."""
    orders = permuted(units, options)
    if orders is None:
        return None
    later = np.flatnonzero(units.blocks[1:] == units.blocks[:-1]) + 1
    if len(later) < 2:
        return None
    count = int(units.labels.max()) + 1
    kept = units._replace(**{name: getattr(units, name)[later] for name in units._fields})
    blocks = np.unique(kept.blocks, return_inverse=True)[1]
    groups, _ = scoring(kept)
    scores, observed = [], np.zeros(0)
    for column in orders.T:
        labels = units.labels[column]
        now, before = labels[later], labels[later - 1]
        followed = np.zeros((blocks.max() + 1, count, count))
        np.add.at(followed, (blocks, before, now), 1)
        # Leaving the session out; a lone session leaves out each trial instead
        others = followed.sum(axis=0) - followed if len(followed) > 1 else np.repeat(followed, len(blocks), axis=0)
        rows = blocks if len(followed) > 1 else np.arange(len(blocks))
        if len(followed) == 1:
            others[rows, before, now] -= 1
        expected = np.maximum(others.sum(axis=1, keepdims=True), 1)
        chosen = (others / expected)[rows, before].argmax(axis=1)
        # The first trial of a session has no label before it, so that the counts differ between permutations
        weights = scoring(kept._replace(labels=np.asarray(now)))[1]
        hits = chosen == now
        scores.append(float(weights[groups, now] @ hits))
        if not observed.size:
            observed = by_group(hits, now, groups, weights)
    return told(np.array(scores), observed, "session")


QUESTION = Question("order", "Does time, or the label before, tell the label?", ask)
