"""Numbers as tables and reports show them: a dash where there is none."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuromotion_gym.statistics import Interval

NONE = "–"
"""What stands for a number that there is not, such as the interval of a single person."""


def number(value: float, form: str, unit: str = "") -> str:
    """``value`` in a format such as ``".2f"``, with its unit; a dash for NaN."""
    return NONE if isnan(value) else f"{value:{form}}{unit}"


def limits(interval: Interval, form: str = ".2f", unit: str = "") -> str:
    """The two ends of an interval; a dash where it has none."""
    if isnan(interval.low):
        return NONE
    return f"{interval.low:{form}}{unit} to {interval.high:{form}}{unit}"


def mean_and_limits(interval: Interval, form: str = ".2f") -> str:
    """The mean, and the interval in brackets where there is one."""
    if isnan(interval.low):
        return number(interval.mean, form)
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def count(number: int, one: str, more: str) -> str:
    """A number with the word for what is counted: ``1 person``, ``2 people``."""
    return f"{number} {one if number == 1 else more}"


def told_onset(onset: str) -> str:
    """How trials begin, as a source's provenance says it (``onset`` or ``steady state``), in words for readers."""
    return "trials from their onset on" if onset == "onset" else onset
