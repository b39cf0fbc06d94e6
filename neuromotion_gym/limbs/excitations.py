"""The drive of a limb that its own muscles move: actions excite muscles, and dampers at the joints set the speed.

A muscle under full excitation throws a free joint to the end of its range in a fraction of a second, far more quickly
than a decoder can tell that it should stop. So the joints are damped by an orthosis, and muscles are excited only as
much as is needed to move them against it at the speed that the task asks for, as in isokinetic exercise (Hislop and
Perrine, Phys. Ther. 47(2), 1967).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.muscles import SpeedTable, moved_by_muscles, muscle, speeds_at
from neuromotion_gym.limbs.once import Once

if TYPE_CHECKING:
    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.limbs.muscles import Speeds

RISE_S = 0.2
"""Time from no to full excitation, and back. In a contraction as fast as possible the torque of the knee extensors
rises for 0.2 s and more (Aagaard et al., J. Appl. Physiol. 93(4), 2002)."""
MUSCLE_S = 0.04
"""Delay of a muscle's force behind its excitation, mean of rise and fall. The time constants of the muscles, 10 and
40 ms, are those at a third of full activation; at a tenth the fall takes 60 ms (Millard et al., J. Biomech. Eng.
135(2), 2013)."""
STRONGEST = 0.5
"""Largest excitation of a muscle. Where it is too weak to reach the speed with it, the limb moves more slowly."""


class Pull(NamedTuple):
    """Full excitation of m muscles in the postures of some rows, and how it pulls at k axes.

    Parameters
    ----------
    full : float array, shape (rows, m)
        As a share of the largest excitation that a muscle can have.
    pulls : float array, shape (rows, m, k)
        Torque of each muscle at full excitation, divided by damping; half ranges per second.
    speeds : Speeds
        The same at the largest force of each muscle, drift and friction.
    """

    full: np.ndarray
    pulls: np.ndarray
    speeds: Speeds


def lag_of_movement(control_s: float) -> float:
    """Delay of the movement behind the action: the ramp's, which begins within a control step, and the muscle's."""
    return RISE_S / 2 - control_s / 2 + MUSCLE_S


class ExcitationDrive:
    """Excites muscles; the joints move as fast as their dampers let them, and stay where they are without excitation.

    An element of an action belongs to one muscle: 1 asks for its full excitation, 0 and less for none. The share of it
    that a muscle has rises and falls linearly, in `RISE_S` from none to all. The full excitation is the one with which
    the muscle alone moves its main axis at the speed of the task in the present posture, `STRONGEST` at most: the
    strength of a muscle and its moment arms change with the posture by a factor of two and more. Muscles that move the
    same axis in the same direction share it: together they do not exceed the speed.

    Parameters
    ----------
    limb : Limb
        A limb with muscle actuators and damped joints.
    intents : IntentMap
        The muscle that each label excites.
    axes : tuple of str
        Degrees of freedom along which error is measured.
    speed : float
        Speed of an axis at full excitation, half ranges per second.
    control_s : float
        Control period.

    Attributes
    ----------
    muscles : tuple of str
        The muscles of the action.
    share : float array, shape (rows, muscles)
        Their excitation now, as a share of full excitation.

    Raises
    ------
    NeuroMotionError
        If the limb lacks a muscle, no damper is there, or a muscle is too weak to reach the speed at home.
    """

    position_bound: float | np.ndarray = 2.0
    velocity_bound: float | np.ndarray = 10.0
    steady = False
    lowest_action = 0.0

    def __init__(self, limb: Limb, intents: IntentMap, axes: tuple[str, ...], speed: float, control_s: float) -> None:
        self.limb, self.axes, self.speed = limb, tuple(axes), speed
        self.muscles = intents.axes
        self.columns = (*self.axes, *self.muscles)
        self.action_size = len(self.muscles)
        self._actuators = np.array([muscle(limb, name) for name in self.muscles])
        self._table = SpeedTable(limb, self.muscles, self.axes)
        self._each = np.arange(self.action_size)
        self._main = np.abs(self._table.grid.pulls).mean(axis=0).argmax(axis=1)
        ways = self._table.at(np.zeros((1, len(self.axes)))).pulls[0, self._each, self._main] > 0
        same = (self._main[:, None] == self._main) & (ways[:, None] == ways)
        self._synergists = same.astype(float)
        at_home = self._needed(self._table.at(np.zeros((1, len(self.axes)))))[0]
        weak = [name for name, needed in zip(self.muscles, at_home, strict=True) if not needed <= STRONGEST]
        if weak:
            raise NeuroMotionError(
                f"Muscles {', '.join(weak)} of limb {limb.name!r} cannot move it at {speed:.2g} half ranges a second "
                f"with {STRONGEST:g} of their strength at home. Damp the joints less."
            )
        self._directions = np.asarray(intents.directions, dtype=float)
        self.lag_s = lag_of_movement(control_s)
        self._control_s, self._ramp = control_s, control_s / RISE_S
        self._pull: Once[Pull] = Once()
        self.start(0)

    def start(self, num_rows: int) -> None:
        """See `Drive.start`."""
        self.share: np.ndarray = np.zeros((num_rows, self.action_size))
        self._change: np.ndarray = np.zeros((num_rows, self.action_size))

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Drive.reset`; places are scaled, -1 to 1 of the range of each axis. No muscle is excited."""
        self.share[rows] = 0.0
        self._change[rows] = 0.0
        return self.limb.state_at(places, self.axes)

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.control`."""
        wanted = np.maximum(bounded(action, 1.0), 0.0)
        wanted = wanted / np.maximum(wanted @ self._synergists, 1.0)
        self._change = bounded(wanted - self.share, self._ramp)
        self.share = self.share + self._change
        control = np.empty((len(self.share), len(self.limb.home_control)))
        control[:] = self.limb.home_control
        control[:, self._actuators] = self.share * self.pull(sensors).full
        return control

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Drive.motion`: half ranges from home and half ranges per second, then shares and their change."""
        position, velocity = self.limb.motion(sensors, self.axes)
        change = self._change / self._control_s
        return np.concatenate([position, self.share], axis=1), np.concatenate([velocity, change], axis=1)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.effect`; it depends on the posture."""
        asked, pull = self._directions.take(labels, axis=0), self.pull(sensors)
        return pull.speeds.of_axes((asked[..., None, :] @ pull.pulls)[..., 0, :]) * self._control_s

    def pull(self, sensors: np.ndarray) -> Pull:
        """What full excitation is in the present postures, and does there."""
        kept = self._pull.get(sensors)
        if kept is not None:
            return kept
        speeds = self._table.at(self.limb.positions(sensors, self.axes))
        full = np.minimum(np.maximum(self._needed(speeds), 0.0), STRONGEST)
        pull = Pull(full, speeds.pulls * full[:, :, None], speeds)
        return self._pull.keep(sensors, pull, (pull.full, pull.pulls))

    def _needed(self, speeds: Speeds) -> np.ndarray:
        """Excitation with which each muscle alone moves its main axis at full speed, shape (rows, muscles)."""
        main = speeds.pulls[:, self._each, self._main]
        against = speeds.friction[:, self._main] - np.sign(main) * speeds.drift[:, self._main]
        return np.asarray((self.speed + against) / np.maximum(np.abs(main), 1e-9))


def moved_axes(limb: Limb, intents: IntentMap) -> tuple[str, ...]:
    """The axes that the muscles of ``intents`` move both ways, in the order of the limb.

    A muscle counts for the axis that it moves most, at home.

    Raises
    ------
    NeuroMotionError
        If an axis is moved one way only, or the limb lacks a muscle.
    """
    axes, muscles = moved_by_muscles(limb), intents.axes
    speeds = speeds_at(limb, muscles, axes, np.zeros((1, len(axes)))).pulls[0]
    main = np.abs(speeds).argmax(axis=1)
    ways = [set(np.sign(speeds[main == axis, axis])) for axis in range(len(axes))]
    one_way = [name for name, signs in zip(axes, ways, strict=True) if len(signs) == 1]
    if one_way:
        raise NeuroMotionError(
            f"Muscles {', '.join(muscles)} move {', '.join(one_way)} of limb {limb.name!r} in one direction only; "
            "each axis needs a muscle for each direction."
        )
    return tuple(name for name, signs in zip(axes, ways, strict=True) if signs)
