"""Drives turn actions into controls of a limb and predict the effect of a label on it. They know nothing of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded

if TYPE_CHECKING:
    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb


class Drive(Protocol):
    """Turns the actions of a batch of limbs into controls.

    A drive for which every action up to some value means the same states this value as ``lowest_action``, such as 0 for
    muscles. A drive whose controls shall be reached in a straight line over the control step, not at once at its
    beginning, has ``ramp = True``.

    A drive is built as ``DriveClass(limb, intents, axes, speed, control_s)``; the task says along which axes error is
    measured, and how fast the limb may move. Every array has the rows of the batch first. Sensors are those of the last
    control step, shape (rows, nsensordata).
    """

    action_size: int
    """Length of an action: number of columns of ``IntentMap.directions``; the task may have another number of axes."""
    columns: tuple[str, ...]
    """Names of the quantities that `motion` returns."""
    position_bound: float | np.ndarray
    velocity_bound: float | np.ndarray
    """Bounds of `motion` in an observation, one for all columns or one per column; values beyond them are clipped."""
    speed: float
    """Movement per second at an action of 1, in the unit of `motion`."""
    lag_s: float
    """Delay between a command and its effect on the limb."""
    steady: bool
    """Whether `effect` does not depend on the sensors; it is then called only once."""

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Begin an episode in ``rows``, shape (m,), with the limb at rest at ``places``; a task's `reset` calls it.

        Parameters
        ----------
        rows : int array, shape (m,)
        places : float array, shape (m, axes)
            Position of the limb along every axis.

        Returns
        -------
        float array, shape (m, nstate)
            States of the physics, ``mjSTATE_FULLPHYSICS``. A task may change what does not belong to the limb.
        """

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """Controls of the next step, shape (rows, nu), for actions of shape (rows, action_size)."""

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Motion of the limb that the agent sees: positions and velocities, both of shape (rows, len(columns))."""

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """Change of the position on every axis per control step while a label is asked for, after `lag_s` has passed.

        Operators use it as their forward model.

        Parameters
        ----------
        labels : int array, shape (..., rows)
            One label for each row, or several: all that an operator may ask for are asked about in one call.
        sensors : float array, shape (rows, nsensordata)

        Returns
        -------
        float array, shape (..., rows, axes)
        """


@runtime_checkable
class Settling(Protocol):
    """What a drive has besides if every label brings the limb to a place of its own and keeps it there.

    An operator then asks for a label until it wants another place, and does not have to stop in time.
    """

    places: np.ndarray
    """Place of every label along the axes, shape (labels, axes); NaN for a label that brings the limb nowhere."""


@runtime_checkable
class Continuing(Protocol):
    """What a drive has besides if it keeps more of an episode than where the limb is, such as what was done so far."""

    def moved(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """The limb of ``rows`` is put at ``places``, and the episode goes on; arguments and result as of `Drive.reset`.

        For a drive without this method, `Drive.reset` is called instead.
        """


class SetPointDrive:
    """Moves the set points of degrees of freedom at the speed that an action asks for.

    Parameters
    ----------
    limb : Limb
    intents : IntentMap
        The degree of freedom that each label moves, and its direction.
    axes : tuple of str
        Degrees of freedom that actions move, in order; all others are held at home.
    speed : float
        Full speed, half ranges per second.
    control_s : float
        Control period.

    Raises
    ------
    NeuroMotionError
        If the axes are not those that the labels move.
    """

    position_bound = 2.0
    velocity_bound = 10.0
    lag_s = 0.0
    steady = True

    def __init__(self, limb: Limb, intents: IntentMap, axes: tuple[str, ...], speed: float, control_s: float) -> None:
        if tuple(axes) != intents.axes:
            raise NeuroMotionError(
                f"Set points move the axes of the labels, {', '.join(intents.axes)}, but the task measures error along "
                f"{', '.join(axes)}; it needs another drive."
            )
        self.limb = limb
        self.columns = self.axes = tuple(axes)
        self.action_size = len(self.axes)
        self.speed = speed
        self.target: np.ndarray = np.zeros((0, len(self.axes)))
        self._stride = speed * control_s
        self._effects = self._stride * np.asarray(intents.directions, dtype=float)

    def start(self, num_rows: int) -> None:
        """See `Drive.start`."""
        self.target = np.zeros((num_rows, len(self.axes)))

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Drive.reset`; places are scaled, -1 to 1 of the range of each axis."""
        self.target[rows] = places
        return self.limb.state_at(places, self.axes)

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.control`; an action is a fraction of full speed, -1 to 1."""
        self.target = bounded(self.target + self._stride * bounded(action, 1.0), 1.0)
        return self.limb.control(self.target, self.axes)

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Drive.motion`; half ranges from home, and half ranges per second."""
        return self.limb.motion(sensors, self.axes)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.effect`."""
        return self._effects.take(labels, axis=0)
