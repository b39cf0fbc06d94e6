"""Asks whether the parts of a split share samples, and how much accuracy the sharing buys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.features import amplitude_and_level
from neuromotion_gym.audit.label_model import interval_over
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.copies import Runs
    from neuromotion_gym.audit.material import Material

FOLDS = 5
"""Folds of the blocked split; and stretches over which intervals are taken."""
RAW = 256
"""Excerpts with at most this many values are compared as they are; longer ones by amplitude and level."""
LEAST_SHARE = 0.005
"""Share of test excerpts from which on sharing is a finding."""


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Share of the tested excerpts that hold samples of the other part, and the same model under a blocked split."""
    test = np.flatnonzero(material.test)
    train = np.flatnonzero(~material.test)
    if not len(test) or not len(train):
        return NotAsked("no split is given")
    runs = material.runs
    shared = runs.sharing(test, train)
    share = float(shared.mean())
    fact = share >= LEAST_SHARE
    beside: list[tuple[str, Interval]] = []
    sentence = f"{shared.sum()} of {len(test)} tested excerpts hold samples of the training part."
    if fact:
        given, blocked = _given_split(material, test, train), _blocked_split(material, runs)
        known = _looked_up(material, runs, test, train)
        beside = [
            ("recognising shared samples, this split", known),
            ("nearest neighbour, this split", given),
            ("nearest neighbour, blocked split", blocked),
        ]
        sentence = (
            f"{share:.0%} of the tested excerpts hold samples of the training part: recognising them is enough for an "
            f"accuracy of {known.mean:.2f}; a nearest neighbour gets {given.mean:.2f} under this split and "
            f"{blocked.mean:.2f} where whole stretches are held out (chance {1 / len(set(material.labels)):.2f})."
        )
    return [
        Answer(
            "share of tested excerpts with samples of the training part",
            Interval(share, np.nan, np.nan),
            0.0,
            None,
            sentence,
            "Split between trials, sessions or people before windows are cut, so that no window of the test part "
            "overlaps one of the training part.",
            fact=fact,
            beside=beside,
        )
    ]


def _features(material: Material) -> np.ndarray:
    shapes = {excerpt.shape for excerpt in material.excerpts}
    if len(shapes) == 1 and np.prod(next(iter(shapes))) <= RAW:
        return np.stack([np.asarray(excerpt, np.float64).ravel() for excerpt in material.excerpts])
    return amplitude_and_level(material.excerpts)


def _hits(material: Material, test: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Whether the nearest training excerpt of each tested excerpt has its label."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import StandardScaler

    x = _features(material)
    scaler = StandardScaler().fit(x[train])
    model = KNeighborsClassifier(1).fit(scaler.transform(x[train]), material.labels[train])
    return np.asarray(model.predict(scaler.transform(x[test])) == material.labels[test])


def _looked_up(material: Material, runs: Runs, test: np.ndarray, train: np.ndarray) -> Interval:
    """Accuracy of a list of the training part's samples, without any model; what is not in it counts as wrong."""
    codes = np.unique(material.labels, return_inverse=True)[1]
    votes = runs.looked_up(test, train, codes)
    hits = (votes.argmax(axis=1) == codes[test]) & (votes.max(axis=1) > 0)
    return _accuracy(hits, material.labels[test])


def _given_split(material: Material, test: np.ndarray, train: np.ndarray) -> Interval:
    return _accuracy(_hits(material, test, train), material.labels[test])


def _blocked_split(material: Material, runs: Runs) -> Interval:
    """Whole stretches of every label held out in turn; training excerpts that share samples with them are left out."""
    order = np.argsort(np.where(np.isnan(material.start_s), np.arange(len(material.excerpts)), material.start_s))
    order = order[np.lexsort((material.sessions[order], material.people[order]))]
    fold = np.empty(len(order), np.int64)
    for label in set(material.labels.tolist()):
        mine = order[material.labels[order] == label]
        fold[mine] = np.arange(len(mine)) * FOLDS // len(mine)
    hits, labels = [], []
    for number in range(FOLDS):
        test, train = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        train = train[~runs.sharing(train, test)]
        if len(train) and len(test):
            hits.append(_hits(material, test, train))
            labels.append(material.labels[test])
    return _accuracy(np.concatenate(hits), np.concatenate(labels))


def _accuracy(hits: np.ndarray, labels: np.ndarray) -> Interval:
    """Balanced accuracy with its interval over stretches of the excerpts."""
    names = sorted(set(labels.tolist()))
    recall = np.full((FOLDS, len(names)), np.nan)
    for column, name in enumerate(names):
        for row, part in enumerate(np.array_split(hits[labels == name], FOLDS)):
            if len(part):
                recall[row, column] = part.mean()
    mean = float(np.mean([hits[labels == name].mean() for name in names]))
    return interval_over(np.nanmean(recall, axis=1), mean)


QUESTION = Question("shared_samples", "Do the parts share samples, and what does that buy?", ask)
