"""The simulated user: sees, with a delay, how far the limb is from the goal, and chooses the next label.

A causal model of a person, not an optimal controller. It knows its own last commands and the delay until they take
effect (a forward model with a delay, Miall et al., J. Motor Behav. 25(3), 1993, "Is the cerebellum a Smith
predictor?"), so that it can stop in time. It sees errors late, by its visual reaction time. It knows only errors and
the effects of labels on them, and no goals, degrees of freedom or tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from neuromotion_gym.limbs.drives import Settling
from neuromotion_gym.schema import Checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.limbs.drives import Drive


class OperatorSpec(Checked):
    """Parameters of the simulated user.

    Parameters
    ----------
    delay_s : float, default 0.25
        Delay of what it sees. Simple visual reaction times have a mean near 0.23 s (Woods et al., Front.
        Hum. Neurosci. 9:131, 2015), choice reactions somewhat more.
    hold_s : float, default 0.3
        Shortest time between two changes of the wanted label: about the psychological refractory period (Pashler,
        Psychol. Bull. 116(2), 1994).
    lapse : float, default 0.01
        Probability that a newly chosen label is replaced by a random other one; lapse rates fitted to psychometric
        functions mostly lie below 0.05 (Wichmann and Hill, Percept. Psychophys. 63(8), 2001).
    """

    delay_s: float = Field(default=0.25, ge=0, le=2)
    hold_s: float = Field(default=0.3, ge=0, le=5)
    lapse: float = Field(default=0.01, ge=0, le=1)


class Operator:
    """Operators of a batch of limbs.

    An operator keeps its label, or changes to the one for the opposite direction, until the error along this direction
    is small. It then chooses the label whose effect reduces the remaining error most, or rests if no label would reduce
    it by enough. If each label moves one axis, this is the label that corrects the axis with the largest error. Of
    labels that move the limb in the same direction it chooses the fastest. Where every label brings the limb to a place
    of its own (`Settling`), it keeps its label when the error is small, and does not think ahead: the limb stops there
    by itself.

    Parameters
    ----------
    spec : OperatorSpec
        Parameters of the user.
    labels : int
        Number of labels to choose from.
    rest : int or None
        Index of the label that holds the limb still.
    drive : Drive
        Predicts the effect of a label on the errors.
    control_s : float
        Control period.
    lag_s : float
        Lag of the decoder, which a practised user has learned; the lag of the drive is added.
    tolerance : float
        Distance within which a goal counts as met, unless a goal has its own.
    time_limit_s : float
        Longest duration of an episode, for which random numbers are drawn in advance.
    open_loop : bool, default False
        Whether it sees the limb only at the start. All its labels then follow from that first error and from the goals
        that it knows then: it imagines how the limb moves, by the effects that the labels have at the start.
    dwell_s : float, default 0
        Time for which a goal has to be held. In the open loop, where one goal follows another, it asks for each until
        the limb, as it imagines it, has been there for this time and for twice the lag: once because the limb comes
        later than it imagines, and once because the lag varies.
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
        *,
        open_loop: bool = False,
        dwell_s: float = 0.0,
    ) -> None:
        self.spec, self.open_loop = spec, open_loop
        self._labels, self._rest, self._drive = labels, rest, drive
        self._settles = isinstance(drive, Settling)
        self._places = drive.places if isinstance(drive, Settling) else np.zeros((labels, 1))
        self._delay_steps = round(spec.delay_s / control_s)
        self._hold_steps = max(1, round(spec.hold_s / control_s))
        self._lag_steps = round((lag_s + drive.lag_s) / control_s)
        self._goal_steps = round(dwell_s / control_s) + 2 * self._lag_steps
        self._control_s = control_s
        self._choices = int(time_limit_s / control_s) // self._hold_steps + 2
        self._tolerance = tolerance

    @property
    def sees_late(self) -> bool:
        """Whether the label that it wants in a step does not depend on the position of the limb after that step."""
        return self.open_loop or self._delay_steps > 0

    def start(self, num_rows: int, axes: int) -> None:
        """Allocate the state of ``num_rows`` rows whose errors have ``axes`` axes."""
        # Ring buffers of errors seen and commands given. All rows write at the same index, as one contiguous block
        self._tick = self._steps_taken = 0
        self._seen = np.zeros((max(1, self._delay_steps), num_rows, axes))
        self._commands = np.zeros((self._delay_steps + self._lag_steps + 1, num_rows, axes))
        self._pending = np.zeros((num_rows, axes))
        # Effects of labels that depend on the limb are known as late as the limb is seen
        self._late_effects = np.zeros((0 if self._drive.steady else len(self._seen), num_rows, self._labels, axes))
        self._learned = False
        self._rows = np.arange(num_rows)
        self._every_label = np.arange(self._labels)[:, None] + np.zeros(num_rows, dtype=int)
        self._tolerances = np.full((num_rows, 1), self._tolerance)
        self.label = np.zeros(num_rows, dtype=int)
        self._earliest = np.zeros(num_rows, dtype=int)  # first step in which the label may change
        self._choice = np.zeros(num_rows, dtype=int)
        self._steps = np.zeros(num_rows, dtype=int)
        self._lapses = np.zeros((num_rows, self._choices), dtype=bool)
        self._slips = np.zeros((num_rows, self._choices), dtype=int)
        # In the open loop: goals in their order, the limb at the start, number of the present goal, steps spent there
        self._goals, self._begun = np.zeros((num_rows, 1, axes)), np.zeros((num_rows, axes))
        self._turn, self._spent = np.zeros(num_rows, dtype=int), np.zeros(num_rows, dtype=int)

    def reset(
        self,
        rows: np.ndarray,
        generators: Sequence[np.random.Generator],
        error: np.ndarray,
        sensors: np.ndarray,
        tolerances: np.ndarray | None = None,
        goals: np.ndarray | None = None,
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
        tolerances : float array, shape (rows of the batch,), optional
            Distances within which the goals of all rows count as met, if goals differ in size.
        goals : float array, shape (rows of the batch, goals, axes), optional
            Goals of all rows in the order in which they follow each other, for the open loop; without them it pursues
            the first one alone.
        """
        if tolerances is not None:
            self._tolerances[rows] = tolerances[rows, None]
        if not self._drive.steady:
            self._late_effects[:, rows] = self._predicted(sensors)[rows]
        elif not self._learned:
            self._know(self._predicted(sensors)[:1])
        for row, generator in zip(rows, generators, strict=True):
            self._lapses[row] = generator.random(self._choices) < self.spec.lapse
            self._slips[row] = generator.integers(1, self._labels, self._choices)
            self.label[row] = generator.integers(self._labels) if self._rest is None else self._rest
        if goals is not None:
            if goals.shape != self._goals.shape:
                self._goals = np.zeros(goals.shape)
            self._goals[rows] = goals[rows]
            self._begun[rows] = goals[rows, 0] - error[rows]
        self._turn[rows] = self._spent[rows] = 0
        self._seen[:, rows] = error[rows]
        self._commands[:, rows] = 0.0
        self._pending[rows] = 0.0
        self._earliest[rows] = max(self._hold_steps, self._delay_steps + 1)
        self._choice[rows] = 0
        self._steps[rows] = 0

    def step(self, error: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """Labels wanted in this step, int array of shape (rows,).

        Parameters
        ----------
        error : float array, shape (rows, axes)
            Signed errors: goal minus position of the limb.
        sensors : float array, shape (rows, nsensordata)
        """
        if self.sees_late:
            label = self.decide()
            self.see(error, sensors)
            return label
        self.see(error, sensors)
        return self.decide()

    def see(self, error: np.ndarray, sensors: np.ndarray) -> None:
        """Store the errors at the end of a step and the effects of labels there; parameters as in `step`."""
        if self.open_loop:
            return
        slot = self._tick % len(self._seen)
        self._seen[slot] = error
        if not self._drive.steady:
            self._late_effects[slot] = self._predicted(sensors)
        self._tick += 1

    def decide(self) -> np.ndarray:
        """Labels wanted in the next step, from the errors seen so far; call `see` as well, before or after it.

        If the operator `sees_late`, call `see` after it: signals can then be generated while the limbs move.
        """
        self._steps += 1
        free = self._steps >= self._earliest
        slot = self._tick % len(self._seen)
        if self.open_loop and self._settles:
            self._know(self._imagined())
        elif not self._drive.steady:
            self._know(self._late_effects[slot])
        if np.count_nonzero(free):
            late = self._seen[slot]  # the oldest, which is written next
            wanted = self._wanted(late - self._pending)
            change = (wanted != self.label) & free
            if np.count_nonzero(change):
                self._change(change, wanted)
        commands = self._commands[self._steps_taken % len(self._commands)]
        if not self.open_loop:  # otherwise no command is ever seen to take effect
            self._pending -= commands
        # A limb that settles goes no further than its place, however long a label is asked for
        commands[:] = 0.0 if self._settles and not self.open_loop else self._of_label(self._effects)
        self._pending += commands
        self._steps_taken += 1
        if self.open_loop and self._goals.shape[1] > 1:
            self._go_on()
        return self.label

    def _imagined(self) -> np.ndarray:
        """Effects of the labels where it imagines the limb, which goes straight to the place of a label; as `_know`."""
        way = self._places - (self._begun + self._pending)[:, None]
        way = np.where(np.isnan(way), 0.0, way)
        length = np.abs(way).sum(axis=2, keepdims=True)
        stride = self._drive.speed * self._control_s
        return way * np.where(length > stride, stride / np.maximum(length, stride), 1.0)

    def _go_on(self) -> None:
        """In the open loop, pursue the next goal where the present one must have been held for long enough."""
        left = np.abs(self._seen[0] - self._pending)
        self._spent = np.where((left <= self._tolerances).all(axis=1), self._spent + 1, 0)
        over = (self._spent > self._goal_steps) & (self._turn + 1 < self._goals.shape[1])
        if np.count_nonzero(over):
            self._turn = self._turn + over
            self._spent = np.where(over, 0, self._spent)
            self._seen[:, over] = (self._goals[self._rows, self._turn] - self._begun)[over]

    def _predicted(self, sensors: np.ndarray) -> np.ndarray:
        """Effect of every label, as the drive predicts it, shape (rows, labels, axes)."""
        return self._drive.effect(self._every_label, sensors).swapaxes(0, 1)

    def _know(self, effects: np.ndarray) -> None:
        """Decide from now on by these effects, shape (rows, labels, axes), or (1, labels, axes) for all rows."""
        length = np.sqrt(np.add.reduce(effects**2, axis=2, keepdims=True))
        lines = effects / np.where(length > 0, length, 1.0)
        along = lines @ lines.transpose(0, 2, 1)
        # Labels along the same line, in the same or the opposite direction: to keep a label includes turning back
        self._same_line = np.abs(along) > 1 - 1e-9
        # Of labels in the same direction the slower ones are not asked for
        slower = (along > 1 - 1e-9) & (length.transpose(0, 2, 1) > (1 + 1e-6) * length)
        self._effects, self._lines, self._learned = (
            effects,
            np.where(np.any(slower, axis=2, keepdims=True), 0.0, lines),
            True,
        )

    def _of_label(self, table: np.ndarray) -> np.ndarray:
        """Entries of the current labels in a table with one row per limb, or one row for all limbs."""
        return np.asarray(table[0].take(self.label, axis=0) if len(table) == 1 else table[self._rows, self.label])

    def _change(self, change: np.ndarray, wanted: np.ndarray) -> None:
        """Change to ``wanted`` where ``change`` is true, or to another label in a lapse."""
        choice = np.minimum(self._choice, self._choices - 1)
        slip = change & self._lapses[self._rows, choice]
        slipped = (wanted + self._slips[self._rows, choice]) % self._labels
        self.label = np.where(change, np.where(slip, slipped, wanted), self.label)
        self._earliest = np.where(change, self._steps + self._hold_steps, self._earliest)
        self._choice = self._choice + change

    def _wanted(self, error: np.ndarray) -> np.ndarray:
        """Label that reduces the error most, int array of shape (rows,).

        A label with effect ``u`` can reduce the squared length of the error by ``(error · u / |u|)²``, if that product
        is positive.
        """
        mends = (self._lines @ error[:, :, None])[:, :, 0]
        same_line = self._of_label(self._same_line)
        # A movement goes on until the error is small; a new movement starts only if the error is larger
        large = mends > np.where(same_line, 0.25 * self._tolerances, 0.6 * self._tolerances)
        wanted = np.where(large & same_line, np.inf, mends).argmax(axis=1)
        # If any is large, so is the wanted one: the margin on the current line is smaller than that on a new one
        otherwise = self.label if self._settles else self._rest
        return wanted if otherwise is None else np.where(large[self._rows, wanted], wanted, otherwise)
