"""As `wearer_starts`, with more features, for people who gave labels in earlier sessions.

Features of each electrode of a ring, over the window: log root mean square; its log ratios to the root mean square of
the first and of the second difference, and to the mean absolute value (how fast and how peaked the signal is); and the
mean correlation with both neighbours. Sessions change their size most. All logarithms have a floor of about one count.

What is fitted besides the model of `neuromotion_gym.training.networks.wearer_starts` is how the means of a person
change from one recording to another (`neuromotion_gym.decoders.returning`), from every pair of recordings of the same
person, the second one brought to the arrangement of the first with the labels of both.

Sources of the features: Hudgins, Parker and Scott, IEEE Trans Biomed Eng 40:82-94 (1993); Hjorth, Electroencephalogr
Clin Neurophysiol 29:306-310 (1970).
"""

from __future__ import annotations

from dataclasses import fields
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from neuromotion_gym.decoders.returning import Returning, nearest
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.training.networks.armband_features import FLOOR, rest_index
from neuromotion_gym.training.networks.day_lda import TOWARDS_EQUAL, product_covariance
from neuromotion_gym.training.networks.wearer_lda import SHARPNESSES
from neuromotion_gym.training.networks.wearer_starts import Bands, WearerStarts, check_ring, often

if TYPE_CHECKING:
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.decoders.starts import Starts

PER_CHANNEL = 5
MOST_KEPT = 0.95
"""Largest share of a difference between people that is expected to stay."""


class RingFeatures(nn.Module):
    """Features of a window, shape (n, channels, samples) to (n, 5 channels); see the module."""

    def forward(self, window: Tensor) -> Tensor:
        """All sizes, then all speeds and so on: a turn of the band turns every block."""
        slope = window[..., 1:] - window[..., :-1]
        curve = slope[..., 1:] - slope[..., :-1]
        power = window.pow(2).mean(-1)
        size, speed, bend = (0.5 * torch.log(one + FLOOR) for one in (power, _power(slope), _power(curve)))
        peak = torch.log(window.abs().mean(-1) + FLOOR) - size
        scaled = window / torch.sqrt(power + FLOOR)[..., None]
        after = (scaled * torch.cat([scaled[:, 1:], scaled[:, :1]], dim=1)).mean(-1)
        shared = 0.5 * (after + torch.cat([after[:, -1:], after[:, :-1]], dim=1))
        return torch.cat([size, speed - size, bend - speed, peak, shared], dim=1)


def _power(values: Tensor) -> Tensor:
    return values.pow(2).mean(-1)


class WearerReturns(WearerStarts):
    """Features and effort; the last layer is given as the adaptation."""

    def __init__(self, spec: DecoderSpec, rest: int, residual: float) -> None:
        super().__init__(spec, rest, residual)
        self.features = RingFeatures()

    def _starts(self, bands: Bands) -> Starts:
        """The model of people who come again."""
        plain = super()._starts(bands)
        orders = self.orders(bands.features[0].shape[1])
        first, second, lies, again = _pairs(bands, orders)
        if len(first) < 2:
            raise NeuroMotionError("Network 'wearer_returns' needs two recordings or more of one person or more.")
        first, second = (one @ plain.whitening - plain.means for one in (first, second))
        turned = np.linalg.eigh(product_covariance(second - first, TOWARDS_EQUAL)[1])[1]
        first, second = first @ turned, second @ turned
        kept = np.clip((first * second).sum(axis=(0, 1)) / (first**2).sum(axis=(0, 1)), 0, MOST_KEPT)
        spread, features = product_covariance(second - kept * first, TOWARDS_EQUAL)
        model = {one.name: getattr(plain, one.name) for one in fields(plain)}
        for name in ("means", "differences", "starts"):
            model[name] = model[name] @ turned
        model["whitening"] = plain.whitening @ turned
        return Returning(
            **model,
            kept=kept,
            spread=spread,
            variances=np.diag(features).copy(),
            again=often(again / max(np.bincount(bands.people).max() - 1, 1)),
            again_sharpness=_sharpness(bands, orders[lies[:, 1]], lies[:, 0], model, kept * first, second),
        )


def _pairs(bands: Bands, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every two recordings of a person.

    Returns
    -------
    first, second : float64 arrays, shape (pairs, labels, features)
        Means of both in one arrangement.
    lies : int array, shape (pairs, 2)
        Number of the second recording, and its arrangement.
    again : int array, shape (arrangements,)
        How many second recordings lie in each arrangement compared with the first.
    """
    first, second, lies, again = [], [], [], np.zeros(len(orders))
    for one, other in permutations(range(len(bands.means)), 2):
        if bands.people[one] != bands.people[other]:
            continue
        order = orders[bands.lies[one]]
        before = bands.means[one][:, order]
        way = nearest(bands.means[other], before, orders)
        first.append(before)
        second.append(bands.means[other][:, orders[way]])
        lies.append((other, way))
        again[int(np.flatnonzero((orders[:, order] == orders[way]).all(axis=1))[0])] += 1
    return np.array(first), np.array(second), np.array(lies), again


def _sharpness(
    bands: Bands, orders: np.ndarray, numbers: np.ndarray, model: dict, expected: np.ndarray, found: np.ndarray
) -> float:
    """Factor of the logits with the highest likelihood: half with the expected means, half with the true ones.

    Parameters
    ----------
    bands : Bands
    orders : int array, shape (pairs, features)
        Features of the second recording as the first one was worn.
    numbers : int array, shape (pairs,)
        Which recording that is.
    model : dict
        Fields ``whitening`` and ``means``.
    expected, found : float64 arrays, shape (pairs, labels, features)
        Means, as differences from those of all people.
    """
    losses = np.zeros(len(SHARPNESSES))
    for order, number, *centres in zip(orders, numbers, expected, found, strict=True):
        read, truth = bands.features[number][:, order] @ model["whitening"], bands.labels[number]
        for centre in (model["means"] + one for one in centres):
            logits = read @ centre.T - 0.5 * (centre**2).sum(axis=1)
            for at, factor in enumerate(SHARPNESSES):
                log = factor * logits
                log -= log.max(axis=1, keepdims=True)
                losses[at] += (np.log(np.exp(log).sum(axis=1)) - log[np.arange(len(read)), truth]).mean()
    return float(SHARPNESSES[np.argmin(losses)])


def build(spec: DecoderSpec, *, rest: str | None = None, residual: float = 0.5) -> WearerReturns:
    """Network for a ring of electrodes that is put on anew by people who gave labels in earlier sessions.

    Parameters
    ----------
    spec : DecoderSpec
        ``ring`` true, ``adaptation.kind`` "wearer", ``adaptation.shape`` (labels, 5 channels + 1).
    rest : str, optional
        Label without contraction; the data set's rest label when left out.
    residual : float
        Variance of what is a recording's own in each mean, as a multiple of the variance within labels.
    """
    check_ring(spec, "wearer_returns", PER_CHANNEL, residual)
    return WearerReturns(spec, rest_index(spec, rest), residual)
