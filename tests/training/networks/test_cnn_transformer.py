"""The published CNN-transformer: its count, each part against PyTorch's own layers, both lengths of window."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError

torch = pytest.importorskip("torch", reason="needs the extra train")

from neuromotion_gym.training.networks.cnn_transformer import (  # noqa: E402
    CnnTransformer,
    Dropout,
    SelfAttention,
    TransformerBlock,
    _AttentionWithDropout,
    _kept,
    build,
    positions,
)


def network(channels: int = 64, window: int = 497, **options) -> CnnTransformer:
    torch.manual_seed(0)
    names = tuple(map(str, range(channels)))
    return build(SimpleNamespace(channels=names, labels=("a", "b"), window=window, output="logit"), **options)


def test_parameters_are_as_many_as_published() -> None:
    counts = {name: sum(value.numel() for value in part.parameters()) for name, part in network().named_children()}
    assert sum(counts.values()) == 277_201
    assert counts["first"] == 64 * 64 * 11
    assert counts["second"] == 64 * 128 * 11
    assert counts["blocks"] == 2 * (4 * (128 * 128 + 128) + 128 * 8 + 8 + 8 * 128 + 128 + 4 * 128)


@pytest.mark.parametrize("samples", [497, 656])
def test_the_same_weights_take_both_lengths(samples: int) -> None:
    with torch.no_grad():
        (output,) = network().eval()(torch.randn(2, 64, samples) * 0.03)
    assert output.shape == (2, 1)
    assert output.isfinite().all()


def test_attention_is_that_of_pytorch() -> None:
    torch.manual_seed(1)
    ours, theirs = SelfAttention(16, 0.125), torch.nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.project.weight, "in_proj_bias": ours.project.bias,
            "out_proj.weight": ours.join.weight, "out_proj.bias": ours.join.bias,
        }
    )  # fmt: skip
    sequence = torch.randn(3, 20, 16)
    expected = theirs(sequence, sequence, sequence)[0]
    assert torch.allclose(ours.eval()(sequence), expected, atol=1e-6)
    ours.dropout = 1e-9  # the way that is trained, with nothing dropped
    assert torch.allclose(ours.train()(sequence), expected, atol=1e-6)


def test_dropout_of_the_attention_keeps_the_mean_and_drops_its_share() -> None:
    torch.manual_seed(2)
    window, ones = torch.randn(4, 50, 4), torch.ones(4, 50, 4)
    drawn = torch.stack([_AttentionWithDropout.apply(window, window, ones * 2, 0.5) for _ in range(200)])
    assert drawn.mean().item() == pytest.approx(1.0, abs=0.02)  # attention to twos, half of them dropped
    assert drawn.std().item() > 0.1


def test_gradients_of_the_attention_are_its_slopes_with_weights_dropped() -> None:
    torch.manual_seed(4)
    window = [torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    def same_draws(*values):
        torch.manual_seed(5)
        return _AttentionWithDropout.apply(*values, 0.3)

    assert torch.autograd.gradcheck(same_draws, window)


def test_dropout_keeps_the_mean_and_drops_only_in_training() -> None:
    torch.manual_seed(6)
    layer, ones = Dropout(0.25), torch.ones(400, 300)
    dropped = layer(ones)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)
    assert torch.equal(layer.eval()(ones), ones)


def test_a_block_is_a_post_norm_layer_of_pytorch() -> None:
    torch.manual_seed(3)
    ours = TransformerBlock(16, 2, 0.125).eval()
    theirs = torch.nn.TransformerEncoderLayer(16, 4, 2, batch_first=True).eval()
    names = {
        "attention.project": "self_attn.in_proj_", "attention.join": "self_attn.out_proj.", "inner": "linear1.",
        "outer": "linear2.", "after_attention": "norm1.", "after_layers": "norm2.",
    }  # fmt: skip
    theirs.load_state_dict(
        {names[key.rpartition(".")[0]] + key.rpartition(".")[2]: value for key, value in ours.state_dict().items()}
    )
    sequence = torch.randn(3, 20, 16)
    assert torch.allclose(ours(sequence), theirs(sequence), atol=1e-5)


def test_positions_are_sines_and_cosines() -> None:
    found = positions(7, 6).numpy()
    for place in range(7):
        for pair in range(3):
            angle = place / 10_000 ** (2 * pair / 6)
            assert found[place, 2 * pair : 2 * pair + 2] == pytest.approx([np.sin(angle), np.cos(angle)], abs=1e-6)


def test_order_in_time_matters_and_training_drops() -> None:
    built = network(8, 40).eval()
    window = torch.randn(1, 8, 40)
    with torch.no_grad():
        assert not torch.allclose(built(window)[0], built(window.flip(2))[0], atol=1e-6)
        built.train()
        assert not torch.equal(built(window)[0], built(window)[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"window": 1001}, "1000 samples at most, not 1001"), ({"channels": 7}, "even number of channels from 8 on")],
)
def test_what_does_not_fit_is_refused(changes, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        network(**changes)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.125, 0.5])
def test_values_are_dropped_with_their_probability_and_independently(share):
    torch.manual_seed(0)
    dropped = 1 - _kept(torch.empty(3, 401, 333), share)
    assert dropped.mean().item() == pytest.approx(share, abs=0.003)
    for step in range(1, 9):  # up to eight are drawn at once
        both = (dropped[..., step:] * dropped[..., :-step]).mean().item()
        assert both == pytest.approx(share**2, abs=0.003)
