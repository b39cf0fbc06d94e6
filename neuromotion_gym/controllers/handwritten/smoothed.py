"""Controllers that smooth the decisions over time; the label that wins moves the limb at full speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.controllers.base import HandWritten, Memory, Seen, decided_rows, number
from neuromotion_gym.controllers.smoothing import (
    decide,
    forward_filter,
    hysteresis,
    leaky_evidence,
    majority_vote,
)
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout


SUREST = 0.8
"""Highest probability that accumulated evidence can reach, so that it can be reversed in time."""


def _check_share(name: str, value: float) -> None:
    if not 0 <= number(name, value) < 1:
        raise NeuroMotionError(f"{name} lies in [0, 1), not at {value}.")


class Majority(HandWritten):
    """Majority vote over the last ``votes`` decisions (Englehart and Hudgins, IEEE Trans. Biomed. Eng. 50(7), 2003).

    Parameters
    ----------
    layout : ObservationLayout
    votes : int, default 5
        Number of decisions that vote. A change is delayed by about half as many decisions.
    """

    name = "majority"

    def __init__(self, layout: ObservationLayout, votes: int = 5) -> None:
        super().__init__(layout)
        if isinstance(votes, bool) or not isinstance(votes, int) or votes < 1:
            raise NeuroMotionError(f"A majority needs a whole number of votes, one or more, not {votes!r}.")
        self.votes = votes

    def fresh(self, n: int) -> Memory:
        """Votes, shape (n, votes), -1 for none."""
        return (np.full((n, self.votes), -1),)

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        (votes,) = memory
        cast = np.concatenate([votes[:, 1:], decide(seen.posterior)[:, None]], axis=1)
        votes = decided_rows(seen.decided, cast, votes)
        return self.command(majority_vote(votes, seen.posterior)), (votes,)


class Rejection(HandWritten):
    """Uncertain decisions hold the limb still (Scheme et al., IEEE Trans. Biomed. Eng. 60(6), 2013), with hysteresis.

    Parameters
    ----------
    layout : ObservationLayout
    enter, leave : float, default 0.15 and 0.05
        Confidence, from 0 at chance to 1 at certainty, at which a label is accepted and below which it is dropped.
    """

    name = "rejection"

    def __init__(self, layout: ObservationLayout, enter: float = 0.15, leave: float = 0.05) -> None:
        super().__init__(layout)
        _check_share("The confidence at which a label is accepted", enter)
        _check_share("The confidence below which a label is dropped", leave)
        if leave > enter:
            raise NeuroMotionError(f"A label accepted at confidence {enter} cannot be dropped below {leave}.")
        chance = 1 / self.labels
        self.enter = chance + (1 - chance) * enter
        self.leave = chance + (1 - chance) * leave

    def fresh(self, n: int) -> Memory:
        """Accepted label, shape (n,), -1 for none."""
        return (np.full(n, -1),)

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        label = hysteresis(memory[0], seen.posterior, self.enter, self.leave)
        return self.command(label), (label,)


class Evidence(HandWritten):
    """Evidence accumulation: a leaky, bounded sum of log-posteriors that moves the limb once it passes a threshold.

    Parameters
    ----------
    layout : ObservationLayout
    memory_s : float, optional
        Time constant of the leak; when left out, the length of two windows, but at least half a second.
    threshold : float, default 0.5
        Probability from which a label moves the limb.
    release : float, default 0.35
        Probability below which the label stops moving the limb.
    bound : float, optional
        Largest lead of a label over the lowest one, in units of log-probability. When left out, it is the lead at which
        a label has the probability 0.8 while all others are equal.
    doubt : float, default 0.02
        Weight of the uniform distribution that is mixed into every posterior.
    boost : float, default 8
        Factor on the weight of a decision (the share of its window that is new); the product is limited to 1.
    """

    name = "evidence"

    def __init__(
        self,
        layout: ObservationLayout,
        memory_s: float | None = None,
        threshold: float = 0.5,
        release: float = 0.35,
        bound: float | None = None,
        doubt: float = 0.02,
        boost: float = 8.0,
    ) -> None:
        super().__init__(layout)
        for name, value in (("The threshold", threshold), ("The release", release), ("The doubt", doubt)):
            _check_share(name, value)
        if release > threshold:
            raise NeuroMotionError(f"A label that starts to move at {threshold} cannot stop below {release}.")
        span = max(0.5, 2 * layout.window_s) if memory_s is None else number("The leak's time constant", memory_s)
        if not (span > 0 and number("The boost", boost) > 0):
            raise NeuroMotionError(f"The leak's time constant and the boost are above zero, not {span} and {boost}.")
        if bound is None:
            bound = float(np.log((self.labels - 1) * SUREST / (1 - SUREST)))
        number("The bound", bound)
        highest = 1 / (1 + (self.labels - 1) * float(np.exp(-bound)))
        if highest <= threshold:
            raise NeuroMotionError(
                f"A lead of at most {bound} keeps every probability below {highest:.2f}: "
                f"the threshold {threshold} would never open."
            )
        self.keep = float(np.exp(-layout.hop_s / span))
        self.threshold, self.release, self.bound, self.doubt = threshold, release, bound, doubt
        self.evidence = min(1.0, boost * self.weight)

    def fresh(self, n: int) -> Memory:
        """Sums (n, labels) and the label that moves the limb (n,), -1 for none."""
        return np.zeros((n, self.labels)), np.full(n, -1)

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        from scipy.special import softmax  # slow (a quarter of a second), so not imported with all controllers

        scores, label = memory
        summed = leaky_evidence(scores, seen.posterior, self.keep, self.evidence, self.doubt, self.bound)
        scores = decided_rows(seen.decided, summed, scores)
        label = hysteresis(label, softmax(scores, axis=1), self.threshold, self.release)
        return self.command(label), (scores, label)


class HiddenMarkov(HandWritten):
    """Forward filter of a hidden Markov model in which intents tend to stay; the most likely label moves the limb.

    Parameters
    ----------
    layout : ObservationLayout
    stay_s : float, optional
        Mean duration of an intent; when left out, one and a half times the decoder's lag, but at least a second.
    doubt : float, default 0.02
        Weight of the uniform distribution that is mixed into every posterior.
    boost : float, default 8
        Factor on the weight of a decision (the share of its window that is new); the product is limited to 1.
    """

    name = "hmm"

    def __init__(
        self, layout: ObservationLayout, stay_s: float | None = None, doubt: float = 0.02, boost: float = 8.0
    ) -> None:
        super().__init__(layout)
        _check_share("The doubt", doubt)
        stay_s = max(1.0, 1.5 * layout.lag_s) if stay_s is None else number("The duration of an intent", stay_s)
        if not (stay_s > 0 and number("The boost", boost) > 0):
            raise NeuroMotionError(f"The duration of an intent and the boost are above zero, not {stay_s} and {boost}.")
        self.stay = 1 / self.labels + (1 - 1 / self.labels) * float(np.exp(-layout.hop_s / stay_s))
        self.doubt = doubt
        self.evidence = min(1.0, boost * self.weight)

    def fresh(self, n: int) -> Memory:
        """Belief, shape (n, labels)."""
        return (np.full((n, self.labels), 1 / self.labels),)

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """See `HandWritten.act`."""
        filtered = forward_filter(memory[0], seen.posterior, self.stay, self.evidence, self.doubt)
        belief = decided_rows(seen.decided, filtered, memory[0])
        return self.command(decide(belief)), (belief,)
