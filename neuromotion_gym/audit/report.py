"""The report of an audit: ``audit.json``, ``report.md`` and the page ``report.html``, in the look of a benchmark's."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.audit.answer import LEAST_GAIN, LEVEL
from neuromotion_gym.benchmark.markup import Section, markdown, page
from neuromotion_gym.benchmark.pictures import Measured, measured_picture
from neuromotion_gym.benchmark.shown import NONE, count, mean_and_limits, number
from neuromotion_gym.files import make_folder, write_text

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.audit.asking import Audit, Judged

HEADER = ("question", "figure", "value [95 %]", "in a sound case", "p", "p, all questions", "finding")
FOUND_HEADER = ("question", "found", "advice")


def write_report(audit: Audit, folder: str | os.PathLike[str]) -> Path:
    """Write the report of an audit; return the path of the page.

    Raises
    ------
    NeuroMotionError
        If the folder cannot be written.
    """
    place = make_folder(folder)
    title = f"What does the figure rest on? {audit.name}"
    sentences, parts = report_sentences(audit), sections(audit)
    write_text(place / "audit.json", json.dumps(audit.to_json(), indent=1) + "\n")
    write_text(place / "report.md", markdown(title, sentences, parts))
    write_text(place / "report.html", page(title, sentences, parts))
    return place / "report.html"


def report_sentences(audit: Audit) -> list[str]:
    """What the report says in words; the first sentence is the result."""
    about, found = audit.about, audit.findings
    what = count(len(found), "finding", "findings")
    first = (
        f"{what[0].upper() + what[1:]}: {' '.join(one.answer.sentence for one in found)}"
        if found
        else (
            f"Nothing was found in {count(len(audit.answers), 'answer', 'answers')} to "
            f"{count(len({one.question for one in audit.answers}), 'question', 'questions')}."
        )
    )
    told = ", ".join(
        count(about[key], one, more)
        for key, one, more in (
            ("people", "person", "people"),
            ("sessions", "session", "sessions"),
            ("trials", "trial", "trials"),
        )
    )
    sentences = [
        first,
        (
            f"Audited: {audit.name}; {told}; labels {', '.join(about['labels'])}; {about['channels']} channels. The "
            f"figure is said to hold for other {'people' if about['claim'] == 'subject' else about['claim'] + 's'}."
        ),
        (
            "An accuracy is balanced and taken on held-out people (or sessions, or stretches of trials), its interval "
            f"over people. Its p-value comes from {about['permutations']} permutations of the labels of trials within "
            "sessions; Holm's correction over all answers keeps the chance of any finding in sound recordings at "
            f"{LEVEL:g}. An accuracy less than {LEAST_GAIN:g} above chance is no finding. Counts, such as shared "
            "samples, have no p-value."
        ),
    ]
    if audit.not_asked:
        reasons = "; ".join(f"{audit.asks[name]} {reason}" for name, reason in audit.not_asked.items())
        sentences.append(f"Not asked: {reasons}.")
    return sentences


def sections(audit: Audit) -> list[Section]:
    """Tables and pictures of an audit."""
    rows = [(one.question, one.answer.sentence, one.answer.advice) for one in audit.findings]
    shown = [one for one in audit.answers if one.answer.is_share]
    table = [
        (
            one.question,
            one.answer.what,
            mean_and_limits(one.answer.figure),
            number(one.answer.reference, ".2f"),
            NONE if one.answer.p is None else f"{one.answer.p:.4f}",
            NONE if one.adjusted is None else f"{one.adjusted:.4f}",
            "yes" if one.found else "no",
        )
        for one in audit.answers
    ]
    return [
        Section("Findings", FOUND_HEADER, rows),
        Section("All answers", HEADER, table, _pictures(audit, shown)),
    ]


def _pictures(audit: Audit, shown: Sequence[Judged]) -> list[str]:
    pictures: list[str] = []
    for name in dict.fromkeys(one.question for one in shown):
        rows = []
        for one in (other for other in shown if other.question == name):
            answer = one.answer
            chance = answer.reference if answer.p is not None and answer.by_chance else np.nan
            rows.append(Measured(answer.what, one.found, answer.figure, answer.dots, chance))
            rows += [Measured(text, False, figure, np.zeros(0), np.nan) for text, figure in answer.beside]
        caption = f"<b>{html.escape(audit.asks[name])}</b>"
        if not pictures:
            caption += (
                " Large dot and bar: the figure with its 95 % interval, in orange where it is a finding. Small dots: "
                "one a person, or a session."
            )
        pictures.append(measured_picture(caption, rows))
    return pictures
