"""As `wearer_lda`, for bands that are put on anew in each recording: the last layer is searched for from many starts.

Features and effort are those of `neuromotion_gym.training.networks.wearer_lda`; what follows the wearer is
`neuromotion_gym.decoders.starts`. Every recording is a band of its own: it is brought to one arrangement with its
labels, by the recordings of all other people. The arrangement in which most recordings lie is the plain one, and how
many lie in each is kept. So are the means of each label of each recording: they are the starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from neuromotion_gym.decoders.arrangement import arrangements
from neuromotion_gym.decoders.returning import nearest
from neuromotion_gym.decoders.starts import Starts
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import recordings_of
from neuromotion_gym.training.networks.armband_features import rest_index
from neuromotion_gym.training.networks.wearer_lda import (
    BATCH,
    PER_CHANNEL,
    ROUNDS,
    SMALLEST,
    WearerLda,
    best_sharpness,
)
from neuromotion_gym.training.networks.whitening import label_means

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

WAYS = 16
"""Largest number of ways in which recordings differ: the ones with the largest variance."""
UNUSED = 0.5
"""Recordings that are added to those counted in each arrangement, so that none is ruled out."""


class Bands(NamedTuple):
    """Recordings, each with a band of its own.

    Parameters
    ----------
    features : list of float64 arrays, shape (n, features)
        As the band was worn.
    labels : list of int arrays, shape (n,)
    means : list of float64 arrays, shape (labels, features)
    people : int array, shape (recordings,)
    lies : list of int
        Arrangement of each.
    """

    features: list[np.ndarray]
    labels: list[np.ndarray]
    means: list[np.ndarray]
    people: np.ndarray
    lies: list[int]


class WearerStarts(WearerLda):
    """Features and effort; the last layer is given as the adaptation."""

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Fit the model of people; see the module."""
        bands = self._bands(data)
        self._population = self._starts(bands)
        some = generator.permutation(len(data.labels))[:20_000]
        self.effort.set(torch.from_numpy(data.windows(some)), data.labels[some])

    def _bands(self, data: TrainingWindows) -> Bands:
        """Features of each recording, and how the band lies in it."""
        rows = np.arange(len(data.labels))
        features = torch.cat(
            [self.features(torch.from_numpy(data.windows(rows[i : i + BATCH]))) for i in range(0, len(rows), BATCH)]
        )
        every, recorded = features.double().numpy(), recordings_of(data)
        bands = [recorded == number for number in np.unique(recorded)]
        labels = [data.labels[band] for band in bands]
        if any(len(np.unique(own)) != data.labels.max() + 1 for own in labels):
            raise NeuroMotionError("This network needs windows of every label in each recording.")
        means = [label_means(every[band], own) for band, own in zip(bands, labels, strict=True)]
        people = np.array([data.people[band][0] for band in bands])
        lies = arranged(means, people, self.orders(every.shape[1]))
        return Bands([every[band] for band in bands], labels, means, people, lies)

    def _starts(self, bands: Bands) -> Starts:
        """The model of people with starts."""
        orders = self.orders(bands.features[0].shape[1])
        worn = [one[:, orders[way]] for one, way in zip(bands.features, bands.lies, strict=True)]
        within = [_within(one, own) for one, own in zip(worn, bands.labels, strict=True)]
        values, vectors = np.linalg.eigh(np.mean(within, axis=0))
        whitening = vectors / np.sqrt(values + SMALLEST)
        starts = np.stack([mean[:, orders[way]] for mean, way in zip(bands.means, bands.lies, strict=True)]) @ whitening
        common = starts.mean(axis=0)
        return Starts(
            means=common,
            whitening=whitening,
            differences=_widest((starts - common) / np.sqrt(len(starts) - 1)),
            residual=self._residual,
            sharpness=best_sharpness([one @ whitening for one in worn], bands.labels, starts, common),
            channels=self._channels,
            ring=True,
            starts=starts,
            usual=often(np.bincount(bands.lies, minlength=len(orders))),
        )

    def orders(self, features: int) -> np.ndarray:
        """Feature that each feature is read from in each arrangement, shape (arrangements, features)."""
        blocks = np.arange(0, features, self._channels)[:, None]
        return np.stack(
            [(blocks + np.array(way.order(self._channels))).ravel() for way in arrangements(self._channels)]
        )


def arranged(means: list[np.ndarray], people: np.ndarray, orders: np.ndarray) -> list[int]:
    """Arrangement of each recording, in which its means are nearest to those of other people's recordings."""
    # Without the mean over labels, which is how strong a person's signal is
    patterns = [one - one.mean(axis=0) for one in means]
    chosen = [0] * len(patterns)
    for _ in range(ROUNDS):
        before = list(chosen)
        for number, own in enumerate(patterns):
            others = [patterns[i][:, orders[chosen[i]]] for i in np.flatnonzero(people != people[number])]
            chosen[number] = nearest(own, np.mean(others, axis=0), orders)
        if chosen == before:
            break
    # As most recordings lie is plain: all are brought to how these are worn
    usual = int(np.argmax(np.bincount(chosen, minlength=len(orders))))
    back = np.argsort(orders[usual])
    return [int(np.flatnonzero((orders == orders[way][back]).all(axis=1))[0]) for way in chosen]


def often(counted: np.ndarray) -> np.ndarray:
    """Log probability of each arrangement from how many recordings lie in it."""
    more = counted + UNUSED
    return np.log(more / more.sum())


def _within(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Covariance within labels of one recording, each label with the same weight."""
    return np.mean([np.cov(features[labels == label], rowvar=False) for label in np.unique(labels)], axis=0)


def _widest(differences: np.ndarray) -> np.ndarray:
    """The ways of the largest variance, shape (ways, labels, features), whose weights are independent."""
    _, sizes, ways = np.linalg.svd(differences.reshape(len(differences), -1), full_matrices=False)
    return np.asarray((sizes[:WAYS, None] * ways[:WAYS]).reshape(-1, *differences.shape[1:]))


def check_ring(spec: DecoderSpec, network: str, per_channel: int, residual: float) -> None:
    """Refuse a decoder, or a residual, that does not fit a network of bands that are put on anew.

    Raises
    ------
    NeuroMotionError
        If there is no ring of electrodes, the residual is not above 0, or the adaptation is another one.
    """
    expected = (len(spec.labels), per_channel * len(spec.channels) + 1)
    fits = spec.adaptation.kind == "wearer" and spec.adaptation.shape == expected
    if not fits or not spec.ring or not residual > 0:
        raise NeuroMotionError(
            f"Network {network!r} needs a ring of electrodes, a residual above 0 and an adaptation of kind "
            f"'wearer' and shape {list(expected)}, not ring {spec.ring}, {residual:g}, kind {spec.adaptation.kind!r} "
            f"and shape {list(spec.adaptation.shape)}."
        )


def build(spec: DecoderSpec, *, rest: str | None = None, residual: float = 0.5) -> WearerStarts:
    """Network for a ring of electrodes that is put on anew in each recording.

    Parameters
    ----------
    spec : DecoderSpec
        ``ring`` true, ``adaptation.kind`` "wearer", ``adaptation.shape`` (labels, 2 channels + 1).
    rest : str, optional
        Label without contraction; the data set's rest label when left out.
    residual : float
        Variance of what is a recording's own in each mean, as a multiple of the variance within labels.
    """
    check_ring(spec, "wearer_starts", PER_CHANNEL, residual)
    return WearerStarts(spec, rest_index(spec, rest), residual)
