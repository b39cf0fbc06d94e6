"""What a label means for a limb: the degree of freedom that it moves, and its direction.

The table of a limb is the file ``intents.yaml`` beside its MJCF file. An environment in which the same labels mean
something else names another file of that folder. Other packages add labels with `register_intents`. Beside each label
stand other usual names of it (``also``), so that a decoder or a recording with such a name can be used as it is; a
further table takes them over from the main one. A leaf module: it imports nothing of the library except other leaf
modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import read_yaml
from neuromotion_gym.registration import ENVIRONMENTS, MAIN_TABLE, intent_tables, limb_file
from neuromotion_gym.schema import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from neuromotion_gym.registration import Environment


@dataclass(frozen=True)
class Intent:
    """Command of one label.

    Parameters
    ----------
    degree : str or None
        What moves: a degree of freedom, a direction in space, a named posture or a muscle; with None the limb is held
        still.
    direction : int
        +1 towards the upper end of its range, -1 towards the lower end, 0 to hold.
    one_way : bool
        Whether no label moves it in the opposite direction, as with a posture or a muscle.
    exclusive : bool
        Whether the limb has to leave it for any other one of its kind and for rest, as with a posture.
    ignored : bool
        Whether the label does nothing for this limb without being the label for rest.
    """

    degree: str | None
    direction: int
    one_way: bool = False
    exclusive: bool = False
    ignored: bool = False


HOLD = Intent(None, 0)
IGNORED = Intent(None, 0, ignored=True)


class Entry(NamedTuple):
    """A label in the table of a limb: its command, and other usual names of it."""

    intent: Intent
    also: tuple[str, ...] = ()


_ADDED: dict[tuple[str, str], dict[str, Entry]] = {}


def register_intents(
    limb: str,
    intents: Mapping[str, Intent],
    also: Mapping[str, Sequence[str]] | None = None,
    table: str = MAIN_TABLE,
) -> None:
    """Define what labels of a new data set mean for a limb; a repeated call with the same intents changes nothing.

    Parameters
    ----------
    limb : str
    intents : mapping of str to Intent
    also : mapping of str to sequence of str, optional
        Other usual names of these labels.
    table : str
        Table of the limb, as in `neuromotion_gym.registration.Environment`.

    Raises
    ------
    NeuroMotionError
        If a label already means something else for this limb.
    """
    known = intent_table(limb, table)
    other = [label for label, intent in intents.items() if known.get(label, intent) != intent]
    if other:
        raise NeuroMotionError(f"For limb {limb!r} {', '.join(map(repr, other))} already mean something else.")
    names = also or {}
    entries = {label: Entry(intent, tuple(names.get(label, ()))) for label, intent in intents.items()}
    _ADDED.setdefault((limb, table), {}).update(entries)


def intent_table(limb: str, table: str = MAIN_TABLE) -> dict[str, Intent]:
    """All labels that a limb can express: those of one of its tables, and those added by `register_intents`.

    Raises
    ------
    NeuroMotionError
        If the limb is unknown, or its table is missing or faulty.
    """
    return {label: entry.intent for label, entry in _entries(limb, table)}


def environments_for(labels: Sequence[str], targets: Sequence[str] = ()) -> list[str]:
    """Environments that take a decoder with these labels, in the order in which they are registered.

    Its limb can express all of them, and each axis that they move can be moved both ways where it has to be. For a
    decoder of ``targets`` only those in which joints follow them.
    """
    return [
        name
        for name, row in ENVIRONMENTS.items()
        if _takes(row, labels) and (not targets or row.of_targets is not None)
    ]


def _takes(row: Environment, labels: Sequence[str]) -> bool:
    if not set(labels) <= set(intent_table(row.limb, row.intents)):
        return False
    try:
        intents = intent_map(row.limb, labels, row.intents)
    except NeuroMotionError:
        return False
    return intents.rest is not None or not row.needs_rest


def plain_name(name: str) -> str:
    """``name`` without what does not matter: case, and spaces and hyphens for underscores ("Left-Hand", left_hand)."""
    return re.sub(r"[\s_-]+", "_", name.strip()).strip("_").casefold()


def meanings(name: str, limb: str | None = None, table: str = MAIN_TABLE) -> tuple[str, ...]:
    """The labels that ``name`` may stand for, by one table of a limb or by all tables; empty if it is in none of them.

    A label stands for itself first, then for the labels that list it as another usual name.
    """
    tables = [_entries(*each) for each in ([(limb, table)] if limb is not None else intent_tables())]
    plain, entries = plain_name(name), [pair for table in tables for pair in table]
    own = [label for label, _ in entries if plain_name(label) == plain]
    others = [label for label, entry in entries if plain in map(plain_name, entry.also)]
    return tuple(dict.fromkeys([*own, *others]))


def map_offer(unknown: Sequence[str], known: Sequence[str]) -> str:
    """A sentence for error messages: the map of labels that would help, with the closest known names."""
    listed = [name for each in intent_tables() for label, entry in _entries(*each) for name in (label, *entry.also)]
    spelled = {plain_name(name): label for name in listed for label in meanings(name) if label in known}
    spelled |= {plain_name(label): label for label in known}
    found = {}
    for name in unknown:
        close = get_close_matches(plain_name(name), spelled, 1, 0.75)
        found[name] = spelled[close[0]] if close else "…"
    return f"If that is another name of the same movement, pass it in a map: labels={found!r}."


def _entries(limb: str, table: str) -> tuple[tuple[str, Entry], ...]:
    """Labels and entries of a table, those of its file first, with the names and labels that were added."""
    found = dict(_read(limb_file(limb).with_name(f"{table}.yaml")))
    if table != MAIN_TABLE:
        main = dict(_entries(limb, MAIN_TABLE))
        found = {
            label: Entry(entry.intent, entry.also or main.get(label, entry).also) for label, entry in found.items()
        }
    for label, added in _ADDED.get((limb, table), {}).items():
        before = found.get(label, Entry(added.intent))
        found[label] = Entry(added.intent, tuple(dict.fromkeys([*before.also, *added.also])))
    return tuple(found.items())


@cache
def _read(path: Path) -> dict[str, Entry]:
    """Read the table of a limb."""
    if not path.is_file():
        raise NeuroMotionError(f"{path} is missing; it says what each label means for the limb beside it.")
    table = read_yaml(path, "table of labels")
    if not isinstance(table, dict) or not all(isinstance(label, str) for label in table):
        raise NeuroMotionError(f"{path}: expected a table of labels.")
    return {label: _entry(given, f"{path}, label {label!r}") for label, given in table.items()}


def _entry(given: object, where: str) -> Entry:
    if isinstance(given, str) and given in _STILL:
        return Entry(_STILL[given])
    if isinstance(given, dict):
        also, rest = given.get("also", []), {key: value for key, value in given.items() if key != "also"}
        if not isinstance(also, list) or not all(isinstance(name, str) and plain_name(name) for name in also):
            raise NeuroMotionError(f"{where}: 'also' is a list of other names, not {shortened(also)}.")
        for word, intent in _STILL.items():
            if rest == {word: True}:
                return Entry(intent, tuple(also))
        for word in _ONE_WAY:
            if set(rest) == {word} and isinstance(rest[word], str):
                return Entry(Intent(rest[word], 1, one_way=True, exclusive=_ONE_WAY[word]), tuple(also))
        degree, direction = rest.get("degree"), rest.get("direction")
        named = set(rest) == {"degree", "direction"} and isinstance(degree, str)
        if named and type(direction) is int and direction in (-1, 1):
            return Entry(Intent(degree, direction), tuple(also))
    raise NeuroMotionError(
        f"{where}: an intent is 'hold', 'ignored', {{hold: true, also: [NAMES]}}, {{degree: NAME, direction: +1}} or "
        f"-1, {{posture: NAME}} or {{muscle: NAME}}, also with 'also', not {shortened(given)}."
    )


_STILL = {"hold": HOLD, "ignored": IGNORED}
_ONE_WAY = {"posture": True, "muscle": False}
"""Forms of an intent whose object moves in one direction: whether the limb can be brought to one of them at a time."""


@dataclass(frozen=True, eq=False)
class IntentMap:
    """What the labels of one decoder mean for one limb.

    Parameters
    ----------
    labels : tuple of str
        The decoder's labels.
    axes : tuple of str
        What these labels move, in the order of the labels that first mention it.
    directions : float array, shape (labels, axes)
        The action at full speed that each label asks for; a row of zeros holds the limb still. The label of a posture
        leaves all other postures (-1), and so does the label for rest.
    ignored : tuple of str
        Labels that do nothing for this limb and are not the label for rest.
    exclusive : tuple of str
        Axes of which the limb takes one at a time: postures.
    """

    labels: tuple[str, ...]
    axes: tuple[str, ...]
    directions: np.ndarray
    ignored: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        directions = np.array(self.directions, dtype=float)
        directions.setflags(write=False)  # controllers have them, and so does the drive
        object.__setattr__(self, "directions", directions)

    @property
    def rest(self) -> int | None:
        """Index of the first label with which the wearer rests; None where there is none."""
        left = np.array([axis in self.exclusive for axis in self.axes])
        moves = np.where(left, np.asarray(self.directions) > 0, np.asarray(self.directions) != 0)
        still = np.flatnonzero(~moves.any(axis=1)).tolist()
        return next((row for row in still if self.labels[row] not in self.ignored), None)


def intent_map(limb: str, labels: Sequence[str], table: str = MAIN_TABLE) -> IntentMap:
    """The meaning of ``labels`` for ``limb``, by one of its tables.

    Raises
    ------
    NeuroMotionError
        If the limb is unknown or cannot express one of the labels, if no label moves it, or if a degree of freedom can
        be moved in one direction only.
    """
    known = intent_table(limb, table)
    unknown = [label for label in labels if label not in known]
    if unknown:
        fits = environments_for(labels)
        raise NeuroMotionError(
            f"Limb {limb!r} cannot express {', '.join(map(repr, unknown))}. It can express: "
            f"{', '.join(sorted(known))}. {map_offer(unknown, list(known))}"
            + (f" Environments that all of its labels fit: {', '.join(fits)}." if fits else "")
        )
    intents = [known[label] for label in labels]
    axes = tuple(dict.fromkeys(each.degree for each in intents if each.degree is not None))
    if not axes:
        raise NeuroMotionError(f"None of the labels {', '.join(labels)} moves limb {limb!r}.")
    exclusive = tuple(axis for axis in axes if axis in {each.degree for each in intents if each.exclusive})
    directions = np.zeros((len(labels), len(axes)))
    for row, intent in enumerate(intents):
        if intent.exclusive or intent == HOLD:
            directions[row, [axes.index(axis) for axis in exclusive]] = -1.0
        if intent.degree is not None:
            directions[row, axes.index(intent.degree)] = intent.direction
    alone = {each.degree for each in intents if each.one_way}
    one_way = [
        axis
        for axis, column in zip(axes, directions.T, strict=True)
        if axis not in alone and not {-1.0, 1.0} <= set(column)
    ]
    if one_way:
        raise NeuroMotionError(
            f"Labels {', '.join(labels)} move {', '.join(one_way)} of limb {limb!r} in one direction only; "
            "each degree of freedom needs a label for each direction."
        )
    ignored = tuple(label for label in labels if known[label].ignored)
    return IntentMap(tuple(labels), axes, directions, ignored, exclusive)
