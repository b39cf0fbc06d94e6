"""Bayesian inference of the goal.

Which posture would make a person ask for what the decoder has been reporting?
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, decided_rows
from neuromotion_gym.decoders.smoothing import overlap_weight, soften, softmax
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.posture import HOME_BOX, REACH

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout

SPACING = 0.15
"""Spacing of the grid that stands for a continuum of goals, on two axes and more."""


class Bayes(HandWritten):
    """Belief over goals from all decisions so far, each read in the light of where the limb was.

    A person is modelled as asking for the axis with the largest error, more or less strictly, and for rest where all
    errors are small; what they saw lies `ObservationLayout.lag_s` and their reaction time in the past. The limb moves
    to the mean of the belief, and settles only where the belief within the tolerance passes ``threshold``.

    Parameters
    ----------
    layout : ObservationLayout
        Its candidates are the goals; where it has none, a grid over the range of postures.
    threshold : float, default 0.9
        Probability from which a goal may be selected.
    doubt : float, default 0.1
        Share of its certainty that the decoder is not believed.
    reliability : float array, shape (labels, labels), optional
        ``reliability[wanted, decoded]``, rows summing to 1: a confusion matrix taken on tune data, which says what the
        decoder's labels are worth. Left out, they are taken as they are.
    independence : float, default 0.7
        Factor on the weight of a decision: errors come in runs, so that even windows without overlap agree too well.
    reaction_s : float, default 0.25
        A person's reaction time.
    strictness : float, default 0.1
        Difference of two errors (half ranges) at which the larger one is mended e times as often.
    forget_s : float, default 60
        Time constant with which the belief falls back to the uniform one, against what the model does not know.
    """

    def __init__(
        self,
        layout: ObservationLayout,
        threshold: float = 0.9,
        doubt: float = 0.1,
        reliability: np.ndarray | None = None,
        independence: float = 0.7,
        reaction_s: float = 0.25,
        strictness: float = 0.1,
        forget_s: float = 60.0,
    ) -> None:
        super().__init__(layout)
        if not 0 < threshold < 1 or not 0 < doubt < 1:
            raise NeuroMotionError(f"Threshold and doubt lie in (0, 1), not at {threshold} and {doubt}.")
        if not (independence > 0 and strictness > 0 and forget_s > 0 and reaction_s >= 0):
            raise NeuroMotionError("Independence, strictness, forgetting are above zero, the reaction time not below.")
        if reliability is not None:
            reliability = np.asarray(reliability, dtype=float)
            if reliability.shape != (self.labels, self.labels) or not np.allclose(reliability.sum(axis=1), 1.0):
                raise NeuroMotionError(
                    f"reliability is a matrix of {self.labels} x {self.labels} with rows summing to 1 "
                    f"(wanted, decoded), not one of shape {reliability.shape}."
                )
        self.threshold, self.doubt, self.reliability = threshold, doubt, reliability
        self.strictness = strictness
        self.evidence = independence * overlap_weight(layout.hop_s, max(layout.window_s, layout.lag_s))
        self.keep = float(np.exp(-layout.hop_s / forget_s))
        self.goals = goal_grid(self.axes, layout.tolerance) if layout.candidates is None else layout.candidates
        self.goals = np.asarray(self.goals, dtype=np.float32)
        self.delay = self.steps(layout.lag_s + reaction_s)
        self._up = self.directions == 1
        self._down = self.directions == -1

    def fresh(self, n: int) -> Memory:
        """Log-belief (n, goals), and the past positions (n, delay, axes), NaN before the episode began."""
        return (
            np.zeros((n, len(self.goals)), dtype=np.float32),
            np.full((n, self.delay, self.axes), np.nan, dtype=np.float32),
        )

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        scores, past = memory
        position = seen.position.astype(np.float32)
        past = np.where(np.isnan(past), position[:, None, :], past)
        if seen.decided.any():
            likelihood = self._likelihood(past[:, 0], seen.posterior)
            updated = self.keep * scores + self.evidence * np.log(likelihood)
            updated -= updated.max(axis=1, keepdims=True)
            scores = decided_rows(seen.decided, updated.astype(np.float32), scores)
        past = np.concatenate([past[:, 1:], position[:, None, :]], axis=1)
        target = self._target(softmax(scores))
        stride = self.layout.speed * self.layout.control_s
        return (target - position) / (2 * stride), (scores, past)

    def _likelihood(self, position: np.ndarray, posterior: np.ndarray) -> np.ndarray:
        """Likelihood of a decision for every goal, shape (n, goals)."""
        label = soften(posterior, self.doubt)
        if self.reliability is not None:
            label = soften(posterior @ self.reliability.T, self.doubt)
        error = self.goals[None] - position[:, None, :]
        # An axis' likelihood is that of the label which mends its error; several labels may move an axis one way
        up = (label @ self._up / self._up.sum(axis=0)).astype(np.float32)[:, None, :]
        down = (label @ self._down / self._down.sum(axis=0)).astype(np.float32)[:, None, :]
        pull = np.exp(np.abs(error) / self.strictness)
        total = pull.sum(axis=2)
        mended = (pull * np.where(error > 0, up, down)).sum(axis=2)
        rest = self.layout.intents.rest
        if rest is None:
            return mended / total
        calm = np.float32(np.exp(0.6 * self.layout.tolerance / self.strictness))
        return (mended + calm * label[:, rest, None].astype(np.float32)) / (total + calm)

    def _target(self, belief: np.ndarray) -> np.ndarray:
        """Where to go, shape (n, axes): the mean of the belief, or the goal that passes the threshold.

        Among candidates, a mean that would select one below the threshold is pushed out of its reach.
        """
        mean = belief @ self.goals
        if self.layout.candidates is None:
            return mean
        rows = np.arange(len(belief))
        best = belief.argmax(axis=1)
        near = np.abs(mean[:, None, :] - self.goals).max(axis=2).argmin(axis=1)
        goal, offset = self.goals[near], mean - self.goals[near]
        margin = self.layout.tolerance + 0.05
        towards = offset - 1e-3 * goal
        axis = np.abs(towards).argmax(axis=1)
        inside = np.abs(offset).max(axis=1) < margin
        pushed = mean.copy()
        pushed[rows, axis] = goal[rows, axis] + np.sign(towards[rows, axis]) * margin
        waiting = np.where(inside[:, None], pushed, mean)
        return np.where((belief[rows, best] >= self.threshold)[:, None], self.goals[best], waiting)


def goal_grid(axes: int, tolerance: float) -> np.ndarray:
    """Grid over the goals of the level without candidates, shape (goals, axes)."""
    spacing = SPACING if axes > 1 else tolerance / 2
    line = np.linspace(-REACH, REACH, round(2 * REACH / spacing) + 1)
    grid = np.array(list(product(line, repeat=axes)))
    return grid[np.abs(grid).max(axis=1) > HOME_BOX]
