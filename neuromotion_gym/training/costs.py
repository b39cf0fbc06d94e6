"""What a network costs: its parameters, and its multiply-accumulates by two ways of counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

PER_NORM = 4
"""Operations that are counted for each output of a batch norm, where it is counted at all."""


class Cost(NamedTuple):
    """Cost of one input.

    Parameters
    ----------
    parameters : int
        Trainable parameters.
    multiply_accumulates : int
        Of convolutions and linear layers, without biases.
    with_norms : int
        The same, and four operations for each output of a batch norm: so counts `ptflops`, which published figures of
        such networks are made with.
    """

    parameters: int
    multiply_accumulates: int
    with_norms: int


def cost(network: nn.Module, inputs: Sequence[Tensor]) -> Cost:
    """Cost of a network for ``inputs``, a batch of one."""
    import torch
    from torch.nn import BatchNorm1d, BatchNorm2d, Conv1d, Conv2d, Linear

    counts = {"plain": 0, "norms": 0}

    def count(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, (Conv1d, Conv2d)):
            counts["plain"] += output.numel() * module.weight[0].numel()
        elif isinstance(module, Linear):
            counts["plain"] += output.numel() * module.in_features
        elif isinstance(module, (BatchNorm1d, BatchNorm2d)):
            counts["norms"] += PER_NORM * output.numel()

    handles = [module.register_forward_hook(count) for module in network.modules()]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(*inputs)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    parameters = sum(value.numel() for value in network.parameters() if value.requires_grad)
    return Cost(parameters, counts["plain"], counts["plain"] + counts["norms"])
