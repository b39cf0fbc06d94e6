"""What is known of people and their days, and the last layer that follows from the unlabelled signal of a new day.

Electrodes are put on anew each day. The features of a window are Gaussian around a mean for each label. On a new day
the means are those that a person had on earlier days, plus a change. Changes are Gaussian, and their covariance is a
product of two matrices: one over labels (gestures change together) and one over features (some are the same on all
days, such as the texture of an envelope; others, such as its size, change much). Somebody who is not known is one more
candidate, with the mean of all people and wider changes.

Without labels the means of the day are found by expectation–maximisation from chunks of successive windows (their mean
features). It may take two gestures for each other. So each pair of gestures is exchanged, and the result with the
highest posterior probability is kept. The candidate is chosen by its posterior probability, too. The logits of the
Gaussian model are linear in the features: the result is a last layer.

A calibration run is of earlier days. It tells who the wearer is, and nothing of how the electrodes lie today.

Sources: those of `neuromotion_gym.decoders.changes`; Ueda and Nakano, Neural Networks 11:271-282 (1998), annealing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.changes import Expected, likelihoods, moved, unlikely
from neuromotion_gym.decoders.population import Fit
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

DAYS = "days.npz"
"""File in the folder of a decoder."""
FIELDS = ("centres", "spreads", "variances", "whitening", "sharpness")
EVIDENCE = 0.25
"""Weight of one chunk of 0.4 s: successive chunks of one contraction say nearly the same. This figure and the next ones
were chosen on days 1 to 3 of five people, each day left out of the others."""
STEPS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.5)
"""Sharpness of the likelihood in each step of the first search: annealing keeps it out of the nearest optimum."""
LAST_STEPS = (1.0, 1.0, 1.0)
UNSEEN = 20.0
"""Chunks of every label that are added to what was counted, so that a label that was not made is not given up."""
EXCHANGES = 4
"""Largest number of exchanges of two gestures, one after another."""


@dataclass(frozen=True, eq=False)
class Days:
    """Model of people and their days; features are whitened, so that their covariance within days and labels is one.

    Parameters
    ----------
    centres : float64 array, shape (candidates, labels, features)
        Expected means; the first candidate is somebody who is not known, the others are people.
    spreads : float64 array, shape (candidates, labels, labels)
        Covariance of changes over labels.
    variances : float64 array, shape (features,)
        Variance of changes of each feature; features are turned so that their changes are independent.
    whitening : float64 array, shape (features, features)
        Whitened and turned features are ``features @ whitening``.
    sharpness : float
        Factor of the logits, so that confidence matches accuracy.
    still : int
        Index of the label without contraction, which is not taken for another one.
    """

    centres: np.ndarray
    spreads: np.ndarray
    variances: np.ndarray
    whitening: np.ndarray
    sharpness: float
    still: int

    calibration_tells_who = True
    """Whether a calibration run tells who the wearer is, and nothing of today."""
    refitted_after = 0.25
    """Share of the history after which the last layer is fitted again."""

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        return len(self.centres)

    @cached_property
    def _precisions(self) -> np.ndarray:
        """Inverse of ``spreads``."""
        return np.linalg.inv(self.spreads)

    @cached_property
    def _volumes(self) -> np.ndarray:
        """Half the log determinant of the covariance of changes of each candidate, shape (candidates,)."""
        labels, features = self.centres.shape[1:]
        own = np.linalg.slogdet(self.spreads)[1]
        return np.asarray(0.5 * (features * own + labels * np.log(self.variances).sum()))

    @cached_property
    def _pairs(self) -> np.ndarray:
        """Order of the labels after each exchange of two gestures, shape (pairs, labels)."""
        labels = self.centres.shape[1]
        gestures = [label for label in range(labels) if label != self.still]
        orders = np.tile(np.arange(labels), (len(gestures) * (len(gestures) - 1) // 2, 1))
        for order, (one, other) in zip(orders, combinations(gestures, 2), strict=True):
            order[[one, other]] = other, one
        return orders

    def head(self, means: np.ndarray | None = None, candidate: int = 0) -> np.ndarray:
        """Last layer, float32 of shape (labels, features + 1), for features as the graph gives them; bias last.

        Parameters
        ----------
        means : float array, shape (labels, features), optional
            Means of the day; the expected ones of the candidate if left out.
        candidate : int
        """
        means = self.centres[candidate] if means is None else means
        head = np.empty((len(means), len(self.whitening) + 1), np.float64)
        head[:, :-1] = means @ self.whitening.T
        head[:, -1] = -0.5 * np.add.reduce(means**2, axis=1)
        return (self.sharpness * head).astype(np.float32)

    def fit(self, chunks: np.ndarray, candidates: np.ndarray) -> Fit:
        """Means of the day and log posterior for each of ``candidates``.

        Parameters
        ----------
        chunks : float64 array, shape (n, features)
        candidates : int array, shape (m,)
        """
        read = (chunks @ self.whitening).astype(np.float32)
        square = 0.5 * np.add.reduce(read * read, axis=1)
        means, _ = self._moved(read, square, candidates, self.centres[candidates], STEPS)
        means, score = self._settled(read, square, candidates, means, LAST_STEPS)
        # Only the most likely candidate: exchanges take most of the time
        best = int(np.argmax(score))
        means[best], score[best] = self._exchanged(read, square, int(candidates[best]), means[best], float(score[best]))
        return Fit(means, score)

    def _exchanged(
        self, read: np.ndarray, square: np.ndarray, candidate: int, means: np.ndarray, score: float
    ) -> tuple[np.ndarray, float]:
        """Means and log posterior after those exchanges of two gestures that raise it."""
        for _ in range(EXCHANGES):
            if not len(self._pairs):
                break
            same = np.full(len(self._pairs), candidate)
            tried, scores = self._settled(read, square, same, means[self._pairs], LAST_STEPS[:1])
            best = int(np.argmax(scores))
            found, scores = self._settled(read, square, same[:1], tried[best : best + 1], LAST_STEPS)
            if not scores[0] > score + 1e-3:
                break
            means, score = found[0], float(scores[0])
        return means, score

    def _moved(
        self,
        read: np.ndarray,
        square: np.ndarray,
        candidates: np.ndarray,
        means: np.ndarray,
        steps: tuple[float, ...],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means after some steps from ``means``, shape (m, labels, features), and log shares, shape (m, labels, 1)."""
        return moved(read, square, self._expected(candidates), means, steps, EVIDENCE, UNSEEN)

    def _settled(
        self,
        read: np.ndarray,
        square: np.ndarray,
        candidates: np.ndarray,
        means: np.ndarray,
        steps: tuple[float, ...],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means after some steps from ``means``, shape (m, labels, features), and their log posteriors, shape (m,)."""
        means, shares = self._moved(read, square, candidates, means, steps)
        _, log = likelihoods(read, square, means, shares, steps[-1])
        evidence = EVIDENCE / steps[-1] * np.add.reduce(log, axis=1, dtype=np.float64)
        off = unlikely(self._expected(candidates), self._precisions[candidates], means)
        return means, evidence - off - self._volumes[candidates]

    def _expected(self, candidates: np.ndarray) -> Expected:
        """What is expected of the means of the day for each candidate."""
        return Expected(self.centres[candidates], self.spreads[candidates], self.variances)

    def write(self, folder: Path) -> None:
        """Write `DAYS` into a folder."""
        arrays: dict[str, Any] = {name: np.asarray(getattr(self, name)) for name in FIELDS}
        np.savez(folder / DAYS, **arrays, still=np.asarray(self.still))


def read_days(folder: Path, shape: tuple[int, ...]) -> Days:
    """The model of days beside a decoder's graph.

    Parameters
    ----------
    folder : pathlib.Path
    shape : (int, int)
        Of the last layer: labels, and features with the bias.

    Raises
    ------
    NeuroMotionError
        If the file is missing or broken, or belongs to another decoder.
    """
    path = folder / DAYS
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: np.asarray(stored[name], np.float64) for name in FIELDS}
            still = int(stored["still"])
    except Exception as error:  # zipfile and NumPy raise many kinds of errors on broken bytes
        raise NeuroMotionError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    labels, features = shape[0], shape[1] - 1
    count = len(np.atleast_1d(found["centres"]))
    expected = {
        "centres": (count, labels, features),
        "spreads": (count, labels, labels),
        "variances": (features,),
        "whitening": (features, features),
        "sharpness": (),
    }
    whole = (
        {name: values.shape for name, values in found.items()} == expected
        and all(np.isfinite(values).all() for values in found.values())
        and min(found["variances"].min(), found["sharpness"]) > 0
        and 0 <= still < labels
    )
    if not whole or np.linalg.eigvalsh(found["spreads"]).min() <= 0:
        raise NeuroMotionError(
            f"{path} does not belong to this decoder, whose last layer is {labels} by {features + 1}: train the "
            "decoder again."
        )
    sharpness = float(found.pop("sharpness"))
    return Days(**found, sharpness=sharpness, still=still)
