"""Answers of an audit: a figure with its interval, whether it is a finding, one sentence and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.audit.material import Material
    from neuromotion_gym.statistics import Interval

LEVEL = 0.05
"""Chance that an audit of sound recordings has any finding."""
LEAST_GAIN = 0.02
"""An accuracy that is nearer to chance than this is no finding, however sure it is."""


@dataclass(frozen=True, eq=False)
class Answer:
    """One answer to one question.

    Parameters
    ----------
    what : str
        What the figure is, in a few words.
    figure : Interval
        The figure with its 95 % interval; NaN ends where it is a count.
    reference : float
        What a sound case gives: chance, zero, or another figure of the same case (``by_chance`` False).
    p : float or None
        Probability of a figure as large in a sound case; None for a fact, such as a shared sample, that chance does not
        make.
    sentence : str
        The answer, in one plain sentence.
    advice : str
        What to do about it, if it is a finding.
    fact : bool
        For ``p`` None: whether it is a finding.
    dots : float array
        The figure of each person, for pictures.
    beside : sequence of (name, Interval)
        Figures to compare with, such as the same model under another split.
    is_share : bool
        Whether the figure lies between 0 and 1, so that it can be drawn.
    by_chance : bool
        Whether pictures show the reference as chance.
    """

    what: str
    figure: Interval
    reference: float
    p: float | None
    sentence: str
    advice: str
    fact: bool = False
    dots: np.ndarray = field(default_factory=lambda: np.zeros(0))
    beside: Sequence[tuple[str, Interval]] = ()
    is_share: bool = True
    by_chance: bool = True

    @property
    def large(self) -> bool:
        """Whether the figure is far enough from its reference to matter."""
        return self.fact if self.p is None else self.figure.mean - self.reference >= LEAST_GAIN


@dataclass(frozen=True)
class NotAsked:
    """Why a question has no answer."""

    reason: str


@dataclass(frozen=True)
class Options:
    """How answers are computed.

    Parameters
    ----------
    permutations : int
        Permutations of a test; the smallest p-value is 1 ÷ (permutations + 1).
    seed : int
    """

    permutations: int = 1999
    seed: int = 0


@dataclass(frozen=True)
class Question:
    """One question of an audit.

    Parameters
    ----------
    name : str
        Name in options and results.
    asks : str
        The question in words.
    ask : callable
        Function of a `Material` and `Options`; returns answers, or `NotAsked`.
    """

    name: str
    asks: str
    ask: Callable[[Material, Options], Sequence[Answer] | NotAsked]


def number_or_none(value: float) -> float | None:
    """The value for JSON, which has no NaN."""
    return float(value) if np.isfinite(value) else None


def as_json(interval: Interval) -> dict[str, Any]:
    """An interval for JSON."""
    return {name: number_or_none(getattr(interval, name)) for name in interval._fields}
