"""Where an episode stands in which several goals follow each other, as far as a controller can tell.

A controller does not see when a goal was selected. It knows the rules, though: if the limb was held at a candidate for
the dwell time and the episode goes on, that candidate was right, and what comes next is known, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from neuromotion_gym.controllers.base import Memory
    from neuromotion_gym.envs.layout import ObservationLayout

NEAR = 1 / 3
"""A place is reached within this share of the tolerance: what is observed is not all that a task judges."""
SPARE_S = 0.3
"""Time for which a place is held beyond the dwell time."""


class Stage(NamedTuple):
    """Where every row stands; arrays of shape (n,)."""

    returning: np.ndarray
    """Whether the limb has to be brought back to 0."""
    begins: np.ndarray
    """Whether a new goal is due from now on."""


class Stages:
    """Follows the goals of an episode; does nothing where there is one goal and no return.

    Parameters
    ----------
    layout : ObservationLayout
    """

    def __init__(self, layout: ObservationLayout) -> None:
        facts = layout.facts
        self.followed = facts.returns or facts.in_a_row > 1
        self.returns = facts.returns
        axes = facts.goals.axes
        self.places = np.zeros((0, axes)) if facts.goals.candidates is None else facts.goals.candidates
        self.near = NEAR * facts.tolerance
        self.held = round((facts.dwell_s + SPARE_S) / layout.control_s)

    def fresh(self, n: int) -> Memory:
        """Memory at the start of an episode: steps for which a place was held, and whether the limb returns; (n,)."""
        return (np.zeros(n, dtype=int), np.zeros(n, dtype=bool)) if self.followed else ()

    def step(self, position: np.ndarray, memory: Memory) -> tuple[Stage, Memory]:
        """Where rows stand whose limbs are now at ``position``, shape (n, axes), and the new memory."""
        if not self.followed:
            nothing = np.zeros(len(position), dtype=bool)
            return Stage(nothing, nothing), ()
        held, returning = memory
        at_goal = (np.abs(position[:, None] - self.places) <= self.near).all(axis=2).any(axis=1)
        at_home = (np.abs(position) <= self.near).all(axis=1)
        held = np.where(np.where(returning, at_home, at_goal), held + 1, 0)
        over = held >= self.held
        begins = over & (returning | (not self.returns))
        returning = np.where(over & self.returns, ~returning, returning)
        return Stage(returning, begins), (np.where(over, 0, held), returning)
