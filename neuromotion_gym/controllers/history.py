"""The features of an episode so far that a learned policy reads, the same in training and in play.

Errors of a decoder come in runs, so one posterior says little. The labels decoded over several seconds, together with
the positions of the limb at that time, say more. Leaky means of posterior and positions, with several time constants,
keep this in a few numbers per row.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator

from neuromotion_gym.controllers.base import HandWritten, Memory, cleared, products, take_apart
from neuromotion_gym.controllers.handwritten.bayesian import Bayes
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


class HistorySpec(Checked):
    """Settings of the history.

    Parameters
    ----------
    time_constants_s : tuple of float, default (0.5, 2, 8)
        Time constants of the leaky means, in seconds, in rising order.
    belief : bool, default True
        Whether the features hold the belief of Bayesian goal inference over goals and labels, too.
    """

    belief: bool = True
    time_constants_s: tuple[float, ...] = Field(default=(0.5, 2.0, 8.0), max_length=8)

    @field_validator("time_constants_s")
    @classmethod
    def _rising(cls, given: tuple[float, ...]) -> tuple[float, ...]:
        if any(value <= 0 for value in given) or any(low >= high for low, high in pairwise(given)):
            raise NeuroMotionError(f"Time constants are above zero and rising, not {given}.")
        return given


class History:
    """Makes features from observations, one control step after the other, with a memory for each row.

    Features are float32 and of the order of one; there are ``a`` elements of an action, ``c`` observed columns of the
    limb, ``l`` labels and ``g`` axes of goals:

    ==============================  ==================================================================================
    how many                        what
    ==============================  ==================================================================================
    c                               positions
    c                               velocities, as a share of full speed
    for each context column: 1      surroundings of the limb
    l                               posterior
    1                               effort, where the decoder gives it
    1                               share of the time limit that has passed
    for each time constant: l       leaky mean of the posterior minus its value at chance
    for each time constant: c       leaky mean of the positions
    for each time constant: a       leaky mean of the posterior-weighted action
    for each time constant: a       leaky mean of that action times the position: where on its axis the limb was then;
                                    only where each element of the action has a position
    with ``belief``: g              mean of the goals under the belief of `Bayes`
    with ``belief``: g + 1          most likely goal, and its probability
    with ``belief``: l              belief over the labels that the operator asks for
    g                               the goal, only where the observation shows it (``observe_goal``)
    ==============================  ==================================================================================

    Leaky means are zero at the start of an episode.

    Parameters
    ----------
    layout : ObservationLayout
    spec : HistorySpec
    observe_goal : bool, default False
        Whether observations end with the goal.

    Raises
    ------
    NeuroMotionError
        If the decoder gives no posterior; with ``belief`` also if `Bayes` cannot infer the goals.
    """

    def __init__(self, layout: ObservationLayout, spec: HistorySpec, observe_goal: bool = False) -> None:
        self.layout, self.spec = layout, spec
        self.labels, axes, columns = len(layout.intents.labels), len(layout.intents.axes), len(layout.columns)
        goals = layout.facts.goals.axes
        self.observed = layout.size + (goals if observe_goal else 0)
        self._directions = np.asarray(layout.intents.directions, dtype=float)
        self._share = 1.0 - np.exp(-layout.control_s / np.asarray(spec.time_constants_s, dtype=float))
        self._paired = columns == axes
        self._means = self.labels + columns + (2 * axes if self._paired else axes)
        HandWritten(layout)  # refuses a decoder of targets
        self._bayes = Bayes(layout) if spec.belief else None
        believed = 2 * goals + 1 + self.labels if spec.belief else 0
        self.size = self.observed + 1 + len(self._share) * self._means + believed
        """Number of features."""

    def fresh(self, n: int) -> Memory:
        """Memory at the start of an episode.

        Control steps so far (n,), leaky means (n, time constants, means), and the memory of `Bayes` where it is used.
        """
        own = np.zeros(n, dtype=int), np.zeros((n, len(self._share), self._means))
        return own if self._bayes is None else (*own, *self._bayes.start(n))

    def step(
        self, observation: np.ndarray, state: Memory | None = None, episode_start: np.ndarray | None = None
    ) -> tuple[np.ndarray, Memory]:
        """Features of one control step's observations.

        Parameters
        ----------
        observation : float array, shape (n, observed)
        state : tuple of arrays, optional
            Memory that the last call returned; None starts with fresh memory.
        episode_start : bool array, shape (n,), optional
            Rows in which an episode begins with this observation.

        Returns
        -------
        features : float32 array, shape (n, size)
        state : tuple of arrays

        Raises
        ------
        NeuroMotionError
            If the observations have a wrong length.
        """
        batch = np.asarray(observation, dtype=float)
        if batch.ndim != 2 or batch.shape[1] != self.observed:
            raise NeuroMotionError(
                f"This controller was made for observations of length {self.observed}, not of shape {batch.shape[1:]}."
            )
        clock, means, *rest = cleared(state, self.fresh(len(batch)), episode_start)
        seen = take_apart(self.layout, batch, clock)
        asked = products(seen.posterior, self._directions)
        there = [asked * seen.position] if self._paired else []
        now = np.concatenate([seen.posterior - 1 / self.labels, seen.position, asked, *there], axis=1)
        means = means + self._share[:, None] * (now[:, None, :] - means)
        features = [
            seen.position,
            seen.velocity / self.layout.speed,
            batch[:, self.layout.situation],
            seen.posterior,
            *([] if seen.effort is None else [seen.effort[:, None]]),
            (seen.time_s / self.layout.time_limit_s)[:, None],
            means.reshape(len(batch), -1),
        ]
        if self._bayes is not None:
            rest = list(self._bayes.predict(batch[:, : self.layout.size], tuple(rest))[1])
            features += self._believed(rest[1])
        features.append(batch[:, self.layout.size :])
        return np.concatenate(features, axis=1, dtype=np.float32), (clock + 1, means, *rest)

    def _believed(self, belief: np.ndarray) -> list[np.ndarray]:
        """Features of a belief over goals and labels, shape (n, goals, labels)."""
        assert self._bayes is not None
        goals = belief.sum(axis=2)
        best = goals.argmax(axis=1)
        likeliest = goals[np.arange(len(goals)), best]
        return [products(goals, self._bayes.goals), self._bayes.goals[best], likeliest[:, None], belief.sum(axis=1)]
