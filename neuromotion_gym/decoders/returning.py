"""Wearers who gave labels in earlier sessions, and put the band on anew in each.

The labelled runs tell the means of each gesture as the band lay then. In the new session it lies otherwise, by a turn
or by another side that is not known, and the gestures are not quite made as before. So the earlier means, brought to
one arrangement, are what is expected (`Known`): drawn towards the mean of all people as far as one session tells little
of the next, and with a covariance of changes that was fitted to training people who came more than once. The
arrangement, compared with the one before, and the means of the new session are then found without labels
(`neuromotion_gym.decoders.changes`).

The labels of the new session itself are never read. Without earlier sessions a wearer is found as by
`neuromotion_gym.decoders.starts`.

The figures below were chosen on the train and tune parts of the readings, 13 people, each decoded by a model of the
others. Balanced accuracy differed by 0.01 or less between all that was tried around them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.changes import Expected, likelihoods, moved, unlikely
from neuromotion_gym.decoders.population import FIELDS, POPULATION, Fit
from neuromotion_gym.decoders.starts import MOST, OWN_FIELDS, Starts, evenly, read_people
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.decoders.population import Population

RETURNING_FIELDS = ("kept", "spread", "variances", "again", "again_sharpness")
EVIDENCE = 0.05
"""Weight of one chunk of 0.4 s."""
UNSEEN = 10.0
"""Chunks of every label that are added to what was counted, so that a label that was not made is not given up."""
STEPS = (0.5,) * 6
"""Sharpness of the likelihood in each step."""


@dataclass(frozen=True, eq=False)
class Returning(Starts):
    """Model of people who come again; other parameters are those of `Starts`.

    Features are turned so that changes from session to session are independent.

    Parameters
    ----------
    kept : float64 array, shape (features,)
        Share of what one session of a person differs by from all people that their next session differs by, too.
    spread : float64 array, shape (labels, labels)
        Covariance, over labels, of what remains after one earlier session.
    variances : float64 array, shape (features,)
        Its variance for each feature.
    again : float64 array, shape (arrangements,)
        Log probability of each arrangement compared with the session before; the first one is that of the session
        before.
    again_sharpness : float
        Factor of the logits of a wearer with earlier labels, so that confidence matches accuracy.
    """

    kept: np.ndarray
    spread: np.ndarray
    variances: np.ndarray
    again: np.ndarray
    again_sharpness: float

    def known(self, sessions: Sequence[np.ndarray]) -> Known:
        """A wearer with earlier labelled sessions.

        Parameters
        ----------
        sessions : sequence of float64 arrays, shape (labels, features)
            Means of each label as the band was worn, the latest session last.
        """
        back = np.linalg.inv(self.whitening)
        before = nearest(sessions[-1], self.means @ back, self._orders)
        latest = sessions[-1][:, self._orders[before]]
        others = [one[:, self._orders[nearest(one, latest, self._orders)]] for one in sessions[:-1]]
        own = np.mean([*others, latest], axis=0) @ self.whitening
        count = len(sessions)
        share = count * self.kept / (1 + (count - 1) * self.kept)
        # What a person's sessions have in common is ``kept`` of the variance, and their mean tells ``share`` of it
        left = (1 - self.kept * share) / (1 - self.kept**2)
        centre = self.means + share * (own - self.means)
        people = replace(self, sharpness=self.again_sharpness)
        return Known(people, centre, Expected(centre[None], self.spread[None], self.variances * left), before)

    def write(self, folder: Path) -> None:
        """Write `POPULATION` into a folder."""
        names = (*FIELDS, *OWN_FIELDS, *RETURNING_FIELDS)
        arrays: dict[str, Any] = {name: np.asarray(getattr(self, name)) for name in names}
        np.savez(folder / POPULATION, **arrays)


@dataclass(frozen=True, eq=False)
class Known:
    """One wearer with earlier labels, before and after the band was put on anew.

    Parameters
    ----------
    people : Returning
    centre : float64 array, shape (labels, features)
        Expected means.
    expected : Expected
        The same, and how far the means may be from it.
    before : int
        Arrangement in the latest of the earlier sessions. Candidates are compared with it: the first one is the same.
    """

    people: Returning
    centre: np.ndarray
    expected: Expected
    before: int

    calibration_tells_who = False
    refitted_after = 0.2

    @property
    def candidates(self) -> int:
        """Number of arrangements."""
        return self.people.candidates

    @cached_property
    def _lies(self) -> np.ndarray:
        """Arrangement of each candidate, shape (candidates,)."""
        orders = self.people._orders
        return np.array([int(np.flatnonzero((orders == one[orders[self.before]]).all(1))[0]) for one in orders])

    @cached_property
    def _precisions(self) -> np.ndarray:
        """Inverse of the covariance over labels."""
        return np.linalg.inv(self.expected.spreads)

    def head(self, means: np.ndarray | None = None, candidate: int = 0) -> np.ndarray:
        """See `Population.head`; the expected means if they are left out."""
        return self.people.head(self.centre if means is None else means, int(self._lies[candidate]))

    def fit(self, chunks: np.ndarray, candidates: np.ndarray) -> Fit:
        """Means of the new session and log posterior for each of ``candidates``.

        Parameters
        ----------
        chunks : float64 array, shape (n, features)
        candidates : int array, shape (m,)
        """
        read = self.people.worn(chunks[evenly(len(chunks), MOST)], self._lies[candidates]).astype(np.float32)
        square = 0.5 * np.add.reduce(read * read, axis=2)
        evidence = EVIDENCE * len(chunks) / read.shape[1]
        means = np.repeat(self.centre[None], len(candidates), axis=0)
        means, shares = moved(read, square, self.expected, means, STEPS, evidence, UNSEEN)
        _, log = likelihoods(read, square, means, shares, STEPS[-1])
        told = evidence * np.add.reduce(log, axis=1, dtype=np.float64)
        off = unlikely(self.expected, self._precisions, means)
        return Fit(means, told - off + self.people.again[candidates])


def nearest(means: np.ndarray, others: np.ndarray, orders: np.ndarray) -> int:
    """Arrangement in which means are nearest to others, both of shape (labels, features), as features are given.

    Both are compared without the mean over labels, which is how strong a signal is.
    """
    pattern, target = means - means.mean(axis=0), others - others.mean(axis=0)
    return int(np.argmin([((pattern[:, order] - target) ** 2).sum() for order in orders]))


def read_wearers(folder: Path, shape: tuple[int, ...], channels: int, *, ring: bool) -> Population:
    """The model of people beside a decoder's graph: `Returning` if the file holds what that needs.

    The parameters are those of `neuromotion_gym.decoders.population.read_population`.

    Raises
    ------
    NeuroMotionError
        If the file is missing or broken, or belongs to another decoder.
    """
    people, path = read_people(folder, shape, channels, ring=ring), folder / POPULATION
    with np.load(path, allow_pickle=False) as stored:
        found = {name: np.asarray(stored[name], np.float64) for name in RETURNING_FIELDS if name in stored}
    if not found or not isinstance(people, Starts):
        return people
    labels, features = people.means.shape
    expected = {
        "kept": (features,),
        "spread": (labels, labels),
        "variances": (features,),
        "again": (people.candidates,),
        "again_sharpness": (),
    }
    whole = (
        {name: values.shape for name, values in found.items()} == expected
        and all(np.isfinite(values).all() for values in found.values())
        and 0 <= found["kept"].min() <= found["kept"].max() < 1
        and min(found["variances"].min(), found["again_sharpness"], np.linalg.eigvalsh(found["spread"]).min()) > 0
    )
    if not whole:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in found.items())
        raise NeuroMotionError(
            f"{path} holds {shapes}; {', '.join(f'{name} {shape}' for name, shape in expected.items())} are expected, "
            "shares below 1 and variances above 0: train the decoder again."
        )
    sharpness = float(found.pop("again_sharpness"))
    own: dict[str, Any] = {name: getattr(people, name) for name in (*FIELDS, *OWN_FIELDS, "channels", "ring")}
    return Returning(**{**own, **found, "again_sharpness": sharpness})
