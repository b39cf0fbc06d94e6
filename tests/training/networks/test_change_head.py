from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.datasets.ninapro_db1_a.reader import MOVEMENTS, REST, SPEC
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import environments_for
from neuromotion_gym.training.networks.whitening import whitening_within

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.networks.change_head import ChangeFeatures, build  # noqa: E402


def spec(**changes: object) -> DecoderSpec:
    content = {
        "name": "changes",
        "modality": "emg",
        "labels": ["rest", "close"],
        "channels": ["a", "b"],
        "rate_hz": 100,
        "unit": "V",
        "window": 6,
        "hop_s": 0.05,
        "output": "logits",
        "adaptation": {"kind": "head", "shape": [2, 7]},
    }
    return DecoderSpec.model_validate(content | changes)


def test_features_are_both_halves_and_the_share_of_each_channel() -> None:
    window = torch.tensor([[[0.0, 0, 0, 0.2, 0.2, 0.2], [0.0, 0, 0, -0.4, -0.4, -0.4]]])
    late = np.arcsinh([2.0, -4.0])
    share = np.array([0.1, -0.2]) / (np.hypot(0.1, 0.2) + 0.1)
    expected = [*late, 0, 0, *share]
    np.testing.assert_allclose(ChangeFeatures(2, 0.1)(window)[0].numpy(), expected, rtol=1e-5)


def test_the_share_is_the_same_for_a_weak_and_a_strong_contraction() -> None:
    window = torch.rand(20, 2, 6, generator=torch.Generator().manual_seed(0)) + 0.5
    plain, strong = (ChangeFeatures(2, 1e-4)(factor * window) for factor in (1, 10))
    assert torch.allclose(plain[:, 4:], strong[:, 4:], atol=1e-3)
    assert (strong[:, :4] - plain[:, :4] > 1).all()


def test_no_change_at_all_has_finite_features() -> None:
    assert (ChangeFeatures(2, 0.02)(torch.zeros(1, 2, 6)) == 0).all()


def test_logits_are_those_of_the_wearers_last_layer() -> None:
    network = build(spec(), small=0.1)
    window = torch.randn(3, 2, 6, generator=torch.Generator().manual_seed(0))
    head = torch.randn(1, 2, 7, generator=torch.Generator().manual_seed(1)).expand(3, 2, 7)
    logits, features = network(window, head)
    assert torch.allclose(logits, features @ head[0, :, :-1].T + head[0, :, -1], atol=1e-6)


def test_the_recipe_for_single_fingers_builds_it_and_its_labels_are_postures_of_the_hand() -> None:
    recipe = load_recipe(Path(__file__).parents[3] / "classifiers" / "emg_fingers")
    assert recipe.network is not None
    assert build(recipe.decoder, **recipe.network.options).features.size == 30
    assert recipe.decoder.labels == (REST, *MOVEMENTS)
    assert recipe.decoder.channels == SPEC.channels
    assert "NeuroHand-v0" in environments_for(recipe.decoder.labels)


def test_another_adaptation_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match=r"kind 'head' and shape \[2, 7\].*not 'head', \[2, 9\], 6 and 0.1"):
        build(spec(adaptation={"kind": "head", "shape": [2, 9]}), small=0.1)
    with pytest.raises(NeuroMotionError, match="small above 0"):
        build(spec(), small=0.0)


def test_whitened_features_have_variance_one_within_people_and_labels() -> None:
    generator = np.random.default_rng(0)
    people, labels = np.repeat([0, 0, 1, 1], 4000), np.tile(np.repeat([0, 1], 4000), 2)
    mixed = generator.normal(size=(16_000, 2)) @ np.array([[3.0, 1.0], [0.0, 0.5]])
    features = mixed + 100 * people[:, None] - 40 * labels[:, None]
    white = features @ whitening_within(features, people, labels)
    for person in (0, 1):
        for label in (0, 1):
            own = white[(people == person) & (labels == label)]
            np.testing.assert_allclose(np.cov(own.T), np.eye(2), atol=0.06)
