"""The published CNN-LSTM: every layer against an independent one, its counts, its preprocessing, its Keras file."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.table_steps import ClipPercentiles, Winsorise, YeoJohnson, fitted_chain, yeo_johnson

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.keras_file import write_keras  # noqa: E402
from neuromotion_gym.training.networks.cnn_lstm import CnnLstm, TableChain, build, long_short_term  # noqa: E402


@pytest.fixture
def network() -> CnnLstm:
    torch.manual_seed(0)
    built = build(SimpleNamespace(channels=("a", "b", "c"), labels=tuple("abcdef"), window=10))
    with torch.no_grad():
        built.norm.running_mean += torch.randn(64)
        built.norm.running_var *= 2.0
        built.norm.bias += 0.1
    return built.eval()


def test_parameters_are_as_many_as_keras_counts(network) -> None:
    trained = sum(value.numel() for value in network.parameters() if value.requires_grad)
    statistics = network.norm.running_mean.numel() + network.norm.running_var.numel()
    assert (trained, trained + statistics) == (153_542, 153_670)
    layers = {layer.name: sum(value.size for value in layer.weights.values()) for layer in network.keras_layers()}
    with_weights = {"conv1d": 640, "lstm": 98_816, "lstm_1": 49_408}
    with_weights |= {"batch_normalization": 256, "dense": 4_160, "dense_1": 390}
    assert {name: count for name, count in layers.items() if count} == with_weights
    assert len(layers) == 11


def test_an_lstm_starts_as_keras_starts_it_and_trains_one_bias_vector() -> None:
    torch.manual_seed(1)
    layer = long_short_term(5, 7)
    assert layer.bias_ih_l0.tolist() == [0.0] * 7 + [1.0] * 7 + [0.0] * 14
    assert torch.allclose(layer.weight_hh_l0.T @ layer.weight_hh_l0, torch.eye(7), atol=1e-6)
    assert layer.weight_ih_l0.abs().max() <= (6 / (5 + 28)) ** 0.5
    layer(torch.randn(3, 4, 5))[0].sum().backward()
    assert layer.bias_hh_l0.grad is None
    assert not layer.bias_hh_l0.any()
    assert layer.bias_ih_l0.grad.abs().max() > 0


def test_powers_near_nothing_keep_their_digits() -> None:
    rows = np.array([[0.0], [3.0], [1023.0], [-50.0]])
    for power in (0.0, 1e-7, -4e-4, 1.1e-3, 2.0):
        chain = TableChain(1)
        chain.power.fill_(power)
        found = chain(torch.from_numpy(rows.T[None].astype(np.float32)))[0].T.numpy()
        np.testing.assert_allclose(found, yeo_johnson(rows, np.array([power])), rtol=1e-4)


def test_the_chain_of_the_graph_is_the_chain_of_the_table() -> None:
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 1024, (300, 3)).astype(float) * (generator.random((300, 3)) < 0.6)
    rows[:, 2] -= 400
    chain = TableChain(3)
    chain.fit(rows)
    expected = fitted_chain({"clip": ClipPercentiles(1, 99), "power": YeoJohnson(), "ends": Winsorise(0.05)}, rows)
    found = chain(torch.from_numpy(rows.T[None].astype(np.float32)))[0].T.numpy()
    assert found == pytest.approx(expected, abs=2e-4)
    assert found.std(axis=0) == pytest.approx(np.ones(3), abs=0.1)


def keras_forward(file, rows: np.ndarray) -> np.ndarray:
    """What Keras computes from the weights of a file, in NumPy: probabilities of (n, 10, 3)."""
    stored = {
        str(name).rsplit("/", 1)[-1]: {str(key): np.asarray(value) for key, value in flat(group)}
        for name, group in file["model_weights"].items()
    }

    def sigmoid(values: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-values))

    def lstm(weights: dict[str, np.ndarray], sequence: np.ndarray) -> np.ndarray:
        units = weights["recurrent_kernel"].shape[0]
        hidden = cell = np.zeros((len(sequence), units))
        outputs = []
        for step in sequence.transpose(1, 0, 2):
            gates = step @ weights["kernel"] + hidden @ weights["recurrent_kernel"] + weights["bias"]
            i, f, c, o = np.split(gates, 4, axis=1)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
            hidden = sigmoid(o) * np.tanh(cell)
            outputs.append(hidden)
        return np.stack(outputs, axis=1)

    kernel, bias = stored["conv1d"]["kernel"], stored["conv1d"]["bias"]
    conv = np.stack([np.einsum("nkc,kcf->nf", rows[:, t : t + 3], kernel) + bias for t in range(8)], axis=1)
    pooled = np.maximum(conv, 0).reshape(len(rows), 4, 2, 64).max(axis=2)
    summary = lstm(stored["lstm_1"], lstm(stored["lstm"], pooled))[:, -1]
    norm = stored["batch_normalization"]
    summary = (summary - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + 1e-3) * norm["gamma"] + norm["beta"]
    dense = np.maximum(summary @ stored["dense"]["kernel"] + stored["dense"]["bias"], 0)
    logits = dense @ stored["dense_1"]["kernel"] + stored["dense_1"]["bias"]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def flat(group) -> list[tuple[str, np.ndarray]]:
    found = []
    group.visititems(
        lambda name, one: found.append((name.rsplit("/", 1)[-1], one[()])) if hasattr(one, "shape") else None
    )
    return found


def test_the_keras_file_holds_the_same_network(network, tmp_path) -> None:
    h5py = pytest.importorskip("h5py", reason="needs the extra io")
    write_keras(tmp_path / "model.h5", network.keras_layers(), (10, 3))
    rows = np.random.default_rng(0).normal(size=(5, 10, 3)).astype(np.float32)
    expected = torch.softmax(network.logits(torch.from_numpy(rows).transpose(1, 2)), dim=1).detach().numpy()
    with h5py.File(tmp_path / "model.h5") as file:
        assert keras_forward(file, rows) == pytest.approx(expected, abs=1e-5)
        names = [name.decode() for name in file["model_weights"]["lstm_1"].attrs["weight_names"]]
    cell = "sequential/lstm_1/lstm_cell"
    assert names == [f"{cell}/kernel", f"{cell}/recurrent_kernel", f"{cell}/bias"]


def test_keras_reads_the_file(network, tmp_path) -> None:
    pytest.importorskip("h5py", reason="needs the extra io")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    write_keras(tmp_path / "model.h5", network.keras_layers(), (10, 3))
    model = keras.models.load_model(tmp_path / "model.h5", compile=False)
    assert model.count_params() == 153_670
    rows = np.random.default_rng(0).normal(size=(5, 10, 3)).astype(np.float32)
    expected = torch.softmax(network.logits(torch.from_numpy(rows).transpose(1, 2)), dim=1).detach().numpy()
    assert np.asarray(model.predict(rows, verbose=0)) == pytest.approx(expected, abs=1e-5)


def test_a_window_that_leaves_no_step_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="windows of 4 samples and more, not 3"):
        build(SimpleNamespace(channels=("a",), labels=("a", "b"), window=3))
