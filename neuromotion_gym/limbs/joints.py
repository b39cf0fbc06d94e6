"""Joints of a limb that follow continuous targets, and the postures of its wearer that tell where they are.

Every row has postures of its own, one a label: where the joints of that row's wearer end when the wearer makes the
movement of this label. A limb is *on the way* to the posture whose straight way from home passes nearest to it, and the
share of that way, 0 to 1, is called progress, as for `neuromotion_gym.limbs.named_postures`. Here the nearest is the
one with the smallest root of the summed squares over the joints, since no person brings all joints to the same place
twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.named_postures import NEAR, NamedPostures
from neuromotion_gym.limbs.once import Once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb

SMALLEST = 0.05
"""Smallest distance of a posture from home, half ranges: with less, nothing tells that a person has moved."""


class WearerPostures:
    """Postures of every row, along some joints of a limb.

    Parameters
    ----------
    limb : Limb
    names : sequence of str
        Named postures of the limb, which stand for those of the wearer until these are known.
    joints : sequence of str
        Degrees of freedom of the limb.

    Attributes
    ----------
    names, joints : tuple of str
    places : float array, shape (rows, postures, joints)
        Half ranges from home.

    Raises
    ------
    NeuroMotionError
        If the limb has no posture or no degree of freedom of a name.
    """

    def __init__(self, limb: Limb, names: Sequence[str], joints: Sequence[str]) -> None:
        self.limb, self.names, self.joints = limb, tuple(names), tuple(joints)
        for joint in self.joints:
            limb.degree(joint)
        named = NamedPostures(limb, names)
        self._usual = np.stack([named.places[:, named.degrees.index(joint)] for joint in self.joints], axis=1)
        self.start(0)

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows, with the named postures of the limb."""
        self.places = np.tile(self._usual, (num_rows, 1, 1))
        self._forget()

    def wear(self, rows: np.ndarray, places: np.ndarray) -> None:
        """Take over postures of the wearers of ``rows``, shape (m, postures, joints).

        Raises
        ------
        NeuroMotionError
            If a posture is nearer to home than `SMALLEST`.
        """
        far = np.sqrt(np.add.reduce(places**2, axis=2))
        if (far < SMALLEST).any():
            _, which = np.unravel_index(int(far.argmin()), far.shape)
            raise NeuroMotionError(
                f"A wearer's posture {self.names[which]!r} is {far.min():.3f} half ranges from rest, measured along "
                f"{', '.join(self.joints)}; {SMALLEST} are needed, or nothing tells it from rest."
            )
        self.places[rows] = places
        self._forget()

    def progress(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far every limb is towards the posture that it is on the way to, and the velocity of that.

        Parameters
        ----------
        sensors : float array, shape (rows, nsensordata)

        Returns
        -------
        progress : float array, shape (rows, postures)
            0 at home, 1 at the posture; 0 for all other postures.
        velocity : float array, shape (rows, postures)
            Per second.
        """
        kept = self._progress.get(sensors)
        if kept is not None:
            return kept
        position, velocity = self.limb.motion(sensors, self.joints)
        lengths = np.add.reduce(self.places**2, axis=2)
        share = np.add.reduce(position[:, None] * self.places, axis=2) / np.maximum(lengths, SMALLEST**2)
        share = bounded(share - 0.5, 0.5) + 0.5
        apart = np.add.reduce((position[:, None] - share[:, :, None] * self.places) ** 2, axis=2)
        rows, taken = np.arange(len(position)), apart.argmin(axis=1)
        progress, speed = np.zeros_like(share), np.zeros_like(share)
        progress[rows, taken] = share[rows, taken]
        moving = np.add.reduce(velocity * self.places[rows, taken], axis=1)
        speed[rows, taken] = moving / np.maximum(lengths[rows, taken], SMALLEST**2)
        return self._progress.keep(sensors, (progress, speed), (progress, speed))

    def _forget(self) -> None:
        self._progress: Once[tuple[np.ndarray, np.ndarray]] = Once()


class JointDrive:
    """Moves the set points of joints at the speed that an action asks for; labels mean postures of the wearer.

    An action has one element a joint, a share of full speed. All other degrees of freedom are held at home.

    Parameters
    ----------
    limb : Limb
    intents : IntentMap
        The posture of each label.
    axes : tuple of str
        Names of the postures, those of the intents.
    speed : float
        Full speed of a joint, half ranges per second.
    control_s : float
        Control period.
    joints : sequence of str
        Degrees of freedom that move: the targets of the decoder.

    Raises
    ------
    NeuroMotionError
        If a label moves something other than a posture, the axes are not those of the intents, or the limb has no such
        joint.
    """

    position_bound: float | np.ndarray = 2.0
    velocity_bound: float | np.ndarray = 10.0
    lag_s = 0.0
    steady = False

    def __init__(
        self,
        limb: Limb,
        intents: IntentMap,
        axes: tuple[str, ...],
        speed: float,
        control_s: float,
        joints: Sequence[str],
    ) -> None:
        if set(intents.axes) - set(intents.exclusive) or tuple(axes) != intents.axes:
            raise NeuroMotionError(
                f"Joints that follow targets need labels that stand for postures, but labels move "
                f"{', '.join(intents.axes)}, and the task measures error along {', '.join(axes)}."
            )
        self.limb = limb
        self.postures = WearerPostures(limb, axes, joints)
        self.axes, self.columns = tuple(axes), tuple(joints)
        self.action_size = len(self.columns)
        self.speed = speed
        directions = np.asarray(intents.directions, dtype=float)
        moves = directions.any(axis=1, keepdims=True)
        self.places: np.ndarray = np.where(moves, np.maximum(directions, 0.0), np.nan)
        self._stride = speed * control_s
        self.target: np.ndarray = np.zeros((0, self.action_size))

    def start(self, num_rows: int) -> None:
        """See `neuromotion_gym.limbs.drives.Drive.start`."""
        self.postures.start(num_rows)
        self.target = np.zeros((num_rows, self.action_size))

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `neuromotion_gym.limbs.drives.Drive.reset`; places are shares of the way to each posture."""
        way = np.asarray(places)[:, :, None] * self.postures.places[rows]
        self.target[rows] = bounded(np.add.reduce(way, axis=1), 1.0)
        return self.limb.state_at(self.target[rows], self.columns)

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `neuromotion_gym.limbs.drives.Drive.control`; an action is a share of full speed, -1 to 1."""
        self.target = bounded(self.target + self._stride * bounded(action, 1.0), 1.0)
        return self.limb.control(self.target, self.columns)

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `neuromotion_gym.limbs.drives.Drive.motion`; half ranges from home, and half ranges per second."""
        return self.limb.motion(sensors, self.columns)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `neuromotion_gym.limbs.drives.Drive.effect`; 0 at the place of a label."""
        way = self.places[labels] - self.postures.progress(sensors)[0]
        way = np.where(np.isnan(way), 0.0, way)
        length = np.add.reduce(np.abs(way), axis=-1, keepdims=True)
        return way * np.where(length > NEAR, np.minimum(1.0, self._stride / np.maximum(length, NEAR)), 0.0)
