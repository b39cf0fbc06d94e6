"""The base class of networks that are trained from a recipe and exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neuromotion_gym.decoders.checks import random_inputs
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    import numpy as np

    from neuromotion_gym.decoders.days import Days
    from neuromotion_gym.decoders.population import Population
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows


class DecoderNetwork(nn.Module):
    """Base of all networks.

    ``forward(window)``, or ``forward(window, adaptation)`` where ``spec.adaptation.kind`` is not "none", returns a
    tuple: the output of kind ``spec.output``, shape (n, labels or targets); then, where ``spec.effort`` is true,
    ``effort``, shape (n,); then, where the adaptation is computed from them, ``features``, shape (n, features). All
    preprocessing is inside.
    """

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set what is computed from the training windows before training starts: means, scales, percentiles."""

    def augment(self, window: Tensor, generator: torch.Generator) -> Tensor:
        """Vary training windows at random, shape (n, channels, samples)."""
        return window

    def population(self) -> Population | Days:
        """The model of people that an adaptation that follows them starts from; after `fit`."""
        raise NeuroMotionError(f"{type(self).__name__} has no model of people, from which a last layer could follow.")

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set all parameters in closed form (``training.method: closed_form``)."""
        raise NeuroMotionError(f"{type(self).__name__} has no closed form; use training.method 'gradient'.")


class Ensemble(DecoderNetwork):
    """The average of networks of one recipe that were trained from several seeds.

    Logits are averaged as they are; for log-probabilities and probabilities the mean probability is used.
    """

    def __init__(self, members: list[DecoderNetwork], output: str) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.output = output

    def forward(self, window: Tensor, adaptation: Tensor | None = None) -> tuple[Tensor, ...]:
        """Mean of each output over the members."""
        outputs = [member(window) if adaptation is None else member(window, adaptation) for member in self.members]
        first = torch.stack([output[0] for output in outputs])
        mean = torch.logsumexp(first, 0) - torch.log(torch.tensor(float(len(outputs))))
        averaged = mean if self.output == "log_probabilities" else first.mean(0)
        return averaged, *(torch.stack(rest).mean(0) for rest in zip(*(output[1:] for output in outputs), strict=True))


def aligned_windows(
    data: TrainingWindows, rows: np.ndarray, generator: np.random.Generator, network: str
) -> tuple[Tensor, Tensor]:
    """Windows of ``rows`` as they are trained on, and their alignments, for the network of a name.

    Raises
    ------
    NeuroMotionError
        If the windows have no alignment.
    """
    adaptation = data.adaptation(rows)
    if adaptation is None:
        raise NeuroMotionError(
            f"Network {network!r} reads aligned windows: adaptation.kind is 'euclidean' or 'running'."
        )
    return torch.from_numpy(data.windows(rows, generator)), torch.from_numpy(adaptation)


def example_inputs(spec: DecoderSpec, rows: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Random inputs of the right shapes, for export and tests."""
    windows, adaptation = random_inputs(spec, rows, seed)
    return tuple(torch.from_numpy(one) for one in (windows, adaptation) if one is not None)
