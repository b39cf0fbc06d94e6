"""`audit`: what a figure rests on. All questions are asked, and one correction is made over all their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.audit.answer import LEVEL, Answer, NotAsked, Options, as_json
from neuromotion_gym.audit.registry import chosen_questions
from neuromotion_gym.statistics import holm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.audit.answer import Question
    from neuromotion_gym.audit.material import Material


@dataclass(frozen=True, eq=False)
class Judged:
    """An answer after the correction over all questions.

    Parameters
    ----------
    question : str
    answer : Answer
    adjusted : float or None
        P-value after Holm's correction; None where the answer has none.
    """

    question: str
    answer: Answer
    adjusted: float | None

    @property
    def found(self) -> bool:
        """Whether it is a finding."""
        return bool(self.answer.large and (self.adjusted is None or self.adjusted <= LEVEL))

    def to_json(self) -> dict[str, Any]:
        """Values for a JSON file."""
        answer = self.answer
        return {
            "question": self.question,
            "finding": self.found,
            "what": answer.what,
            "figure": as_json(answer.figure),
            "reference": float(answer.reference),
            "p": answer.p,
            "p_adjusted": self.adjusted,
            "beside": {name: as_json(interval) for name, interval in answer.beside},
            "sentence": answer.sentence,
            "advice": answer.advice if self.found else "",
        }


@dataclass(frozen=True, eq=False)
class Audit:
    """All answers of an audit.

    Parameters
    ----------
    name : str
        What was audited.
    about : dict
        Numbers of people, sessions, trials and excerpts; labels, channels, claim, permutations.
    answers : tuple of Judged
    not_asked : dict of str to str
        Questions without an answer, and why.
    asks : dict of str to str
        Every question in words.
    """

    name: str
    about: dict[str, Any]
    answers: tuple[Judged, ...]
    not_asked: dict[str, str]
    asks: dict[str, str]

    @property
    def findings(self) -> tuple[Judged, ...]:
        """The answers that are findings."""
        return tuple(one for one in self.answers if one.found)

    def to_json(self) -> dict[str, Any]:
        """Values for a JSON file."""
        return {
            "name": self.name,
            "findings": len(self.findings),
            "about": self.about,
            "answers": [one.to_json() for one in self.answers],
            "not_asked": self.not_asked,
        }


def audit(
    material: Material,
    *,
    questions: Sequence[str] | None = None,
    options: Options | None = None,
    progress: Callable[[str], None] | None = None,
) -> Audit:
    """Ask what a figure rests on.

    Parameters
    ----------
    material : Material
        From `Material.of_windows` or `Material.of_sessions`, or what `neuromotion_gym.audit.reading` reads.
    questions : sequence of str, optional
        Names of the questions; all of them if left out.
    options : Options, optional
    progress : function, optional
        Called with the words of each question before it is asked.

    Raises
    ------
    NeuroMotionError
        If a question is unknown.
    """
    options = options or Options()
    asked: list[tuple[Question, Answer]] = []
    not_asked: dict[str, str] = {}
    asks: dict[str, str] = {}
    for question in chosen_questions(questions):
        asks[question.name] = question.asks
        if progress is not None:
            progress(question.asks)
        answers = question.ask(material, options)
        if isinstance(answers, NotAsked):
            not_asked[question.name] = answers.reason
        else:
            asked += [(question, answer) for answer in answers]
    return Audit(material.name, _about(material, options), judged(asked), not_asked, asks)


def judged(asked: Sequence[tuple[Question, Answer]]) -> tuple[Judged, ...]:
    """Answers with Holm's correction over all that have a p-value."""
    tested = [answer.p for _, answer in asked if answer.p is not None]
    adjusted = iter(holm(np.array(tested)).tolist() if tested else [])
    return tuple(
        Judged(question.name, answer, None if answer.p is None else next(adjusted)) for question, answer in asked
    )


def _about(material: Material, options: Options) -> dict[str, Any]:
    units = material.units
    return {
        "claim": material.claim,
        "people": len(set(material.people.tolist())),
        "sessions": len(np.unique(units.blocks)),
        "trials": len(units.labels),
        "excerpts": len(material.excerpts),
        "tested excerpts": int(material.test.sum()),
        "labels": list(material.names),
        "channels": len(material.channels),
        "rates_hz": sorted(set(np.round(material.rates_hz, 6).tolist())),
        "permutations": options.permutations,
        "level": LEVEL,
    }
