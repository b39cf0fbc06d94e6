"""What a label means for a limb: label to degree-of-freedom command, one table a limb.

A leaf: imports nothing of the library but its error class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Intent:
    """Command of one label.

    Parameters
    ----------
    degree : str or None
        Degree of freedom that moves; None holds everything still.
    direction : int
        +1 towards the upper end of its range, -1 towards the lower end, 0 to hold.
    """

    degree: str | None
    direction: int


HOLD = Intent(None, 0)

INTENTS: Mapping[str, Mapping[str, Intent]] = {
    "arm": {
        # EEGMMIDB, real or imagined movement
        "rest": HOLD,
        "left_fist": Intent("elbow_flexion", -1),
        "right_fist": Intent("elbow_flexion", +1),
        "both_fists": Intent("grip", +1),
        "both_feet": Intent("grip", -1),
        # Myo armband gestures
        "neutral": HOLD,
        "wrist_flexion": Intent("wrist_flexion", +1),
        "wrist_extension": Intent("wrist_flexion", -1),
        "radial_deviation": Intent("wrist_deviation", +1),
        "ulnar_deviation": Intent("wrist_deviation", -1),
        "hand_close": Intent("grip", +1),
        "hand_open": Intent("grip", -1),
        # Three-electrode arm table
        "elbow_bend": Intent("elbow_flexion", +1),
        "elbow_extend": Intent("elbow_flexion", -1),
        # The table does not say how the forearm lay; with the palm down, as here, left is radial for a right hand
        "wrist_left": Intent("wrist_deviation", +1),
        "wrist_right": Intent("wrist_deviation", -1),
    },
}


@dataclass(frozen=True, eq=False)
class IntentMap:
    """Labels of one decoder, laid out for one limb.

    Parameters
    ----------
    labels : tuple of str
        The decoder's labels.
    axes : tuple of str
        Degrees of freedom that these labels move, in order of first mention.
    directions : float array, shape (labels, axes)
        Unit command of each label; a row of zeros holds.
    """

    labels: tuple[str, ...]
    axes: tuple[str, ...]
    directions: np.ndarray

    @property
    def rest(self) -> int | None:
        """Index of the label that holds the limb still; None where there is none."""
        still = np.flatnonzero(~self.directions.any(axis=1))
        return int(still[0]) if still.size else None


def intent_map(limb: str, labels: Sequence[str]) -> IntentMap:
    """Lay ``labels`` out for ``limb``.

    Raises
    ------
    NeuroMotionError
        If the limb is unknown, or cannot express one of the labels, or an axis can be moved one way only.
    """
    if limb not in INTENTS:
        raise NeuroMotionError(f"No intents for limb {limb!r}. Limbs with intents: {', '.join(sorted(INTENTS))}.")
    table = INTENTS[limb]
    unknown = [label for label in labels if label not in table]
    if unknown:
        raise NeuroMotionError(
            f"Limb {limb!r} cannot express {', '.join(map(repr, unknown))}. It can express: {', '.join(sorted(table))}."
        )
    axes = tuple(dict.fromkeys(degree for label in labels if (degree := table[label].degree) is not None))
    if not axes:
        raise NeuroMotionError(f"None of the labels {', '.join(labels)} moves limb {limb!r}.")
    directions = np.zeros((len(labels), len(axes)))
    for row, label in enumerate(labels):
        intent = table[label]
        if intent.degree is not None:
            directions[row, axes.index(intent.degree)] = intent.direction
    one_way = [axis for axis, column in zip(axes, directions.T, strict=True) if not {-1.0, 1.0} <= set(column)]
    if one_way:
        raise NeuroMotionError(
            f"Labels {', '.join(labels)} move {', '.join(one_way)} of limb {limb!r} one way only; "
            "each degree of freedom needs a label for either direction."
        )
    return IntentMap(tuple(labels), axes, directions)
