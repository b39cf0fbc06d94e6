"""What is known of people before one of them is met, and the last layer that follows from their unlabelled signal.

The features of a window are Gaussian around a mean for each label, with a covariance that all people share. A wearer's
means are those of the population, plus ways in which people differ from each other (``differences``, each with a weight
of standard normal distribution), plus a rest that is free for every label (variance ``residual``). A band of electrodes
around a limb may besides be worn in any arrangement (`neuromotion_gym.decoders.arrangement`).

Without labels the weights, the rest and the shares of the labels are found by expectation–maximisation from chunks of
successive windows (their mean features), once for each arrangement. The arrangement with the highest posterior
probability is taken, if it leads by a margin. Labels that a wearer has not made yet move with those that were made, as
they do from person to person. The logits of the Gaussian model are linear in the features: the result is a last layer.

Sources: Kuhn et al., IEEE Trans Speech Audio Process 8:695-707 (2000), eigenvoices; Gauvain and Lee, ibid. 2:291-298
(1994), maximum a posteriori estimation of mixtures; Ueda and Nakano, Neural Networks 11:271-282 (1998), annealing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement, arrangements
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

POPULATION = "population.npz"
"""File in the folder of a decoder."""
FIELDS = ("means", "whitening", "differences", "residual", "sharpness")
EVIDENCE = 0.25
"""Weight of one chunk of 0.4 s: successive chunks of one contraction say nearly the same. This figure and the next ones
were chosen on ten people of the armband set, each left out of the population."""
STEPS = (0.2, 0.2, 0.5, 0.5)
"""Sharpness of the likelihood in each step of the expectation–maximisation, which begins at the population: annealing
keeps it out of the nearest optimum."""
UNSEEN = 20.0
"""Chunks of every label that are added to what was counted, so that a label that was not made is not given up."""
PLAIN_LEAD = 5.0
"""Log odds of the plain arrangement to each other one before anything was recorded."""
MARGIN = 3.0
"""Log odds by which another arrangement has to lead before it replaces the one in use."""


class Fit(NamedTuple):
    """Means of the wearer under some arrangements, shape (arrangements, labels, features), and their log posteriors."""

    means: np.ndarray
    score: np.ndarray


@dataclass(frozen=True, eq=False)
class Population:
    """Model of the people that a decoder was fitted on; features are whitened, so that their covariance is one.

    Parameters
    ----------
    means : float64 array, shape (labels, features)
    whitening : float64 array, shape (features, features)
        Whitened features are ``features @ whitening``. Features come in blocks of one for each channel.
    differences : float64 array, shape (ways, labels, features)
    residual : float
    sharpness : float
        Factor of the logits, so that confidence matches accuracy.
    channels : int
    ring : bool
        Whether the channels lie in a ring; otherwise the plain arrangement is the only one.
    """

    means: np.ndarray
    whitening: np.ndarray
    differences: np.ndarray
    residual: float
    sharpness: float
    channels: int
    ring: bool

    @cached_property
    def arrangements(self) -> list[Arrangement]:
        """Ways in which the band may be worn; the plain one comes first."""
        return arrangements(self.channels) if self.ring else [PLAIN]

    calibration_tells_who = False
    """Whether a calibration run tells who the wearer is, and nothing of today."""
    refitted_after = 0.1
    """Share of the history after which the last layer is fitted again."""

    @property
    def candidates(self) -> int:
        """Number of arrangements."""
        return len(self.arrangements)

    @cached_property
    def _orders(self) -> np.ndarray:
        """Feature of the wearer that each feature of the model is read from, shape (arrangements, features)."""
        blocks = np.arange(0, len(self.whitening), self.channels)[:, None]
        return np.stack([(blocks + np.array(one.order(self.channels))).ravel() for one in self.arrangements])

    @cached_property
    def _products(self) -> np.ndarray:
        """Products of the differences for each label, shape (labels, ways * ways)."""
        ways = self.differences.transpose(1, 2, 0)
        return np.matmul(ways.transpose(0, 2, 1), ways).reshape(len(self.means), -1)

    def head(self, means: np.ndarray | None = None, candidate: int = 0) -> np.ndarray:
        """Last layer, float32 of shape (labels, features + 1), for features as they are worn; bias in the last column.

        Parameters
        ----------
        means : float array, shape (labels, features), optional
            Means of the wearer; those of the population if left out.
        candidate : int
            Index into `arrangements`.
        """
        means = self.means if means is None else means
        head = np.empty((len(means), len(self.whitening) + 1), np.float64)
        head[:, self._orders[candidate]] = means @ self.whitening.T
        head[:, -1] = -0.5 * np.add.reduce(means**2, axis=1)
        return (self.sharpness * head).astype(np.float32)

    def worn(self, features: np.ndarray, arrangement: int | np.ndarray) -> np.ndarray:
        """Whitened features of chunks, shape (n, features), as they are if the band is worn in ``arrangement``."""
        turned = features[:, self._orders[arrangement]]  # (n, arrangements, features) for several
        return np.moveaxis(turned, 1, 0) @ self.whitening if turned.ndim == 3 else turned @ self.whitening

    def fit(self, chunks: np.ndarray, candidates: np.ndarray, told: np.ndarray | None = None) -> Fit:
        """Means of the wearer and log posterior of each of the arrangements ``candidates``.

        Parameters
        ----------
        chunks : float64 array, shape (n, features)
        candidates : int array, shape (m,)
            Indices into `arrangements`.
        told : int array, shape (k,), optional
            Labels of the first chunks, from a labelled calibration run.
        """
        # What is as long as the history has single precision, which takes half the time
        read = self.worn(chunks, candidates).astype(np.float32)
        means = np.repeat(self.means[None], len(candidates), axis=0)
        found = self._settled(read, means, STEPS, EVIDENCE, told)
        return Fit(found.means, found.score - PLAIN_LEAD * (candidates > 0))

    def _settled(
        self,
        read: np.ndarray,
        means: np.ndarray,
        steps: Sequence[float],
        evidence: float,
        told: np.ndarray | None = None,
    ) -> Fit:
        """Means after some steps from ``means``, shape (m, labels, features), and their log posteriors.

        Parameters
        ----------
        read : float32 array, shape (m, n, features)
            Whitened chunks as each arrangement reads them.
        means : float64 array, shape (m, labels, features)
        steps : sequence of float
            Sharpness of the likelihood in each step.
        evidence : float
            Weight of one chunk.
        told : int array, shape (k,), optional
            Labels of the first chunks.
        """
        count, labels = len(read), len(self.means)
        ways, flat = len(self.differences), self.differences.reshape(len(self.differences), -1)
        square = 0.5 * np.add.reduce(read * read, axis=2, keepdims=True)
        shares = np.full((count, 1, labels), -np.log(labels))
        for sharpness in steps:
            known = shares / sharpness - 0.5 * np.add.reduce(means**2, axis=2)[:, None]
            log = np.matmul(read, means.transpose(0, 2, 1).astype(np.float32))
            log += known.astype(np.float32)
            log *= np.float32(sharpness)
            if told is not None:
                log[:, : len(told)][:, np.arange(labels) != told[:, None]] = -np.inf
            top = np.maximum.reduce(log, axis=2, keepdims=True)
            log -= top
            likely = np.exp(log, out=log)
            total = np.add.reduce(likely, axis=2, keepdims=True)
            likely /= total
            counted = np.add.reduce(likely, axis=1, dtype=np.float64)
            weight = np.maximum(evidence * counted, 1e-9)
            seen = np.matmul(likely.transpose(0, 2, 1), read) / np.maximum(counted, 1e-9)[..., None]
            trust = 1 / (1 / weight + self.residual)
            system = (trust @ self._products).reshape(count, ways, ways) + np.eye(ways)
            off = (trust[..., None] * (seen - self.means)).reshape(count, -1)
            weights = np.linalg.solve(system, (off @ flat.T)[..., None])[..., 0]
            shared = self.means + (weights @ flat).reshape(means.shape)
            rest = (weight * self.residual / (1 + weight * self.residual))[..., None] * (seen - shared)
            means = shared + rest
            grown = counted + UNSEEN
            shares = np.log(grown / np.add.reduce(grown, axis=1, keepdims=True))[:, None]
        likelihoods = top + np.log(total) - np.float32(sharpness) * square
        told = evidence * np.add.reduce(likelihoods[..., 0], axis=1, dtype=np.float64)
        unlikely = 0.5 * (weights**2).sum(axis=1) + 0.5 * (rest**2).sum(axis=(1, 2)) / self.residual
        return Fit(means, told - unlikely)

    def write(self, folder: Path) -> None:
        """Write `POPULATION` into a folder."""
        arrays: dict[str, Any] = {name: np.asarray(getattr(self, name)) for name in FIELDS}
        np.savez(folder / POPULATION, **arrays)


def read_population(folder: Path, shape: tuple[int, ...], channels: int, *, ring: bool) -> Population:
    """The population beside a decoder's graph.

    Parameters
    ----------
    folder : pathlib.Path
    shape : (int, int)
        Of the last layer: labels, and features with the bias.
    channels, ring
        As in `Population`.

    Raises
    ------
    NeuroMotionError
        If the file is missing or broken, or belongs to another decoder.
    """
    path = folder / POPULATION
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: np.asarray(stored[name], np.float64) for name in FIELDS}
    except Exception as error:  # zipfile and NumPy raise many kinds of errors on broken bytes
        raise NeuroMotionError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    labels, features = shape[0], shape[1] - 1
    whole = (
        found["means"].shape == (labels, features)
        and found["whitening"].shape == (features, features)
        and found["differences"].shape[1:] == (labels, features)
        and found["residual"].shape == found["sharpness"].shape == ()
        and features % channels == 0
        and all(np.isfinite(values).all() for values in found.values())
        and min(found["residual"], found["sharpness"]) > 0
    )
    if not whole:
        raise NeuroMotionError(
            f"{path} does not belong to this decoder, whose last layer is {labels} by {features + 1} for {channels} "
            "channels: train the decoder again."
        )
    residual, sharpness = float(found.pop("residual")), float(found.pop("sharpness"))
    return Population(**found, residual=residual, sharpness=sharpness, channels=channels, ring=ring)
