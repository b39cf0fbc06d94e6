"""How people change from one recording to the next is fitted, with features that turn as the band does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement, arrangements
from neuromotion_gym.decoders.returning import Returning
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import CutWindows
from neuromotion_gym.training.networks.wearer_returns import MOST_KEPT, PER_CHANNEL, RingFeatures, build
from neuromotion_gym.training.networks.wearer_starts import UNUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS, COUNT, WINDOW, EACH = ("rest", "a", "b"), 6, 40, 25
LOUD = np.array([[2, 2, 2, 2, 2, 2], [30, 14, 3, 3, 6, 3], [3, 3, 25, 30, 3, 3]], float)
TURNED, MIRRORED = Arrangement(2), Arrangement(3, mirrored=True)
BANDS = [(0, TURNED), (0, PLAIN), (1, PLAIN), (1, PLAIN), (2, MIRRORED), (2, PLAIN), (3, PLAIN), (3, PLAIN), (4, PLAIN)]
"""Person, and how the band lies in the recording. The last person came once."""
SPEC = {
    "name": "small",
    "modality": "emg",
    "labels": LABELS,
    "channels": [f"e{number}" for number in range(COUNT)],
    "ring": True,
    "rate_hz": 200,
    "unit": "count",
    "window": WINDOW,
    "hop_s": 0.05,
    "output": "logits",
    "effort": True,
    "adaptation": {"kind": "wearer", "shape": (3, PER_CHANNEL * COUNT + 1)},
}


def made(bands: Sequence[tuple[int, Arrangement]], *, stays: bool) -> CutWindows:
    """Recordings of people who differ; each person's recordings are alike, or differ as people do."""
    generator, truth, recordings = np.random.default_rng(0), np.repeat(np.arange(3), EACH), []
    for number, (person, way) in enumerate(bands):
        own = np.exp(0.4 * np.random.default_rng(person if stays else 100 + number).normal(size=LOUD.shape))
        loud = np.repeat((LOUD * own)[truth].T, WINDOW, axis=1)
        recording = np.empty(loud.shape, np.float32)
        recording[way.order(COUNT)] = generator.normal(size=loud.shape) * loud
        recordings.append(recording)
    count, windows = len(bands), np.arange(len(truth))
    where = np.stack([np.repeat(np.arange(count), len(truth)), np.tile(WINDOW * windows, count)], axis=1)
    people = np.repeat([person for person, _ in bands], len(truth))
    return CutWindows(tuple(recordings), where, np.tile(truth, count), people, np.arange(len(people)), WINDOW)


def fitted(data: CutWindows) -> Returning:
    network = build(DecoderSpec(**SPEC), rest="rest")
    with torch.no_grad():
        network.fit(data, np.random.default_rng(0))
    found = network.population()
    assert isinstance(found, Returning)
    return found


@pytest.mark.parametrize("way", [TURNED, MIRRORED])
def test_features_turn_as_the_band_does(way: Arrangement) -> None:
    windows = torch.from_numpy(10 * np.random.default_rng(0).normal(size=(4, COUNT, WINDOW)).astype(np.float32))
    windows[:, 2] += windows[:, 1]  # neighbours share a part
    plain, order = RingFeatures()(windows), np.array(way.order(COUNT))
    turned = RingFeatures()(windows[:, order])
    blocks = np.arange(0, PER_CHANNEL * COUNT, COUNT)[:, None]
    np.testing.assert_allclose(turned, plain[:, (blocks + order).ravel()], atol=1e-6)
    shared = plain[:, -COUNT:]
    assert (shared[:, [1, 2]].min(dim=1).values > shared[:, [0, 3, 4, 5]].max(dim=1).values).all()


def test_what_stays_of_a_person_is_kept_and_what_changes_is_not() -> None:
    alike, apart = (fitted(made(BANDS, stays=stays)) for stays in (True, False))
    assert 0.8 < alike.kept.min() < alike.kept.max() <= MOST_KEPT
    assert apart.kept[np.argsort(apart.variances)[-COUNT:]].max() < 0.7  # in what differs between so few recordings
    assert np.trace(alike.spread) * alike.variances.sum() < np.trace(apart.spread) * apart.variances.sum() / 2
    # Whitening stays whitening: a rotation alone was added
    np.testing.assert_allclose(alike.starts.mean(axis=0), alike.means)


def test_how_often_the_band_lies_otherwise_the_next_time_is_counted() -> None:
    found = fitted(made(BANDS, stays=True))
    counted = np.full(2 * COUNT, UNUSED)
    for one, other in ((TURNED, PLAIN), (PLAIN, TURNED), (MIRRORED, PLAIN), (PLAIN, MIRRORED)):
        back = np.argsort(one.order(COUNT))
        order = np.array(other.order(COUNT))[back].tolist()
        counted[[way.order(COUNT) for way in arrangements(COUNT)].index(order)] += 1
    counted[0] += 4
    np.testing.assert_allclose(found.again, np.log(counted / counted.sum()))


def test_people_who_came_once_and_another_adaptation_are_refused() -> None:
    once = made([(person, PLAIN) for person in range(4)], stays=True)
    network = build(DecoderSpec(**SPEC), rest="rest")
    with torch.no_grad(), pytest.raises(NeuroMotionError, match="two recordings or more of one person"):
        network.fit(once, np.random.default_rng(0))
    some = made(BANDS, stays=True)
    kept = ~((some.where[:, 0] == 3) & (some.labels == 1))
    less = replace(
        some, where=some.where[kept], labels=some.labels[kept], people=some.people[kept], trials=some.trials[kept]
    )
    with torch.no_grad(), pytest.raises(NeuroMotionError, match="every label in each recording"):
        network.fit(less, np.random.default_rng(0))
    with pytest.raises(NeuroMotionError, match=r"needs a ring of electrodes.* not ring False, 0.5, kind 'wearer'"):
        build(DecoderSpec(**{**SPEC, "ring": False}), rest="rest")
