"""A limb: an MJCF model whose degrees of freedom are found by name.

A new limb needs no code if it follows this convention. A degree of freedom ``d`` has two sensors, ``d_pos`` (jointpos,
tendonpos or actuatorpos) and ``d_vel``. It is driven by the actuator ``d``, or by a ``<custom><tuple name="d">`` of
actuators, whose coefficients say how far each actuator moves, as a fraction of its own half range. Its range, in the
unit of the sensor, is the actuator's ctrlrange, or ``<custom><numeric name="d_range" data="low high"/>``. The keyframe
``home`` defines position 0.

A joint that muscles move has the same two sensors and its numeric ``d_range``, and no actuator: it is a degree of
freedom that can be read but not set. Muscles belong to no degree of freedom.

Positions and targets are scaled to [-1, 1] of the range with home at 0, piecewise linearly: a half range is the
distance from home to one end, so the two half ranges of a degree of freedom may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.model import limb_spec
from neuromotion_gym.limbs.once import Once
from neuromotion_gym.limbs.posture import PostureTable
from neuromotion_gym.registration import limb_file, scene_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.limbs.model import Side

_POSITION_SENSORS = (
    int(mujoco.mjtSensor.mjSENS_JOINTPOS),
    int(mujoco.mjtSensor.mjSENS_TENDONPOS),
    int(mujoco.mjtSensor.mjSENS_ACTUATORPOS),
)


@dataclass(frozen=True)
class DegreeOfFreedom:
    """One direction in which a limb can be told to move.

    Parameters
    ----------
    name : str
        Its name in the MJCF and in the table of intents.
    low, home, high : float
        Ends of its range, and its position in the keyframe ``home``; radians or metres, like its sensor.
    position_sensor, velocity_sensor : int
        Addresses in ``sensordata``.
    actuators : tuple of int
        Actuators that drive it; empty if muscles move it.
    coefficients : tuple of float
        Movement of each actuator, as a fraction of its own half range, per half range of the degree of freedom.
    """

    name: str
    low: float
    home: float
    high: float
    position_sensor: int
    velocity_sensor: int
    actuators: tuple[int, ...]
    coefficients: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class _Selection:
    """Arrays for some degrees of freedom: ``columns`` and the arrays after it have one element per actuator.

    ``sensors`` holds the addresses of all position sensors, then those of all velocity sensors; ``by_muscles`` names
    those degrees that have no actuator.
    """

    sensors: np.ndarray
    home: np.ndarray
    below: np.ndarray
    above: np.ndarray
    columns: np.ndarray
    actuators: np.ndarray
    coefficients: np.ndarray
    rest: np.ndarray
    upwards: np.ndarray
    downwards: np.ndarray
    by_muscles: tuple[str, ...]


def bounded(values: np.ndarray, bound: float | np.ndarray) -> np.ndarray:
    """``values`` clipped to ``-bound`` … ``bound``; for a few numbers five times as fast as `numpy.clip`."""
    return np.asarray(np.minimum(np.maximum(values, -bound), bound))


class Limb:
    """A limb and its degrees of freedom. Use `Limb.load`.

    Parameters
    ----------
    name : str
        Name of its folder in ``assets/``, or the name under which it was registered.
    model : mujoco.MjModel
        The compiled model.
    path : pathlib.Path
        The MJCF file that it was compiled from.
    scene : pathlib.Path, optional
        The MJCF file of the scene around it.
    side : {"right", "left"}, default "right"
        Side of the body.

    Attributes
    ----------
    degrees : tuple of DegreeOfFreedom
        In the order of their position sensors.
    home_control : float array, shape (nu,)
        Control that holds the posture ``home``.

    Raises
    ------
    NeuroMotionError
        If the keyframe ``home``, a sensor or a range is missing.
    """

    def __init__(
        self, name: str, model: mujoco.MjModel, path: Path, scene: Path | None = None, side: Side = "right"
    ) -> None:
        self.name = name
        self.model = model
        self.path, self.scene, self.side = path, scene, side
        key = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, "home")
        if key < 0:
            raise NeuroMotionError(f"Limb {name!r} has no keyframe 'home'; a limb needs one, with qpos and ctrl.")
        self.home_control: np.ndarray = np.array(model.key_ctrl[key])
        self._postures = PostureTable(model, key)
        self.degrees = self._find_degrees()
        self._selections: dict[tuple[str, ...], _Selection] = {}
        self._motion: Once[tuple[np.ndarray, np.ndarray]] = Once()

    @classmethod
    def load(cls, name_or_path: str | Path, scene: str | None = None, side: Side = "right") -> Limb:
        """Load a limb of the library or a registered one by its name, or an MJCF file by its path.

        Parameters
        ----------
        name_or_path : str or path
        scene : str, optional
            Name of a scene around it, see `neuromotion_gym.registration.scene_file`.
        side : {"right", "left"}, default "right"
            Side of the body; the left one is the mirror image.

        Raises
        ------
        NeuroMotionError
            If there is no such limb, scene or file, if MuJoCo cannot read it, or if it breaks the convention of this
            module.
        """
        path, name = Path(name_or_path), Path(name_or_path).stem
        if path.suffix == "" and len(path.parts) == 1:
            path = limb_file(name)
        elif not path.is_file():
            raise NeuroMotionError(f"No MJCF file at {str(path)!r}.")
        around = None if scene is None else scene_file(scene)
        return cls(name, limb_spec(path, around, side).compile(), path, around, side)

    def spec(self) -> mujoco.MjSpec:
        """The MJCF of limb and scene, new and not shared: for drawing and for changes."""
        return limb_spec(self.path, self.scene, self.side)

    def degree(self, name: str) -> DegreeOfFreedom:
        """Look up a degree of freedom by its name.

        Raises
        ------
        NeuroMotionError
            If the limb has none of that name.
        """
        for degree in self.degrees:
            if degree.name == name:
                return degree
        known = ", ".join(degree.name for degree in self.degrees)
        raise NeuroMotionError(f"Limb {self.name!r} has no degree of freedom {name!r}. It has: {known}.")

    def sensor(self, name: str) -> slice:
        """The elements of ``sensordata`` that belong to a named sensor.

        Raises
        ------
        NeuroMotionError
            If the limb has no such sensor.
        """
        index = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_SENSOR, name)
        if index < 0:
            raise NeuroMotionError(f"Limb {self.name!r} has no sensor {name!r}.")
        start = int(self.model.sensor_adr[index])
        return slice(start, start + int(self.model.sensor_dim[index]))

    @property
    def home_sensors(self) -> np.ndarray:
        """Readings of all sensors with the limb at rest at home, shape (nsensordata,); a copy."""
        return self._postures.home_sensordata.copy()

    def positions(self, sensordata: np.ndarray, degrees: Sequence[str]) -> np.ndarray:
        """Scaled positions.

        Parameters
        ----------
        sensordata : float array, shape (n, nsensordata)
            Sensor readings of each limb of a batch.
        degrees : sequence of k names

        Returns
        -------
        float array, shape (n, k)
            In half ranges from home: -1 and 1 are the ends of the range.
        """
        return self.motion(sensordata, degrees)[0]

    def motion(self, sensordata: np.ndarray, degrees: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Scaled positions, as in `positions`, and velocities.

        Velocities are scaled by the half range of that side of home on which the degree of freedom is.

        Parameters
        ----------
        sensordata : float array, shape (n, nsensordata)
        degrees : sequence of k names

        Returns
        -------
        positions : float array, shape (n, k)
            Half ranges from home.
        velocities : float array, shape (n, k)
            Half ranges per second. Both arrays are read-only if ``sensordata`` is read-only and owns its memory.
        """
        kept = self._motion.get(sensordata, degrees)
        if kept is not None:
            return kept
        chosen = self._select(degrees)
        count = len(chosen.home)
        read = sensordata[:, chosen.sensors]
        offset = read[:, :count] - chosen.home
        half = np.where(offset > 0, chosen.above, chosen.below)
        motion = offset / half, read[:, count:] / half
        return self._motion.keep(sensordata, motion, motion, degrees)

    def control(self, targets: np.ndarray, degrees: Sequence[str]) -> np.ndarray:
        """Control that moves ``degrees`` to ``targets`` and all other degrees of freedom home.

        Parameters
        ----------
        targets : float array, shape (n, k)
            Scaled; values outside [-1, 1] are clipped.
        degrees : sequence of k names

        Returns
        -------
        float array, shape (n, nu)
        """
        chosen = self._select(degrees)
        if chosen.by_muscles:
            raise NeuroMotionError(
                f"Muscles move {', '.join(chosen.by_muscles)} of limb {self.name!r}; there are no set points."
            )
        part = bounded(np.asarray(targets)[:, chosen.columns] * chosen.coefficients, 1.0)
        control = np.empty((len(part), len(self.home_control)))
        control[:] = self.home_control
        control[:, chosen.actuators] = chosen.rest + part * np.where(part > 0, chosen.upwards, chosen.downwards)
        return control

    def qpos_at(self, targets: np.ndarray, degrees: Sequence[str]) -> np.ndarray:
        """Joint positions of the limb at rest in a posture.

        Parameters
        ----------
        targets : float array, shape (n, k)
            Scaled; values outside [-1, 1] are clipped.
        degrees : sequence of k names

        Returns
        -------
        float array, shape (n, nq)
        """
        return self.state_at(targets, degrees)[:, self._postures.qpos]

    def state_at(self, targets: np.ndarray, degrees: Sequence[str]) -> np.ndarray:
        """Full physics state of the limb at rest in a posture, coupled joints and actuators included.

        If `control` of the same targets then holds it, the limb does not move. The postures are simulated once for each
        degree of freedom, at nine positions in its range, and their differences from home are added up. Joints that
        muscles move are put where they should be; nothing says that they stay there.

        Parameters
        ----------
        targets : float array, shape (n, k)
            Scaled; values outside [-1, 1] are clipped.
        degrees : sequence of k names

        Returns
        -------
        float array, shape (n, nstate)
            ``mjSTATE_FULLPHYSICS``, as `mujoco.rollout` takes it; time 0.
        """
        self._select(degrees)
        targets = bounded(np.asarray(targets, dtype=float), 1.0)
        state = np.tile(self._postures.home, (len(targets), 1))
        for column, name in enumerate(degrees):
            if self.degree(name).actuators:
                state += self._postures.offsets(name, partial(self.control, degrees=(name,)), targets[:, column])
            else:
                state[:, self._joint_place(name)] = self._unscaled(name, targets[:, column])
        return state

    def _joint_place(self, name: str) -> int:
        """Place of the joint of a degree of freedom in the full physics state."""
        sensor = self.model.sensor(f"{name}_pos")
        return self._postures.qpos.start + int(self.model.jnt_qposadr[int(sensor.objid[0])])

    def _unscaled(self, name: str, targets: np.ndarray) -> np.ndarray:
        degree = self.degree(name)
        half = np.where(targets > 0, degree.high - degree.home, degree.home - degree.low)
        return np.asarray(degree.home + targets * half)

    def posture_control(self, name: str) -> np.ndarray:
        """Controls that bring the limb to a named posture and hold it there, shape (nu,).

        Raises
        ------
        NeuroMotionError
            If the limb has no such posture.
        """
        return np.array(self.model.key_ctrl[self._key(name)])

    def posture(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The limb at rest in a named posture, as its keyframe says.

        Returns
        -------
        state : float array, shape (nstate,)
            ``mjSTATE_FULLPHYSICS``, time 0.
        sensordata : float array, shape (nsensordata,)

        Raises
        ------
        NeuroMotionError
            If the limb has no such posture.
        """
        return self._postures.named(self._key(name))

    def _key(self, name: str) -> int:
        key = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_KEY, name)
        if key < 0:
            names = ", ".join(self.model.key(index).name for index in range(self.model.nkey))
            raise NeuroMotionError(f"Limb {self.name!r} has no posture {name!r}. Its keyframes are: {names}.")
        return key

    def joint_positions(self, states: np.ndarray) -> np.ndarray:
        """Joint positions, shape (..., nq), in states of the physics, shape (..., nstate)."""
        return states[..., self._postures.qpos]

    def _select(self, degrees: Sequence[str]) -> _Selection:
        names = tuple(degrees)
        if names not in self._selections:
            self._selections[names] = self._index(names)
        return self._selections[names]

    def _index(self, names: tuple[str, ...]) -> _Selection:
        chosen = [self.degree(name) for name in names]
        actuators = [a for degree in chosen for a in degree.actuators]
        if len(set(actuators)) < len(actuators):
            raise NeuroMotionError(
                f"Degrees of freedom {', '.join(names)} of limb {self.name!r} share an actuator; "
                "choose ones that can be moved independently."
            )
        home = np.array([degree.home for degree in chosen])
        index = np.array(actuators, dtype=int)
        low, high = self.model.actuator_ctrlrange[index].T
        rest = self.home_control[index]
        return _Selection(
            sensors=np.array(
                [degree.position_sensor for degree in chosen] + [degree.velocity_sensor for degree in chosen], dtype=int
            ),
            home=home,
            below=home - np.array([degree.low for degree in chosen]),
            above=np.array([degree.high for degree in chosen]) - home,
            columns=np.array([i for i, degree in enumerate(chosen) for _ in degree.actuators], dtype=int),
            actuators=index,
            coefficients=np.array([c for degree in chosen for c in degree.coefficients]),
            rest=rest,
            upwards=high - rest,
            downwards=rest - low,
            by_muscles=tuple(degree.name for degree in chosen if not degree.actuators),
        )

    def _find_degrees(self) -> tuple[DegreeOfFreedom, ...]:
        model = self.model
        found: list[DegreeOfFreedom] = []
        driven: set[int] = set()
        for index in range(model.nsensor):
            sensor = model.sensor(index)
            if int(model.sensor_type[index]) not in _POSITION_SENSORS or not sensor.name.endswith("_pos"):
                continue
            name = sensor.name.removesuffix("_pos")
            actuators, coefficients = self._drive(name)
            if not actuators and mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_NUMERIC, f"{name}_range") < 0:
                continue
            low, high = self._range(name, actuators)
            if not actuators and int(model.sensor_type[index]) != int(mujoco.mjtSensor.mjSENS_JOINTPOS):
                raise NeuroMotionError(f"Sensor {sensor.name!r} of limb {self.name!r} has to be a jointpos.")
            position = int(sensor.adr[0])
            home = float(self._postures.home_sensordata[position])
            if not min(home - low, high - home) > 0.01 * (high - low):
                raise NeuroMotionError(
                    f"Home of degree of freedom {name!r} of limb {self.name!r} is {home:.4g}, "
                    f"which must lie well inside its range {low:.4g} to {high:.4g}."
                )
            velocity = self.sensor(f"{name}_vel").start
            found.append(DegreeOfFreedom(name, low, home, high, position, velocity, actuators, coefficients))
            driven.update(actuators)
        driven.update(np.flatnonzero(model.actuator_dyntype == int(mujoco.mjtDyn.mjDYN_MUSCLE)).tolist())
        idle = [model.actuator(i).name or f"number {i}" for i in range(model.nu) if i not in driven]
        if idle or not found:
            raise NeuroMotionError(
                f"Limb {self.name!r}: no degree of freedom moves the actuators {', '.join(idle) or '(none)'}. A "
                "degree d needs the sensors d_pos and d_vel and the actuator d, or a tuple d of actuators, or, if "
                "muscles move it, the numeric d_range."
            )
        return tuple(found)

    def _drive(self, name: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
        model = self.model
        actuator = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, name)
        if actuator >= 0:
            return (actuator,), (1.0,)
        index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TUPLE, name)
        if index < 0:
            return (), ()
        part = slice(int(model.tuple_adr[index]), int(model.tuple_adr[index]) + int(model.tuple_size[index]))
        if any(int(kind) != int(mujoco.mjtObj.mjOBJ_ACTUATOR) for kind in model.tuple_objtype[part]):
            raise NeuroMotionError(f"Tuple {name!r} of limb {self.name!r} must hold actuators and nothing else.")
        return tuple(int(i) for i in model.tuple_objid[part]), tuple(float(c) for c in model.tuple_objprm[part])

    def _range(self, name: str, actuators: tuple[int, ...]) -> tuple[float, float]:
        model = self.model
        unlimited = [model.actuator(i).name for i in actuators if not model.actuator_ctrllimited[i]]
        if unlimited:
            raise NeuroMotionError(f"Actuators {', '.join(unlimited)} of limb {self.name!r} need a ctrlrange.")
        index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_NUMERIC, f"{name}_range")
        if index >= 0:
            start, size = int(model.numeric_adr[index]), int(model.numeric_size[index])
            if size != 2:
                raise NeuroMotionError(f"Numeric '{name}_range' of limb {self.name!r} has {size} values, not two.")
            low, high = model.numeric_data[start : start + 2]
        elif len(actuators) == 1:
            low, high = model.actuator_ctrlrange[actuators[0]]
        else:
            raise NeuroMotionError(
                f"Degree of freedom {name!r} of limb {self.name!r} moves {len(actuators)} actuators; "
                f'it needs <numeric name="{name}_range" data="low high"/>.'
            )
        return float(low), float(high)
