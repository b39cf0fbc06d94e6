"""The model of people and their days is fitted, and its features are those of envelopes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import ChosenWindows, CutWindows, recordings_of
from neuromotion_gym.training.networks.day_lda import Envelopes, build, product_covariance

LABELS, COUNT, WINDOW, EACH = ("rest", "a", "b"), 3, 40, 30
LOUD = np.array([[20, 20, 20], [4000, 900, 300], [500, 700, 5000]], float)
SPEC = {
    "name": "small",
    "modality": "emg",
    "labels": LABELS,
    "channels": [f"e{number}" for number in range(COUNT)],
    "rate_hz": 200,
    "unit": "count",
    "window": WINDOW,
    "hop_s": 0.05,
    "output": "logits",
    "effort": True,
    "adaptation": {"kind": "day", "shape": (3, 16)},
}


def made(days: tuple[int, ...] = (3, 3, 2)) -> CutWindows:
    """Envelopes of people on some days each, on which channels are stronger or weaker."""
    generator = np.random.default_rng(0)
    recordings, where, labels, people = [], [], [], []
    for person, count in enumerate(days):
        own = np.exp(generator.normal(size=LOUD.shape))
        for _ in range(count):
            today = LOUD * own * np.exp(0.5 * generator.normal(size=COUNT))
            truth = np.repeat(np.arange(3), EACH)
            levels = np.repeat(today[truth].T, WINDOW, axis=1)
            recordings.append((levels * generator.gamma(20, 1 / 20, levels.shape)).astype(np.float32))
            where += [(len(recordings) - 1, WINDOW * number) for number in range(3 * EACH)]
            labels.append(truth)
            people += [person] * (3 * EACH)
    every = np.concatenate(labels)
    return CutWindows(tuple(recordings), np.array(where), every, np.array(people), np.arange(len(every)), WINDOW)


def test_the_model_knows_each_person_and_somebody_unknown_and_decodes_a_known_day() -> None:
    data, network = made(), build(DecoderSpec(**SPEC), floor=50.0, rest="rest")
    with torch.no_grad():
        network.fit(data, np.random.default_rng(0))
        days = network.population()
        assert days.centres.shape == (4, 3, 15)
        assert days.still == 0
        # Two days tell less of a person than three, and changes are wider for somebody unknown
        assert np.trace(days.spreads[3]) > np.trace(days.spreads[1])
        assert np.trace(days.spreads[0]) > np.trace(days.spreads[1])
        own = np.flatnonzero(recordings_of(data) == 4)
        features = network.features(torch.from_numpy(data.windows(own))).double().numpy()
        means = np.stack([features[data.labels[own] == label].mean(axis=0) for label in range(3)])
        within = np.concatenate([features[data.labels[own] == label] - means[label] for label in range(3)])
        whitened = within @ days.whitening
        assert 0.3 < whitened.var() < 3
        found = days.fit(features.reshape(-1, 5, 15).mean(axis=1), np.arange(4))
        assert int(np.argmax(found.score)) == 2  # the second person
        head = torch.from_numpy(days.head(found.means[2], 2)).expand(len(own), -1, -1)
        logits, effort, _ = network(torch.from_numpy(data.windows(own)), head)
        assert (logits.argmax(dim=1).numpy() == data.labels[own]).mean() > 0.99
        assert effort[data.labels[own] == 0].max() < 0.2 < effort[data.labels[own] > 0].min()


def test_people_are_drawn_towards_the_mean_of_all_by_changes_from_day_to_day() -> None:
    with torch.no_grad():
        network = build(DecoderSpec(**SPEC), floor=50.0, rest="rest")
        network.fit(made(), np.random.default_rng(0))
    days = network.population()
    data = made()
    features = network.features(torch.from_numpy(data.windows(np.arange(len(data.labels))))).double().numpy()
    read = features @ days.whitening
    recorded = recordings_of(data)
    means = np.stack(
        [
            np.stack([read[(recorded == one) & (data.labels == label)].mean(axis=0) for label in range(3)])
            for one in range(8)
        ]
    )
    plain = np.stack([means[:3].mean(axis=0), means[3:6].mean(axis=0), means[6:].mean(axis=0)])
    np.testing.assert_allclose(days.centres[0], plain.mean(axis=0), rtol=1e-6, atol=1e-6)
    far = np.linalg.norm(plain - plain.mean(axis=0), axis=(1, 2))
    drawn = np.linalg.norm(days.centres[1:] - days.centres[0], axis=(1, 2))
    assert (drawn < far).all()
    assert (drawn > 0.1 * far).all()


def test_a_product_of_covariances_is_found() -> None:
    generator = np.random.default_rng(1)
    by_label = np.array([[2.0, 1.5, 0.0], [1.5, 3.0, -0.5], [0.0, -0.5, 1.0]])
    by_feature = np.array([[1.0, 0.4], [0.4, 0.5]])
    roots = np.linalg.cholesky(by_label), np.linalg.cholesky(by_feature)
    changes = roots[0] @ generator.normal(size=(20_000, 3, 2)) @ roots[1].T
    labels, features = product_covariance(changes, 0.0)
    np.testing.assert_allclose(np.kron(labels, features), np.kron(by_label, by_feature), atol=0.1)
    assert np.trace(features) == pytest.approx(2)


def test_features_of_texture_do_not_change_with_the_size_of_the_signal() -> None:
    windows = torch.from_numpy(np.random.default_rng(0).gamma(2, 3000, (5, COUNT, WINDOW)).astype(np.float32))
    features = Envelopes(COUNT, 1.0)
    plain, strong = features(windows), features(4 * windows)
    assert features.size == plain.shape[1] == 15
    torch.testing.assert_close(strong[:, :COUNT], plain[:, :COUNT] * 4**0.25, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(strong[:, COUNT:], plain[:, COUNT:], rtol=1e-3, atol=1e-3)


def test_recordings_are_told_apart_for_chosen_windows_too() -> None:
    data = made()
    rows = np.array([0, 100, 300])
    np.testing.assert_array_equal(recordings_of(ChosenWindows(data, rows)), data.where[rows, 0])


def test_what_cannot_be_fitted_is_refused() -> None:
    with torch.no_grad(), pytest.raises(NeuroMotionError, match="two people or more"):
        build(DecoderSpec(**SPEC), floor=50.0, rest="rest").fit(made((3,)), np.random.default_rng(0))
    with pytest.raises(NeuroMotionError, match=r"kind 'day' and shape \[3, 16\].* not 'day', \[3, 15\]"):
        build(DecoderSpec(**{**SPEC, "adaptation": {"kind": "day", "shape": (3, 15)}}), floor=50.0, rest="rest")
    with pytest.raises(NeuroMotionError, match="floor above 0"):
        build(DecoderSpec(**SPEC), floor=0.0, rest="rest")
