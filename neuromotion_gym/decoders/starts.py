"""A model of people whose last layer is searched for from many people, for bands that are put on anew each time.

`Population` begins its expectation–maximisation at the mean of all people, once for each arrangement of the band. It
then often ends with two gestures taken for each other. `Starts` begins at what was recorded of single people, too: the
means of each recording of the training people, in each arrangement. A rough likelihood picks the most promising ones,
and the result with the highest posterior probability is kept. How often the band lay in each arrangement, in the
recordings of the training people, is the prior of the arrangements.

The figures below were chosen on the train and tune parts of the readings, 13 people, each decoded by a model of the
others. Online, their mean balanced accuracy was 0.74 to 0.755 for all settings that were tried of `TRIED`, `STEPS`,
ways, prior and how often the layer is fitted (those in use take the least time), and 0.70 for an `EVIDENCE` of 0.25.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.population import FIELDS, POPULATION, Fit, Population, read_population
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

OWN_FIELDS = ("starts", "usual")
EVIDENCE = 0.1
"""Weight of one chunk of 0.4 s."""
STEPS = (0.5,) * 6
"""Sharpness of the likelihood in each step."""
TRIED = 12
"""Starts from which the means of the wearer are searched."""
LOOKED_AT = 25
"""Largest number of chunks, spread evenly over the history, from which these starts are picked."""
MOST = 100
"""Largest number of chunks, spread evenly, that means are fitted to."""


@dataclass(frozen=True, eq=False)
class Starts(Population):
    """Model of people with starts; other parameters are those of `Population`.

    Parameters
    ----------
    starts : float64 array, shape (starts, labels, features)
        Whitened means of single recordings.
    usual : float64 array, shape (arrangements,)
        Log probability of each arrangement before anything was recorded.
    """

    starts: np.ndarray
    usual: np.ndarray

    refitted_after = 0.2

    @cached_property
    def _rough(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of all starts, shape (features, starts * labels), and half their squares; single precision."""
        flat = self.starts.reshape(-1, self.starts.shape[2])
        return flat.T.astype(np.float32), (0.5 * (flat**2).sum(axis=1)).astype(np.float32)

    def fit(self, chunks: np.ndarray, candidates: np.ndarray, told: np.ndarray | None = None) -> Fit:
        """See `Population.fit`. The score of an arrangement in which no start was promising is minus infinity."""
        if told is not None:  # labels tell gestures apart, so that nothing has to be searched for
            return super().fit(chunks, candidates, told)
        read = self.worn(chunks[evenly(len(chunks), MOST)], candidates).astype(np.float32)
        weight = EVIDENCE * len(chunks) / read.shape[1]
        promising = self._promising(read, weight) + self.usual[candidates][:, None]
        order = np.argsort(-promising, axis=None, kind="stable")[:TRIED]
        which, start = np.unravel_index(order, promising.shape)
        found = self._settled(read[which], self.starts[start], STEPS, weight)
        score = found.score + self.usual[candidates[which]]
        means, best = np.repeat(self.means[None], len(candidates), axis=0), np.full(len(candidates), -np.inf)
        for number, candidate in enumerate(which.tolist()):
            if score[number] > best[candidate]:
                means[candidate], best[candidate] = found.means[number], score[number]
        return Fit(means, best)

    def _promising(self, read: np.ndarray, weight: float) -> np.ndarray:
        """Rough log likelihood of each start in each arrangement, shape (m, starts)."""
        few = read[:, evenly(read.shape[1], LOOKED_AT)]
        means, squares = self._rough
        log = few.reshape(-1, few.shape[2]) @ means - squares
        nearest = np.maximum.reduce(log.reshape(*few.shape[:2], len(self.starts), -1), axis=3).sum(axis=1)
        square = 0.5 * np.add.reduce(few * few, axis=(1, 2))
        # Each chunk that was left out counts as those that were looked at
        return np.asarray(STEPS[0] * weight * read.shape[1] / few.shape[1] * (nearest - square[:, None]), np.float64)

    def write(self, folder: Path) -> None:
        """Write `POPULATION` into a folder."""
        arrays: dict[str, Any] = {name: np.asarray(getattr(self, name)) for name in (*FIELDS, *OWN_FIELDS)}
        np.savez(folder / POPULATION, **arrays)


def read_people(folder: Path, shape: tuple[int, ...], channels: int, *, ring: bool) -> Population:
    """The model of people beside a decoder's graph: `Starts` if the file holds starts.

    The parameters and errors are those of `read_population`.
    """
    population, path = read_population(folder, shape, channels, ring=ring), folder / POPULATION
    with np.load(path, allow_pickle=False) as stored:
        found = {name: np.asarray(stored[name], np.float64) for name in OWN_FIELDS if name in stored}
    if not found:
        return population
    whole = (
        len(found) == len(OWN_FIELDS)
        and found["starts"].ndim == 3
        and len(found["starts"]) > 0
        and found["starts"].shape[1:] == population.means.shape
        and found["usual"].shape == (population.candidates,)
        and all(np.isfinite(values).all() for values in found.values())
    )
    if not whole:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in found.items())
        raise NeuroMotionError(
            f"{path} holds {shapes}; starts of shape (n, {', '.join(map(str, population.means.shape))}) and the "
            f"arrangements usual to people, ({population.candidates},), are expected: train the decoder again."
        )
    own = {name: getattr(population, name) for name in (*FIELDS, "channels", "ring")}
    return Starts(**own, starts=found["starts"], usual=found["usual"])


def evenly(count: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` things, spread evenly."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(int)
