"""The simulated user: sees the goal and, late, the limb, and picks the label it wants next.

A causal model of a person, not an optimal controller. It knows its own last commands and how long they take to show
(a forward model with a delay, Miall et al., J. Motor Behav. 25(3), 1993, "Is the cerebellum a Smith predictor?"), so
that it can stop in time; what it sees of the limb is late by its visual reaction time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.intents import IntentMap


class OperatorSpec(Checked):
    """Figures of the simulated user.

    Parameters
    ----------
    delay_s : float, default 0.25
        What it sees of the limb is this old. Simple visual reaction times have a mean near 0.23 s (Woods et al., Front.
        Hum. Neurosci. 9:131, 2015), choice reactions somewhat more.
    hold_s : float, default 0.3
        Shortest time between two changes of mind: about the psychological refractory period (Pashler, Psychol. Bull.
        116(2), 1994).
    lapse : float, default 0.01
        Probability that a newly chosen label is any other one instead; lapse rates fitted to psychometric functions
        mostly lie below 0.05 (Wichmann and Hill, Percept. Psychophys. 63(8), 2001).
    """

    delay_s: float = Field(default=0.25, ge=0, le=2)
    hold_s: float = Field(default=0.3, ge=0, le=5)
    lapse: float = Field(default=0.01, ge=0, le=1)


class Operator:
    """Operators of a batch of limbs.

    Parameters
    ----------
    spec : OperatorSpec
        Figures of the user.
    intents : IntentMap
        Labels to choose from and what they move.
    control_s : float
        Control period.
    lag_s : float
        How long a command takes to show in the limb, as a practised user has learned it.
    speed : float
        How far a command moves an axis, half ranges a second.
    tolerance : float
        Distance within which a goal counts as met.
    time_limit_s : float
        Length of an episode, for which random numbers are drawn.
    """

    def __init__(
        self,
        spec: OperatorSpec,
        intents: IntentMap,
        control_s: float,
        lag_s: float,
        speed: float,
        tolerance: float,
        time_limit_s: float,
    ) -> None:
        self.spec = spec
        self.intents = intents
        self._delay_steps = round(spec.delay_s / control_s)
        self._hold_steps = max(1, round(spec.hold_s / control_s))
        self._lag_steps = round(lag_s / control_s)
        self._stride = speed * control_s
        self._choices = int(time_limit_s / control_s) // self._hold_steps + 2
        axes = len(intents.axes)
        self._towards = np.zeros((axes, 2), dtype=int)
        for axis in range(axes):
            for side, direction in enumerate((-1, 1)):
                self._towards[axis, side] = int(np.flatnonzero(intents.directions[:, axis] == direction)[0])
        self._rest = intents.rest
        self._moves = intents.directions != 0
        # An axis that moves is moved on to the middle; one that rests is taken up again only beyond a margin
        self._threshold = np.where(self._moves, 0.25, 0.6) * tolerance

    @property
    def sees_late(self) -> bool:
        """Whether what it wants in a step does not depend on where the limb is at the end of that step."""
        return self._delay_steps > 0

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        axes = len(self.intents.axes)
        # Rings of what was seen and commanded; their places are the batch's, so that a step writes one piece of each
        self._tick = self._steps_taken = 0
        self._seen = np.zeros((max(1, self._delay_steps), num_rows, axes))
        self._commands = np.zeros((self._delay_steps + self._lag_steps + 1, num_rows, axes))
        self._commanded = np.zeros((num_rows, axes))
        self._rows = np.arange(num_rows)
        self.label = np.zeros(num_rows, dtype=int)
        self._earliest = np.zeros(num_rows, dtype=int)  # step in which the next change of mind is possible
        self._choice = np.zeros(num_rows, dtype=int)
        self._steps = np.zeros(num_rows, dtype=int)
        self._lapses = np.zeros((num_rows, self._choices), dtype=bool)
        self._slips = np.zeros((num_rows, self._choices), dtype=int)

    def reset(self, rows: np.ndarray, generators: Sequence[np.random.Generator], position: np.ndarray) -> None:
        """Begin an episode in ``rows`` with the limb at ``position``, shape (m, axes)."""
        labels = len(self.intents.labels)
        for row, generator in zip(rows, generators, strict=True):
            self._lapses[row] = generator.random(self._choices) < self.spec.lapse
            self._slips[row] = generator.integers(1, labels, self._choices)
            self.label[row] = generator.integers(labels) if self._rest is None else self._rest
        self._seen[:, rows] = position
        self._commands[:, rows] = 0.0
        self._commanded[rows] = 0.0
        self._earliest[rows] = max(self._hold_steps, self._delay_steps + 1)
        self._choice[rows] = 0
        self._steps[rows] = 0

    def step(self, position: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Labels wanted now, int array of shape (rows,).

        Parameters
        ----------
        position, goal : float array, shape (rows, axes)
            Where every limb is and should be, scaled.
        """
        if self.sees_late:
            label = self.decide(goal)
            self.see(position)
            return label
        self.see(position)
        return self.decide(goal)

    def see(self, position: np.ndarray) -> None:
        """Take in where every limb is at the end of a step, float array of shape (rows, axes)."""
        self._seen[self._tick % len(self._seen)] = position
        self._tick += 1

    def decide(self, goal: np.ndarray) -> np.ndarray:
        """Labels wanted in the coming step, from what was seen so far; `see` goes with it, before or after.

        After it where the operator `sees_late`: signals can then be made while the limbs move.
        """
        self._steps += 1
        free = self._steps >= self._earliest
        if np.count_nonzero(free):
            late = self._seen[self._tick % len(self._seen)]  # the oldest, which is written next
            wanted = self._wanted(goal - (late + self._stride * self._commanded))
            change = (wanted != self.label) & free
            if np.count_nonzero(change):
                self._change(change, wanted)
        commands = self._commands[self._steps_taken % len(self._commands)]
        self._commanded -= commands
        commands[:] = self.intents.directions.take(self.label, axis=0)
        self._commanded += commands  # whole numbers: the sum stays exact
        self._steps_taken += 1
        return self.label

    def _change(self, change: np.ndarray, wanted: np.ndarray) -> None:
        """Take up ``wanted`` where ``change`` says so, or slip."""
        choice = np.minimum(self._choice, self._choices - 1)
        slip = change & self._lapses[self._rows, choice]
        slipped = (wanted + self._slips[self._rows, choice]) % len(self.intents.labels)
        self.label = np.where(change, np.where(slip, slipped, wanted), self.label)
        self._earliest = np.where(change, self._steps + self._hold_steps, self._earliest)
        self._choice = self._choice + change

    def _wanted(self, error: np.ndarray) -> np.ndarray:
        """Label for the largest error; rest where all are small, kept at what moves while it is not yet mended."""
        size = np.abs(error)
        large = size > self._threshold.take(self.label, axis=0)
        going_on = large & self._moves.take(self.label, axis=0)
        axis = np.where(going_on, np.inf, size).argmax(axis=1)
        chosen = self._rows, axis
        label = self._towards[axis, (error[chosen] > 0).astype(int)]
        # Where any is large, the chosen one is: what moves is mended beyond a smaller margin than what rests
        return label if self._rest is None else np.where(large[chosen], label, self._rest)
