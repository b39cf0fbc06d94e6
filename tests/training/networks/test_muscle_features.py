from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.errors import NeuroMotionError

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.networks.muscle_features import MuscleFeatures, MuscleNetwork, build  # noqa: E402


@pytest.fixture
def windows():
    windows = 50 * torch.randn(40, 4, 500, generator=torch.Generator().manual_seed(0))
    windows[:, 3] = windows[:, 3].abs()
    return windows


def test_factors_change_amplitudes_and_offsets_of_raw_channels_nothing(windows):
    features = MuscleFeatures([0, 1, 2], [3], 0.1)
    plain, loud = features(windows), features(10 * windows)
    assert plain.shape == (40, features.size)
    assert features.size == 4 * 3 + 3 + 1
    changed = loud - plain
    ten = torch.log(torch.tensor(10.0))
    for column in (0, 1, 2, 15):
        assert torch.allclose(changed[:, column], ten.expand(40), atol=0.01)
    assert torch.allclose(changed[:, 3:15], torch.zeros(40, 12), atol=0.01)
    windows[:, :3] += 300
    assert torch.allclose(features(windows), plain, atol=1e-3)


def test_an_envelope_is_read_by_its_level_alone(windows):
    features = MuscleFeatures([0, 1, 2], [3], 1.0)
    windows[0, 3] = windows[1, 3].mean()
    windows[0, :3] = windows[1, :3]
    assert torch.allclose(*features(windows)[:2], atol=1e-4)
    windows[:, 3] = -40
    assert (features(windows)[:, 15] == 0).all()  # log of the floor


def test_correlation_of_the_same_signal_is_one(windows):
    windows[:, 2] = windows[:, 0]
    correlations = MuscleFeatures([0, 1, 2], [3], 1.0)(windows)[:, 12:15]  # of channels 0 and 1, 0 and 2, 1 and 2
    assert correlations[:, 1] == pytest.approx(1.0, abs=1e-2)
    assert correlations[:, 0].abs().max() < 0.3


def people(spread: float) -> SimpleNamespace:
    """Windows of eight people; two labels are loud in a channel each, but each person has factors of their own."""
    generator = np.random.default_rng(0)
    labels, person = np.tile([0, 1], 160), np.repeat(np.arange(8), 40)
    gains = np.exp(spread * generator.standard_normal((8, 4)))[person]
    gains[np.arange(320), labels] *= 3
    samples = (20 * gains[:, :, None] * generator.standard_normal((320, 4, 100))).astype(np.float32)
    return SimpleNamespace(labels=labels, people=person, windows=lambda rows: samples[rows])


def fitted(spread: float) -> tuple[MuscleNetwork, SimpleNamespace]:
    data = people(spread)
    network = MuscleNetwork(MuscleFeatures([0, 1, 2, 3], [], 1.0), 2)
    with torch.no_grad():
        network.fit(data, np.random.default_rng(0))
    return network.eval(), data


def test_the_fit_finds_the_labels_and_is_less_sure_where_people_differ():
    confidence = []
    for spread in (0.0, 1.0):
        network, data = fitted(spread)
        with torch.no_grad():
            posterior = torch.softmax(network(torch.from_numpy(data.windows(slice(None))))[0], 1).numpy()
        accuracy = (posterior.argmax(1) == data.labels).mean()
        assert accuracy > 0.9 - 0.2 * spread
        confidence.append(posterior.max(1).mean())
    assert confidence[0] > 0.99 > 0.9 > confidence[1]


def test_channels_that_are_not_there_are_named():
    spec = load_recipe(decoder_folder("leg_muscles")).decoder
    assert build(spec, envelopes=("LG",)).features.envelopes.tolist() == [3]
    with pytest.raises(NeuroMotionError, match="has envelopes RF and floor 1; envelopes are some of VL, BF, TA, LG"):
        build(spec, envelopes=("RF",))
    with pytest.raises(NeuroMotionError, match="not all, and the floor is above 0"):
        build(spec, envelopes=spec.channels)
    with pytest.raises(NeuroMotionError, match="and floor 0; "):
        build(spec, floor=0.0)
