from __future__ import annotations

import pytest

from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.networks.armband_features import ArmbandFeatures, Effort, build  # noqa: E402


@pytest.fixture
def windows():
    return 20 * torch.randn(50, 8, 40, generator=torch.Generator().manual_seed(0))


def test_louder_signals_change_size_and_nothing_else(windows):
    features = ArmbandFeatures(8)
    plain, loud = features(windows), features(10 * windows)
    assert torch.allclose(loud[:, :8] - plain[:, :8], torch.log(torch.tensor(10.0)).expand(50, 8), atol=1e-2)
    assert torch.allclose(loud[:, 8:], plain[:, 8:], atol=0.03)  # the floor is a quarter count


def test_silence_has_finite_features_and_no_effort():
    silence = torch.zeros(1, 8, 40)
    assert torch.isfinite(ArmbandFeatures(8)(silence)).all()
    effort = Effort(rest=0)
    effort.range.copy_(torch.tensor([1.0, 3.0]))
    assert effort(silence).item() == 0
    assert effort(1000 * torch.ones(1, 8, 40)).item() == 1


def test_correlation_of_the_same_signal_is_one(windows):
    windows[:, 1] = windows[:, 0]
    assert ArmbandFeatures(8)(windows)[:, 40] == pytest.approx(1.0, abs=1e-2)


def test_turn_of_the_armband_keeps_power_and_moves_neighbours_alone(windows):
    spec = load_recipe(decoder_folder("emg_armband")).decoder
    network = build(spec, shift=0.9)
    windows[:, 4] = 0
    windows[:, 3:6] = 0
    turned = network.augment(windows, torch.Generator().manual_seed(1))
    assert (turned[:, 4] == 0).all()  # two electrodes away from any signal
    assert (turned[:, 3] != 0).any()
    whole = windows.pow(2).mean(), turned.pow(2).mean()
    assert float(whole[1] / whole[0]) == pytest.approx(1, abs=0.05)


def test_varied_gains_multiply_and_without_options_nothing_is_varied(windows):
    spec = load_recipe(decoder_folder("emg_armband")).decoder
    generator = torch.Generator().manual_seed(0)
    assert build(spec).augment(windows, generator) is windows
    varied = build(spec, gain_sd=0.2, amplitude_sd=0.2).augment(windows, generator)
    ratio = varied / windows
    assert torch.allclose(ratio, ratio[..., :1].expand_as(ratio))
    assert 0.2 < float(torch.log(ratio[..., 0]).std()) < 0.4
