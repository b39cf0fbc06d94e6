"""What README and pages show is true: code runs, configurations load, links lead somewhere."""

from __future__ import annotations

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


def test_configuration_of_the_benchmark_page_loads(tmp_path):
    from neuromotion_gym.benchmark.config import expand, load_config

    (text,) = blocks(ROOT / "docs" / "benchmark.md", "yaml")
    (tmp_path / "benchmark.yaml").write_text(text, encoding="utf-8")
    assert len(expand(load_config(tmp_path / "benchmark.yaml"))) == 18


def test_readme_lists_every_command():
    from typer.main import get_command

    from neuromotion_gym.cli.main import app

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [name for name in get_command(app).commands if f"`neuromotion {name}" not in text]


def test_figures_of_the_readme_stand_in_committed_reports():
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("## First results")[1].split("\n## ")[0]
    reports = [*(ROOT / "classifiers").glob("*/card.md"), *(ROOT / "benchmarks" / "results").rglob("*.md")]
    known = "".join(report.read_text(encoding="utf-8") for report in reports)
    figures = re.findall(r"\d\.\d{2,3} \[[^]]+\]|\d\.\d{3}", text)
    assert len(figures) > 10
    assert not [figure for figure in figures if figure not in known and figure != "0.500"]
