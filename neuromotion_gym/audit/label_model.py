"""Does a set of features tell the label? A linear model on held-out people, and a permutation test.

The model is ridge regression on indicators of the labels, on features standardised within every session. The labels of
trials are permuted within sessions, since under the hypothesis that the features say nothing only trials of one session
can change places: sessions differ in how many trials of each label they have. The permuted labels are further columns
of the regression's target, so that one fit serves all permutations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.statistics import Interval, studentised_bootstrap_interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Units

FOLDS = 5
"""Folds of people, or of sessions or trials where there are fewer than three people."""
PENALTY = 0.1
"""Penalty of the ridge regression, as a share of the number of trials it is fitted to."""
FEWEST = 3
"""Fewest people over whom intervals are taken, and who are held out as a whole."""
AT_ONCE = 250
"""Permutations in one fit, which bounds the memory."""


class Told(NamedTuple):
    """How well features tell the label.

    Parameters
    ----------
    accuracy : Interval
        Balanced accuracy on held-out trials, mean over people (or sessions).
    chance : float
        Its mean over permutations.
    p : float
        Share of permutations that reach it.
    each : float array
        Balanced accuracy of each person (or session).
    held_out : str
        What was held out.
    """

    accuracy: Interval
    chance: float
    p: float
    each: np.ndarray
    held_out: str


def tells_label(
    features: np.ndarray, units: Units, options: Options, *, by: str = "person", standardise: bool = True
) -> Told | None:
    """Whether features tell the label of trials.

    Parameters
    ----------
    features : float array, shape (trials, d)
    units : Units
    options : Options
    by : {"person", "session"}
        What is held out, where there are enough of it.
    standardise : bool
        Whether features are standardised within every session, without labels.

    Returns
    -------
    Told, or None
        None if no session has two labels, so that nothing can be permuted.
    """
    orders = permuted(units, options)
    if orders is None:
        return None
    folds, held_out = folds_of(units, by)
    x = standardised(features, units.blocks) if standardise else features
    groups, weights = scoring(units)
    scores, observed = [], np.zeros(0)
    for first in range(0, orders.shape[1], AT_ONCE):
        truth = units.labels[orders[:, first : first + AT_ONCE]]
        hits = predicted(x, truth, folds) == truth
        scores.append((hits * weights[groups[:, None], truth]).sum(axis=0))
        if not first:
            observed = by_group(hits[:, 0], truth[:, 0], groups, weights)
    each = np.concatenate(scores)
    return told(each, observed, held_out)


def told(scores: np.ndarray, each: np.ndarray, held_out: str) -> Told:
    """`Told` from scores, the first of which is the observed one, and the observed score of each person."""
    p = float((scores >= scores[0] - 1e-12).mean())
    return Told(interval_over(each, scores[0]), float(scores[1:].mean()), p, each, held_out)


def interval_over(each: np.ndarray, mean: float) -> Interval:
    """Interval over people, or sessions, of a share; without ends where there are fewer than three."""
    if len(each) < FEWEST:
        return Interval(float(mean), np.nan, np.nan)
    return studentised_bootstrap_interval(each, bounds=(0, 1))


def permuted(units: Units, options: Options) -> np.ndarray | None:
    """Orders of trials, int array of shape (trials, permutations + 1): the given one, and permutations within sessions.

    None if every session has one label only, so that no permutation changes anything.
    """
    generator = np.random.default_rng([options.seed, 1])
    count, n = options.permutations, len(units.labels)
    orders = np.repeat(np.arange(n)[:, None], count + 1, axis=1)
    mixed = False
    for block in np.unique(units.blocks):
        mine = np.flatnonzero(units.blocks == block)
        mixed |= len(set(units.labels[mine].tolist())) > 1
        keys = generator.random((len(mine), count)).argsort(axis=0)
        orders[mine, 1:] = mine[keys]
    return orders if mixed else None


def folds_of(units: Units, by: str = "person") -> tuple[np.ndarray, str]:
    """Fold of every trial, and what is held out: whole people, whole sessions, or stretches of trials."""
    for name, keys in (("person", units.people), ("session", units.blocks)):
        if (by == "person" or name == by) and len(np.unique(keys)) >= FEWEST:
            numbers = np.unique(keys, return_inverse=True)[1]
            # Neighbours in the list of names may be alike (sets that were pooled), so that folds take turns
            return numbers % min(FOLDS, numbers.max() + 1), name
    fold = np.zeros(len(units.labels), np.int64)
    for label in np.unique(units.labels):
        mine = np.flatnonzero(units.labels == label)
        fold[mine] = np.arange(len(mine)) * FOLDS // len(mine)
    return fold, "stretch of trials"


def standardised(features: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Features with mean 0 and standard deviation 1 within every block; what does not vary in a block is 0."""
    out = np.zeros_like(features, dtype=float)
    for block in np.unique(blocks):
        mine = blocks == block
        part = features[mine] - features[mine].mean(axis=0)
        spread = part.std(axis=0)
        out[mine] = np.divide(part, spread, out=np.zeros_like(part), where=spread > 1e-12)
    return out


def predicted(x: np.ndarray, truth: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Labels that ridge regression gives to held-out trials.

    Parameters
    ----------
    x : float array, shape (trials, d)
    truth : int array, shape (trials, m)
        Labels, one column for each fit.
    folds : int array, shape (trials,)

    Returns
    -------
    int array, shape (trials, m)
    """
    from sklearn.linear_model import Ridge

    count = int(truth.max()) + 1
    found = np.zeros(truth.shape, np.int64)
    for fold in np.unique(folds):
        test = folds == fold
        target = (truth[~test][:, :, None] == np.arange(count)).astype(float)
        prior = np.maximum(target.mean(axis=0), 1e-9)
        model = Ridge(alpha=PENALTY * int((~test).sum())).fit(x[~test], target.reshape(len(target), -1))
        given = model.predict(x[test]).reshape(int(test.sum()), truth.shape[1], count)
        # Balanced accuracy weights labels equally, so the posterior is divided by how frequent each label is
        found[test] = ((given - prior) / prior).argmax(axis=2)
    return found


def scoring(units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Group of every trial (person, or session where there are few people), and the weight of a hit, (groups, labels).

    The sum of the weights of all hits is the mean over groups of balanced accuracy. Permutations within sessions do not
    change the weights.
    """
    keys = units.people if len(np.unique(units.people)) >= FEWEST else units.blocks
    groups = np.unique(keys, return_inverse=True)[1]
    counts = np.zeros((groups.max() + 1, int(units.labels.max()) + 1))
    np.add.at(counts, (groups, units.labels), 1)
    shown = (counts > 0).sum(axis=1, keepdims=True)
    weights = np.divide(1.0, counts * shown * len(counts), out=np.zeros_like(counts), where=counts > 0)
    return groups, weights


def by_group(hits: np.ndarray, truth: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Balanced accuracy of each group, float array of shape (groups,)."""
    return np.bincount(groups, hits * weights[groups, truth], minlength=len(weights)) * len(weights)
