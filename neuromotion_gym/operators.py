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
        self._tolerance = tolerance
        self._choices = int(time_limit_s / control_s) // self._hold_steps + 2
        axes = len(intents.axes)
        self._towards = np.zeros((axes, 2), dtype=int)
        for axis in range(axes):
            for side, direction in enumerate((-1, 1)):
                self._towards[axis, side] = int(np.flatnonzero(intents.directions[:, axis] == direction)[0])

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        axes = len(self.intents.axes)
        self._seen = np.zeros((num_rows, self._delay_steps + 1, axes))
        self._commands = np.zeros((num_rows, self._delay_steps + self._lag_steps + 1, axes))
        self.label = np.zeros(num_rows, dtype=int)
        self._changed = np.zeros(num_rows, dtype=int)
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
            rest = self.intents.rest
            self.label[row] = generator.integers(labels) if rest is None else rest
        self._seen[rows] = position[:, None, :]
        self._commands[rows] = 0.0
        self._changed[rows] = 0
        self._choice[rows] = 0
        self._steps[rows] = 0

    def step(self, position: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Labels wanted now, int array of shape (rows,).

        Parameters
        ----------
        position, goal : float array, shape (rows, axes)
            Where every limb is and should be, scaled.
        """
        rows = np.arange(len(position))
        self._seen[rows, self._steps % self._seen.shape[1]] = position
        self._steps += 1
        late = self._seen[rows, self._steps % self._seen.shape[1]]
        error = goal - (late + self._stride * self._commands.sum(axis=1))
        wanted = self._wanted(error)
        free = self._steps - self._changed >= self._hold_steps
        change = free & (wanted != self.label) & (self._steps > self._delay_steps)
        choice = np.minimum(self._choice, self._choices - 1)
        slip = change & self._lapses[rows, choice]
        labels = len(self.intents.labels)
        wanted = np.where(slip, (wanted + self._slips[rows, choice]) % labels, wanted)
        self.label = np.where(change, wanted, self.label)
        self._changed = np.where(change, self._steps, self._changed)
        self._choice = self._choice + change
        self._commands[rows, self._steps % self._commands.shape[1]] = self.intents.directions[self.label]
        return self.label

    def _wanted(self, error: np.ndarray) -> np.ndarray:
        """Label for the largest error; rest where all are small, kept at what moves while it is not yet mended."""
        rows = np.arange(len(error))
        size = np.abs(error)
        moving = np.abs(self.intents.directions[self.label])
        # An axis that moves is moved on to the middle; one that rests is taken up again only beyond a margin
        threshold = np.where(moving > 0, 0.25, 0.6) * self._tolerance
        going_on = (moving > 0) & (size > threshold)
        axis = np.where(going_on.any(axis=1), going_on.argmax(axis=1), size.argmax(axis=1))
        side = (error[rows, axis] > 0).astype(int)
        label = self._towards[axis, side]
        rest = self.intents.rest
        if rest is None:
            return label
        return np.where((size > threshold).any(axis=1), label, rest)
