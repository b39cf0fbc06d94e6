"""What a label means for a limb: the degree of freedom that it moves, and its direction.

The table of a limb is the file ``intents.yaml`` beside its MJCF file; other packages add labels with
`register_intents`. A leaf module: it imports nothing of the library except other leaf modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import read_yaml
from neuromotion_gym.registration import limb_file
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Intent:
    """Command of one label.

    Parameters
    ----------
    degree : str or None
        Degree of freedom that moves; with None the limb is held still.
    direction : int
        +1 towards the upper end of its range, -1 towards the lower end, 0 to hold.
    """

    degree: str | None
    direction: int


HOLD = Intent(None, 0)

_ADDED: dict[str, dict[str, Intent]] = {}


def register_intents(limb: str, intents: Mapping[str, Intent]) -> None:
    """Define what labels of a new data set mean for a limb; a repeated call with the same intents changes nothing.

    Raises
    ------
    NeuroMotionError
        If a label already means something else for this limb.
    """
    known = intent_table(limb)
    other = [label for label, intent in intents.items() if known.get(label, intent) != intent]
    if other:
        raise NeuroMotionError(f"For limb {limb!r} {', '.join(map(repr, other))} already mean something else.")
    _ADDED.setdefault(limb, {}).update(intents)


def intent_table(limb: str) -> dict[str, Intent]:
    """All labels that a limb can express: those of its ``intents.yaml``, and those added by `register_intents`.

    Raises
    ------
    NeuroMotionError
        If the limb is unknown, or its table is missing or faulty.
    """
    return {**_read(limb_file(limb).with_name("intents.yaml")), **_ADDED.get(limb, {})}


@cache
def _read(path: Path) -> dict[str, Intent]:
    """Read the table of a limb."""
    if not path.is_file():
        raise NeuroMotionError(f"{path} is missing; it says what each label means for the limb beside it.")
    table = read_yaml(path, "table of labels")
    if not isinstance(table, dict) or not all(isinstance(label, str) for label in table):
        raise NeuroMotionError(f"{path}: expected a table of labels.")
    return {label: _intent(entry, f"{path}, label {label!r}") for label, entry in table.items()}


def _intent(entry: object, where: str) -> Intent:
    if entry == "hold":
        return HOLD
    if isinstance(entry, dict) and set(entry) == {"degree", "direction"}:
        degree, direction = entry["degree"], entry["direction"]
        if isinstance(degree, str) and type(direction) is int and direction in (-1, 1):
            return Intent(degree, direction)
    raise NeuroMotionError(
        f"{where}: an intent is 'hold', or {{degree: NAME, direction: +1}} or -1, not {shortened(entry)}."
    )


@dataclass(frozen=True, eq=False)
class IntentMap:
    """What the labels of one decoder mean for one limb.

    Parameters
    ----------
    labels : tuple of str
        The decoder's labels.
    axes : tuple of str
        Degrees of freedom that these labels move, in the order of the labels that first mention them.
    directions : float array, shape (labels, axes)
        The action at full speed that each label asks for; a row of zeros holds the limb still.
    """

    labels: tuple[str, ...]
    axes: tuple[str, ...]
    directions: np.ndarray

    @property
    def rest(self) -> int | None:
        """Index of the first label that holds the limb still; None where there is none."""
        still = np.flatnonzero(~self.directions.any(axis=1))
        return int(still[0]) if still.size else None


def intent_map(limb: str, labels: Sequence[str]) -> IntentMap:
    """The meaning of ``labels`` for ``limb``.

    Raises
    ------
    NeuroMotionError
        If the limb is unknown or cannot express one of the labels, if no label moves it, or if an axis can be moved in
        one direction only.
    """
    table = intent_table(limb)
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
            f"Labels {', '.join(labels)} move {', '.join(one_way)} of limb {limb!r} in one direction only; "
            "each degree of freedom needs a label for each direction."
        )
    return IntentMap(tuple(labels), axes, directions)
