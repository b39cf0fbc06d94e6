"""Asks whether somebody's channels are mirrored, turned or exchanged against the other people's.

A linear model of the other people reads each person as recorded and with the channels in other orders: mirrored, turned
around the limb, matched by how channels correlate (which needs no labels), and matched by what the labels do to each
channel in half of the trials, which is tested in the other half. Where another order is better than the given one by
more than permuted labels allow, the channels are not where the others' are. How much better is the mean margin of the
true label: how far its output is above the others'. A margin counts a clear answer for more than a doubtful one, which
accuracy does not, so that people with a faint signal are found, too. The other people are put in order among
themselves first (`orders_that_agree`), since some of them may have their channels elsewhere as well.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.audit.agreement import Sums, margins, orders_that_agree
from neuromotion_gym.audit.answer import Answer, NotAsked, Question
from neuromotion_gym.audit.features import SMALLEST, band_power, log_variance, shortest_s, slow_course
from neuromotion_gym.audit.label_model import PENALTY, permuted, standardised
from neuromotion_gym.decoders.arrangement import arrangements
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import mirrored_channels
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material, Units

FEWEST_PEOPLE = 4
SLOW_S = 1.0
"""Stretch after the onset whose slow course is read on the scalp: eye movements tell left from right."""
BAND_HZ = (8.0, 30.0)
LEAST_GAIN = 0.1
"""Gain in balanced accuracy from which on another order is a finding."""
MATCHED = 64
"""Most channels that are matched by their correlations."""


def ask(material: Material, options: Options) -> list[Answer] | NotAsked:
    """Largest gain of a person by another order of channels."""
    units = material.units
    count = len(material.channels)
    people = len(np.unique(units.people))
    if people < FEWEST_PEOPLE:
        return NotAsked(f"fewer than {FEWEST_PEOPLE} people cannot be compared")
    if count < 3:
        return NotAsked("there are fewer than three channels")
    orders = permuted(units, options)
    half = _half(units, options)
    orders_of_half = permuted(units._replace(blocks=2 * units.blocks + half), options)
    if orders is None or orders_of_half is None:
        return NotAsked("every session has one label only")
    features = _features(material)
    flat = standardised(features.reshape(len(features), -1), units.blocks).reshape(features.shape)
    correlation = _correlations(material)
    named = _named(material)
    sums = Sums.of(flat, units)
    found: list[tuple[int, str, _Compared]] = []
    for person in range(people):
        mine = units.people == person
        read, worn = flat.copy(), correlation.copy()
        for other, order in orders_that_agree(flat, units, sums, list(named.values()), person).items():
            theirs = units.people == other
            read[theirs] = flat[theirs][:, :, order]
            worn[other] = correlation[other][np.ix_(order, order)]
        others = worn[np.arange(people) != person].mean(axis=0)
        candidates = {**named, **_by_correlation(correlation[person], others)}
        matched = {"as recorded": named["as recorded"], "exchanged channels": _matched(read, units, person, half)}
        for compared, chosen, permutations in (
            (candidates, mine, orders),
            (matched, mine & (half == 1), orders_of_half),
        ):
            if not chosen.any():
                continue
            one = _compared(read, units, chosen, list(compared.values()), permutations)
            found.append((person, list(compared)[one.best], one))
    table = np.stack([one.gains for _, _, one in found])
    spread = np.maximum(table[:, 1:].std(axis=1), 1e-3)
    scored = (table - table[:, 1:].mean(axis=1, keepdims=True)) / spread[:, None]
    highest = scored.max(axis=0)
    p = float((highest >= highest[0] - 1e-12).mean())
    limit = float(np.quantile(highest[1:], 0.95))
    odd = [
        row for row, (_, _, one) in enumerate(found) if scored[row, 0] > limit and one.better - one.given >= LEAST_GAIN
    ]
    # Of each person the first comparison: an order with a name says more than one that was matched
    odd = list({found[row][0]: row for row in reversed(odd)}.values())
    odd = sorted(odd, key=lambda row: -scored[row, 0])
    worst = odd[0] if odd else int(scored[:, 0].argmax())
    given = found[worst][2].given
    better = found[worst][2].better if odd else given
    who = material.people_names
    told = ", ".join(
        f"{who[person]} ({words}: {one.given:.2f} to {one.better:.2f})"
        for person, words, one in (found[row] for row in odd[:4])
    )
    sentence = "Nobody's channels are better read in another order."
    if odd:
        sentence = f"The channels of {len(odd)} of {people} people are not where the others' are: {told}."
    return [
        Answer(
            "accuracy of the person with the largest gain, in the better order",
            Interval(better, np.nan, np.nan),
            given,
            p,
            sentence,
            "Read the channels of these people in the order that fits (channels=), or leave them out; a decoder for "
            "people never seen has to find the order by itself.",
            beside=[("the same person as recorded", Interval(given, np.nan, np.nan))],
            by_chance=False,
        )
    ]


def _features(material: Material) -> np.ndarray:
    """Features of each channel, float array of shape (trials, features, channels)."""
    count = len(material.channels)
    if not material.scalp or shortest_s(material.excerpts, material.rates_hz) < SLOW_S:
        return material.per_trial(log_variance(material.excerpts))[:, None]
    power = band_power(material.excerpts, material.rates_hz, [BAND_HZ])
    slow = slow_course(material.excerpts, material.rates_hz, np.ones(count, bool), (0.0, SLOW_S))
    trials = material.per_trial(np.concatenate([power, slow], axis=1))
    course = trials[:, count:].reshape(len(trials), count, -1).transpose(0, 2, 1)
    return np.concatenate([trials[:, None, :count], course], axis=1)


def _correlations(material: Material) -> np.ndarray:
    """Mean correlation between channels of each person, float array of shape (people, channels, channels)."""
    found = []
    for person in material.people_names:
        mine = [one for one, name in zip(material.excerpts, material.people, strict=True) if name == person]
        total = np.zeros((len(material.channels),) * 2)
        for one in mine[:: max(1, len(mine) // 40)]:
            signal = one - one.mean(axis=1, keepdims=True, dtype=np.float64)
            spread = np.sqrt((signal**2).mean(axis=1)) + SMALLEST
            total += signal @ signal.T / signal.shape[1] / np.outer(spread, spread)
        found.append(total / max(len(mine[:: max(1, len(mine) // 40)]), 1))
    return np.stack(found)


def _named(material: Material) -> dict[str, np.ndarray]:
    """Orders of channels that have a name, by it; the first is the given one."""
    count = len(material.channels)
    found = {"as recorded": np.arange(count)}
    if material.ring or (not material.scalp and count <= 16):
        for one in arrangements(count)[1:]:
            words = f"mirrored, turned by {one.turn}" if one.mirrored else f"turned by {one.turn}"
            found[f"{words} of {count}"] = np.array(one.order(count))
    if material.scalp:
        with suppress(NeuroMotionError):  # a montage of one side has no mirror image
            found["left and right exchanged"] = mirrored_channels(material.channels)
    return found


def _by_correlation(own: np.ndarray, others: np.ndarray) -> dict[str, np.ndarray]:
    """Order in which a person's channels correlate most like the others'; none where there are too many channels."""
    from scipy.optimize import quadratic_assignment

    if len(own) > MATCHED:
        return {}
    matching = quadratic_assignment(others, own, method="faq", options={"maximize": True})
    return {"exchanged channels": matching.col_ind}


def _half(units: Units, options: Options) -> np.ndarray:
    """Random half of the trials, whatever their labels: 0 to match channels, 1 to test."""
    return np.random.default_rng([options.seed, 3]).integers(0, 2, len(units.labels))


def _matched(features: np.ndarray, units: Units, person: int, half: np.ndarray) -> np.ndarray:
    """Order in which the labels do the same to each channel as in the other people, from half of the trials."""
    from scipy.optimize import linear_sum_assignment

    def courses(chosen: np.ndarray) -> np.ndarray:
        """Mean of every label and feature, shape (channels, labels * features)."""
        means = [features[chosen & (units.labels == label)] for label in np.unique(units.labels)]
        table = np.stack([one.mean(axis=0) if len(one) else np.zeros(features.shape[1:]) for one in means])
        return table.reshape(-1, features.shape[2]).T

    own, others = courses((units.people == person) & (half == 0)), courses(units.people != person)
    return np.asarray(linear_sum_assignment(others @ own.T, maximize=True)[1])


class _Compared(NamedTuple):
    """The best order of a person's channels beside the given one.

    Parameters
    ----------
    best : int
        Number of the order with the largest margin.
    given, better : float
        Balanced accuracy in the given and in that order.
    gains : float array, shape (permutations + 1,)
        Gain in margin of the best order over the given one; of the true labels first.
    """

    best: int
    given: float
    better: float
    gains: np.ndarray


def _compared(
    features: np.ndarray, units: Units, mine: np.ndarray, candidates: list[np.ndarray], orders: np.ndarray
) -> _Compared:
    """Compare orders of one person's channels.

    Parameters
    ----------
    features : float array, shape (trials, features, channels)
    units : Units
    mine : bool array, shape (trials,)
        Tested trials of one person; the model is fitted to all other people.
    candidates : list of int array, shape (channels,)
        The given order first.
    orders : int array, shape (trials, permutations + 1)
    """
    from sklearn.linear_model import Ridge

    other = units.people != units.people[mine][0]
    count = int(units.labels.max()) + 1
    train = features[other].reshape(int(other.sum()), -1)
    target = np.eye(count)[units.labels[other]]
    prior = np.maximum(target.mean(axis=0), 1e-9)
    model = Ridge(alpha=PENALTY * len(train)).fit(train, target)
    own = features[mine]
    outputs = np.stack([model.predict(own[:, :, order].reshape(len(own), -1)) / prior - 1 for order in candidates])
    above = margins(outputs)
    truth = units.labels[orders[mine]]  # (trials, permutations + 1)
    frequent = np.bincount(units.labels[mine], minlength=count)
    weight = 1 / np.maximum(frequent, 1) / (frequent > 0).sum()
    reached = np.stack([(weight[truth] * np.take_along_axis(one, truth, axis=1)).sum(axis=0) for one in above])
    right = outputs.argmax(axis=2) == truth[:, 0]
    accuracy = right @ weight[truth[:, 0]]
    best = int(reached[:, 0].argmax())
    return _Compared(best, float(accuracy[0]), float(accuracy[best]), reached.max(axis=0) - reached[0])


QUESTION = Question("montage", "Are channels mirrored, turned or exchanged in some people?", ask)
