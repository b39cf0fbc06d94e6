"""A drive that moves a point of a limb in a plane: damped least squares from the velocity of the point to the joints.

The limb's MJCF, or its scene, names what it needs:

- a site ``middle`` that is fixed in the world: the middle of the plane, with its normal along the z axis of the site;
  the first of its sizes is half a side;
- the sensors ``point_position`` (framepos) and ``point_velocity`` (framelinvel) of a site, the point;
- for every body that a driven joint moves, a framepos and the three axes (framexaxis …) of its own frame
  (``objtype="xbody"``).

The Jacobian comes from these sensors. The column of a joint is ``axis x (point - anchor)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.once import Once

if TYPE_CHECKING:
    from neuromotion_gym.intents import IntentMap
    from neuromotion_gym.limbs.limb import Limb

SPACE: dict[str, tuple[float, float, float]] = {"up": (0, 0, 1), "right": (0, -1, 0), "forward": (1, 0, 0)}
"""Directions in the world, whose x points forward, y to the person's left and z up; the same for both sides."""
LIMIT = 1.25
"""The point can be moved to this many half sides from the middle on every axis, so that it can leave a goal at the edge
of the plane on every side."""
DAMPING_M = 0.01
"""Damping of the least squares (Nakamura and Hanafusa, J. Dyn. Syst. Meas. Control 108(3), 1986): joints do not become
faster where the limb can move the point by less than this per radian."""
PULL = 0.05
"""Share of the way back to the posture of the middle that joints move in a step, where this does not move the point."""
CORRECTION = 0.25
"""Share of the point's distance from where it was wanted that is mended in a step."""

NEAR_M, MOST_TRIES = 1e-9, 100
"""A place is found within this distance; it is given up after this many steps."""

_Sensor = mujoco.mjtSensor
_AXES = (_Sensor.mjSENS_FRAMEXAXIS, _Sensor.mjSENS_FRAMEYAXIS, _Sensor.mjSENS_FRAMEZAXIS)


@dataclass(frozen=True, eq=False)
class Chain:
    """The driven hinges between the world and the point, ``k`` of them, with the sensors of their bodies.

    The frame of a body is turned by all its joints. Turned back by those that come after a joint, at most ``stages`` of
    them, it gives the axis of this joint. A vector that is turned by an angle is a sum of three vectors, times 1, the
    cosine and the sine (Rodrigues' formula); turned by several, it is a sum over their products.

    Attributes
    ----------
    qpos, actuators : int array, shape (k,)
        Elements of the joint positions, and the actuators that hold them.
    positions : int array, shape (k,)
        Elements of ``sensordata``: positions of the joints.
    low, high : float array, shape (k,)
        Ranges of the joints.
    anchors : int array, shape (k, 3)
        Elements of ``sensordata``: origins of the bodies, where their joints are.
    frames : int array, shape (k, 3, 3)
        Elements of ``sensordata``: the three axes of the bodies, one in a row.
    later : int array, shape (stages, k)
        The joints, by their number in the chain, that turn the body after a joint; -1 where there is none.
    axes : float array, shape (k, 3, 3 ** stages)
        Axes of the joints in the frames of their bodies: the vectors of the sum.
    """

    qpos: np.ndarray
    actuators: np.ndarray
    positions: np.ndarray
    low: np.ndarray
    high: np.ndarray
    anchors: np.ndarray
    frames: np.ndarray
    later: np.ndarray
    axes: np.ndarray

    def jacobian(self, sensors: np.ndarray, point: np.ndarray) -> np.ndarray:
        """Movement of the point per radian of each joint, shape (rows, 3, k).

        Parameters
        ----------
        sensors : float array, shape (rows, nsensordata)
        point : float array, shape (rows, 3)
            Position of the point, metres.
        """
        rows, joints = len(sensors), len(self.positions)
        turns = np.zeros((rows, joints + 1, 3))  # 1, cosine, sine; of no angle for the joint -1
        angles = sensors[:, self.positions]
        turns[..., 0] = turns[:, -1, 1] = 1.0
        np.cos(angles, out=turns[:, :-1, 1])
        np.sin(-angles, out=turns[:, :-1, 2])
        sums = np.ones((rows, joints, 1))
        for stage in self.later:
            sums = (sums[..., None] * turns[:, stage, None, :]).reshape(rows, joints, -1)
        # Taken, not indexed: an index of one row has another order in memory, and products of it other bits
        axes = (self.axes @ sums[..., None]).swapaxes(2, 3) @ sensors.take(self.frames, axis=1)
        return _crossed(axes[:, :, 0], point[:, None, :] - sensors[:, self.anchors])


class PointDrive:
    """Moves a point of a limb in a plane at the velocity that an action asks for.

    The wanted place of the point moves at ``speed * action``, and the set points of all joints between the world and
    the point follow it, within their ranges. Of all postures with the point at this place, they stay near that of the
    middle. Every other degree of freedom is held at home.

    Parameters
    ----------
    limb : Limb
    intents : IntentMap
        The axis along which each label moves the point, and its direction.
    axes : tuple of str
        Directions in space, keys of `SPACE`.
    speed : float
        Full speed, half sides of the plane per second.
    control_s : float
        Control period.

    Attributes
    ----------
    middle : float array, shape (3,)
        Middle of the plane, metres.
    half_side_m : float
    normal : tuple of three floats
        Normal of the plane, in the world.
    directions : float array, shape (axes, 3)
        The axes in the world.
    chain : Chain

    Raises
    ------
    NeuroMotionError
        If an axis is no direction in space, the axes are not those that the labels move, or the limb lacks a site, a
        sensor or an actuator.
    """

    position_bound = 2.0
    velocity_bound = 10.0
    lag_s = 0.0
    steady = True

    def __init__(self, limb: Limb, intents: IntentMap, axes: tuple[str, ...], speed: float, control_s: float) -> None:
        unknown = [axis for axis in axes if axis not in SPACE]
        if unknown or tuple(axes) != intents.axes:
            raise NeuroMotionError(
                f"A point moves along {', '.join(SPACE)} as its labels say; the labels move {', '.join(intents.axes)} "
                f"and the task measures error along {', '.join(axes)}."
            )
        self.limb = limb
        self.columns = self.axes = tuple(axes)
        self.action_size = len(self.axes)
        self.speed = speed
        self.directions = np.array([SPACE[axis] for axis in axes])
        self.middle, self.half_side_m, self.normal = _plane(limb)
        self._position, self._velocity = (limb.sensor(f"point_{what}") for what in ("position", "velocity"))
        self.chain = find_chain(limb)
        self._stride = speed * control_s
        self._effects = self._stride * np.asarray(intents.directions, dtype=float)
        self._data = mujoco.MjData(limb.model)
        self._home_state = limb.state_at(np.zeros((1, 0)), ())[0]
        self._home = self._posture_at(np.zeros(len(axes)), self._home_state[1 + self.chain.qpos])
        self._motion: Once[tuple[np.ndarray, np.ndarray]] = Once()

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_data"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._data = mujoco.MjData(self.limb.model)  # holds nothing between two calls

    def start(self, num_rows: int) -> None:
        """See `Drive.start`."""
        self._wanted = np.zeros((num_rows, len(self.axes)))
        self._angles = np.zeros((num_rows, len(self.chain.qpos)))
        self._fresh = np.ones(num_rows, dtype=bool)

    def reset(self, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """See `Drive.reset`; places are in half sides of the plane from its middle."""
        self._fresh[rows] = True  # set points and the wanted place are those that the first sensors tell
        states = np.tile(self._home_state, (len(rows), 1))
        for state, place in zip(states, bounded(places, LIMIT), strict=True):
            state[1 + self.chain.qpos] = self._posture_at(place, self._home)
        return states

    def control(self, action: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.control`; an action is a fraction of full speed along each axis, -1 to 1."""
        chain = self.chain
        if np.count_nonzero(self._fresh):
            fresh = self._fresh[:, None]
            self._wanted = np.where(fresh, bounded(self.motion(sensors)[0], LIMIT), self._wanted)
            self._angles = np.where(fresh, sensors[:, chain.positions], self._angles)
            self._fresh[:] = False
        before = self._wanted
        self._wanted = bounded(before + self._stride * bounded(action, 1.0), LIMIT)
        point = sensors[:, self._position]
        ahead = self._space(self._wanted - (1 - CORRECTION) * before)  # the movement, and a share of the place before
        move = ahead + CORRECTION * (self.middle - point)
        pull = PULL * (self._home - self._angles)
        self._angles = self._moved(self._angles, chain.jacobian(sensors, point), move, pull)
        control = np.empty((len(action), len(self.limb.home_control)))
        control[:] = self.limb.home_control
        control[:, chain.actuators] = self._angles
        return control

    def motion(self, sensors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Drive.motion`; half sides of the plane from its middle, and half sides per second."""
        kept = self._motion.get(sensors)
        if kept is not None:
            return kept
        offset, velocity = sensors[:, self._position] - self.middle, sensors[:, self._velocity]
        motion = (self._along(offset), self._along(velocity))
        return self._motion.keep(sensors, motion, motion)

    def effect(self, labels: np.ndarray, sensors: np.ndarray) -> np.ndarray:
        """See `Drive.effect`."""
        return self._effects.take(labels, axis=0)

    def in_space(self, places: np.ndarray) -> np.ndarray:
        """Points in the world, shape (n, 3), metres, of places in the plane, shape (n, axes)."""
        return np.asarray(self.middle + self._space(places))

    def _space(self, places: np.ndarray) -> np.ndarray:
        """Half sides along the axes, shape (n, axes), as metres in the world, shape (n, 3)."""
        return np.asarray(self.half_side_m * (places[:, None, :] @ self.directions)[:, 0])

    def _along(self, vectors: np.ndarray) -> np.ndarray:
        """Metres in the world, shape (n, 3), as half sides along the axes, shape (n, axes)."""
        return np.asarray((vectors[:, None, :] @ self.directions.T)[:, 0] / self.half_side_m)

    def _moved(self, angles: np.ndarray, jacobian: np.ndarray, move: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """Angles of the joints, shape (n, k), after the point has moved by ``move``, shape (n, 3), in metres.

        Joints move by ``pull``, shape (n, k), as far as this does not move the point. A joint that would leave its
        range stops at its end, and the others move the point without it.
        """
        low, high = self.chain.low, self.chain.high
        after = angles + _least_squares(jacobian, move, pull)
        ends = np.minimum(np.maximum(after, low), high)
        beyond = ends != after
        if np.count_nonzero(beyond):
            stopped = np.where(beyond, ends - angles, 0.0)
            free = np.where(beyond[:, None, :], 0.0, jacobian)
            left = move - (jacobian @ stopped[:, :, None])[:, :, 0]
            after = angles + stopped + _least_squares(free, left, np.where(beyond, 0.0, pull))
            ends = np.minimum(np.maximum(after, low), high)
        return np.asarray(ends)

    def _posture_at(self, place: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """Angles of the joints, shape (k,), with the point at a place in the plane, near ``angles``.

        Raises
        ------
        NeuroMotionError
            If the limb cannot reach the place.
        """
        model, data, chain = self.limb.model, self._data, self.chain
        target = self.in_space(place[None])
        data.qpos[:] = self._home_state[1 : 1 + model.nq]
        found = angles[None]
        for _ in range(MOST_TRIES):
            data.qpos[chain.qpos] = found[0]
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_sensorPos(model, data)
            sensors = data.sensordata[None]
            point = sensors[:, self._position]
            if np.abs(target - point).max() < NEAR_M:
                return found[0]
            found = self._moved(found, chain.jacobian(sensors, point), target - point, np.zeros_like(found))
        raise NeuroMotionError(
            f"Limb {self.limb.name!r} does not reach {place.round(3).tolist()} in the plane, at "
            f"{target[0].round(3).tolist()} m; move the site 'middle' or make it smaller."
        )


def find_chain(limb: Limb) -> Chain:
    """The hinges between the world and the point of a limb.

    Raises
    ------
    NeuroMotionError
        If one of these joints is no hinge at the origin of its body, or has no sensor of its position or no position
        actuator of its own; or if a body lacks one of the sensors of its frame.
    """
    model = limb.model
    joints = _joints_to_point(limb)
    bodies = [int(model.jnt_bodyid[joint]) for joint in joints]
    after = [
        [other for other in range(index + 1, len(joints)) if bodies[other] == bodies[index]]
        for index in range(len(joints))
    ]
    stages = max(map(len, after), default=0)
    later = np.array([[*each, *[-1] * (stages - len(each))] for each in after], dtype=int)
    actuators = np.array([_actuator(limb, joint) for joint in joints], dtype=int)
    low, high = model.actuator_ctrlrange[actuators].T
    axes = np.array(model.jnt_axis[joints])
    frames = {body: [_frame_sensor(limb, body, kind) for kind in (_Sensor.mjSENS_FRAMEPOS, *_AXES)] for body in bodies}
    return Chain(
        qpos=model.jnt_qposadr[joints],
        actuators=actuators,
        positions=np.array([_joint_sensor(limb, joint) for joint in joints], dtype=int),
        low=low,
        high=high,
        anchors=np.array([frames[body][0] for body in bodies], dtype=int),
        frames=np.array([frames[body][1:] for body in bodies], dtype=int),
        later=later.T,
        axes=np.stack([_sums_of_turned(axes[joint], axes[each]) for joint, each in enumerate(later)]),
    )


def _joints_to_point(limb: Limb) -> list[int]:
    """Joints that move the point, from the world on."""
    model = limb.model
    start = limb.sensor("point_position").start
    index = int(np.flatnonzero(model.sensor_adr == start)[0])
    if int(model.sensor_objtype[index]) != int(mujoco.mjtObj.mjOBJ_SITE):
        raise NeuroMotionError(f"Sensor 'point_position' of limb {limb.name!r} has to give the position of a site.")
    body, found = int(model.site_bodyid[model.sensor_objid[index]]), list[int]()
    while body:
        first = int(model.body_jntadr[body])
        found = [*range(first, first + int(model.body_jntnum[body])), *found]
        body = int(model.body_parentid[body])
    others = [
        model.joint(joint).name
        for joint in found
        if int(model.jnt_type[joint]) != int(mujoco.mjtJoint.mjJNT_HINGE) or model.jnt_pos[joint].any()
    ]
    if others or not found:
        raise NeuroMotionError(
            f"Hinges at the origins of their bodies have to move the point of limb {limb.name!r}, not "
            f"{', '.join(others) or 'nothing'}."
        )
    return found


def _actuator(limb: Limb, joint: int) -> int:
    """The position actuator of a joint."""
    model = limb.model
    moves = (model.actuator_trntype == int(mujoco.mjtTrn.mjTRN_JOINT)) & (model.actuator_trnid[:, 0] == joint)
    servo = moves & (model.actuator_biasprm[:, 1] == -model.actuator_gainprm[:, 0])
    if np.count_nonzero(moves) != 1 or not servo.any():
        raise NeuroMotionError(
            f"Joint {model.joint(joint).name!r} of limb {limb.name!r} moves the point; it needs one position actuator."
        )
    return int(np.flatnonzero(servo)[0])


def _joint_sensor(limb: Limb, joint: int) -> int:
    model = limb.model
    found = (model.sensor_type == int(_Sensor.mjSENS_JOINTPOS)) & (model.sensor_objid == joint)
    if not found.any():
        raise NeuroMotionError(
            f"Joint {model.joint(joint).name!r} of limb {limb.name!r} moves the point; it needs a jointpos sensor."
        )
    return int(model.sensor_adr[np.flatnonzero(found)[0]])


def _frame_sensor(limb: Limb, body: int, kind: mujoco.mjtSensor) -> list[int]:
    """Elements of ``sensordata`` with the origin of a body's frame, or with one of its axes."""
    model = limb.model
    found = (
        (model.sensor_type == int(kind))
        & (model.sensor_objtype == int(mujoco.mjtObj.mjOBJ_XBODY))
        & (model.sensor_objid == body)
        & (model.sensor_refid < 0)
    )
    if not found.any():
        element = kind.name.removeprefix("mjSENS_").lower()
        raise NeuroMotionError(
            f'Body {model.body(body).name!r} of limb {limb.name!r} needs a sensor {element} with objtype="xbody".'
        )
    start = int(model.sensor_adr[np.flatnonzero(found)[0]])
    return [start, start + 1, start + 2]


def _plane(limb: Limb) -> tuple[np.ndarray, float, tuple[float, float, float]]:
    """Middle of the plane and half a side, metres, and its normal."""
    model = limb.model
    site = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_SITE, "middle")
    if site < 0 or model.site_bodyid[site] != 0:
        raise NeuroMotionError(
            f"Limb {limb.name!r} needs a site 'middle' in the world: the middle of the plane in which its point moves, "
            "with half a side as its size."
        )
    normal = np.empty(3)
    mujoco.mju_rotVecQuat(normal, np.array([0.0, 0.0, 1.0]), model.site_quat[site])
    x, y, z = normal.tolist()
    return np.array(model.site_pos[site]), float(model.site_size[site, 0]), (x, y, z)


def _least_squares(jacobian: np.ndarray, move: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Movement of the joints, shape (n, k), that moves the point by ``move`` (n, 3); otherwise near ``pull`` (n, k)."""
    across = jacobian.transpose(0, 2, 1)
    square = jacobian @ across + DAMPING_M**2 * np.eye(3)
    left = move[:, :, None] - jacobian @ pull[:, :, None]
    return np.asarray(pull + (across @ np.linalg.solve(square, left))[:, :, 0])


def _crossed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cross products of the rows of (n, k, 3) and (n, k, 3), as columns, shape (n, 3, k)."""
    ax, ay, az = one[..., 0], one[..., 1], one[..., 2]
    bx, by, bz = other[..., 0], other[..., 1], other[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)


def _sums_of_turned(axis: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Vectors of the sum that gives ``axis`` after turns about the axes ``later``, shape (3, 3 ** len(later)).

    The terms of the last turn change fastest.
    """
    found = axis[:, None]
    for about in later:
        along = np.outer(about, about)
        across = np.cross(about, np.eye(3), axisb=0, axisc=0)
        parts = (along, np.eye(3) - along, across)
        found = np.stack([part @ found for part in parts], axis=-1).reshape(3, -1)
    return found
