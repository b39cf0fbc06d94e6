"""Taps: swing the limb past a line, on the right side of the right axis. Nothing is held still.

The first axis to pass the line decides, rightly or wrongly. So a policy without information is right once in as many
times as there are sides: chance is 1 / (2 axes).
"""

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.task import GoalSpace, Outcome, TaskFacts

LINES = {"near": 0.5, "far": 0.8}
BEYOND = 0.15
"""The operator aims so far past the line."""
SPEED = 0.4
TIME_LIMIT_S = 15.0


class Taps:
    """See `neuromotion_gym.tasks.task.Task`."""

    levels = tuple(LINES)

    def __init__(self, level, limb, drive, axes, control_s):
        if level not in LINES:
            raise NeuroMotionError(f"Unknown level {level!r}. Levels: {', '.join(LINES)}.")
        self.limb, self.drive, self.axes, self.options = limb, drive, axes, {}
        self._line = LINES[level]
        sides = np.array([side * np.eye(len(axes))[axis] for axis in range(len(axes)) for side in (-1, 1)])
        goals = GoalSpace(len(axes), (self._line + BEYOND) * sides)
        self.facts = TaskFacts(level, goals, BEYOND, 0.0, TIME_LIMIT_S, 1 / len(sides), len(sides), ("swing",))
        self._scale = 0.75 / (self._line + BEYOND)
        self._cost = 0.2 * control_s / TIME_LIMIT_S

    @classmethod
    def from_level(cls, level, limb, intents, drive, timing):
        """A tap of every axis that the labels move."""
        return cls(level, limb, drive(intents.axes, SPEED), intents.axes, timing.control_s)

    def start(self, num_rows):
        """Allocate the state of all rows."""
        self.goal, self.decoy = np.zeros((2, num_rows, len(self.axes)))
        self._distance, self._swing = np.zeros((2, num_rows))

    def reset(self, rows, generators, goals=None):
        """Every limb begins at home."""
        for row, generator in zip(rows, generators, strict=True):
            self.goal[row] = self.facts.goals.draw(generator)
            self.decoy[row] = self.facts.goals.draw(generator)
        if goals is not None:
            self.goal[rows] = goals
        home = np.zeros((len(rows), len(self.axes)))
        self._distance[rows] = self._scale * np.abs(self.goal[rows] - home).max(axis=1)
        self._swing[rows] = 0.0
        return self.drive.reset(rows, home)

    def step(self, sensors):
        """Which rows have passed a line, and whether it was theirs."""
        position = self.limb.positions(sensors, self.axes)
        self._swing = np.maximum(self._swing, np.abs(position).max(axis=1))
        axis = np.abs(position).argmax(axis=1)
        rows = np.arange(len(position))
        passed = np.abs(position[rows, axis]) > self._line
        right = passed & (np.sign(position[rows, axis]) == np.sign(self.goal[rows, axis]))
        wrong = passed & ~right
        distance = self._scale * np.abs(self.goal - position).max(axis=1)
        reward = self._distance - distance + right - wrong - self._cost
        self._distance = distance
        return Outcome(reward, right, wrong, passed, {"swing": self._swing})

    def error(self, sensors, *, decoy=False):
        """Goal, or decoy, less where the limb is."""
        return (self.decoy if decoy else self.goal) - self.limb.positions(sensors, self.axes)

    def ghost(self, row):
        """The limb at the end of the swing."""
        return self.limb.qpos_at(self.goal[row][None], self.axes)[0]
