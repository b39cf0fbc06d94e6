"""Covariances of bands in the tangent space, and one linear layer: for sensorimotor rhythms of people never seen.

The covariance of a window in each band is aligned to the person, scaled to a mean variance of 1 (how strong a signal is
differs between people more than between intents), and mapped by the matrix logarithm to a space in which distances
between covariances are straight lines. There a linear layer reads every pair of channels. The first of the bands that
it reads is their sum.

The logarithm is a polynomial of the matrix, which needs nothing but products: it meets the logarithm at the Chebyshev
points of the eigenvalues that the shrinkage leaves possible. Degree 4 is enough, because the layer is fitted to what
the polynomial gives: with 6, 8, 12 or the true logarithm, decoding was no better.

Filters lie inside the window, so that the network keeps no state. Only the power is read, and the power of a filtered
window is a quadratic form of its samples, so that fewer numbers than filtered samples carry it: the strongest
components of the filtering matrix.

The layer is fitted in closed form (``training.method: closed_form``), by logistic regression, all labels weighted
alike. It treats the two halves of the head alike: exchanging the two sides of the input exchanges left and right. Its
logits are multiplied by one factor, which makes the confidence match the accuracy on people who are left out.

Sources: Barachant, Bonnet, Congedo and Jutten, IEEE Trans Biomed Eng 59:920-928 (2012), covariances in the tangent
space; He and Wu, IEEE Trans Biomed Eng 67:399-410 (2020), alignment; Congedo, Barachant and Bhatia, Brain-Computer
Interfaces 4:155-174 (2017), review; Guo et al., ICML (2017), the factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.polynomial import chebyshev
from torch import Tensor, nn

from neuromotion_gym.decoders.calibration import best_factor
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.labels import mirrored_labels
from neuromotion_gym.signals.montage import mirrored_channels
from neuromotion_gym.training.bands import filtering_matrices
from neuromotion_gym.training.networks.network import DecoderNetwork, aligned_windows

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

LEAST_POWER = 1e-3
"""Share of the power of a filtered white signal that may be lost with its weakest components."""
DRAWS = 6
"""Stretches of every trial to which the layer is fitted."""
ITERATIONS = 300
GROUPS = 3
"""Groups of people who are left out in turn to find how sure the layer may be."""


class TangentSpace(DecoderNetwork):
    """``forward`` takes windows (n, channels, samples), or band covariances (n, bands, channels, channels).

    Parameters
    ----------
    spec : DecoderSpec
    filtering : sequence of float array, shape (samples, outputs)
        Of each band.
    shrinkage : float
        Share of the identity in a scaled covariance.
    floor : float
        Added to the variances of an aligned covariance.
    inverse_strength : float
        Inverse strength of the regularisation of the logistic regression.
    """

    def __init__(
        self,
        spec: DecoderSpec,
        filtering: Sequence[np.ndarray],
        shrinkage: float,
        floor: float,
        inverse_strength: float,
    ) -> None:
        super().__init__()
        channels, labels = len(spec.channels), len(spec.labels)
        self.floor, self.shrinkage, self.inverse_strength = floor, shrinkage, inverse_strength
        components = [_components(one) for one in filtering]
        self.sizes = [one.shape[1] for one in components]
        self.register_buffer("filtering", torch.from_numpy(np.hstack(components)).float(), persistent=False)
        self.register_buffer("identity", torch.eye(channels), persistent=False)
        self.register_buffer("order", torch.from_numpy(mirrored_channels(spec.channels)), persistent=False)
        self.register_buffer("swap", torch.from_numpy(mirrored_labels(spec.labels)), persistent=False)
        # After shrinkage eigenvalues lie from `shrinkage` to this, where one direction has all of the variance
        self.range = (shrinkage, shrinkage + (1 - shrinkage) * channels)
        self.coefficients = _logarithm_coefficients(*self.range)
        self.last = nn.Linear((len(filtering) + 1) * channels**2, labels)

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor]:
        """Logits of windows, or of covariances while fitting."""
        covariances = window if window.ndim == 4 else self._covariances(window)
        return (self.last(self.tangent(covariances, adaptation[:, None])),)

    def tangent(self, covariances: Tensor, alignment: Tensor) -> Tensor:
        """Vectors of the tangent space, (n, (bands + 1) channels²), from (n, bands, channels, channels)."""
        covariances = torch.cat([covariances.sum(1, keepdim=True), covariances], 1)
        aligned = alignment @ covariances @ alignment.mT + self.floor * self.identity
        mean = (aligned * self.identity).sum((2, 3), keepdim=True) / len(self.identity)
        scaled = (1 - self.shrinkage) / mean * aligned + self.shrinkage * self.identity
        return self._logarithm(scaled).flatten(1)

    def _covariances(self, window: Tensor) -> Tensor:
        filtered = window @ self.filtering
        return torch.stack([one @ one.mT for one in torch.split(filtered, self.sizes, dim=2)], 1)

    def _logarithm(self, matrix: Tensor) -> Tensor:
        """The polynomial of matrices whose eigenvalues lie in `range`, with two products."""
        low, high = self.range
        first = (2 * matrix - (high + low) * self.identity) / (high - low)
        second = 2 * first @ first - self.identity
        c0, c1, c2, c3, c4 = self.coefficients
        # Of the third and fourth Chebyshev polynomial each is a product with the second
        rest = second @ (2 * c3 * first + 2 * c4 * second)
        return (c0 - c4) * self.identity + (c1 - c3) * first + c2 * second + rest

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Fit the linear layer to stretches of all trials, and the factor of its logits to people who are left out."""
        first, second = np.triu_indices(len(self.identity))
        # Every pair once, so that the fit is quick; a pair stands twice in a matrix
        weight = np.where(first == second, 1, np.sqrt(2)).astype(np.float32)
        drawn = []
        for _ in range(DRAWS):
            vectors = self._drawn(data, np.arange(len(data.labels)), generator)
            pairs = vectors.reshape(len(vectors), -1, *self.identity.shape)[..., first, second] * weight
            drawn.append(pairs.reshape(len(pairs), -1))
        features, labels, people = np.concatenate(drawn), np.tile(data.labels, DRAWS), np.tile(data.people, DRAWS)
        logits = np.empty((len(labels), len(self.swap)))
        for some in np.array_split(generator.permutation(np.unique(people)), GROUPS):
            mine = np.isin(people, some)
            layer = self._regression(features[~mine], labels[~mine])
            logits[mine] = features[mine] @ layer[:, :-1].T + layer[:, -1]
        layer = best_factor(logits, labels) * self._regression(features, labels)
        bands = features.shape[1] // len(first)
        weights = np.zeros((len(layer), bands, *self.identity.shape))
        weights[..., first, second] = layer[:, :-1].reshape(len(layer), bands, -1) * weight / 2
        weights = weights + weights.swapaxes(2, 3)
        order, swap = self.order.numpy(), self.swap.numpy()
        weights = (weights + weights[swap][..., order[:, None], order]) / 2
        self.last.weight.copy_(torch.from_numpy(weights.reshape(len(weights), -1)))
        self.last.bias.copy_(torch.from_numpy((layer[:, -1] + layer[swap, -1]) / 2))

    def _regression(self, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Logistic regression with all labels weighted alike, shape (labels, features + 1)."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=self.inverse_strength, max_iter=ITERATIONS, class_weight="balanced")
        model.fit(features, labels)
        layer = np.column_stack([model.coef_, model.intercept_])
        return layer if len(layer) > 1 else np.concatenate([-layer, layer]) / 2  # one row for two labels

    def _drawn(self, data: TrainingWindows, rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Vectors of one stretch of every row."""
        found = []
        for part in np.array_split(rows, -(-len(rows) // 1024)):
            windows, alignment = aligned_windows(data, part, generator, "tangent_space")
            found.append(self.tangent(windows, alignment[:, None]).numpy())
        return np.concatenate(found)


def _logarithm_coefficients(low: float, high: float) -> list[float]:
    """Chebyshev coefficients of the polynomial of degree 4 that stands for the logarithm between two numbers."""
    points = np.cos(np.pi * (np.arange(5) + 0.5) / 5)
    values = np.log((high - low) / 2 * points + (high + low) / 2)
    return [float(one) for one in chebyshev.chebfit(points, values, 4)]


def _components(filtering: np.ndarray) -> np.ndarray:
    """Components of a filtering matrix, shape (samples, m): they give a window the same mean power."""
    left, size, _ = np.linalg.svd(filtering, full_matrices=False)
    kept = np.cumsum(size[::-1] ** 2)[::-1] > LEAST_POWER * (size**2).sum()
    return np.asarray(left[:, kept] * size[kept] / np.sqrt(filtering.shape[1]))


def build(
    spec: DecoderSpec,
    *,
    bands_hz: Sequence[Sequence[float]],
    taps: int = 81,
    shrinkage: float = 0.2,
    floor: float = 0.05,
    inverse_strength: float = 0.0005,
) -> TangentSpace:
    """Network of covariances in the tangent space.

    Parameters
    ----------
    spec : DecoderSpec
    bands_hz : sequence of (float, float)
        Bands side by side; their sum is read, too.
    taps : int
        Length of the causal filters in samples, shorter than the window.
    shrinkage : float
        Share of the identity in a covariance, above 0 and below 1: directions of little power say little.
    floor : float
        Added to the variances; that of an aligned channel is about 1 in the alignment's band. A signal without power
        in the bands then says nothing, instead of being magnified.
    inverse_strength : float
        Of the regularisation: the C of scikit-learn's logistic regression.

    Raises
    ------
    NeuroMotionError
        If the filters are longer than the window, or the shrinkage or another number is out of range.
    """
    if not (0 < shrinkage < 1 and floor > 0 and inverse_strength > 0):
        raise NeuroMotionError(
            f"Network 'tangent_space' has shrinkage {shrinkage:g}, floor {floor:g} and inverse_strength "
            f"{inverse_strength:g}; the shrinkage lies between 0 and 1, and the others are above 0."
        )
    filtering = filtering_matrices(spec.rate_hz, bands_hz, taps, spec.window)
    return TangentSpace(spec, filtering, shrinkage, floor, inverse_strength)
