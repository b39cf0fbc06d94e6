"""Size and texture of a few EMG envelopes, and a last layer that follows the day without labels.

Features of each channel: the fourth root of its mean, which changes from day to day; and as logarithms, with floors
below which they tell nothing, its texture, which changes less: the standard deviation and the mean absolute difference
of successive samples as shares of the mean, and the mean absolute second difference as a share of the first. Features
of each pair of channels: their correlation within the window.

The last layer is the adaptation, of kind "day". What is fitted here in closed form is the model of people and their
days that it comes from (`neuromotion_gym.decoders.days`): the covariance within recordings and labels; the covariance
of changes from one of a person's days to another, a product of one matrix over labels and one over features; and the
mean of each person, drawn towards the mean of all as far as a few days do not tell.

Sources of the features: Hudgins, Parker and Scott, IEEE Trans Biomed Eng 40:82-94 (1993); Hjorth, Electroencephalogr
Clin Neurophysiol 29:306-310 (1970).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.decoders.days import Days
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.data import recordings_of
from neuromotion_gym.training.networks.armband_features import Effort, rest_index
from neuromotion_gym.training.networks.network import DecoderNetwork
from neuromotion_gym.training.networks.whitening import label_means

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.data import TrainingWindows

PER_CHANNEL = 4
BATCH = 4096
SMALLEST = 1e-3
"""Added to the eigenvalues of the covariance, as a share of their mean, so that none is zero."""
TOWARDS_EQUAL, TOWARDS_EQUAL_PEOPLE = 0.1, 0.2
"""Share of the identity in covariances of changes: of days, and of people, who are few."""
ROUNDS = 30
"""Rounds in which the two factors of a covariance are fitted in turn."""
SHARPNESSES = np.geomspace(0.1, 1.5, 25)


class Envelopes(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, features).

    Parameters
    ----------
    channels : int
    floor : float
        Size of an envelope, in the decoder's unit, below which its texture tells nothing.
    """

    def __init__(self, channels: int, floor: float) -> None:
        super().__init__()
        self.floor = floor
        first, second = np.triu_indices(channels, 1)
        self.size = PER_CHANNEL * channels + len(first)
        self.register_buffer("first", torch.from_numpy(first), persistent=False)
        self.register_buffer("second", torch.from_numpy(second), persistent=False)

    def forward(self, window: Tensor) -> Tensor:
        """Features; see the module."""
        floor = self.floor
        mean = window.abs().mean(-1)
        off = window - window.mean(-1, keepdim=True)
        common = off @ off.transpose(1, 2) / window.shape[-1]
        deviation = torch.sqrt(torch.diagonal(common, dim1=1, dim2=2))
        step = window[..., 1:] - window[..., :-1]
        length = step.abs().mean(-1)
        bend = (step[..., 1:] - step[..., :-1]).abs().mean(-1)
        sizes = deviation + 0.2 * floor
        pairs = common[:, self.first, self.second] / (sizes[:, self.first] * sizes[:, self.second])
        return torch.cat(
            [
                (mean + 0.5 * floor) ** 0.25,
                torch.log(sizes / (mean + floor)),
                torch.log((length + 0.03 * floor) / (mean + floor)),
                torch.log((bend + 0.02 * floor) / (length + 0.02 * floor)),
                torch.atanh(0.98 * pairs),
            ],
            dim=1,
        )


class DayLda(DecoderNetwork):
    """Features and effort; the last layer is given as the adaptation."""

    def __init__(self, spec: DecoderSpec, floor: float, rest: int) -> None:
        super().__init__()
        self.features, self.effort, self._rest = Envelopes(len(spec.channels), floor), Effort(rest), rest
        self._days: Days | None = None

    def forward(self, window: Tensor, adaptation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, effort and features."""
        features = self.features(window)
        logits = (adaptation[..., :-1] @ features[..., None])[..., 0] + adaptation[..., -1]
        return logits, self.effort(window), features

    def population(self) -> Days:
        """The model of days, for the folder of the decoder."""
        assert self._days is not None
        return self._days

    def fit(self, data: TrainingWindows, generator: np.random.Generator) -> None:
        """Fit the model of days; see the module."""
        rows = np.arange(len(data.labels))
        features = torch.cat(
            [self.features(torch.from_numpy(data.windows(rows[i : i + BATCH]))) for i in range(0, len(rows), BATCH)]
        )
        every = features.double().numpy()
        recorded = recordings_of(data)
        days = [recorded == number for number in np.unique(recorded)]
        own = [every[day] for day in days]
        labels = [data.labels[day] for day in days]
        people = np.array([data.people[day][0] for day in days])
        means = np.stack([label_means(one, truth) for one, truth in zip(own, labels, strict=True)])
        within = np.mean([_within(*one) for one in zip(own, labels, means, strict=True)], axis=0)
        values, vectors = np.linalg.eigh(within)
        whitening = vectors / np.sqrt(values + SMALLEST * values.mean())
        self._days = _days(means @ whitening, people, whitening, self._rest)
        self._days = replace(self._days, sharpness=_sharpness(own, labels, people, self._days))
        some = generator.permutation(len(rows))[:20_000]
        self.effort.set(torch.from_numpy(data.windows(some)), data.labels[some])


def _within(features: np.ndarray, labels: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Covariance within labels of one recording, each label with the same weight."""
    return np.mean([np.cov(features[labels == label], rowvar=False) for label in range(len(means))], axis=0)


def _days(means: np.ndarray, people: np.ndarray, whitening: np.ndarray, rest: int) -> Days:
    """Model of days from the whitened means of each recording, shape (recordings, labels, features)."""
    names = np.unique(people)
    own = [means[people == one] for one in names]
    if max(len(one) for one in own) < 2 or len(own) < 2:
        raise NeuroMotionError("Changes from day to day need two people or more, with two recordings or more of one.")
    centres = np.stack([one.mean(axis=0) for one in own])
    everybody = centres.mean(axis=0)
    apart = [(one - one.mean(axis=0)) * np.sqrt(len(one) / (len(one) - 1)) for one in own if len(one) > 1]
    by_label, by_feature = product_covariance(np.concatenate(apart), TOWARDS_EQUAL)
    change = np.kron(by_label, by_feature)
    differ = (centres - everybody) * np.sqrt(len(own) / (len(own) - 1))
    person = np.kron(*product_covariance(differ, TOWARDS_EQUAL_PEOPLE))
    for number, one in enumerate(own):
        trusted = person @ np.linalg.inv(person + change / len(one))
        centres[number] = everybody + (trusted @ (centres[number] - everybody).ravel()).reshape(everybody.shape)
    # Of somebody who is not known: everything by which recordings differ from the mean of all
    far = (means - everybody) * np.sqrt(len(own) / (len(own) - 1))
    unknown = _even(_over_labels(far, np.linalg.inv(by_feature)), TOWARDS_EQUAL)
    variances, turned = np.linalg.eigh(by_feature)
    return Days(
        np.concatenate([everybody[None], centres]) @ turned,
        np.stack([unknown, *((1 + 1 / len(one)) * by_label for one in own)]),
        variances,
        whitening @ turned,
        1.0,
        rest,
    )


def product_covariance(changes: np.ndarray, towards_equal: float) -> tuple[np.ndarray, np.ndarray]:
    """Covariance over labels and covariance over features whose product fits changes best.

    Parameters
    ----------
    changes : float64 array, shape (n, labels, features)
        Their mean is zero.
    towards_equal : float
        Share of the identity in both.

    Returns
    -------
    by_label, by_feature : float64 arrays, shape (labels, labels) and (features, features)
        The mean variance of features is one.
    """
    labels, features = changes.shape[1:]
    by_label, by_feature = np.eye(labels), np.eye(features)
    for _ in range(ROUNDS):
        by_label = _even(_over_labels(changes, np.linalg.inv(by_feature)), towards_equal)
        turned = changes.transpose(0, 2, 1)
        by_feature = _even(_over_labels(turned, np.linalg.inv(by_label)), towards_equal)
        scale = np.trace(by_feature) / features
        by_label, by_feature = by_label * scale, by_feature / scale
    return by_label, by_feature


def _over_labels(changes: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Covariance over the first axis of each change, given the inverse of that over the second."""
    product: np.ndarray = (changes @ precision @ changes.transpose(0, 2, 1)).mean(axis=0)
    return product / changes.shape[2]


def _even(covariance: np.ndarray, share: float) -> np.ndarray:
    """A covariance drawn towards one with equal variances and without correlation."""
    return (1 - share) * covariance + share * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


def _sharpness(own: list[np.ndarray], labels: list[np.ndarray], people: np.ndarray, days: Days) -> float:
    """Factor of the logits with the highest likelihood: half with the expected means, half with those of the day."""
    numbers = np.unique(people)
    read = [one @ days.whitening for one in own]
    centres = [days.centres[1 + int(np.flatnonzero(numbers == one)[0])] for one in people]
    known = [label_means(one, truth) for one, truth in zip(read, labels, strict=True)]

    def loss(factor: float) -> float:
        found = []
        for features, truth, *both in zip(read, labels, centres, known, strict=True):
            for centre in both:
                log = factor * (features @ centre.T - 0.5 * (centre**2).sum(axis=1))
                log -= log.max(axis=1, keepdims=True)
                found.append((np.log(np.exp(log).sum(axis=1)) - log[np.arange(len(features)), truth]).mean())
        return float(np.mean(found))

    return float(min(SHARPNESSES, key=loss))


def build(spec: DecoderSpec, *, floor: float, rest: str | None = None) -> DayLda:
    """Network for envelopes of a few electrodes whose last layer follows the day.

    Parameters
    ----------
    spec : DecoderSpec
        ``adaptation.kind`` "day", ``adaptation.shape`` (labels, features + 1).
    floor : float
        Size of an envelope, in the decoder's unit, below which its texture tells nothing.
    rest : str, optional
        Label without contraction; the data set's rest label when left out.

    Raises
    ------
    NeuroMotionError
        If the decoder has another adaptation, its window is shorter than three samples, or ``floor`` is not above 0.
    """
    channels = len(spec.channels)
    expected = (len(spec.labels), PER_CHANNEL * channels + channels * (channels - 1) // 2 + 1)
    if spec.adaptation.kind != "day" or spec.adaptation.shape != expected or spec.samples_in < 3 or not floor > 0:
        raise NeuroMotionError(
            f"Network 'day_lda' needs an adaptation of kind 'day' and shape {list(expected)}, a window of 3 samples or "
            f"more and floor above 0, not {spec.adaptation.kind!r}, {list(spec.adaptation.shape)}, {spec.samples_in} "
            f"and {floor:g}."
        )
    return DayLda(spec, floor, rest_index(spec, rest))
