"""Whatever a name holds, it is plain text in the report: in Markdown, in HTML, in pictures."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.markup import Section, as_markdown, markdown, page
from neuromotion_gym.benchmark.report import write_report

NASTY = 'a|b <script>alert("1")</script> *x* _y_ `z` [u](https://example.org) ![v](w) \\ &lt; ~~q~~'
MARKS = st.text(st.sampled_from("ab1 |\\*_`~<>[]()!&;#:.-+\"'\n"), max_size=20)


class Page(HTMLParser):
    """Text, tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.text = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag in ("td", "th"):
            self.cells.append("")
        self._inside = tag in ("td", "th")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self._inside:
            self.cells[-1] += data


def shown(text: str) -> list[str]:
    """Cells of the table, as Markdown shows them."""
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)).cells


@given(MARKS)
@example(NASTY)
@example("![a](b)")
@example("0.97 [0.90, 1.00]*")
def test_markdown_shows_a_name_as_it_is(name):
    one_line = " ".join(name.split())
    text = markdown("t", ["s"], [Section("h", ("decoder", "more"), [(name, "end")])])
    assert shown(text) == ["decoder", "more", one_line, "end"]
    for heading in (f"# {as_markdown(name)}", as_markdown(name)):
        rendered = Page(MarkdownIt("commonmark").render(heading))
        assert " ".join(rendered.text.split()) == one_line
        assert set(rendered.tags) <= {"h1", "p"}


def test_figures_and_usual_names_stay_readable_in_markdown():
    for text in ("emg_armband", "0.97 [0.90, 1.00]*", "+0.02 [-0.01, +0.12], 1.000", "oracle (a_b)", "–"):
        assert as_markdown(text) == text


def test_html_shows_a_name_as_it_is():
    made = Page(page(NASTY, [NASTY, NASTY], [Section(NASTY, (NASTY, "b"), [(NASTY, "c")])]))
    assert made.cells == [NASTY, "b", NASTY, "c"]
    assert "script" not in made.tags
    assert made.text.count(NASTY) >= 5


@pytest.fixture
def folder(tmp_path):
    """Results of three cells whose decoder and controller have a nasty name."""
    cells = []
    with (tmp_path / "episodes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["cell", "subject", "success", "wrong_selection", "time_s"])
        writer.writeheader()
        for role, right in (("decoder", 3), ("oracle", 4), ("shuffled", 1)):
            cells.append(
                {
                    "cell": role,
                    "decoder": NASTY,
                    "role": role,
                    "controller": NASTY,
                    "level": "easy",
                    "ocular": "keep",
                    "skip_cue": 0.0,
                    "source": "replay",
                    "part": "test",
                    "folds": False,
                    "split": "subject",
                    "distinct_trials": 4,
                    "people_unseen": [],
                    "goals": 2,
                    "chance": 0.5,
                    "choices": 2,
                    "layout": {"time_limit_s": 20.0, "dwell_s": 1.0, "lag_s": 0.3},
                    "about": {"dataset": NASTY, "onset": "onset"},
                }
            )
            for index in range(4):
                writer.writerow(
                    {
                        "cell": role,
                        "subject": f"p{index} {NASTY}",
                        "success": index < right,
                        "wrong_selection": False,
                        "time_s": 5,
                    }
                )
    (tmp_path / "cells.json").write_text(json.dumps(cells), encoding="utf-8")
    return tmp_path


def test_a_whole_report_asks_for_nothing_from_outside_and_runs_nothing(folder):
    config = BenchmarkConfig(name="x", title=NASTY, grids=[{"decoders": ["a"], "controllers": ["b"], "levels": ["c"]}])
    text = write_report(folder, config).read_text(encoding="utf-8")
    assert NASTY in shown(text)
    made = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert not {"script", "link", "img", "iframe", "object"} & set(made.tags)
    assert not {"src", "href", "srcset", "onload", "onclick"} & {name for name, _ in made.attributes}
    assert ("name", "viewport") in made.attributes
    assert made.tags.count("svg") >= 2
    assert made.cells.count(NASTY) >= 2
    assert f"{NASTY} with {NASTY}: success 0.75" in made.text
    assert "nan" not in made.text.lower().replace(NASTY, "")
