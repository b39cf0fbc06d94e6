"""The model of people is fitted, whoever wears the band the other way round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from neuromotion_gym.decoders.arrangement import Arrangement
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.wearer_lda import build

LABELS, COUNT, WINDOW, EACH = ("rest", "a", "b"), 6, 40, 40
LOUD = np.array([[2, 2, 2, 2, 2, 2], [30, 14, 3, 3, 6, 3], [3, 3, 25, 30, 3, 3]], float)
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


@dataclass
class Windows:
    """People, the third of whom wears the band mirrored, and each of whom is stronger than the one before."""

    everybody: np.ndarray
    labels: np.ndarray
    people: np.ndarray

    @classmethod
    def made(cls, people: int = 5) -> Windows:
        generator = np.random.default_rng(0)
        labels = np.tile(np.repeat(np.arange(3), EACH), people)
        numbers = np.repeat(np.arange(people), 3 * EACH)
        plain = LOUD[labels] * np.exp(0.3 * (numbers - 2))[:, None]
        windows = generator.normal(size=(len(labels), COUNT, WINDOW)) * plain[..., None]
        mirrored = numbers == 2
        windows[mirrored] = windows[mirrored][:, Arrangement(3, mirrored=True).order(COUNT)]
        return cls(windows.astype(np.float32), labels, numbers)

    def windows(self, indices: np.ndarray, generator: object = None) -> np.ndarray:
        return self.everybody[indices]


def test_the_means_of_people_are_found_in_one_arrangement() -> None:
    data, network = Windows.made(), build(DecoderSpec(**SPEC), rest="rest")
    with torch.no_grad():
        network.fit(data, np.random.default_rng(0))
    found = network.population()
    means = found.means @ np.linalg.inv(found.whitening)
    np.testing.assert_allclose(means[:, :COUNT], np.log(LOUD), atol=0.15)
    assert found.differences.shape == (5, 3, 2 * COUNT)
    # How much people differ: mostly in strength, the same for all labels and channels
    differences = found.differences @ np.linalg.inv(found.whitening)
    np.testing.assert_allclose((differences**2).sum(axis=0)[1, :COUNT], np.var(0.3 * np.arange(5), ddof=1), rtol=0.3)
    for number, arrangement in ((0, 0), (2, found.arrangements.index(Arrangement(3, mirrored=True)))):
        rows = np.flatnonzero(data.people == number)
        head = torch.from_numpy(found.head(None, arrangement)).expand(len(rows), -1, -1)
        logits, effort, features = network(torch.from_numpy(data.windows(rows)), head)
        assert (logits.argmax(1).numpy() == data.labels[rows]).mean() > 0.95
        assert features.shape == (len(rows), 2 * COUNT)
        assert effort[data.labels[rows] == 0].mean() < 0.2 < effort[data.labels[rows] == 1].mean()


def test_another_adaptation_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match=r"kind 'wearer' and shape \[3, 13\], not 0.5, kind 'head'"):
        build(DecoderSpec(**{**SPEC, "adaptation": {"kind": "head", "shape": (3, 13)}}), rest="rest")
