"""Units of samples: one name for each, and the factor between two of them.

Volts, millivolts, microvolts and nanovolts are converted into each other. Every other unit (``count``, a word of a
device's own) is only equal to itself: nothing says how many microvolts a count is.
"""

from __future__ import annotations

from neuromotion_gym.errors import NeuroMotionError

VOLTS: dict[str, float] = {"V": 1.0, "mV": 1e-3, "µV": 1e-6, "nV": 1e-9}
"""Volts in one of each unit that can be converted."""

_SAME = {"": "", "n/a": "", "none": "", "unknown": "", "count": "count", "counts": "count"}
_PREFIXES = {"V": ("", ""), "mV": ("m", "milli"), "µV": ("u", "micro"), "nV": ("n", "nano")}
for _name, (_short, _long) in _PREFIXES.items():
    _SAME |= {f"{prefix}{end}": _name for prefix in (_short, _long) for end in ("v", "volt", "volts")}


def unit_name(text: str) -> str:
    """One name for a unit: ``"uv"``, ``"μV"`` and ``"microvolts"`` are ``"µV"``; ``"counts"`` is ``"count"``.

    Parameters
    ----------
    text : str
        A unit as a file or a person writes it.

    Returns
    -------
    str
        ``"V"``, ``"mV"``, ``"µV"``, ``"nV"``, ``"count"``; empty if the text says nothing (``""``, ``"n/a"``); any
        other text as it is, without blanks around it. ``"MV"`` is left as it is, since it may stand for megavolts.

    Raises
    ------
    NeuroMotionError
        If ``text`` is no text.
    """
    if not isinstance(text, str):
        raise NeuroMotionError(f"A unit is a text such as 'µV', not {text!r}.")
    bare = text.strip("\0 \t\r\n")
    # Two characters look like the sign for micro: U+00B5, which the library writes, and the Greek letter U+03BC
    plain = bare.replace("\u00b5", "u").replace("\u03bc", "u").lower()
    return bare if bare == "MV" else _SAME.get(plain, bare)


def factor(given: str, wanted: str) -> float:
    """Factor that converts samples from unit ``given`` to unit ``wanted``; 1e-6 from µV to V.

    Raises
    ------
    NeuroMotionError
        If one of them is missing, or they cannot be converted.
    """
    source, target = unit_name(given), unit_name(wanted)
    if not source or not target:
        which = "of the samples" if not source else "that is wanted"
        raise NeuroMotionError(f"The unit {which} is not known; say it with unit= (for example unit='µV').")
    if source == target:
        return 1.0
    if source not in VOLTS or target not in VOLTS:
        raise NeuroMotionError(
            f"Unit {source!r} cannot be converted to {target!r}; only {', '.join(VOLTS)} can be converted into each "
            "other."
        )
    return VOLTS[source] / VOLTS[target]
