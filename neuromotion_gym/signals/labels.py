"""Label maps: what the names in a recording, or the classes of a model, are called here.

A map of one's own comes first (``{"left_hand": "left_fist"}``; None leaves a name out). Without one, a name that is
written in another way ("Left-Hand") or is another usual name of a label, as the limbs' tables of intents say, gets the
name of the label that is meant. And which label is meant on the other side of the body. A leaf of this box: it imports
nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import map_offer, meanings, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def map_labels(
    names: Iterable[str],
    mapping: Mapping[Any, str | None] | None = None,
    *,
    known: Iterable[str] = (),
    strict: bool = False,
) -> dict[str, str | None]:
    """The label of each name.

    Parameters
    ----------
    names : iterable of str
        Names in a recording, or classes of a model.
    mapping : mapping of str (or int) to str or None, optional
        Name to label; None leaves the name out. Case, spaces, hyphens and underscores of the names do not matter, and a
        number stands for the name that is written with it.
    known : iterable of str
        The labels that are wanted, for instance those of a decoder. A name that ``mapping`` does not have gets the one
        of them that it is another name of. Without them such names are kept.
    strict : bool
        Whether a name that means none of ``known`` is refused; otherwise it is kept as it is.

    Returns
    -------
    dict
        Every name, in the order given, with its label or None.

    Raises
    ------
    NeuroMotionError
        If the map names something that is not there or maps two spellings of a name differently, a name may mean
        several of ``known``, or ``strict`` and a name means none of them; the message offers a map.
    """
    listed = list(dict.fromkeys(names))
    told = _told(listed, mapping or {})
    wanted = list(dict.fromkeys(known))
    unknown = [name for name in listed if name not in told and wanted and not _meant(name, wanted)]
    if strict and unknown:
        raise NeuroMotionError(
            f"Unknown labels {', '.join(map(repr, unknown))}; known: {', '.join(wanted)}. {map_offer(unknown, wanted)}"
        )
    return {name: told[name] if name in told else _one(name, _meant(name, wanted)) for name in listed}


def usual_names(names: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Names that stand for a wanted label which is not there itself, with this label.

    Parameters
    ----------
    names : iterable of str
        Names of the trials in a recording.
    wanted : iterable of str
        Labels of a decoder.

    Raises
    ------
    NeuroMotionError
        If two names stand for one label, or one name for two; the message offers a map.
    """
    there = list(dict.fromkeys(names))
    labels = list(wanted)
    lacking = [label for label in labels if label not in there]
    found = renamed(map_labels([name for name in there if name not in labels], known=lacking)) if lacking else {}
    for label in dict.fromkeys(found.values()):
        if len(same := [name for name, meant in found.items() if meant == label]) > 1:
            raise NeuroMotionError(
                f"{' and '.join(map(repr, same))} both stand for {label!r}; say what is meant: "
                f"labels={dict.fromkeys(same, label)!r} for both, or None for one that is left out."
            )
    return found


def renamed(mapped: Mapping[str, str | None]) -> dict[str, str]:
    """The names in the result of `map_labels` that changed, with their labels."""
    return {name: label for name, label in mapped.items() if label is not None and label != name}


def _told(names: list[str], mapping: Mapping[Any, str | None]) -> dict[str, str | None]:
    """The labels of those names that the map has, whatever their spelling."""
    plain: dict[str, str | None] = {}
    spelled = {str(name): label for name, label in mapping.items()}
    for name, label in spelled.items():
        if label is not None and (not isinstance(label, str) or not label):
            raise NeuroMotionError(f"A label map gives each name a label, or None to leave it out, not {label!r}.")
        if plain.setdefault(plain_name(name), label) != label:
            raise NeuroMotionError(f"The label map has {name!r} twice, written differently, with different labels.")
    there = {plain_name(name) for name in names}
    if missing := [name for name in spelled if plain_name(name) not in there]:
        raise NeuroMotionError(
            f"The label map has {', '.join(map(repr, missing))}, but the names are {', '.join(map(repr, names))}."
        )
    return {name: plain[plain_name(name)] for name in names if plain_name(name) in plain}


def _meant(name: str, wanted: list[str]) -> list[str]:
    """Those of ``wanted`` that ``name`` may mean; one that is written alike comes before other usual names."""
    if name in wanted:
        return [name]
    alike = [label for label in wanted if plain_name(label) == plain_name(name)]
    if alike:
        return alike
    mine = {plain_name(label) for label in meanings(name)}
    return [label for label in wanted if mine & {plain_name(label), *map(plain_name, meanings(label))}]


def _one(name: str, meant: list[str]) -> str:
    """The one label that ``name`` means; ``name`` itself if it means none."""
    if len(meant) > 1:
        raise NeuroMotionError(
            f"Name {name!r} may mean {' or '.join(map(repr, meant))}; say which: labels={{{name!r}: {meant[0]!r}}}."
        )
    return meant[0] if meant else name


def mirrored_labels(labels: Sequence[str]) -> np.ndarray:
    """Index of each label with ``left`` and ``right`` exchanged, int64 array of shape (labels,).

    A label without another side has its own index. `neuromotion_gym.signals.montage.mirrored_channels` does the same
    for channels.
    """
    names = list(labels)
    swap = {"left": "right", "right": "left"}
    others = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return np.array([names.index(other) if other in names else row for row, other in enumerate(others)], np.int64)
