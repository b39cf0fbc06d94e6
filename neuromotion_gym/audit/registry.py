"""Questions of an audit by name: the modules of the folder ``questions``, found by walking it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from neuromotion_gym.audit import questions as folder
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.audit.answer import Question


def _walk() -> dict[str, Question]:
    """Questions by name: each module of the folder defines one as ``QUESTION``."""
    found = [
        import_module(module.name).QUESTION for module in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}.")
    ]
    return {question.name: question for question in found}


QUESTIONS: dict[str, Question] = _walk()
"""All questions by name."""


def chosen_questions(names: Sequence[str] | None = None) -> list[Question]:
    """Questions by name; all of them if no names are given.

    Raises
    ------
    NeuroMotionError
        If there is no question of a name; the message lists all names.
    """
    if names is None:
        return list(QUESTIONS.values())
    if unknown := [name for name in names if name not in QUESTIONS]:
        raise NeuroMotionError(
            f"No question is called {', '.join(map(repr, unknown))}. Questions: {', '.join(QUESTIONS)}."
        )
    return [QUESTIONS[name] for name in dict.fromkeys(names)]
