"""The model of people with starts is fitted: each recording is a band of its own, and most of them are worn plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement, arrangements
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.starts import Starts
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import CutWindows
from neuromotion_gym.training.networks.wearer_starts import UNUSED, WAYS, arranged, build

LABELS, COUNT, WINDOW, EACH = ("rest", "a", "b"), 6, 40, 25
LOUD = np.array([[2, 2, 2, 2, 2, 2], [30, 14, 3, 3, 6, 3], [3, 3, 25, 30, 3, 3]], float)
TURNED, MIRRORED = Arrangement(2), Arrangement(3, mirrored=True)
BANDS = [(0, TURNED), (0, PLAIN), (1, PLAIN), (1, PLAIN), (2, MIRRORED), (2, PLAIN), (3, PLAIN), (3, MIRRORED)]
"""Person, and how the band lies in the recording; the first one does not lie as most of them do."""
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
    "adaptation": {"kind": "wearer", "shape": (3, 13)},
}


def made(labels: int = 3) -> CutWindows:
    generator, truth = np.random.default_rng(0), np.repeat(np.arange(labels), EACH)
    recordings = []
    for person, way in BANDS:
        loud = np.repeat((LOUD[truth] * np.exp(0.2 * person)).T, WINDOW, axis=1)
        plain = generator.normal(size=loud.shape) * loud
        recording = np.empty(loud.shape, np.float32)
        recording[way.order(COUNT)] = plain
        recordings.append(recording)
    count, windows = len(BANDS), np.arange(len(truth))
    where = np.stack([np.repeat(np.arange(count), len(truth)), np.tile(WINDOW * windows, count)], axis=1)
    people = np.repeat([person for person, _ in BANDS], len(truth))
    return CutWindows(tuple(recordings), where, np.tile(truth, count), people, np.arange(len(people)), WINDOW)


def test_every_recording_is_a_start_in_the_arrangement_of_most() -> None:
    data, network = made(), build(DecoderSpec(**SPEC), rest="rest")
    with torch.no_grad():
        network.fit(data, np.random.default_rng(0))
    found = network.population()
    assert isinstance(found, Starts)
    back = np.linalg.inv(found.whitening)
    for start, (person, _) in zip(found.starts @ back, BANDS, strict=True):
        np.testing.assert_allclose(start[:, :COUNT], np.log(LOUD) + 0.2 * person, atol=0.25)
    counted = np.full(2 * COUNT, UNUSED)
    for _, way in BANDS:
        counted[found.arrangements.index(way)] += 1
    np.testing.assert_allclose(found.usual, np.log(counted / counted.sum()))
    assert found.usual.argmax() == 0
    # The ways hold all differences, since there are fewer recordings than ways
    assert found.differences.shape == (min(WAYS, len(BANDS)), 3, 2 * COUNT)
    differ = (found.starts - found.means).reshape(len(BANDS), -1)
    flat = found.differences.reshape(len(found.differences), -1)
    np.testing.assert_allclose(
        flat.T @ flat, differ.T @ differ / (len(BANDS) - 1), atol=1e-6 * np.abs(differ).max() ** 2
    )


def test_a_recording_without_a_label_and_another_adaptation_are_refused() -> None:
    data, network = made(), build(DecoderSpec(**SPEC), rest="rest")
    kept = ~((data.where[:, 0] == 3) & (data.labels == 1))
    some = CutWindows(
        data.recordings, data.where[kept], data.labels[kept], data.people[kept], data.trials[kept], WINDOW
    )
    with torch.no_grad(), pytest.raises(NeuroMotionError, match="every label in each recording"):
        network.fit(some, np.random.default_rng(0))
    with pytest.raises(NeuroMotionError, match=r"needs a ring of electrodes.* not ring False, 0.5, kind 'wearer'"):
        build(DecoderSpec(**{**SPEC, "ring": False}), rest="rest")


def test_the_arrangement_of_most_recordings_is_plain_even_if_others_are_clearer() -> None:
    ways = [PLAIN, PLAIN, TURNED, PLAIN, TURNED, PLAIN, TURNED]
    means = []
    for way in ways:
        worn = np.empty((3, 2 * COUNT))
        order = np.array(way.order(COUNT))
        worn[:, np.concatenate([order, COUNT + order])] = np.log(np.tile(LOUD, 2)) * (1 if way == PLAIN else 3)
        means.append(worn)
    orders = build(DecoderSpec(**SPEC), rest="rest").orders(2 * COUNT)
    chosen = arranged(means, np.arange(len(ways)), orders)
    assert chosen == [arrangements(COUNT).index(way) for way in ways]
