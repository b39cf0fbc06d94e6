"""What README and pages show is true: code runs, configurations load, links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8").replace("\n", " "))
    missing = [name for name in targets if "://" not in name and not (page.parent / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_named_modules_and_files_exist(page):
    named = re.findall(r"`((?:neuromotion_gym|examples|classifiers|assets|tests)/[\w./]*)`", page.read_text("utf-8"))
    assert not [name for name in named if not (ROOT / name).exists()]


def test_python_of_the_readme_runs(capsys):
    (code,) = blocks(ROOT / "README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.split()[0] in {"True", "False"}


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "extend").glob("*.md")), ids=lambda page: page.stem)
def test_code_of_the_pages_on_extending_stands_in_the_package_of_the_tests(page):
    """That package runs in `tests/outside`, so what the pages show has run, too."""
    folder = ROOT / "tests" / "outside"
    written = [path for path in folder.rglob("*") if path.suffix in {".py", ".yaml", ".xml", ".toml"}]
    texts = ["\n".join(line.strip() for line in path.read_text("utf-8").splitlines()) for path in written]
    shown = re.findall(r"```\w+\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert shown
    for block in shown:
        lines = "\n".join(line.strip() for line in block.strip().splitlines())
        assert any(lines in text for text in texts), block


def test_configuration_of_the_benchmark_page_loads(tmp_path):
    from neuromotion_gym.benchmark.config import expand, load_config

    (text,) = blocks(ROOT / "docs" / "benchmark.md", "yaml")
    (tmp_path / "benchmark.yaml").write_text(text, encoding="utf-8")
    assert len(expand(load_config(tmp_path / "benchmark.yaml"))) == 24


def test_readme_lists_every_command():
    from typer.main import get_command

    from neuromotion_gym.cli.main import app

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in get_command(app).commands if f"`neuromotion {name}" not in text]


def tables(text: str) -> list[list[list[str]]]:
    """Tables of a Markdown text as rows of cells, header first, without back quotes."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [[table[0], *table[2:]] for table in found if table]


README = (ROOT / "README.md").read_text(encoding="utf-8").split("## First results")[-1].split("\n## ")[0]
CONTROLLERS = {"argmax": "argmax", "Bayesian goal inference": "bayes"}
COLUMNS = {
    "standard, chance 0.125": lambda title: title.startswith("standard: 8 goals, chance 0.125"),
    "hard, chance 0.006": lambda title: title.startswith("hard") and "chance 0.006" in title,
    "as recorded": lambda title: "; as recorded;" in title,
    "eyes regressed out": lambda title: "; ocular channels regressed out;" in title,
    "and from 2 s after the cue on": lambda title: "regressed out, 2 s after the cue left out;" in title,
}


def in_the_loop() -> list[tuple[str, str, str, str]]:
    """Report, first cell, column and figure of every success rate that the README shows."""
    reports = re.findall(r"from\s+\[[^]]*\]\((benchmarks/results/\w+/report\.md)\)", README)
    shown = [table for table in tables(README) if table[0][0] == "decoder, controller"]
    assert len(reports) == len(shown) == 2
    return [
        (report, row[0], column, cell)
        for report, table in zip(reports, shown, strict=True)
        for row in table[1:]
        for column, cell in zip(table[0][1:], row[1:], strict=True)
    ]


@pytest.mark.parametrize(("report", "name", "column", "figure"), in_the_loop())
def test_success_in_the_readme_is_that_of_the_same_row_of_the_report(report, name, column, figure):
    text = (ROOT / report).read_text(encoding="utf-8")
    chosen = [section for section in text.split("\n## ")[1:] if COLUMNS[column](section.split("\n")[0])]
    assert len(chosen) == 1
    kind, _, rest = name.partition(": ")
    who, _, how = (rest or name).partition(", ")
    controller = CONTROLLERS.get(how, "blind")
    rows = [row for row in tables(chosen[0])[0][1:] if row[1] == controller]
    if kind == "bound":
        rows = [row for row in rows if row[0].startswith(f"{who} (")]
    elif kind == "control":
        rows = [row for row in rows if row[0].endswith("(control)")]
    else:
        rows = [row for row in rows if row[0] == who]
    assert figure in {row[2].removesuffix("*") for row in rows}  # the report marks widened intervals


def test_accuracy_of_armband_decoders_in_the_readme_is_that_of_their_folds():
    (table,) = (table for table in tables(README) if table[0][0] == "decoder")
    for name, split, people, accuracy, _ in table[1:]:
        if split == "leave one person out":
            metrics = json.loads((ROOT / "classifiers" / name.split(",")[0] / "metrics.json").read_text("utf-8"))
            found = metrics["folds"]["per_window"]
            value = found["balanced_accuracy"]
            assert accuracy == f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
            assert int(people) == found["people"]


def test_accuracy_of_the_eeg_decoders_in_the_readme_is_that_of_their_tables():
    (table,) = (table for table in tables(README) if table[0][0] == "decoder")
    shown = [row[3] for row in table[1:] if row[1] == "five folds of people"]
    text = (ROOT / "benchmarks" / "results" / "eeg_decoders.md").read_text(encoding="utf-8")
    reported = tables(text.split("### Left against right, whole trial")[1])[0]
    (row,) = (row for row in reported if row[0] == "eeg_fists")
    follows = tables((ROOT / "benchmarks" / "results" / "eeg_follows" / "eeg_follows.md").read_text(encoding="utf-8"))[
        0
    ]
    (online,) = (row for row in follows if row[0] == "online")
    assert shown == [*row[1:4], online[follows[0].index("whole")]]
    (eyes,) = (row for row in reported if row[0] == "eye control")
    assert all(f"{cell.split(' ')[0]}" in README for cell in eyes[1:4])
