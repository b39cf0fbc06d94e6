"""Asks whether samples are clipped, stand still, or come twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import Answer, Question
from neuromotion_gym.signals.sample_faults import CLIPPED_SHARE, clipped_share
from neuromotion_gym.statistics import Interval

if TYPE_CHECKING:
    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.material import Material

STILL_S, STILL_SAMPLES = 0.1, 10
"""Equal rows one after the other count as standing still from this time on, and from this number on."""
STILL_SHARE = 0.01
"""Share of somebody's samples that stand still from which on it is a finding."""
TWICE_SHARE = 0.005
"""Share of excerpts that come twice from which on it is a finding."""


def ask(material: Material, options: Options) -> list[Answer]:
    """Largest share of clipped samples, of samples that stand still, and share of excerpts that come twice."""
    return [_clipped(material), _still(material), _twice(material)]


def _by_person(material: Material) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, person in enumerate(material.people.tolist()):
        found.setdefault(person, []).append(index)
    return found


def _clipped(material: Material) -> Answer:
    worst, bad = (0.0, "", ""), 0
    shares = []
    for person, mine in _by_person(material).items():
        for channel, name in enumerate(material.channels):
            share = clipped_share(np.concatenate([material.excerpts[index][channel] for index in mine]))
            shares.append(share)
            bad += share > CLIPPED_SHARE
            worst = max(worst, (share, name, person))
    share, name, person = worst
    sentence = "No channel is clipped."
    if bad:
        sentence = (
            f"{share:.0%} of the samples of channel {name} of {person!r} stand at the limits of the amplifier; "
            f"{bad} of {len(shares)} channels have more than {CLIPPED_SHARE:.0%}."
        )
    return _fact(
        "largest share of clipped samples of a channel",
        share,
        sentence,
        "Lower the gain, leave such channels or recordings out, and show the figure without them.",
        fact=bad > 0,
    )


def _still(material: Material) -> Answer:
    worst = (0.0, "")
    for person, mine in _by_person(material).items():
        still = total = 0
        for index in mine:
            excerpt = material.excerpts[index]
            least = max(STILL_SAMPLES, round(STILL_S * material.rates_hz[index]))
            still += _standing(excerpt, least)
            total += excerpt.shape[1]
        worst = max(worst, (still / total, person))
    share, person = worst
    fact = share > STILL_SHARE
    return _fact(
        "largest share of samples of a person that stand still on all channels",
        share,
        f"{share:.0%} of the samples of {person} stand still on all channels at once, as when packets are lost."
        if fact
        else "No stretch stands still.",
        "Mark such stretches as bad spans, so that nothing is learned or tested there.",
        fact=fact,
    )


def _standing(excerpt: np.ndarray, least: int) -> int:
    """Samples in runs of at least ``least`` equal rows."""
    equal = (np.diff(excerpt, axis=1) == 0).all(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], equal.astype(np.int8), [0]])))
    lengths = edges[1::2] - edges[::2] + 1
    return int(lengths[lengths >= least].sum())


def _twice(material: Material) -> Answer:
    seen: dict[bytes, int] = {}
    twice = 0
    for excerpt in material.excerpts:
        if np.ptp(excerpt) == 0:
            continue
        key = np.ascontiguousarray(excerpt, np.float32).tobytes()
        twice += key in seen
        seen[key] = 1
    share = twice / len(material.excerpts)
    fact = share >= TWICE_SHARE
    return _fact(
        "share of excerpts that come a second time",
        share,
        f"{twice} of {len(material.excerpts)} excerpts are copies of others." if fact else "No excerpt comes twice.",
        "Leave copies out: they count the same evidence twice, and where labels differ one of them is wrong.",
        fact=fact,
    )


def _fact(what: str, share: float, sentence: str, advice: str, *, fact: bool) -> Answer:
    return Answer(what, Interval(share, np.nan, np.nan), 0.0, None, sentence, advice, fact=fact)


QUESTION = Question("sample_faults", "Are samples clipped, standing still or repeated?", ask)
