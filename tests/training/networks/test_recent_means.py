"""Means of the window's parts: what they see, random hidden layers that are the same for everybody, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.decoders.spec import DecoderSpec  # noqa: E402
from neuromotion_gym.errors import NeuroMotionError  # noqa: E402
from neuromotion_gym.training.data import CutWindows  # noqa: E402
from neuromotion_gym.training.networks.recent_means import RecentMeans, build  # noqa: E402


def spec(**changes: object) -> DecoderSpec:
    facts = {"name": "small", "modality": "emg", "labels": ["rest", "bend"], "targets": ["x"], "channels": ["a", "b"]}
    facts |= {"rate_hz": 100, "unit": "V", "window": 20, "hop_s": 0.05, "output": "targets"}
    facts["adaptation"] = {"kind": "head", "shape": [1, 17]}
    return DecoderSpec.model_validate(facts | changes)


def windows(seed: int, size: float = 1.0) -> CutWindows:
    samples = size * np.random.default_rng(seed).normal(size=(2, 5020)).astype(np.float32)
    starts = np.arange(0, 5000, 5)
    where = np.stack([0 * starts, starts], axis=1)
    return CutWindows((samples,), where, 0 * starts, 0 * starts, 0 * starts, 20)


def fitted(data: CutWindows, seed: int = 0) -> RecentMeans:
    made = build(spec(), parts=2, hidden=[16], small=1.0)
    with torch.no_grad():
        made.prepare(data, np.random.default_rng(seed))
        made.fit(data, np.random.default_rng(seed))
    return made.eval()


def features(network: RecentMeans, samples: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.from_numpy(samples), torch.zeros(len(samples), 1, 17))[1].numpy()


def test_features_are_standardised_and_see_the_mean_of_each_part_alone() -> None:
    data = windows(0)
    network, cut = fitted(data), data.windows(np.arange(1000))
    found = features(network, cut)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=1e-2)
    within = np.random.default_rng(1).normal(size=cut.shape).astype(np.float32)
    within = within.reshape(1000, 2, 2, 10)
    within = (within - within.mean(axis=3, keepdims=True)).reshape(cut.shape)
    np.testing.assert_allclose(features(network, cut + within), found, atol=1e-4)
    np.testing.assert_allclose(
        network.means(torch.tensor([[[1.0] * 20, [-2.0] * 20]]))[0].numpy(), np.arcsinh([1, 1, -2, -2])
    )


def test_random_hidden_layers_are_those_of_the_seed_whoever_is_trained_on() -> None:
    one, same, other = fitted(windows(0)), fitted(windows(1, size=3.0)), fitted(windows(0), seed=1)
    for name in ("hidden.0.weight", "hidden.0.bias"):
        mine, theirs, drawn_anew = (network.state_dict()[name] for network in (one, same, other))
        assert torch.equal(mine, theirs)
        assert not torch.allclose(mine, drawn_anew)
    weights = one.state_dict()["hidden.0.weight"].numpy()
    assert weights.std() == pytest.approx(0.5, rel=0.3)  # four inputs, so that their weighted sum has deviation 1


def test_the_last_layer_is_the_adaptation() -> None:
    network, cut = fitted(windows(0)), windows(2).windows(np.arange(5))
    head = np.random.default_rng(3).normal(size=(5, 1, 17)).astype(np.float32)
    with torch.no_grad():
        said, found = (each.numpy() for each in network(torch.from_numpy(cut), torch.from_numpy(head)))
    np.testing.assert_allclose(said, np.einsum("nij,nj->ni", head[..., :-1], found) + head[..., -1], rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"hidden": [8]}, r"shape \[1, 9\], not hidden \[8\]"),
        ({"adaptation": {"kind": "none"}}, {}, "an adaptation of kind 'head'"),
        ({}, {"parts": 3}, "divide the window of 20 samples evenly"),
        ({}, {"small": 0.0}, "small above 0"),
        ({}, {"dropout": 1.0}, "dropout from 0 to below 1"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], options: dict[str, object], message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        build(spec(**changes), **{"parts": 2, "hidden": [16], "small": 1.0, **options})
