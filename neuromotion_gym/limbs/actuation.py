"""How fast and how strong the hands are that a limb can stand for: a natural one, or prostheses that one can buy.

The figures are in the file ``actuation.yaml`` beside the MJCF of a limb, each with its source. A limb without this file
has one strength, that of its MJCF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import read_yaml
from neuromotion_gym.schema import Checked, from_mapping, shortened

if TYPE_CHECKING:
    from neuromotion_gym.limbs.limb import Limb


class Actuation(Checked):
    """Speed and strength of one kind of hand.

    Parameters
    ----------
    closing_s : float
        Time from fully open to fully closed, seconds.
    grip_n, lateral_n : float
        Forces of a power grip and of a lateral pinch, newtons.
    """

    closing_s: float = Field(gt=0)
    grip_n: float = Field(gt=0)
    lateral_n: float = Field(gt=0)


class _Table(Checked):
    digits: tuple[str, ...]
    kinds: dict[str, Actuation]
    as_built: str


def actuations(limb: Limb) -> dict[str, Actuation]:
    """Every kind of actuation that the limb can stand for, by name; empty if it has no table of them.

    Raises
    ------
    NeuroMotionError
        If the table is faulty.
    """
    table = _read(limb)
    return dict(table.kinds) if table else {}


def set_actuation(limb: Limb, name: str) -> Actuation:
    """Give the digits of a limb the strength of one kind of actuation, in place, and return its figures.

    What the actuators of the digits can do beyond holding the springs of their joints is scaled by the force of the
    lateral pinch, in which one finger and the thumb work: the grip of a prosthesis is often that of one motor for all.

    Raises
    ------
    NeuroMotionError
        If the limb has no such kind of actuation; the message lists those that it has.
    """
    table = _read(limb)
    if table is None or not isinstance(name, str) or name not in table.kinds:
        known = ", ".join(table.kinds) if table else "only the one of its model"
        raise NeuroMotionError(f"Limb {limb.name!r} has no actuation {shortened(name)}. It has: {known}.")
    kind = table.kinds[name]
    rows = np.array([row for digit in table.digits for row in limb.degree(digit).actuators])
    built = limb.spec().compile()
    # A servo on joints with springs: force = gain * control + bias[0] + bias[1] * position. Where the position is the
    # control, this is the force that holds the springs
    control = built.actuator_ctrlrange[rows]
    spring = built.actuator_gainprm[rows, :1] + built.actuator_biasprm[rows, 1:2]
    held = np.abs(spring * control + built.actuator_biasprm[rows, :1]).max(axis=1, keepdims=True)
    ends = built.actuator_forcerange[rows]
    share = kind.lateral_n / table.kinds[table.as_built].lateral_n
    limb.model.actuator_forcerange[rows] = np.sign(ends) * (held + share * (np.abs(ends) - held))
    return kind


def _read(limb: Limb) -> _Table | None:
    path = limb.path.with_name("actuation.yaml")
    return from_mapping(_Table, read_yaml(path, "table of actuations"), str(path)) if path.is_file() else None
