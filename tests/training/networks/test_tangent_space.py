"""The network of the tangent space: one answer from samples and covariances, mirror symmetry, no slow waves."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders import DecoderSpec, OnnxDecoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import mirrored_channels
from neuromotion_gym.training.bands import apply_filters, filter_bank
from neuromotion_gym.training.export import export_onnx

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("sklearn", reason="needs the extra train")

from neuromotion_gym.training.networks import tangent_space  # noqa: E402

CHANNELS = ("C3", "Cz", "C4", "CP3", "CPz", "CP4")
BANDS = [[8, 13], [13, 30]]
SPEC = DecoderSpec(
    name="small",
    modality="eeg",
    dataset="nowhere",
    labels=("rest", "left_fist", "right_fist"),
    channels=CHANNELS,
    rate_hz=160,
    unit="V",
    window=320,
    hop_s=0.25,
    output="logits",
    adaptation={"kind": "running", "band_hz": [8, 30], "shape": [6, 6]},
    ocular="regress",
    split="subject",
    licence="CC0-1.0",
)


class Trials:
    """Covariances of trials in which the channel of one side is weak, by label."""

    def __init__(self, count: int = 300) -> None:
        generator = np.random.default_rng(0)
        self.labels, self.people = np.arange(count) % 3, np.arange(count) // 3 % 9
        gains = np.ones((count, len(CHANNELS)))
        gains[self.labels == 1, CHANNELS.index("C4")] = 0.4
        gains[self.labels == 2, CHANNELS.index("C3")] = 0.4
        samples = gains[:, None, :, None] * generator.normal(size=(count, len(BANDS), len(CHANNELS), 60))
        self._covariances = (samples @ samples.swapaxes(2, 3) / 60).astype(np.float32)

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        return self._covariances[indices]

    def adaptation(self, indices: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(6, dtype=np.float32), (len(indices), 1, 1))


@pytest.fixture(scope="module")
def network():
    net = tangent_space.build(SPEC, bands_hz=BANDS, inverse_strength=0.1).eval()
    with torch.no_grad():
        net.fit(Trials(), np.random.default_rng(0))
    return net


@pytest.fixture
def windows():
    generator = np.random.default_rng(0)
    gains = np.exp(generator.normal(size=(5, 6, 1)))
    return torch.from_numpy((gains * generator.normal(size=(5, 6, 320))).astype(np.float32))


@pytest.fixture
def adaptation():
    generator = np.random.default_rng(1)
    return torch.from_numpy((np.eye(6) + 0.1 * generator.normal(size=(5, 6, 6))).astype(np.float32))


def logits(network, windows, adaptation):
    with torch.no_grad():
        return network(windows, adaptation)[0]


def test_samples_and_their_band_covariances_give_nearly_the_same(network, windows, adaptation):
    filters = filter_bank(160, BANDS, 81)
    covariances = []
    for window in windows.numpy():
        whole = apply_filters(window.astype(float), filters)[:, :, 80:]
        covariances.append(whole @ whole.swapaxes(1, 2) / whole.shape[2])
    from_covariances = logits(network, torch.from_numpy(np.stack(covariances)).float(), adaptation)
    from_samples = logits(network, windows, adaptation)
    # The graph computes every second filtered sample only, and not their weakest components
    assert torch.abs(from_samples - from_covariances).max() < 0.15 * torch.abs(from_samples).max()


def test_components_of_a_filter_keep_the_power():
    from neuromotion_gym.training.bands import shifted

    filtering = shifted(filter_bank(160, [[8, 13]], 81)[0], 320, 2)
    components = tangent_space._components(filtering)
    samples = np.random.default_rng(0).normal(size=(200, 320))
    power = ((samples @ filtering) ** 2).mean(axis=1)
    assert components.shape[1] < filtering.shape[1] / 2
    np.testing.assert_allclose(((samples @ components) ** 2).sum(axis=1), power, rtol=0.03)


def test_polynomial_of_matrices_is_that_of_their_eigenvalues(network):
    low, high = network.range
    values = np.linspace(low, high, 6)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    found = network._logarithm(torch.from_numpy(turned @ np.diag(values) @ turned.T)[None].float())[0].numpy()
    eigenvalues = np.diag(turned.T @ found @ turned)
    np.testing.assert_allclose(turned @ np.diag(eigenvalues) @ turned.T, found, atol=1e-4)
    # Of degree 4 it is near the logarithm everywhere, and rises with it
    np.testing.assert_allclose(eigenvalues, np.log(values), atol=0.35)
    assert (np.diff(eigenvalues) > 0).all()


def test_fit_finds_what_tells_the_labels_apart(network):
    trials = Trials(150)
    found = logits(network, torch.from_numpy(trials.windows(np.arange(150))), torch.eye(6).repeat(150, 1, 1))
    assert (found.argmax(1).numpy() == trials.labels).mean() > 0.95


def test_two_labels_are_fitted_as_well():
    trials = Trials(150)
    trials.labels = np.minimum(trials.labels, 1)  # rest, or one of the sides
    net = tangent_space.build(
        SPEC.model_copy(update={"labels": ("rest", "hand_open")}), bands_hz=BANDS, inverse_strength=0.1
    ).eval()
    with torch.no_grad():
        net.fit(trials, np.random.default_rng(0))
    found = logits(net, torch.from_numpy(trials.windows(np.arange(150))), torch.eye(6).repeat(150, 1, 1))
    assert (found.argmax(1).numpy() == trials.labels).mean() > 0.95


def test_confidence_matches_the_accuracy_on_other_people():
    """With labels that are wrong in a third of the trials, the posterior of the likeliest label is about two thirds."""
    trials, generator = Trials(900), np.random.default_rng(3)
    wrong = generator.random(900) < 1 / 3
    trials.labels = np.where(wrong, (trials.labels + generator.integers(1, 3, 900)) % 3, trials.labels)
    net = tangent_space.build(SPEC, bands_hz=BANDS, inverse_strength=1e-3).eval()  # which alone is too unsure
    with torch.no_grad():
        net.fit(trials, np.random.default_rng(0))
    found = torch.softmax(
        logits(net, torch.from_numpy(Trials(300).windows(np.arange(300))), torch.eye(6).repeat(300, 1, 1)), 1
    )
    assert found.max(1).values.mean() == pytest.approx(2 / 3, abs=0.1)


def test_exchanging_the_sides_exchanges_left_and_right(network, windows, adaptation):
    order = mirrored_channels(CHANNELS)
    plain = logits(network, windows, adaptation)
    other = logits(network, windows[:, order], adaptation[:, order][:, :, order])
    torch.testing.assert_close(other, plain[:, [0, 2, 1]], atol=1e-5, rtol=1e-5)
    assert torch.abs(plain[:, 1] - plain[:, 2]).max() > 0.1


def test_a_factor_on_all_channels_changes_little(network, windows, adaptation):
    plain = logits(network, 10 * windows, adaptation)  # so that the floor weighs little
    torch.testing.assert_close(logits(network, 100 * windows, adaptation), plain, atol=0.15, rtol=0.05)


def test_slow_waves_and_silence_say_nothing(network, adaptation):
    time = np.arange(320) / 160
    sides = np.array([1, 0.5, -1, 1, 0.2, -1])[:, None]
    slow = np.stack([100 * np.sin(2 * np.pi * hz * time) * sides for hz in (0.5, 1, 2, 3)]).astype(np.float32)
    aligned = torch.eye(6).repeat(4, 1, 1)
    silent = logits(network, torch.zeros(4, 6, 320), aligned)
    assert torch.isfinite(silent).all()
    torch.testing.assert_close(silent[:, 1], silent[:, 2])
    leaning = logits(network, torch.from_numpy(slow), aligned)
    assert torch.abs(leaning[:, 1] - leaning[:, 2]).max() < 0.1


def test_onnx_gives_the_same(network, windows, adaptation, tmp_path):
    assert export_onnx(network, SPEC, tmp_path / "model.onnx") < 1e-5
    decoder = OnnxDecoder(tmp_path / "model.onnx", SPEC)
    ours = torch.softmax(logits(network, windows, adaptation), 1).numpy()
    np.testing.assert_allclose(decoder.predict_proba(windows.numpy(), adaptation.numpy()), ours, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"taps": 321}, "Filters of 321 taps leave nothing of a window of 320 samples."),
        ({"shrinkage": 0.0}, "shrinkage 0, floor 0.05"),
        ({"floor": 0.0}, "floor 0 "),
        ({"inverse_strength": -1.0}, "inverse_strength -1"),
        ({"bands_hz": [[8, 90]]}, "between 0 and half the sampling rate"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(NeuroMotionError, match=message):
        tangent_space.build(SPEC, **{"bands_hz": BANDS, **options})


def test_signals_without_alignment_are_refused():
    trials = Trials(6)
    trials.adaptation = lambda indices: None
    with pytest.raises(NeuroMotionError, match="reads aligned windows"):
        tangent_space.build(SPEC, bands_hz=BANDS).fit(trials, np.random.default_rng(0))
