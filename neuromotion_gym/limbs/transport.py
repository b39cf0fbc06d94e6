"""The arm carries a hand from block to block and over a partition, by a state machine that reads sensors alone.

The state machine reads where blocks and fingertips are, what thumb and index finger touch, and how far the hand is
open. It knows nothing of goals. Every array has the rows of the batch first.

Its scene has bodies ``block_1`` … in the order in which they are visited, a geom ``partition``, and the sensors
``block_1_position`` …, ``thumb_tip_position`` and ``index_tip_position``. In ``<custom>`` it says how the limb is used:

- tuple ``carried``: the body with the hand; tuple ``carried_by``: actuators of the joints that move it; numeric
  ``carried_comfortably``: their preferred angles;
- numeric ``held_turn``: how the hand is held, fingers down by the first angle, then turned by the second one with the
  thumb down; numeric ``held_wrist``: from the centre of a block between the fingertips to the wrist, forward, left
  and up; both for the right hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import mujoco
import numpy as np
from scipy.interpolate import CubicSpline

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.hand_poses import HandPoses
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.limbs.model import model_digest

if TYPE_CHECKING:
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.limbs.model import Side

WAITING, OFFERED, CARRIED, PAST, BACK, ACROSS, OVER = range(7)
"""What the arm is doing: it waits above the next block; the block is offered, with the hand around it; the block is
lifted and carried; the hand is past the partition until it opens; it comes back; it moves across to the next block; all
blocks have been offered."""

_HOVER_M, _HIGH_M, _DROP_M = 0.05, 0.17, 0.07
"""Heights above a block's place: waiting, crossing the partition (15.2 cm high), letting go."""
_BEYOND_M, _FORWARD_M, _TOGETHER = 0.085, 0.03, 0.3
"""Mean distance of the places of letting go from the partition, how much farther forward they are than the blocks'
places (nearer the trunk the wrist would have to turn far), and their distances from each other as a share of those of
the blocks' places."""
_LEGS_S = (0.35, 0.4, 0.5, 0.35)
"""Times from around the block to above it, to the height of crossing, to the partition, to the place of letting go. The
hand moves at 0.1 to 0.5 m/s; people reach at peaks of 0.6 to 0.9 m/s (Morasso P 1981, Exp Brain Res 42:223-227)."""
_ACROSS_S = 0.5
_TOUCH_N = 0.05
"""A fingertip is in contact from this force on, half of a block's weight."""
_HELD_S = 0.15
"""A block is held once both fingertips have been in contact for this long."""
_BETWEEN_M = 0.025
"""A block whose centre is further than this from the middle between the fingertips is not in the hand."""
_CLEAR = -0.4
"""A block is offered once the hand is open at least this far, and the hand comes down around it only while it stays so:
otherwise it would land on the block."""
_REACH_M = 0.02
"""The hand follows a block that lies up to this far from its place, forward and to the left."""


class Plan(NamedTuple):
    """Set points of the arm for a scene.

    Parameters
    ----------
    path : float array, shape (blocks, steps, 7)
        Angles of the arm from around each block to the place of letting go, one element per control step.
    shift : float array, shape (blocks, 7, 2)
        Change of these angles around the block per metre that it lies forward and left of its place.
    hover : int
        Element of the path above the block.
    joints : tuple of str
        Joints of the arm.
    places : float array, shape (blocks, 3)
        Centres of the blocks at the start.
    partition : float
        Place of the partition from right to left.
    """

    path: np.ndarray
    shift: np.ndarray
    hover: int
    joints: tuple[str, ...]
    places: np.ndarray
    partition: float


class Transport:
    """State machine of a batch of arms.

    Parameters
    ----------
    limb : Limb
        With a scene as this module describes it.
    control_s : float
        Control period.
    period_s : float
        Time for which a block is offered. A block that is not held by then is left.
    blocks : int
        Number of blocks that are offered.
    pace : float, default 1.0
        How many times as fast as usual the arm moves, except around a block, where a fast hand would push it.
    back : int, default 1
        How many times as fast as it carries a block the arm comes back without one.

    Attributes
    ----------
    phase : int array, shape (rows,)
        `WAITING` …
    block : int array, shape (rows,)
        Block that is offered now or next; ``blocks`` after the last one.
    waits : float array, shape (rows, blocks)
        Seconds for which the hand waits above each block before it is offered; to be set after `reset`.

    Raises
    ------
    NeuroMotionError
        If the scene has fewer blocks.
    """

    def __init__(
        self, limb: Limb, control_s: float, period_s: float, blocks: int, pace: float = 1.0, back: int = 1
    ) -> None:
        self.plan = arm_plan(limb, control_s, pace)
        if blocks > len(self.plan.places):
            raise NeuroMotionError(f"The scene has {len(self.plan.places)} blocks, not {blocks}.")
        self._control_s, self._blocks, self._back = control_s, blocks, back
        self._period, self._across, self._held = (round(s / control_s) for s in (period_s, _ACROSS_S / pace, _HELD_S))
        self.blocks_read: np.ndarray = np.stack(
            [np.arange(3) + limb.sensor(f"block_{k + 1}_position").start for k in range(blocks)]
        )
        """Elements of ``sensordata`` with the centres of the blocks, shape (blocks, 3)."""
        self._tips = [limb.sensor(f"{digit}_tip_position") for digit in ("thumb", "index")]
        self._touch = np.array([limb.sensor(f"{digit}_touch").start for digit in ("thumb", "index")])

    def start(self, num_rows: int) -> None:
        """Allocate the state of ``num_rows`` rows."""
        self.phase: np.ndarray = np.full(num_rows, WAITING)
        self.block: np.ndarray = np.zeros(num_rows, dtype=int)
        self.waits: np.ndarray = np.zeros((num_rows, self._blocks))
        self._rows = np.arange(num_rows)
        self._since, self._step, self._contact = (np.zeros(num_rows, dtype=int) for _ in range(3))
        self._early = np.zeros(num_rows, dtype=bool)
        self._aim = np.zeros((num_rows, 2))
        self._left_at = np.zeros((num_rows, len(self.plan.joints)))

    def reset(self, rows: np.ndarray) -> None:
        """Begin in ``rows`` with the hand above the first block, where it waits as before every other one."""
        self.phase[rows] = WAITING
        for values in (self.block, self._since, self._contact):
            values[rows] = 0
        self._step[rows] = self.plan.hover
        self._early[rows] = False
        self.waits[rows] = 0.0

    @property
    def in_reach(self) -> np.ndarray:
        """Whether a block is offered, bool array of shape (rows,)."""
        return self.phase == OFFERED

    @property
    def closed_early(self) -> np.ndarray:
        """Whether the hand has closed above the block that is offered, where it stays until it opens."""
        return self.in_reach & self._early

    @property
    def in_hand(self) -> np.ndarray:
        """Whether a block has been lifted and not yet let go."""
        return (self.phase == CARRIED) | (self.phase == PAST)

    @property
    def past(self) -> np.ndarray:
        """Whether a block is held past the partition, where the arm waits until the hand opens."""
        return self.phase == PAST

    def advance(self, sensors: np.ndarray, grip: np.ndarray) -> np.ndarray:
        """Go on by one control step.

        Parameters
        ----------
        sensors : float array, shape (rows, nsensordata)
        grip : float array, shape (rows,)
            -1 open, 1 closed.

        Returns
        -------
        float array, shape (rows, 7)
            Set points of the arm.
        """
        plan, before = self.plan, self.phase
        is_in = [before == phase for phase in range(OVER + 1)]
        block = np.minimum(self.block, self._blocks - 1)
        place = sensors[self._rows[:, None], self.blocks_read[block]]
        middle = (sensors[:, self._tips[0]] + sensors[:, self._tips[1]]) / 2
        between = np.linalg.norm(place - middle, axis=1) <= _BETWEEN_M
        touched = between & (sensors[:, self._touch] >= _TOUCH_N).all(axis=1)
        self._since += 1
        self._contact = np.where(touched, self._contact + 1, 0)

        hover, end = plan.hover, plan.path.shape[1] - 1
        comes_down = is_in[OFFERED] & (self._step > 0) & (grip <= _CLEAR)
        self._early = (self._step > 0) & (grip > _CLEAR)
        towards = bounded(hover - self._step, self._back) * is_in[BACK]
        self._step = self._step - comes_down + towards + (is_in[CARRIED] & (self._step < end))

        held = is_in[OFFERED] & (self._step == 0) & (self._contact >= self._held)
        left = is_in[OFFERED] & ~held & (self._since >= self._period)
        lost = (self.in_hand & ~between) | (is_in[PAST] & (grip <= _CLEAR))
        arrived = is_in[CARRIED] & ~lost & (self._step == end)
        returned = is_in[BACK] & (self._step == hover)
        crossed = is_in[ACROSS] & (self._since >= self._across)
        waited = is_in[WAITING] & (self._since * self._control_s >= self.waits[self._rows, block]) & (grip <= _CLEAR)
        changes = ((held, CARRIED), (left | lost, BACK), (arrived, PAST), (returned, ACROSS), (crossed, WAITING))
        for when, phase in (*changes, (waited, OFFERED)):
            self.phase = np.where(when, phase, self.phase)
        if returned.any():
            self._left_at = np.where(returned[:, None], self._on_path(block), self._left_at)
            self.block = self.block + returned
            self.phase = np.where(returned & (self.block >= self._blocks), OVER, self.phase)
            block = np.minimum(self.block, self._blocks - 1)
        self._since = np.where(self.phase == before, self._since, 0)

        # Fingers may push a block that they are around; until then the hand follows it
        aims = is_in[ACROSS] | is_in[WAITING]
        offset = np.clip(place[:, :2] - plan.places[block, :2], -_REACH_M, _REACH_M)
        self._aim = np.where(aims[:, None], offset, self._aim)
        share = np.minimum(1.0, self._since / self._across)
        share = (share**3 * (10 - 15 * share + 6 * share**2))[:, None]  # smoothest movement (Flash T, Hogan N 1985)
        blend = self._left_at + share * (self._on_path(block) - self._left_at)
        return np.where((self.phase == ACROSS)[:, None], blend, self._on_path(block))

    def _on_path(self, block: np.ndarray) -> np.ndarray:
        """Angles of the arm on the path of every row's block, shape (rows, 7)."""
        near = np.maximum(0.0, 1.0 - self._step / (2.0 * self.plan.hover))[:, None]
        shift = (self.plan.shift[block] @ self._aim[:, :, None])[:, :, 0]
        return np.asarray(self.plan.path[block, self._step] + near * shift)


@dataclass(frozen=True)
class _Known:
    """A model that is known by all that it holds."""

    digest: str
    model: mujoco.MjModel = field(compare=False)


def arm_plan(limb: Limb, control_s: float, pace: float = 1.0) -> Plan:
    """Set points of the arm for a limb and its scene; computed once for each. ``pace`` as in `Transport`.

    Raises
    ------
    NeuroMotionError
        If there is no scene, or one without blocks and partition.
    """
    return _arm_plan(_Known(model_digest(limb.model), limb.model), limb.side, control_s, pace)


@lru_cache(maxsize=4)
def _arm_plan(known: _Known, side: Side, control_s: float, pace: float) -> Plan:
    model, count = known.model, 0
    while mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, f"block_{count + 1}") >= 0:
        count += 1
    wall = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, "partition")
    if not count or wall < 0:
        raise NeuroMotionError("This drive needs a scene with bodies block_1, block_2 … and a geom partition.")
    places = np.array([model.body(f"block_{k + 1}").pos for k in range(count)])
    partition = float(model.geom_pos[wall, 1])
    mirror = np.array([1.0, 1.0 if side == "right" else -1.0, 1.0])
    home = np.array(model.key_qpos[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_KEY, "home")])
    joints = tuple(model.joint(int(model.actuator_trnid[index, 0])).name for index in members(model, "carried_by"))
    comfortable = numbers(model, "carried_comfortably")
    poses = HandPoses(model, model.body(members(model, "carried")[0]).name, joints, home, comfortable)
    rotation = mirror[:, None] * _hand_down(*numbers(model, "held_turn")) * mirror
    wrist = mirror * numbers(model, "held_wrist")
    left, middle = mirror[1], places.mean(axis=0)

    first, *others = _LEGS_S
    times = np.cumsum([0.0, first, *(leg / pace for leg in others)])
    ticks = np.arange(round(times[-1] / control_s) + 1) * control_s
    paths, shifts = [], []
    for place in places:
        above = [place + np.array([0.0, 0.0, height]) for height in (0.0, _HOVER_M, _HIGH_M)]
        # The blocks' places side by side, drawn together: the arm reaches less far there, and blocks must not pile up
        forward = middle[0] + _FORWARD_M + _TOGETHER * (place[0] - middle[0])
        beyond = _BEYOND_M + _TOGETHER * (abs(place[1] - partition) - abs(middle[1] - partition))
        crossing = np.array([forward, partition, place[2] + _HIGH_M])
        end = crossing + np.array([0.0, left * beyond, _DROP_M - _HIGH_M])
        angles = [comfortable]
        for goal, turn in zip((*above, crossing, end), (1.0, 1.0, 0.2, 0.2, 0.2), strict=True):
            angles.append(poses.posture(goal + wrist, rotation, turn, angles[-1]))
        path = CubicSpline(times, np.array(angles[1:]), bc_type="clamped")(ticks)
        paths.append(np.clip(path, poses.low, poses.high))  # between its knots a spline may overshoot
        aside = [poses.posture(place + wrist + step, rotation, 1.0, angles[1]) for step in 0.01 * np.eye(3)[:2]]
        shifts.append((np.array(aside) - angles[1]).T / 0.01)
    hover = round(times[1] / control_s)
    return Plan(np.array(paths), np.array(shifts), hover, joints, places, partition)


def members(model: mujoco.MjModel, name: str) -> np.ndarray:
    """Indices of what is in a tuple of the model, int array.

    Raises
    ------
    NeuroMotionError
        If the model has no such tuple.
    """
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_TUPLE, name)
    if index < 0:
        raise NeuroMotionError(f"This drive needs a scene with the tuple {name!r}.")
    first = int(model.tuple_adr[index])
    return np.array(model.tuple_objid[first : first + int(model.tuple_size[index])], dtype=int)


def numbers(model: mujoco.MjModel, name: str) -> np.ndarray:
    """A ``<numeric>`` of the model.

    Raises
    ------
    NeuroMotionError
        If the model has none of that name.
    """
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_NUMERIC, name)
    if index < 0:
        raise NeuroMotionError(f"This drive needs a scene with the numeric {name!r}.")
    first = int(model.numeric_adr[index])
    return np.array(model.numeric_data[first : first + int(model.numeric_size[index])])


def _hand_down(pitch: float, roll: float) -> np.ndarray:
    """Orientation of the right hand's frame (x to the thumb, y out of the palm, -z to the fingers), shape (3, 3)."""
    down = np.array([np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch), np.sin(pitch)])
    forward = np.array([0.0, 0.0, -1.0])
    forward -= down * (down @ forward)
    forward /= np.linalg.norm(forward)
    return np.stack([forward, np.cross(-down, forward), -down])
