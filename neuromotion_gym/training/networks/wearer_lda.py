"""Log amplitudes of a few EMG channels, and a last layer that follows the wearer without labels.

Features of each channel: log root mean square of the window and log mean absolute difference of successive samples,
both with a floor of about one count. The last layer is the adaptation, of kind "wearer". What is fitted here in closed
form is the model of people that it comes from (`neuromotion_gym.decoders.population`): people are brought to one
arrangement of the band with their labels, the one that most of them share; then come the mean of each label, the
covariance within people and labels, and the ways in which the means of people differ.

Sources of the features: Hudgins, Parker and Scott, IEEE Trans Biomed Eng 40:82-94 (1993); Phinyomark et al., Expert
Syst Appl 39:7420-7431 (2012) for the logarithms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.decoders.arrangement import PLAIN, arrangements
from neuromotion_gym.decoders.population import Population
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.armband_features import FLOOR, Effort, rest_index
from neuromotion_gym.training.networks.network import DecoderNetwork
from neuromotion_gym.training.networks.whitening import label_means

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

PER_CHANNEL = 2
BATCH = 4096
SMALLEST = 1e-3
"""Added to the eigenvalues of the covariance, so that directions with little variance are not magnified."""
SHARPNESSES = np.geomspace(0.1, 1.5, 25)
ROUNDS = 10
"""Largest number of rounds in which everybody is compared with the mean of all others."""


class Amplitudes(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, 2 channels): all amplitudes, then all lengths."""

    def forward(self, window: Tensor) -> Tensor:
        """Features; see the module."""
        size = 0.5 * torch.log(window.pow(2).mean(-1) + FLOOR)
        length = torch.log((window[..., 1:] - window[..., :-1]).abs().mean(-1) + 2 * FLOOR)
        return torch.cat([size, length], dim=1)


class WearerLda(DecoderNetwork):
    """Features and effort; the last layer is given as the adaptation."""

    def __init__(self, spec: DecoderSpec, rest: int, residual: float) -> None:
        super().__init__()
        self.features, self.effort = Amplitudes(), Effort(rest)
        self._channels, self._ring, self._residual = len(spec.channels), spec.ring, residual
        self._population: Population | None = None

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, effort and features."""
        features = self.features(window)
        logits = (adaptation[..., :-1] @ features[..., None])[..., 0] + adaptation[..., -1]
        return logits, self.effort(window), features

    def population(self) -> Population:
        """The model of people, for the folder of the decoder."""
        assert self._population is not None
        return self._population

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Fit the model of people; see the module."""
        rows = np.arange(len(data.labels))
        features = torch.cat(
            [self.features(torch.from_numpy(data.windows(rows[i : i + BATCH]))) for i in range(0, len(rows), BATCH)]
        )
        people = [data.people == number for number in np.unique(data.people)]
        worn = self._arranged([features.double().numpy()[mine] for mine in people], [data.labels[m] for m in people])
        labels = [data.labels[mine] for mine in people]
        means = np.stack([label_means(one, own) for one, own in zip(worn, labels, strict=True)])
        within = [one - mean[own] for one, mean, own in zip(worn, means, labels, strict=True)]
        values, vectors = np.linalg.eigh(np.mean([one.T @ one / len(one) for one in within], axis=0))
        whitening = vectors / np.sqrt(values + SMALLEST)
        means = means @ whitening
        common = means.mean(axis=0)
        # As many ways as people: their weights together have the covariance of the means of people
        differences = (means - common) / np.sqrt(len(means) - 1)
        sharpness = best_sharpness([one @ whitening for one in worn], labels, means, common)
        self._population = Population(
            common, whitening, differences, self._residual, sharpness, self._channels, self._ring
        )
        some = generator.permutation(len(rows))[:20_000]
        self.effort.set(torch.from_numpy(data.windows(some)), data.labels[some])

    def _arranged(self, people: list[np.ndarray], labels: list[np.ndarray]) -> list[np.ndarray]:
        """Features of everybody in the arrangement in which their means are nearest to those of the others."""
        ways = arrangements(self._channels) if self._ring else [PLAIN]
        blocks = np.arange(0, people[0].shape[1], self._channels)[:, None]
        orders = [(blocks + np.array(way.order(self._channels))).ravel() for way in ways]
        means = [label_means(one, own) for one, own in zip(people, labels, strict=True)]
        # Without the mean over labels, which is how strong a person's signal is
        patterns = [one - one.mean(axis=0) for one in means]
        chosen = [0] * len(people)
        for _ in range(ROUNDS):
            before = list(chosen)
            for number, own in enumerate(patterns):
                others = [one[:, orders[chosen[index]]] for index, one in enumerate(patterns) if index != number]
                target = np.mean(others, axis=0)
                chosen[number] = int(np.argmin([((own[:, order] - target) ** 2).sum() for order in orders]))
            if chosen == before:
                break
        return [one[:, orders[way]] for one, way in zip(people, chosen, strict=True)]


def best_sharpness(people: list[np.ndarray], labels: list[np.ndarray], means: np.ndarray, common: np.ndarray) -> float:
    """Factor of the logits with the highest likelihood, half before anything is known of people and half after it."""

    def loss(factor: float) -> float:
        found = []
        for own, truth, mean in zip(people, labels, means, strict=True):
            for centre in (common, mean):
                log = factor * (own @ centre.T - 0.5 * (centre**2).sum(axis=1))
                log -= log.max(axis=1, keepdims=True)
                found.append((np.log(np.exp(log).sum(axis=1)) - log[np.arange(len(own)), truth]).mean())
        return float(np.mean(found))

    return float(min(SHARPNESSES, key=loss))


def build(spec: DecoderSpec, *, rest: str | None = None, residual: float = 0.5) -> WearerLda:
    """Network for a band of electrodes whose last layer follows the wearer.

    Parameters
    ----------
    spec : DecoderSpec
        ``adaptation.kind`` "wearer", ``adaptation.shape`` (labels, 2 channels + 1).
    rest : str, optional
        Label without contraction; the data set's rest label when left out.
    residual : float
        Variance of what is a person's own in each mean, as a multiple of the variance within people and labels.
    """
    expected = (len(spec.labels), PER_CHANNEL * len(spec.channels) + 1)
    if spec.adaptation.kind != "wearer" or spec.adaptation.shape != expected or not residual > 0:
        raise NeuroMotionError(
            f"Network 'wearer_lda' needs a residual above 0 and an adaptation of kind 'wearer' and shape "
            f"{list(expected)}, not {residual:g}, kind {spec.adaptation.kind!r} and shape "
            f"{list(spec.adaptation.shape)}."
        )
    return WearerLda(spec, rest_index(spec, rest), residual)
