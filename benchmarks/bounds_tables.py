"""Tables of `bounds.py`: all lines of all environments, and a short one in the page of each environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neuromotion_gym.benchmark.markup import Section, markdown
from neuromotion_gym.envs import checks
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_text
from neuromotion_gym.registration import ENVIRONMENTS

PAGES = Path(__file__).resolve().parents[1] / "docs" / "environments"
BEGIN, END = "<!-- bounds: written by benchmarks/bounds.py -->", "<!-- end of bounds -->"
CELLS = ("oracle", "open_loop", "shuffled", "blind", "decoders", "targets", "strategies", "ppo_blind", "ppo_goal")
WANTED = {"oracle": 0.95, "ppo_goal": 0.9}
"""Cells that have to reach a success rate."""
UNINFORMED = ("shuffled", "blind", "strategies", "ppo_blind")
"""Cells that may not lie above chance."""
HEADER = ("bound", "policy", "success [95 %]", "wrong selections", "median time, s", "return", "episodes", "verdict")
EMPTY: dict[str, Any] = {"lines": []}
ROWS = {
    "oracle": "oracle",
    "ppo_goal": "PPO, sees the goal",
    "open_loop": "open-loop replay",
    "shuffled": "shuffled",
    "blind": "blind: best constant place",
    "strategies": "best strategy that never looks",
    "ppo_blind": "PPO, posterior zeroed",
    "decoders": "",
    "targets": "",
}
"""Cells in the order of a page's table, and what they are called there; a decoder is called by its name."""


NOTES = """
Written by benchmarks/bounds.py. Surrogates of the test part; every episode has its own seed. Intervals are over
people where signals are decoded (decoders, targets, open_loop, shuffled), and Wilson's over episodes elsewhere.
oracle: a decoder that is always right, with the lag of the default decoder. open_loop: the operator chooses all its
labels at the start, from the goals that it knows then (all that follow each other; of blocks that are offered later,
none), and never sees the limb again. shuffled: labels drawn at random. blind: the best constant place
or, where there is none, a decoder without information. strategies: the best strategy that never looks at the
posterior, chosen on other seeds than it is measured on. A bound without information is above chance if the lower end
of its interval is. earlier version: measured before the environment changed, and not again since.
"""


def read(folder: Path, env_id: str) -> dict[str, Any]:
    """Finished cells of an environment, by level and name."""
    path = folder / f"{env_id}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def version(found: dict[str, Any]) -> str:
    """What is said of a cell that was measured before its environment changed, and has ``"outdated": true`` for it."""
    return " (earlier version)" if found.get("outdated") else ""


def verdict(cell: str, line: dict[str, Any]) -> str:
    """Whether a bound is as it has to be; empty for cells that only inform."""
    cell = line.get("bound") or cell  # of a decoder of targets
    if cell in WANTED:
        met = line["success"] >= WANTED[cell]
        return f"{'at least' if met else 'BELOW'} {WANTED[cell]}"
    if cell in UNINFORMED:
        return "ABOVE CHANCE" if line["low"] > line["chance"] else "not above chance"
    return ""


def row_of(cell: str, line: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table."""
    return (
        cell,
        line["policy"],
        f"{line['success']:.3f} [{line['low']:.3f}, {line['high']:.3f}]",
        f"{line['wrong']:.2f}",
        "–" if line["time_s"] is None else f"{line['time_s']:.1f}",
        f"{line['return']:.2f}",
        str(line["episodes"]),
        verdict(cell, line),
    )


def tables(folder: Path) -> str:
    """One table for each environment and level, as Markdown."""
    sections = []
    for env_id in [env_id for env_id in ENVIRONMENTS if (folder / f"{env_id}.json").is_file()]:
        cells = read(folder, env_id)
        for level in checks.levels(env_id):
            found = [cells[f"{level} {cell}"] for cell in CELLS if f"{level} {cell}" in cells]
            rows = [
                (*row[:-1], row[-1] + version(each))
                for each in found
                for row in (row_of(each["cell"], line) for line in each["lines"])
            ]
            if rows:
                chances = sorted({line["chance"] for each in found for line in each["lines"]})
                told = " to ".join(f"{chance:.3f}" for chance in dict.fromkeys((chances[0], chances[-1])))
                sections.append(Section(f"{env_id}, {level}: chance {told}", HEADER, rows))
    return markdown("Bounds of the environments", [" ".join(NOTES.split())], sections)


def page_table(folder: Path, env_id: str) -> str:
    """The short table of an environment, levels side by side; a cell without episodes is a dash."""
    cells, levels = read(folder, env_id), checks.levels(env_id)
    found = [
        (level, cell, line, version(cells[f"{level} {cell}"]))
        for level in levels
        for cell in ROWS
        for line in cells.get(f"{level} {cell}", EMPTY)["lines"]
    ]
    chances = {level: line["chance"] for level, cell, line, _ in found if ROWS[cell]}
    rows: dict[str, dict[str, str]] = {called: {} for called in ROWS.values() if called}
    for level, cell, line, when in found:
        told = f"{line['success']:.3f} [{line['low']:.3f}, {line['high']:.3f}], n = {line['episodes']}"
        told += " (above chance)" * (verdict(cell, line) == "ABOVE CHANCE")
        if line["chance"] != chances.get(level, line["chance"]):  # other labels, other goals
            told += f", chance {line['chance']:.3f}"
        told += when
        rows.setdefault(ROWS[cell] or f"`{line['policy'].split(',')[0]}`", {})[level] = told
    rows["chance"] = {level: f"{chance:.3f}" for level, chance in chances.items()}
    head = ["", *(f"`{level}`" for level in levels)]
    body = [[name, *(told.get(level, "–") for level in levels)] for name, told in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *body])


def fill_page(folder: Path, env_id: str) -> None:
    """Write the short table between its two marks in the page of an environment; nothing where it has no episodes.

    Raises
    ------
    NeuroMotionError
        If the page has no such marks.
    """
    path = PAGES / f"{env_id.lower()}.md"
    if not read(folder, env_id) or not path.is_file():
        return
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise NeuroMotionError(f"{path} needs the lines {BEGIN!r} and {END!r} around its table of bounds.")
    write_text(path, f"{before}{BEGIN}\n{page_table(folder, env_id)}\n{END}{after}")
