"""The simulated user: sees, late, how far the limb is from the goal, and picks the label it wants next.

A causal model of a person, not an optimal controller. It knows its own last commands and how long they take to show
(a forward model with a delay, Miall et al., J. Motor Behav. 25(3), 1993, "Is the cerebellum a Smith predictor?"), so
that it can stop in time. What it sees is late by its visual reaction time. It knows errors and what labels do to them,
and neither goals, degrees of freedom nor tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.limbs.drives import Drive


class OperatorSpec(Checked):
    """Figures of the simulated user.

    Parameters
    ----------
    delay_s : float, default 0.25
        What it sees is this old. Simple visual reaction times have a mean near 0.23 s (Woods et al., Front.
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

    An operator goes on with a label, and with what moves the limb the other way, until the error along it is small. It
    then takes up the label whose effect shortens the remaining error most, or rests where no label would shorten it by
    enough. For labels that each move one axis, this is the label that mends the axis with the largest error.

    Parameters
    ----------
    spec : OperatorSpec
        Figures of the user.
    labels : int
        Number of labels to choose from.
    rest : int or None
        Index of the label that holds the limb still.
    drive : Drive
        Knows what a label does to the errors.
    control_s : float
        Control period.
    lag_s : float
        How long a label takes to be decoded, as a practised user has learned it; the lag of the drive is added.
    tolerance : float
        Distance within which a goal counts as met.
    time_limit_s : float
        Length of an episode, for which random numbers are drawn.
    """

    def __init__(
        self,
        spec: OperatorSpec,
        labels: int,
        rest: int | None,
        drive: Drive,
        control_s: float,
        lag_s: float,
        tolerance: float,
        time_limit_s: float,
    ) -> None:
        self.spec = spec
        self._labels, self._rest, self._drive = labels, rest, drive
        self._delay_steps = round(spec.delay_s / control_s)
        self._hold_steps = max(1, round(spec.hold_s / control_s))
        self._lag_steps = round((lag_s + drive.lag_s) / control_s)
        self._choices = int(time_limit_s / control_s) // self._hold_steps + 2
        # What moves is moved on to the middle; a limb that rests is moved again only beyond a margin
        self._go_on, self._take_up = 0.25 * tolerance, 0.6 * tolerance

    @property
    def sees_late(self) -> bool:
        """Whether what it wants in a step does not depend on where the limb is at the end of that step."""
        return self._delay_steps > 0

    def start(self, num_rows: int, axes: int) -> None:
        """Allocate the state of ``num_rows`` rows whose errors have so many axes."""
        # Rings of what was seen and asked for. All rows write at one place, so that a step writes one piece of each
        self._tick = self._steps_taken = 0
        self._seen = np.zeros((max(1, self._delay_steps), num_rows, axes))
        self._commands = np.zeros((self._delay_steps + self._lag_steps + 1, num_rows, axes))
        self._pending = np.zeros((num_rows, axes))
        self._learned = False
        self._rows = np.arange(num_rows)
        self.label = np.zeros(num_rows, dtype=int)
        self._earliest = np.zeros(num_rows, dtype=int)  # step in which the next change of mind is possible
        self._choice = np.zeros(num_rows, dtype=int)
        self._steps = np.zeros(num_rows, dtype=int)
        self._lapses = np.zeros((num_rows, self._choices), dtype=bool)
        self._slips = np.zeros((num_rows, self._choices), dtype=int)

    def reset(
        self,
        rows: np.ndarray,
        generators: Sequence[np.random.Generator],
        error: np.ndarray,
        sensors: np.ndarray,
    ) -> None:
        """Begin an episode in ``rows``, shape (m,).

        Parameters
        ----------
        rows : int array, shape (m,)
        generators : sequence of m numpy.random.Generator
        error : float array, shape (rows of the batch, axes)
            Signed errors of all rows.
        sensors : float array, shape (rows of the batch, nsensordata)
            Sensors of all rows.
        """
        if not (self._drive.steady and self._learned):
            self._learn(sensors)
        for row, generator in zip(rows, generators, strict=True):
            self._lapses[row] = generator.random(self._choices) < self.spec.lapse
            self._slips[row] = generator.integers(1, self._labels, self._choices)
            self.label[row] = generator.integers(self._labels) if self._rest is None else self._rest
        self._seen[:, rows] = error[rows]
        self._commands[:, rows] = 0.0
        self._pending[rows] = 0.0
        self._earliest[rows] = max(self._hold_steps, self._delay_steps + 1)
        self._choice[rows] = 0
        self._steps[rows] = 0

    def step(self, error: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """Labels wanted now, int array of shape (rows,).

        Parameters
        ----------
        error : float array, shape (rows, axes)
            Signed errors: goal less where the limb is.
        sensors : float array, shape (rows, nsensordata)
        """
        if self.sees_late:
            label = self.decide()
            self.see(error, sensors)
            return label
        self.see(error, sensors)
        return self.decide()

    def see(self, error: np.ndarray, sensors: np.ndarray) -> None:
        """Take in the errors at the end of a step, and what labels would do there; both as in `step`."""
        self._seen[self._tick % len(self._seen)] = error
        self._tick += 1
        if not self._drive.steady:
            self._learn(sensors)

    def decide(self) -> np.ndarray:
        """Labels wanted in the coming step, from what was seen so far; `see` goes with it, before or after.

        It comes after where the operator `sees_late`: signals can then be generated while the limbs move.
        """
        self._steps += 1
        free = self._steps >= self._earliest
        if np.count_nonzero(free):
            late = self._seen[self._tick % len(self._seen)]  # the oldest, which is written next
            wanted = self._wanted(late - self._pending)
            change = (wanted != self.label) & free
            if np.count_nonzero(change):
                self._change(change, wanted)
        commands = self._commands[self._steps_taken % len(self._commands)]
        self._pending -= commands
        commands[:] = self._of_label(self._effects)
        self._pending += commands
        self._steps_taken += 1
        return self.label

    def _learn(self, sensors: np.ndarray) -> None:
        """Ask the drive what every label does, and along which line; of all rows, or once where that never changes."""
        everyone = np.arange(self._labels)[:, None] + np.zeros(len(sensors), dtype=int)
        effects = np.stack([self._drive.effect(labels, sensors) for labels in everyone], axis=1)
        effects = effects[:1] if self._drive.steady else effects
        length = np.sqrt(np.add.reduce(effects**2, axis=2, keepdims=True))
        lines = effects / np.where(length > 0, length, 1.0)
        self._effects, self._lines, self._learned = effects, lines, True
        # Labels along one line, one way or the other: going on with a label includes turning back
        self._same_line = np.abs(lines @ lines.transpose(0, 2, 1)) > 1 - 1e-9

    def _of_label(self, table: np.ndarray) -> np.ndarray:
        """Entries of the labels asked for, of a table with a row for each limb or one for all."""
        return np.asarray(table[0].take(self.label, axis=0) if len(table) == 1 else table[self._rows, self.label])

    def _change(self, change: np.ndarray, wanted: np.ndarray) -> None:
        """Take up ``wanted`` where ``change`` says so, or slip."""
        choice = np.minimum(self._choice, self._choices - 1)
        slip = change & self._lapses[self._rows, choice]
        slipped = (wanted + self._slips[self._rows, choice]) % self._labels
        self.label = np.where(change, np.where(slip, slipped, wanted), self.label)
        self._earliest = np.where(change, self._steps + self._hold_steps, self._earliest)
        self._choice = self._choice + change

    def _wanted(self, error: np.ndarray) -> np.ndarray:
        """Label that shortens the error most, int array of shape (rows,).

        A label with effect ``u`` can take ``(error · u / |u|)²`` from the square of the error's length, if that product
        is positive.
        """
        mends = (self._lines @ error[:, :, None])[:, :, 0]
        same_line = self._of_label(self._same_line)
        large = mends > np.where(same_line, self._go_on, self._take_up)
        wanted = np.where(large & same_line, np.inf, mends).argmax(axis=1)
        # Where any is large, the wanted one is: what goes on is mended beyond a smaller margin than what is taken up
        return wanted if self._rest is None else np.where(large[self._rows, wanted], wanted, self._rest)
