"""Named postures of a limb: which of them it is taking up, how far it is there, and a drive that moves it between them.

The named postures are keyframes of the limb's MJCF with controls. The limb takes one of them at a time: it goes from
home straight to a posture, and back home before it goes to another one. Its place is therefore the posture that it is
on the way to, and the share of that way, 0 to 1, which is called *progress*. Progress is measured by the named sensors
of all degrees of freedom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.once import Once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb


NEAR = 0.01
"""Share of a way within which the limb is at a place: it never stands there to the last digit."""


class NamedPostures:
    """Some named postures of a limb, as its sensors see them.

    Parameters
    ----------
    limb : Limb
    names : sequence of str
        Keyframes of the limb.

    Attributes
    ----------
    names : tuple of str
    controls : float array, shape (postures, nu)
        Controls of each posture, less those of home.
    places : float array, shape (postures, degrees)
        Position of every degree of freedom of the limb, in half ranges from home, where the limb comes to rest.

    Raises
    ------
    NeuroMotionError
        If the limb has no posture of a name.
    """

    def __init__(self, limb: Limb, names: Sequence[str]) -> None:
        self.limb, self.names = limb, tuple(names)
        self.degrees = tuple(degree.name for degree in limb.degrees)
        self.controls = np.array([limb.posture_control(name) for name in self.names]) - limb.home_control
        states, sensors = zip(*(limb.posture(name) for name in self.names), strict=True)
        self.states = np.array(states)
        self.home = limb.state_at(np.zeros((1, 0)), ())[0]
        self.places = limb.positions(np.array(sensors), self.degrees)
        self._places_and_home = np.concatenate([self.places, np.zeros((1, len(self.degrees)))])
        self._lengths = np.add.reduce(self.places**2, axis=1)
        self._progress: Once[tuple[np.ndarray, np.ndarray]] = Once()

    def apart(self) -> np.ndarray:
        """Distance of every two postures, and of every posture and home (last), the largest on any degree of freedom.

        Returns
        -------
        float array, shape (postures + 1, postures + 1)
        """
        return _farthest(self._places_and_home, self._places_and_home)

    def distances(self, sensors: np.ndarray) -> np.ndarray:
        """Distance from every posture, and from home (last), the largest on any degree of freedom.

        Parameters
        ----------
        sensors : float array, shape (rows, nsensordata)

        Returns
        -------
        float array, shape (rows, postures + 1), in half ranges
        """
        position = self.limb.positions(sensors, self.degrees)
        return _farthest(position, self._places_and_home)

    def progress(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the limb is from home towards each posture, and its velocity.

        The limb is on the way to the posture whose straight way from home passes nearest to it; towards all others the
        progress is 0, however many degrees of freedom they share.

        Parameters
        ----------
        sensors : float array, shape (rows, nsensordata)

        Returns
        -------
        progress : float array, shape (rows, postures)
            0 at home, 1 at the posture.
        velocity : float array, shape (rows, postures)
            Per second.
        """
        kept = self._progress.get(sensors)
        if kept is not None:
            return kept
        position, velocity = self.limb.motion(sensors, self.degrees)
        # Row by row: a product of all rows may be summed in another order for another number of rows
        share = np.add.reduce(position[:, None] * self.places, axis=2) / self._lengths
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        rows, taken = np.arange(len(position)), _farthest(position, self.places, share).argmin(axis=1)
        progress, speed = np.zeros_like(share), np.zeros_like(share)
        progress[rows, taken] = share[rows, taken]
        speed[rows, taken] = np.add.reduce(velocity * self.places[taken], axis=1) / self._lengths[taken]
        return self._progress.keep(sensors, (progress, speed), (progress, speed))


def _farthest(positions: np.ndarray, places: np.ndarray, share: float | np.ndarray = 1.0) -> np.ndarray:
    """Largest distance on any degree of freedom of positions (n, degrees) from places (m, degrees), shape (n, m).

    With ``share``, shape (n, m), distances are those from points on the way from home to the places. Degrees come first
    in the arithmetic, which is then twice as fast.
    """
    apart = np.ascontiguousarray(positions.T)[:, :, None] - share * np.ascontiguousarray(places.T)[:, None, :]
    return np.asarray(np.maximum.reduce(np.abs(apart, out=apart), axis=0))


class NamedPostureDrive:
    """Brings the limb to named postures at the speed that an action asks for.

    An action has one element a posture: above 0 the limb takes up this posture, below 0 it leaves it, and with 0 it
    stays as it is. A posture can be taken up only where no other one is taken: a label asks for its own posture and to
    leave all others, so the limb first goes home, and the label for rest asks to leave all postures. If several may be
    taken up, it is the one with the largest action.

    Parameters
    ----------
    limb : Limb
    intents : IntentMap
        The posture of each label.
    axes : tuple of str
        Names of the postures, those of the intents.
    speed : float
        Ways from home to a posture per second.
    control_s : float
        Control period.

    Raises
    ------
    NeuroMotionError
        If a label moves something other than a posture, or the axes are not those of the intents.
    """

    position_bound = 1.0
    velocity_bound = 10.0
    lag_s = 0.0
    steady = False

    def __init__(self, limb: Limb, intents: IntentMap, axes: tuple[str, ...], speed: float, control_s: float) -> None:
        other = [axis for axis in intents.axes if axis not in intents.exclusive]
        if other or tuple(axes) != intents.axes:
            raise NeuroMotionError(
                f"Named postures are what every label has to bring the limb to, but labels move "
                f"{', '.join(other or intents.axes)}, and the task measures error along {', '.join(axes)}."
            )
        self.limb = limb
        self.postures = NamedPostures(limb, axes)
        self.columns = self.axes = tuple(axes)
        self.action_size = len(self.axes)
        self.speed = speed
        directions = np.asarray(intents.directions, dtype=float)
        moves = directions.any(axis=1, keepdims=True)
        self.places: np.ndarray = np.where(moves, np.maximum(directions, 0.0), np.nan)
        self._stride = speed * control_s
        self._told: np.ndarray = np.zeros((0, len(self.axes)))

    def start(self, num_rows: int) -> None:
        """See `Drive.start`."""
        self._told = np.zeros((num_rows, len(self.axes)))
        self._rows = np.arange(num_rows)

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Drive.reset`; places are shares of the way to each posture, of which one at most is above 0."""
        self._told[rows] = places
        postures = self.postures
        return np.asarray(postures.home + np.asarray(places) @ (postures.states - postures.home))

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.control`."""
        action, rows, before = bounded(action, 1.0), self._rows, self._told
        taken = before.argmax(axis=1)
        share = before[rows, taken]
        wanted = share + self._stride * action[rows, taken]
        # What is left of the step once the limb is home, or all of it if it was there
        left = np.where(share > 0, np.minimum(np.maximum(-wanted, 0.0), self._stride), self._stride)
        told = np.zeros_like(before)
        told[rows, taken] = np.where(share > 0, np.minimum(np.maximum(wanted, 0.0), 1.0), 0.0)
        following = action.argmax(axis=1)
        told[rows, following] += np.minimum(left, self._stride * np.maximum(action[rows, following], 0.0))
        self._told = told
        # One posture a row, so that nothing is summed
        now = told.argmax(axis=1)
        return np.asarray(self.limb.home_control + told[rows, now, None] * self.postures.controls[now])

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Drive.motion`; progress towards every posture, 0 to 1, and its change per second."""
        return self.postures.progress(sensors)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.effect`; the mean over the way from here to the place of the label, 0 at that place."""
        way = self.places[labels] - self.postures.progress(sensors)[0]
        way = np.where(np.isnan(way), 0.0, way)
        length = np.add.reduce(np.abs(way), axis=-1, keepdims=True)
        return way * np.where(length > NEAR, np.minimum(1.0, self._stride / np.maximum(length, NEAR)), 0.0)
