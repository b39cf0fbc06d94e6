"""Networks of PyTorch as decoders: evaluation mode, no gradients, their own precision; their mode stays theirs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from neuromotion_gym.decoders import check_decoder, load_decoder  # noqa: E402
from neuromotion_gym.decoders.torch_modules import is_torch_module  # noqa: E402
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning  # noqa: E402

FACTS = {"modality": "emg", "channels": ["a", "b"], "rate_hz": 100.0, "unit": "V", "window": 4, "labels": ["a", "b"]}


class Means(torch.nn.Module):
    """Logits: the channels' means, through dropout and batch normalisation."""

    def __init__(self, outputs=1):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2, affine=False)
        self.dropout = torch.nn.Dropout(0.5)
        self.gain = torch.nn.Parameter(torch.tensor(2.0))
        self.outputs = outputs

    def forward(self, windows):
        logits = self.gain * self.dropout(self.norm(windows)).mean(dim=2)
        return logits if self.outputs == 0 else (logits,) * self.outputs


def windows(rows=3):
    return np.random.default_rng(1).normal(size=(rows, 2, 4)).astype(np.float32)


def expected(given):
    odds = np.exp(2 * given.mean(axis=2) / np.sqrt(1 + 1e-5))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("outputs", [0, 1])
def test_a_network_gives_the_softmax_of_its_logits(outputs):
    decoder = load_decoder(Means(outputs).eval(), **FACTS)
    check_decoder(decoder)
    assert decoder.spec.output == "logits"
    assert decoder.predict_proba(windows()) == pytest.approx(expected(windows()), abs=1e-6)


def test_a_network_in_training_mode_decodes_in_evaluation_mode_and_stays_in_its_own():
    network = Means()
    network.dropout.eval()
    modes = [part.training for part in network.modules()]
    with pytest.warns(NeuroMotionWarning, match="Means is in training mode"):
        decoder = load_decoder(network, **FACTS)
    assert decoder.predict_proba(windows()) == pytest.approx(expected(windows()), abs=1e-6)
    assert [part.training for part in network.modules()] == modes == [True, True, False]
    assert int(network.norm.num_batches_tracked) == 0


def test_a_network_in_evaluation_mode_warns_of_nothing_and_needs_no_gradients():
    network = Means().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_decoder(network, **FACTS).decode(windows())
    assert network.gain.grad is None


def test_a_network_of_double_precision_is_given_doubles():
    decoder = load_decoder(Means().eval().double(), **FACTS)
    assert decoder.predict_proba(windows()) == pytest.approx(expected(windows()), abs=1e-6)


def test_a_network_that_ends_with_a_softmax_has_to_say_so():
    network = torch.nn.Sequential(Means(0), torch.nn.Softmax(dim=1)).eval()
    with pytest.raises(NeuroMotionError, match="right: output: probabilities"):
        load_decoder(network, **FACTS)
    decoder = load_decoder(network, output="probabilities", **FACTS)
    assert decoder.predict_proba(windows()) == pytest.approx(expected(windows()), abs=1e-6)


def test_a_network_of_several_outputs_is_refused():
    with pytest.raises(NeuroMotionError, match="returns 2 outputs"):
        load_decoder(Means(2).eval(), **FACTS)


def test_only_networks_are_networks():
    assert is_torch_module(Means())
    assert not is_torch_module(torch.zeros(1))
    assert not is_torch_module(None)


def test_a_decoder_made_of_a_network_can_be_sent_to_another_process():
    import pickle

    decoder = load_decoder(Means().eval(), **FACTS)
    other = pickle.loads(pickle.dumps(decoder))  # noqa: S301 -- our own bytes
    assert np.array_equal(other.predict_proba(windows()), decoder.predict_proba(windows()))


def test_a_probability_that_is_called_a_logit_is_said():
    linear = [torch.nn.Flatten(), torch.nn.Linear(8, 1)]
    facts = {**FACTS, "output": "logit", "positive": "b"}
    with pytest.warns(NeuroMotionWarning, match=r"numbers from \S+ to 1 for windows of any size"):
        load_decoder(torch.nn.Sequential(*linear, torch.nn.Sigmoid()).eval(), **facts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_decoder(torch.nn.Sequential(*linear).eval(), **facts)
