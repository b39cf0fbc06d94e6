"""What a network has to offer to be trained from a recipe and exported, and how it is found by its name."""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    import numpy as np

    from neuromotion_gym.decoders.decoder import DecoderSpec
    from neuromotion_gym.decoders.recipe import NetworkRecipe
    from neuromotion_gym.training.data import TrainingWindows


class DecoderNetwork(nn.Module):
    """Base of all networks.

    ``forward(window)``, or ``forward(window, adaptation)`` where ``spec.adaptation.kind`` is not "none", returns a
    tuple: the output of kind ``spec.output``, shape (n, labels); then ``effort``, shape (n,), where ``spec.effort``;
    then ``features``, shape (n, features), where the adaptation is a head. All preprocessing is inside.
    """

    def prepare(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set what is computed from the training windows before training: means, scales, percentiles."""

    def augment(self, window: Tensor, generator: torch.Generator) -> Tensor:
        """Vary training windows at random, shape (n, channels, samples)."""
        return window

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Set all parameters in closed form (``training.method: closed_form``)."""
        raise NeuroMotionError(f"{type(self).__name__} has no closed form; use training.method 'gradient'.")


class Ensemble(DecoderNetwork):
    """Networks of one recipe, trained from several seeds, averaged.

    Logits are averaged as they are; of log-probabilities and probabilities the mean probability is taken.
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


def list_networks() -> list[str]:
    """Names of all architectures, sorted."""
    names = (path.name for path in files("neuromotion_gym.training.networks").iterdir())
    return sorted(name[:-3] for name in names if name.endswith(".py") and name not in ("__init__.py", "network.py"))


def build_network(spec: DecoderSpec, recipe: NetworkRecipe) -> DecoderNetwork:
    """Network of a recipe, untrained.

    Raises
    ------
    NeuroMotionError
        If the architecture or an option is unknown; the message lists those there are.
    """
    if recipe.name not in list_networks():
        raise NeuroMotionError(f"No network is called {recipe.name!r}. Networks: {', '.join(list_networks())}.")
    build = import_module(f"neuromotion_gym.training.networks.{recipe.name}").build
    known = [name for name in inspect.signature(build).parameters if name != "spec"]
    unknown = sorted(set(recipe.options) - set(known))
    if unknown:
        raise NeuroMotionError(
            f"Network {recipe.name!r} has no option {', '.join(unknown)}; its options: {', '.join(known) or 'none'}."
        )
    try:
        network: DecoderNetwork = build(spec, **recipe.options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise NeuroMotionError(f"Network {recipe.name!r} cannot be built with {recipe.options}: {error}") from None
    return network


def example_inputs(spec: DecoderSpec, rows: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Random inputs of the right shapes, for export and tests."""
    generator = torch.Generator().manual_seed(seed)
    window = torch.randn(rows, len(spec.channels), spec.window, generator=generator)
    if spec.unit == "V":
        window = window * 1e-5  # the size of EEG
    elif spec.modality == "emg":
        window = window * 10
    if spec.adaptation.kind == "none":
        return (window,)
    adaptation = torch.zeros(rows, *spec.adaptation.shape)
    if spec.adaptation.kind == "euclidean":
        scale = 1e5 if spec.unit == "V" else 1.0
        adaptation = scale * torch.eye(spec.adaptation.shape[0]).repeat(rows, 1, 1)
    return window, adaptation
