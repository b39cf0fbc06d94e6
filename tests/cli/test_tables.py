"""Tables of the command line: nothing is lost, whatever the width."""

from __future__ import annotations

import re
import sys

import pytest

from neuromotion_gym.cli import main as cli
from neuromotion_gym.cli.tables import print_table

COLUMNS = ("name", "labels", "what it reads")
ROWS = [
    ("emg_armband_calibrated", "neutral, radial_deviation, hand_close", "EMG: 8 channels at 200 Hz, the last 0.2 s"),
    ("run[/]", "rest", "[bold]odd[/bold]"),
]
WORDS = {word.rstrip(":") for row in (COLUMNS, *ROWS) for cell in row for word in cell.split()}


def printed(capsys, monkeypatch, width: int | None, **options) -> list[str]:
    monkeypatch.delenv("COLUMNS", raising=False)
    if width is not None:
        monkeypatch.setenv("COLUMNS", str(width))
    print_table(COLUMNS, ROWS, **options)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [None, 200, 80, 60, 40, 25, 15])
def test_no_word_is_lost_or_broken(capsys, monkeypatch, width):
    lines = printed(capsys, monkeypatch, width, title="Title of [this]", bold=[0])
    found = {word.rstrip(":") for line in lines for word in line.split()}
    assert found >= WORDS
    assert "Title of [this]" in lines
    if width is not None:
        longest = max(map(len, WORDS)) + 4
        assert max(map(len, lines)) <= max(width, longest)


def test_a_pipe_has_one_line_a_row(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, None)
    for row in ROWS:
        assert any(all(cell in line for cell in row) for line in lines)


def test_cells_of_the_first_column_stay_in_one_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    print_table(("name", "text"), [("oracle (emg_armband) of mine", "one two three four five six seven")])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("oracle (emg_armband) of mine  one") for line in lines) == 1


def test_a_narrow_terminal_gets_a_list(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 40)
    assert "name: run[/]" in lines
    assert "  labels: rest" in lines
    assert "  what it reads: [bold]odd[/bold]" in lines


def test_columns_line_up(capsys, monkeypatch):
    lines = printed(capsys, monkeypatch, 80)
    head = next(line for line in lines if line.startswith("name"))
    row = next(line for line in lines if line.startswith("run[/]"))
    assert row.index("rest") == head.index("labels")
    assert row.index("[bold]") == head.index("what")


@pytest.mark.parametrize("command", ["decoders", "envs"])
def test_every_width_shows_the_same_words(monkeypatch, capsys, command):
    seen = []
    for width in ("200", "40"):
        monkeypatch.setenv("COLUMNS", width)
        monkeypatch.setattr(sys, "argv", ["neuromotion", command])
        with pytest.raises(SystemExit):
            cli.main()
        seen.append(set(re.findall(r"\w[\w.-]*", capsys.readouterr().out)))
    assert seen[0] == seen[1]
