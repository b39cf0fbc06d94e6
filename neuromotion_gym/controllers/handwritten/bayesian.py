"""Bayesian inference of the goal from all that the decoder has reported in an episode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, check_places, number, products
from neuromotion_gym.controllers.smoothing import overlap_weight, soften
from neuromotion_gym.controllers.stages import Stages
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.tasks.task import TaskFacts

SPACING = 0.2
"""Spacing of the grid that approximates a continuous space of goals, on two axes and more."""
LIMIT = 1024
"""Largest number of goals: an update of the belief needs an array of rows x goals x labels x axes."""
HOLD_S = 0.3
"""Time scale on which a person whose error is corrected chooses another label."""
SPARE_S = 1.0
"""Time that is reserved for the limb to come to rest."""
UPDATE_S = 0.15
"""Decisions that follow each other more quickly are combined, since an update of the belief is expensive."""


class Bayes(HandWritten):
    """Belief over goals and over the label asked for, from all decisions so far and the positions of the limb.

    The person is modelled roughly as the operator of the closed loop. They correct one axis until its error is small,
    then choose the axis with the largest error, and rest when all errors are small. They take into account the movement
    that is still to come from the labels they asked for. The joint belief over goal and label is the forward filter of
    a hidden Markov model. The limb moves to the mean of the goals under this belief. It moves to a candidate once the
    candidate's probability passes ``threshold``, or once the time left is only just enough to reach it and to hold.

    Where labels bring the limb to places of their own (``layout.settles``), the person asks for the goal's label until
    the goal is met, or rests while the limb takes another place. Where several goals follow each other, or the limb has
    to return to 0, it does so once a candidate was held, and begins a new belief (`Stages`). Where the goal may change
    without notice (``facts.lasts_s``), the belief is forgotten at that rate.

    Parameters
    ----------
    layout : ObservationLayout
        Its candidates are the goals; if it has none, the goals are points spread over the space of goals, at most
        `LIMIT`.
    threshold : float, default 0.9
        Probability from which a candidate may be selected while there is time left.
    doubt : float, default 0.1
        Weight of the uniform distribution that is mixed into every posterior.
    reliability : float array, shape (labels, labels), optional
        ``reliability[wanted, decoded]``, rows summing to 1: a confusion matrix measured on tune data. When left
        out, posteriors are used as they are.
    independence : float, default 0.7
        Factor on the weight of a decision (the share of its window or lag that is new); below 1, since errors come in
        runs.
    reaction_s : float, default 0.25
        A person's reaction time.
    strictness : float, default 0.05
        Difference of two errors (half ranges) at which the larger one is chosen e times as often; also the width of the
        smooth step between errors that still have to be corrected and errors that do not.
    slip_s : float, default 5
        Mean time between two changes of label that the model does not predict.

    Raises
    ------
    NeuroMotionError
        If an option is out of range, if there are more candidates than `LIMIT`, or if the first observed positions do
        not lie along the axes of the goals.
    """

    name = "bayes"

    def __init__(
        self,
        layout: ObservationLayout,
        threshold: float = 0.9,
        doubt: float = 0.1,
        reliability: np.ndarray | None = None,
        independence: float = 0.7,
        reaction_s: float = 0.25,
        strictness: float = 0.05,
        slip_s: float = 5.0,
    ) -> None:
        super().__init__(layout)
        check_places(self)
        given = {"threshold": threshold, "doubt": doubt, "independence": independence, "reaction_s": reaction_s}
        for name, value in {**given, "strictness": strictness, "slip_s": slip_s}.items():
            number(name, value)
        if not 0 < threshold < 1 or not 0 < doubt < 1:
            raise NeuroMotionError(f"Threshold and doubt lie in (0, 1), not at {threshold} and {doubt}.")
        if not (independence > 0 and strictness > 0 and slip_s > 0 and reaction_s >= 0):
            raise NeuroMotionError(
                "independence, strictness and slip_s are above zero and reaction_s is not below it, "
                f"not {independence}, {strictness}, {slip_s} and {reaction_s}."
            )
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
        self.together = max(1, round(UPDATE_S / layout.hop_s))
        self.slip = min(0.5, self.together * layout.hop_s / slip_s)
        self.goals = inferred_goals(layout.facts)
        self.delay = self.steps(layout.lag_s + reaction_s)
        self.ahead = np.float32(layout.speed * (layout.lag_s + reaction_s))
        self.turns = self.together * layout.hop_s / HOLD_S
        self.stages = Stages(layout)
        lasts_s = layout.facts.lasts_s
        self.forgotten = 0.0 if lasts_s is None else min(0.5, self.together * layout.hop_s / lasts_s)
        """Probability that the goal is another one at the next update."""
        self._label_of_goal = (self.goals @ self.moves.T).argmax(axis=1)
        self._unit = self.moves.astype(np.float32)
        # Which labels move an axis up or down, in equal shares where several do
        self._up, self._down = (
            ((way * self.moves > 0.5) / np.maximum(1, (way * self.moves > 0.5).sum(axis=0))).T.astype(np.float32)
            for way in (1, -1)
        )

    def fresh(self, n: int) -> Memory:
        """Belief, past positions, evidence that is not yet used, and the number of decisions in that evidence.

        Shapes (n, goals, labels), (n, delay, axes) with NaN before the episode began, (n, labels) and (n,); then the
        memory of `Stages`.
        """
        first = np.full(self.labels, 1 / self.labels)
        rest = self.layout.intents.rest
        if rest is not None:
            first = np.eye(self.labels)[rest]
        belief = np.broadcast_to(first / len(self.goals), (n, len(self.goals), self.labels))
        past = np.full((n, self.delay, self.goals.shape[1]), np.nan, dtype=np.float32)
        own = belief.astype(np.float32), past, np.zeros((n, self.labels)), np.zeros(n, dtype=int)
        return (*own, *self.stages.fresh(n))

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        belief, past, evidence, count, *stages = memory
        position = seen.position[:, : self.goals.shape[1]].astype(np.float32)
        past = np.where(np.isnan(past), position[:, None, :], past)
        heard = seen.posterior if self.reliability is None else products(seen.posterior, self.reliability.T)
        told = self.evidence * np.log(soften(heard, self.doubt))
        evidence = evidence + np.where(seen.decided[:, None], told, 0.0)
        count = count + seen.decided
        due = count >= self.together
        if due.any():
            likelihood = np.exp(evidence[due] - evidence[due].max(axis=1, keepdims=True)).astype(np.float32)
            predict = self._predict_settling if self.layout.settles else self._predict
            updated = self._forget(predict(belief[due], past[due, 0])) * likelihood[:, None, :]
            belief = belief.copy()
            belief[due] = updated / updated.sum(axis=(1, 2), keepdims=True)
            evidence, count = np.where(due[:, None], 0.0, evidence), np.where(due, 0, count)
        past = np.concatenate([past[:, 1:], position[:, None, :]], axis=1)
        stage, after = self.stages.step(position, tuple(stages))
        belief = np.where(stage.begins[:, None, None], self.fresh(len(belief))[0], belief)
        target = self._target(belief.sum(axis=2), position, self.layout.time_limit_s - seen.time_s)
        target = np.where(stage.returning[:, None], 0.0, target)
        stride = self.layout.speed * self.layout.control_s
        return self.steer((target - position) / (2 * stride)), (belief, past, evidence, count, *after)

    def _predict(self, belief: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Belief (n, goals, labels) one decision later, from the position of the limb (n, axes) that the person saw."""
        tolerance, rest = self.layout.tolerance, self.layout.intents.rest
        # Error seen by a person who asks for a label, minus the movement still to come: (n, goals, labels, axes)
        error = (self.goals - position[:, None, :])[:, :, None, :] - self.ahead * self._unit
        size = np.abs(error)
        left = np.einsum("ngla,la->ngl", error, self._unit)
        stays = _step((left - 0.25 * tolerance) / self.strictness)
        pull = np.exp(size / np.float32(self.strictness))
        total = pull.sum(axis=3)
        if rest is not None:
            calm = np.float32(np.exp(0.6 * tolerance / self.strictness))
            stays[:, :, rest] = _step((0.6 * tolerance - size[:, :, rest].max(axis=2)) / self.strictness)
            total = total + calm
        stays **= np.float32(self.turns)
        leaves = belief * (1 - stays)
        flow = pull * (leaves / total)[..., None]
        upwards = np.where(error > 0, flow, 0.0).sum(axis=2)
        after = belief * stays + upwards @ self._up + (flow.sum(axis=2) - upwards) @ self._down
        if rest is not None:
            after[:, :, rest] += calm * (leaves / total).sum(axis=2)
        return (1 - self.slip) * after + self.slip / self.labels * after.sum(axis=2, keepdims=True)

    def _forget(self, belief: np.ndarray) -> np.ndarray:
        """Belief (n, goals, labels) after the goal may have changed."""
        if not self.forgotten:
            return belief
        anew = belief.sum(axis=1, keepdims=True) / np.float32(len(self.goals))
        return np.asarray(belief + np.float32(self.forgotten) * (anew - belief))

    def _predict_settling(self, belief: np.ndarray, position: np.ndarray) -> np.ndarray:
        """The same where every label brings the limb to a place of its own and keeps it there."""
        turns, labels, rest = min(1.0, self.turns), np.arange(self.labels), self.layout.intents.rest
        wanted = np.tile(self._label_of_goal, (len(belief), 1))
        if rest is not None:
            other = (np.abs(position[:, None, :]) * (self.goals == 0)).max(axis=2) > self.layout.facts.taken
            wanted = np.where(other, rest, wanted)
        share = np.float32(turns) * belief.sum(axis=2, keepdims=True)
        after = (1 - np.float32(turns)) * belief + share * (wanted[:, :, None] == labels)
        return np.asarray((1 - self.slip) * after + self.slip / self.labels * after.sum(axis=2, keepdims=True))

    def _target(self, belief: np.ndarray, position: np.ndarray, left_s: np.ndarray) -> np.ndarray:
        """Target position, shape (n, axes), from a belief over goals (n, goals), the position and the seconds left.

        This is the mean of the belief, or the candidate that passes the threshold. If the mean is so near a candidate
        that the limb would select it below the threshold, the mean is moved away from it.
        """
        mean = products(belief, self.goals)
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
        way_s = np.abs(self.goals[best] - position).max(axis=1) / self.layout.speed
        hurry = left_s < way_s + self.layout.dwell_s + SPARE_S
        settled = hurry | (belief[rows, best] >= self.threshold)
        return np.where(settled[:, None], self.goals[best], waiting)


def inferred_goals(facts: TaskFacts) -> np.ndarray:
    """Goals of the belief, float32, shape (goals, axes): all candidates, or points of the continuous space.

    Raises
    ------
    NeuroMotionError
        If there are more candidates than `LIMIT`.
    """
    space = facts.goals
    if space.candidates is not None and len(space.candidates) > LIMIT:
        raise NeuroMotionError(
            f"The goal is one of {len(space.candidates)} candidates; Bayesian inference takes {LIMIT} at most. "
            "Take a level with fewer candidates, or another controller."
        )
    spacing = SPACING if space.axes > 1 else facts.tolerance / 2
    return np.asarray(space.spread(spacing, LIMIT), dtype=np.float32)


def _step(values: np.ndarray) -> np.ndarray:
    """Logistic step, float32."""
    return (0.5 + 0.5 * np.tanh(0.5 * values)).astype(np.float32)
