"""Names of one electrode in different files: ``C3``, ``c3``, ``C3..`` and ``EEG C3-REF``; ``T3`` and ``T7``.

Two names are the same electrode if they differ only in case, blanks, dots, dashes and underscores, in the word ``EEG``
or ``EMG`` before the name, in the common reference after it, or as old and new name of the 10-20 system. A bipolar
channel (``C3-P3``) is no electrode and is the same only as a channel of the same two electrodes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OLD_NAMES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8"}
"""Names of the 10-20 system that the 10-10 and 10-05 systems replaced; in lower case."""

SHOWN = 8
"""Largest number of other spellings that a message names."""

_KIND = re.compile(r"^(eeg|emg)[ _:-]+(?=[a-z])")
_REFERENCE = re.compile(r"[ _-]+(ref|le|avg|ave|av|ar|car|a1|a2|m1|m2|a1a2|m1m2|org)$")
_SEPARATORS = re.compile(r"[\s._-]+")


def matched(wanted: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """For each wanted channel, the given channel that is the same electrode.

    An equal name comes first, then one that differs in its spelling, then an old or new name. A name that matches with
    fewer changes leaves the others out: of ``t7`` and ``T3``, the first is ``T7``, and the second then matches nothing.

    Parameters
    ----------
    wanted : sequence of str
        Channels of a decoder.
    given : sequence of str
        Channels of a recording.

    Returns
    -------
    dict of str to str
        In the order of ``wanted``. A wanted channel that nothing matches is left out.

    Raises
    ------
    NeuroMotionError
        If two given channels match one wanted channel equally well, or one given channel matches two wanted ones.
    """
    found: dict[str, str] = {}
    for form in (str, spelling, electrode):
        groups: dict[str, list[str]] = defaultdict(list)
        taken = set(found.values())
        for name in given:
            if name not in taken:
                groups[form(name)].append(name)
        for name in wanted:
            same = groups.get(form(name), ())
            if name in found or not same:
                continue
            if len(set(same)) > 1:
                raise NeuroMotionError(
                    f"Channel {name!r} may be any of {', '.join(map(repr, same))}; say which with a map of channels "
                    f"({{{same[0]!r}: {name!r}}})."
                )
            found[name] = same[0]
    _check_distinct(found)
    return {name: found[name] for name in wanted if name in found}


def spelling(name: str) -> str:
    """A name in lower case, without a kind of signal before it, a common reference after it, and separators."""
    text = _REFERENCE.sub("", _KIND.sub("", name.strip("\0. \t").lower()))
    return _SEPARATORS.sub("", text) or name


def electrode(name: str) -> str:
    """Like `spelling`, with the newer one of two names of an electrode."""
    text = spelling(name)
    return OLD_NAMES.get(text, text)


def renamings(matching: Mapping[str, str]) -> str:
    """The entries of a matching whose names differ, for messages; may be empty.

    Old names come first, since a reader has to know of them, and then other spellings, of which `SHOWN` are named:
    ``T3 is T7, Fc5. is FC5 and 20 other spellings``.
    """
    differing = {name: given for name, given in matching.items() if name != given}
    old = [f"{given} is {name}" for name, given in differing.items() if spelling(name) != spelling(given)]
    spelled = [f"{given} is {name}" for name, given in differing.items() if spelling(name) == spelling(given)]
    more = len(spelled) - SHOWN
    return ", ".join([*old, *spelled[:SHOWN]]) + (f" and {more} other spellings" if more > 0 else "")


def _check_distinct(found: Mapping[str, str]) -> None:
    """Refuse a given channel that matches two wanted ones."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, channel in found.items():
        users[channel].append(name)
    for channel, names in users.items():
        if len(names) > 1:
            raise NeuroMotionError(
                f"Channel {channel!r} matches {' and '.join(map(repr, names))}; it can be only one of them."
            )
