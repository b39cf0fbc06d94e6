from __future__ import annotations

import pytest
import torch

from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.burst_cnn import BurstCnn, build


def spec(window: int = 1000, labels: int = 4) -> DecoderSpec:
    return DecoderSpec(
        name="which",
        modality="emg",
        dataset="leg_uci_knee",
        labels=tuple("abcdefg")[:labels],
        channels=("muscle",),
        rate_hz=1000,
        unit="mV",
        window=window,
        hop_s=0.05,
        output="logits",
        split="subject",
        licence="not stated",
    )


def network(**options: object) -> BurstCnn:
    torch.manual_seed(0)
    return build(spec(), **options).eval()  # type: ignore[arg-type]


def test_gain_and_offset_do_not_count_and_silence_is_finite() -> None:
    window = torch.randn(3, 1, 1000, generator=torch.Generator().manual_seed(0))
    (plain,) = network()(window)
    (other,) = network()(70 * window - 500)
    torch.testing.assert_close(plain, other, rtol=1e-3, atol=1e-4)
    assert torch.isfinite(network()(torch.zeros(1, 1, 1000))[0]).all()
    assert (plain[0] - plain[1]).abs().max() > 1e-3


def test_number_of_parameters() -> None:
    # Kernels 25, 9, 9 without bias, two numbers a filter for the batch norm, the last layer with bias
    expected = 25 * 16 + 9 * 16 * 24 + 9 * 24 * 32 + 2 * (16 + 24 + 32) + 33 * 4
    assert sum(value.numel() for value in network().parameters()) == expected == 11_044


def test_training_turns_some_windows_upside_down_and_leaves_all_else() -> None:
    window = torch.arange(1.0, 21.0).reshape(10, 1, 2)
    turned = network().augment(window, torch.Generator().manual_seed(1))
    assert set(((turned / window).flatten()).tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(turned.abs(), window)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="windows of 16 samples and more, not 15"):
        build(spec(window=15))
    with pytest.raises(NeuroMotionError, match="1 filter or more in each layer"):
        build(spec(), filters=(4, 0, 4))
    assert build(spec(window=16))(torch.randn(2, 1, 16))[0].shape == (2, 4)
