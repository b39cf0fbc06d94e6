"""The audit as a whole: one correction over all answers, findings, JSON and the report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.audit import Options, audit
from neuromotion_gym.audit.answer import Answer, Question
from neuromotion_gym.audit.asking import judged
from neuromotion_gym.audit.registry import QUESTIONS
from neuromotion_gym.audit.report import write_report
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.statistics import Interval

sys.path.insert(0, str(Path(__file__).parent))

from materials import material, trials

FEW = Options(permutations=199)


def answer(p: float | None, mean: float = 0.8, *, fact: bool = False) -> tuple[Question, Answer]:
    made = Answer("share", Interval(mean, 0.5, 0.9), 0.5, p, "It is so.", "Mend it.", fact=fact)
    return Question("one", "Is it?", lambda material, options: [made]), made


def test_one_correction_is_made_over_all_answers():
    found = judged([answer(0.02), answer(0.01), answer(None, fact=True), answer(0.4), answer(None)])
    assert [one.adjusted for one in found] == [pytest.approx(0.04), pytest.approx(0.03), None, pytest.approx(0.4), None]
    assert [one.found for one in found] == [True, True, True, False, False]


def test_a_small_figure_is_no_finding_however_sure():
    assert [one.found for one in judged([answer(0.001, 0.515), answer(0.001, 0.525)])] == [False, True]


def test_findings_stand_in_json_and_report(tmp_path):
    given = trials()
    given["labels"] = np.tile(["left", "right"], 96)
    found = audit(material(**given, name="a <b> case"), options=FEW)
    assert {one.question for one in found.findings} == {"order"}
    page = write_report(found, tmp_path / "new")
    stored = json.loads((page.parent / "audit.json").read_text("utf-8"))
    assert stored["findings"] == 2
    assert [one["finding"] for one in stored["answers"] if one["question"] == "order"] == [True, True]
    text = page.read_text("utf-8")
    assert "a &lt;b&gt; case" in text
    assert "tells the label at 1.00 without any signal" in text
    assert text.count("<figure>") == len({one.question for one in found.answers if one.answer.is_share})
    assert "draw labels independently" in (page.parent / "report.md").read_text("utf-8")


def test_nothing_is_found_where_labels_are_shuffled():
    said = []
    found = audit(material(), options=FEW, progress=said.append)
    assert not found.findings
    assert said == [question.asks for question in QUESTIONS.values()]
    assert set(found.not_asked) | {one.question for one in found.answers} == set(QUESTIONS)


def test_unknown_questions_are_refused():
    with pytest.raises(NeuroMotionError, match="No question is called 'ears'. Questions: .*eyes"):
        audit(material(), questions=["ears"])
