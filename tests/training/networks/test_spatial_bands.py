"""The network of spatial filters and bands: one answer from samples and covariances, mirror symmetry, no slow waves."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import DecoderSpec, OnnxDecoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import mirrored_channels
from neuromotion_gym.training.bands import apply_filters, filter_bank
from neuromotion_gym.training.export import export_onnx

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.networks import slow_bins, spatial_bands  # noqa: E402
from neuromotion_gym.training.networks.network import Ensemble  # noqa: E402

CHANNELS = ("C3", "Cz", "C4", "CP3", "CPz", "CP4")
BANDS = [[8, 14], [14, 30]]


def spec(**changes) -> DecoderSpec:
    content = {
        "name": "small",
        "modality": "eeg",
        "dataset": "nowhere",
        "labels": ["rest", "left_fist", "right_fist"],
        "channels": CHANNELS,
        "rate_hz": 160,
        "unit": "V",
        "window": 320,
        "hop_s": 0.25,
        "output": "logits",
        "adaptation": {"kind": "euclidean", "band_hz": [8, 30], "shape": [6, 6]},
        "ocular": "regress",
        "split": "subject",
        "licence": "CC0-1.0",
    }
    return DecoderSpec(**{**content, **changes})


def network(**options):
    torch.manual_seed(0)
    return spatial_bands.build(spec(), bands_hz=BANDS, **{"spatial": 4, "hidden": 5, **options}).eval()


@pytest.fixture
def windows():
    generator = np.random.default_rng(0)
    gains = np.exp(generator.normal(size=(5, 6, 1)))
    return torch.from_numpy((gains * generator.normal(size=(5, 6, 320))).astype(np.float32))


@pytest.fixture
def adaptation():
    generator = np.random.default_rng(1)
    return torch.from_numpy(np.eye(6, dtype=np.float32) + 0.1 * generator.normal(size=(5, 6, 6)).astype(np.float32))


def test_samples_and_their_band_covariances_give_nearly_the_same(windows, adaptation):
    net = network()
    filters = filter_bank(160, BANDS, 81)
    covariances = []
    for window in windows.numpy():
        whole = apply_filters(window.astype(float), filters)[:, :, 80:]
        covariances.append(whole @ whole.swapaxes(1, 2) / whole.shape[2])
    from_covariances = net(torch.from_numpy(np.stack(covariances)).float(), adaptation)[0]
    from_samples = net(windows, adaptation)[0]
    # The graph computes every second filtered sample only
    spread = torch.abs(from_samples - from_samples.mean(0)).max()
    assert torch.abs(from_samples - from_covariances).max() < 0.15 * spread


def test_exchanging_the_sides_exchanges_left_and_right(windows, adaptation):
    net, order = network(), mirrored_channels(CHANNELS)
    plain = net(windows, adaptation)[0]
    other = net(windows[:, order], adaptation[:, order][:, :, order])[0]
    torch.testing.assert_close(other, plain[:, [0, 2, 1]], atol=1e-5, rtol=1e-5)


def test_slow_waves_alone_tell_nothing(adaptation):
    time = torch.arange(320) / 160
    net = network()
    left, right = torch.zeros(1, 6, 320), torch.zeros(1, 6, 320)
    left[:, 0], right[:, 2] = 5 * torch.sin(2 * np.pi * 2 * time), 5 * torch.sin(2 * np.pi * 2 * time)
    difference = net(left, adaptation[:1])[0] - net(right, adaptation[:1])[0]
    fast_left, fast_right = left * 0, right * 0
    fast_left[:, 0] = fast_right[:, 2] = 5 * torch.sin(2 * np.pi * 12 * time)
    fast = net(fast_left, adaptation[:1])[0] - net(fast_right, adaptation[:1])[0]
    assert difference.abs().max() < 0.02 * fast.abs().max()


def test_torch_and_onnx_agree_on_an_ensemble_whose_members_share_equal_weights(tmp_path, windows, adaptation):
    onnx = pytest.importorskip("onnx")
    members = [spatial_bands.build(spec(), bands_hz=BANDS, spatial=4, hidden=5).eval() for _ in range(2)]
    net, path = Ensemble(members, "logits"), tmp_path / "model.onnx"
    assert export_onnx(net, spec(), path) < 1e-4
    expected = torch.softmax(net(windows, adaptation)[0], 1).detach().numpy()
    given = OnnxDecoder(path, spec()).predict_proba(windows.numpy(), adaptation.numpy())
    np.testing.assert_allclose(given, expected, atol=1e-4)
    shapes = [tuple(each.dims) for each in onnx.load(path).graph.initializer]
    assert shapes.count(tuple(members[0].filtering.shape)) == 1
    assert shapes.count((5, 8)) == 2  # of the hidden layers, which differ


def test_channels_are_filtered_first_where_they_are_fewer_than_the_spatial_filters(windows, adaptation):
    net = network(spatial=7, hidden=0, mirrored=False)  # more than the 6 channels, and with one less not
    power = net._power(windows, net.weights, adaptation)
    fewer = [network(spatial=3, hidden=0, mirrored=False) for _ in range(2)]
    fewer[0].weights.data, fewer[1].weights.data = net.weights[:, :3].clone(), net.weights[:, 3:6].clone()
    parts = [part._power(windows, part.weights, adaptation) for part in fewer]
    torch.testing.assert_close(power[:, :, :6], torch.cat(parts, 2), atol=0, rtol=1e-5)


class _Invented:
    """Two sides whose power differs, as covariances."""

    def __init__(self, n: int = 300) -> None:
        generator = np.random.default_rng(2)
        self.labels = np.arange(n) % 3
        power = np.ones((n, 1, 6))
        power[self.labels == 1, :, 2] = power[self.labels == 2, :, 0] = 0.4
        power *= np.exp(0.2 * generator.normal(size=power.shape))
        self.covariances = (power[..., None] * np.eye(6)).astype(np.float32).repeat(2, 1)

    def windows(self, indices, generator=None):
        return self.covariances[indices]

    def adaptation(self, indices):
        return np.eye(6, dtype=np.float32)[None].repeat(len(indices), 0)


def test_the_closed_form_finds_what_differs():
    net, data = network(hidden=0, mirrored=False), _Invented()
    with torch.no_grad():
        net.fit(data, np.random.default_rng(0))
    rows = np.arange(300)
    decoded = net.eval()(torch.from_numpy(data.windows(rows)), torch.from_numpy(data.adaptation(rows)))[0].argmax(1)
    assert (decoded.numpy() == data.labels).mean() > 0.9


def test_the_closed_form_is_refused_where_it_cannot_be():
    with pytest.raises(NeuroMotionError, match="mirrored: false"):
        network().fit(_Invented(), np.random.default_rng(0))


def test_filters_longer_than_the_window_are_refused():
    with pytest.raises(NeuroMotionError, match="401 taps"):
        network(taps=401)


def test_slow_bins_average_what_is_slow():
    net = slow_bins.build(spec(adaptation={"kind": "none"}), taps=81)
    bins = (torch.ones(1, 6, 320) @ net.binning)[0]
    assert bins.shape == (6, 12)
    torch.testing.assert_close(bins, torch.ones(6, 12))
    fast = torch.sin(2 * np.pi * 10 * torch.arange(320) / 160)[None, None].repeat(1, 6, 1)
    assert (fast @ net.binning).abs().max() < 0.02


class _Uneven:
    """Slow potentials of two sides among three times as much rest."""

    def __init__(self) -> None:
        generator = np.random.default_rng(3)
        self.labels = np.array([0] * 300 + [1] * 50 + [2] * 50)
        shift = np.choose(self.labels, [0.0, -1.0, 1.0])[:, None, None] * np.linspace(-1, 1, 6)[None, :, None]
        self.samples = (shift + generator.normal(size=(400, 6, 1)) + np.zeros((1, 1, 320))).astype(np.float32)

    def windows(self, indices, generator=None):
        return self.samples[indices]


def test_slow_bins_do_not_prefer_what_comes_more_often():
    net, data = slow_bins.build(spec(adaptation={"kind": "none"})), _Uneven()
    with torch.no_grad():
        net.prepare(data, np.random.default_rng(0))
    window, labels = torch.from_numpy(data.samples), torch.from_numpy(data.labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(window)[0], labels).backward()
        optimizer.step()
    decoded = net.eval()(window)[0].argmax(1)
    recalls = [(decoded[labels == label] == label).float().mean() for label in range(3)]
    assert min(recalls[1:]) > 0.75
