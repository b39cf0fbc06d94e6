"""The networks of single instants are those of the source, parameter for parameter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.architectures import build_network  # noqa: E402
from neuromotion_gym.training.costs import cost  # noqa: E402
from neuromotion_gym.training.networks import hdsemg_m5, hdsemg_mobilenet  # noqa: E402
from neuromotion_gym.training.networks.hdsemg_images import Instants, checked_grid, standardised  # noqa: E402
from neuromotion_gym.training.networks.hdsemg_mobilenet import MobileNet  # noqa: E402


def spec(channels: int = 192, labels: int = 8, window: int = 1) -> DecoderSpec:
    return DecoderSpec(
        name="grid",
        modality="emg",
        labels=[f"gesture_{i}" for i in range(labels)],
        channels=[f"emg_{i}" for i in range(channels)],
        rate_hz=1000,
        unit="mV",
        window=window,
        hop_s=0.05,
    )


@pytest.mark.parametrize(
    ("model_width", "parameters", "plain", "with_norms"),
    [
        (1.0, 2_314_264, 17_009_280, 18_302_976),
        (0.7, 1_711_960, 12_027_648, 12_967_296),
        (0.4, 1_109_656, 7_046_016, 7_631_616),
        (0.2, 808_504, 4_555_200, 4_963_776),
    ],
)
def test_mobilenet_costs_what_is_published(model_width: float, parameters: int, plain: int, with_norms: int) -> None:
    network = hdsemg_mobilenet.build(spec(), model_width=model_width)
    assert cost(network, (torch.zeros(1, 192, 1),)) == (parameters, plain, with_norms)
    more = hdsemg_mobilenet.build(spec(labels=9), model_width=model_width)
    assert sum(one.numel() for one in more.parameters()) - parameters == 3_841


def test_m5_costs_what_is_published() -> None:
    network = hdsemg_m5.build(spec(labels=7, window=20))
    found = cost(network, (torch.zeros(1, 192, 20),))
    assert (found.parameters, found.multiply_accumulates) == (2_855, 239_840)


def test_relu_is_not_bounded_and_only_strides_have_no_shortcut() -> None:
    network = MobileNet(1, 8, 24, 8, 1.0)
    assert [block.shortcut is None for block in network.blocks] == [i in (3, 6, 13) for i in range(17)]
    image = torch.randn(1, 1, 8, 24)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.eval()
            norm.running_var.fill_(1e-4)
    assert network.stem(100 * image).relu().max() > 6


def test_layouts_are_two_orders_of_the_same_channels() -> None:
    rows = checked_grid(spec(), 8, 24, "rows").pixels
    assert rows == list(range(192))
    columns = np.array(checked_grid(spec(), 8, 24, "columns").pixels).reshape(8, 24)
    assert columns.tolist() == np.arange(192).reshape(24, 8).T.tolist()
    with pytest.raises(NeuroMotionError, match="8 by 23 pixels has not the 192 channels"):
        hdsemg_mobilenet.build(spec(), width=23)


def test_an_instant_is_filtered_by_its_past_alone() -> None:
    time = np.arange(300) / 1000
    signal = np.sin(2 * np.pi * 100 * time) + 500 + 3 * np.sin(2 * np.pi * 2 * time)
    window = torch.tensor(np.stack([signal, 2 * signal])[None], dtype=torch.float32)
    instants = Instants(spec(2, window=300), 4, 10, (20.0, 400.0), 65)
    found = instants(window)
    assert found.shape == (1, 4, 2)
    ends = 299 - 32 - 10 * np.arange(3, -1, -1)  # the filter delays by half of its length
    np.testing.assert_allclose(found[0, :, 0], np.sin(2 * np.pi * 100 * time[ends]), atol=0.07)
    np.testing.assert_allclose(found[0, :, 1], 2 * found[0, :, 0], atol=1e-3)
    changed = window.clone()
    changed[..., -1] += 1
    assert torch.allclose(instants(changed)[:, :-1], found[:, :-1], atol=1e-3)
    with pytest.raises(NeuroMotionError, match=r"need a window of 95 samples; that of 'grid' has 94"):
        Instants(spec(2, window=94), 4, 10, (20.0, 400.0), 65)
    with pytest.raises(NeuroMotionError, match="between 0 and 500 Hz, and an odd number of taps"):
        Instants(spec(2, window=94), 1, 1, (20.0, 600.0), 65)


def test_images_are_standardised_each_by_itself() -> None:
    images = standardised(7 + 3 * torch.randn(5, 64) * torch.arange(1, 6)[:, None])
    assert torch.allclose(images.mean(-1), torch.zeros(5), atol=1e-5)
    assert torch.allclose(images.std(-1, unbiased=False), torch.ones(5), atol=1e-4)
    assert standardised(torch.ones(2, 8)).abs().max() == 0


def test_a_decision_is_the_mean_of_its_images_and_training_sees_the_last_one() -> None:
    options = {"model_width": 0.2, "height": 4, "width": 4, "step": 2}
    several = hdsemg_mobilenet.build(spec(16, 3, 9), images=3, **options).eval()
    single = hdsemg_mobilenet.build(spec(16, 3, 1), **options).eval()
    single.load_state_dict(several.state_dict())
    window = torch.randn(2, 16, 9)
    with torch.no_grad():
        each = [single(window[..., i : i + 1])[0] for i in (4, 6, 8)]
        assert torch.allclose(several(window)[0], sum(each) / 3, atol=1e-5)
        several.train()
        for module in several.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
        assert torch.allclose(several(window)[0], each[2], atol=1e-5)


def test_planes_are_successive_instants() -> None:
    network = hdsemg_mobilenet.build(spec(16, 3, 3), model_width=0.2, height=4, width=4, channel=3)
    assert network.network.stem[0].weight.shape == (32, 3, 3, 3)
    assert network.eval()(torch.randn(2, 16, 3))[0].shape == (2, 3)
    with pytest.raises(NeuroMotionError, match="model_width is 0.1"):
        hdsemg_mobilenet.build(spec(), model_width=0.1)
    with pytest.raises(NeuroMotionError, match="2 instants of 16 channels are 32 values; M5 needs 256"):
        hdsemg_m5.build(spec(16, 3, 2), instants=2)


def test_the_recipe_of_the_source_has_its_defaults() -> None:
    recipe = load_recipe(Path(__file__).parents[3] / "docs" / "systems" / "hdsemg_source.yaml")
    data, network, training = recipe.trainable()
    assert (training.epochs, training.t_max, training.batch, training.workers) == (5, 5, 1000, 4)
    assert (training.learning_rate, training.weight_decay, training.label_smoothing) == (3e-4, 3e-4, 0.1)
    assert (training.schedule, training.decay, training.clip, training.start_from) == ("epochs", "all", None, None)
    options = {"model_width": 0.2, "height": 8, "width": 24, "channel": 1, "layout": "rows"}
    assert network.options == options
    assert data.options == {"split_by": "instant", "folds": 1}
    assert recipe.decoder.split == "overlapping-windows"
    parameters = sum(one.numel() for one in build_network(recipe).parameters())
    assert parameters == 808_504 - 3_841  # seven labels instead of eight outputs
