"""The script of bounds: its strategies never look at the posterior, and what it says of a bound is right."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym import ENVIRONMENTS
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import checks
from neuromotion_gym.envs.options import make_task
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import environment

if TYPE_CHECKING:
    from types import ModuleType

    from neuromotion_gym.envs.layout import ObservationLayout

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    import bounds

    return bounds


def layout_of(env_id: str) -> ObservationLayout:
    return make_task(env_id, load_decoder(environment(env_id).decoder).spec, 0.5).layout


@pytest.mark.parametrize("env_id", sorted(ENVIRONMENTS))
def test_at_least_thirty_strategies_act_in_every_environment_and_none_reads_the_posterior(
    bounds: ModuleType, env_id: str
) -> None:
    layout = layout_of(env_id)
    known = bounds.strategies(layout)
    assert len(known) >= 30
    seen = np.random.default_rng(0).uniform(-1, 1, (3, layout.size)).astype(np.float32)
    other = seen.copy()
    other[:, layout.posterior] = 0.5
    for make in known.values():
        one, same = (make(layout, 3, np.random.default_rng(1)) for _ in range(2))
        for step in (0, 1, 30, 300):
            action = one(bounds.Sight.of(layout, seen, step))
            assert action.shape == (3, layout.intents.directions.shape[1])
            assert np.abs(action).max() <= 1
            np.testing.assert_array_equal(action, same(bounds.Sight.of(layout, other, step)))


def test_strategies_react_to_the_surroundings_of_the_limb(bounds: ModuleType) -> None:
    layout = replace(layout_of(min(ENVIRONMENTS)), context=("near",))
    known = bounds.strategies(layout)
    make = known["a direction by coin every second time that near is +1"]
    act, taken = make(layout, 1, np.random.default_rng(0)), []
    for step, near in enumerate([0, 1, 1, 0, 1, 1, 0, 1, 0, 1]):
        sight = bounds.Sight(step, np.zeros((1, 3)), np.zeros((1, 3)), np.array([[float(near)]]))
        taken.append(tuple(act(sight)[0]))
    away, towards = taken[0], taken[4]
    assert away != towards
    assert taken == [away] * 4 + [towards] * 2 + [away] * 3 + [towards]


def test_a_strategy_moves_by_its_distance_and_then_holds(bounds: ModuleType) -> None:
    layout = layout_of(min(ENVIRONMENTS))
    act = bounds.strategies(layout)["direction 0 until moved by 0.6, then hold"](layout, 1, np.random.default_rng(0))
    columns = len(layout.columns)
    moves = [
        np.abs(act(bounds.Sight(step, np.full((1, columns), place), np.zeros((1, columns)), np.zeros((1, 0))))).max()
        for step, place in enumerate([0.1, 0.4, 0.69, 0.71, 0.3])
    ]
    assert moves == [1, 1, 1, 0, 0]


def test_the_verdict_is_about_the_lower_end_of_the_interval(bounds: ModuleType) -> None:
    right = np.array([True] * 16 + [False] * 34)
    played = checks.Played(np.zeros((1, 50)), right, ~right, np.full(50, 20), np.full(50, "one"), 0.2)
    level = bounds.Level(min(ENVIRONMENTS), "easy", 50, Path("nowhere"))
    line = level.line("policy", played)
    assert (line["success"], line["low"]) == (0.32, pytest.approx(0.208, abs=0.001))
    assert line["time_s"] == 1.0
    import bounds_tables

    assert bounds_tables.verdict("strategies", line) == "ABOVE CHANCE"
    assert bounds_tables.verdict("strategies", {**line, "chance": 0.21}) == "not above chance"
    assert bounds_tables.verdict("oracle", line) == "BELOW 0.95"
    assert bounds_tables.verdict("oracle", {**line, "success": 0.95}) == "at least 0.95"
    assert bounds_tables.verdict("open_loop", line) == ""


def test_a_cell_of_an_earlier_version_says_so_and_is_measured_again(bounds: ModuleType, tmp_path: Path) -> None:
    import bounds_tables

    env_id = min(ENVIRONMENTS)
    line = {"policy": "p", "success": 1.0, "low": 0.9, "high": 1.0, "chance": 0.1, "episodes": 9}
    line |= {"wrong": 0.0, "time_s": None, "return": 1.0}
    cells = {}
    for cell in ("oracle", "blind"):
        cells[f"easy {cell}"] = {"level": "easy", "cell": cell, "library": "another", "lines": [line]}
    cells["easy blind"]["outdated"] = True
    (tmp_path / f"{env_id}.json").write_text(json.dumps(cells), encoding="utf-8")
    for table in (bounds_tables.page_table(tmp_path, env_id), bounds_tables.tables(tmp_path)):
        marked = ["(earlier version)" in row for row in table.splitlines() if "0.900" in row]
        assert marked == [False, True]
    assert bounds.keeps(cells["easy oracle"], always=True)
    assert not bounds.keeps(cells["easy oracle"], always=False)
    assert not bounds.keeps(cells["easy blind"], always=True)


def test_a_finished_cell_of_decoders_lacks_those_that_were_added_since(
    bounds: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = bounds.Level(min(ENVIRONMENTS), "standard", 8, Path("nowhere"))
    names = ["one", "two", "three", "four"]
    monkeypatch.setattr(level, "fitting", lambda: names)
    assert level.left("decoders", None) == names
    lines = [{"policy": f"{name}, argmax"} for name in names[:-2]]
    assert level.left("decoders", lines) == names[-2:]
    assert level.left("decoders", lines, names[-1:]) == names[-1:]
    assert (level.left("oracle", None), level.left("oracle", [])) == (["oracle"], [])


def test_episodes_of_two_batches_are_put_together(bounds: ModuleType) -> None:
    def played(steps: int, right: bool) -> checks.Played:
        wrong = np.array([not right])
        return checks.Played(np.ones((steps, 1)), ~wrong, wrong, np.array([steps]), np.array(["one"]), 0.5)

    both = bounds.joined([played(2, True), played(4, False)])
    assert both.returns(1.0).tolist() == [2, 4]
    assert both.right.tolist() == [True, False]
    assert both.steps.tolist() == [2, 4]


def test_finished_cells_are_not_run_again(
    bounds: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    env_id = min(ENVIRONMENTS)
    ran = []

    def run(level: object, cell: str) -> list[dict[str, object]]:
        ran.append(cell)
        right = np.ones(4, dtype=bool)
        played = checks.Played(np.zeros((1, 4)), right, ~right, np.full(4, 20), np.full(4, "one"), 0.2)
        return [level.line("policy", played)]  # type: ignore[attr-defined]

    monkeypatch.setattr(bounds.Level, "run", run)
    command = ["bounds.py", env_id, "--levels", "easy", "--out", str(tmp_path), "--cells", "oracle"]
    for more in ([], ["blind"]):
        monkeypatch.setattr(sys, "argv", [*command, *more])
        bounds.main()
    assert ran == ["oracle", "blind"]
    monkeypatch.setattr(bounds, "library_digest", lambda: "another")
    monkeypatch.setattr(sys, "argv", [*command, "--keep"])
    bounds.main()
    assert ran == ["oracle", "blind"]
    monkeypatch.setattr(sys, "argv", command)
    bounds.main()
    assert ran == ["oracle", "blind", "oracle"]
    text = (tmp_path / "bounds.md").read_text(encoding="utf-8")
    assert f"## {env_id}, easy: chance 0.200" in text
    assert "| oracle | policy | 1.000 [0.510, 1.000] | 0.00 | 1.0 | 0.00 | 4 | at least 0.95 |" in text
    assert f"{env_id} easy oracle" in capsys.readouterr().out


def test_a_cell_is_played(bounds: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_id = min(ENVIRONMENTS)
    monkeypatch.setattr(bounds, "SECOND_TRY", 2)
    known = bounds.strategies(layout_of(env_id))
    few = {name: known[name] for name in ("hold goal 0", "hold goal 1")}
    monkeypatch.setattr(bounds, "strategies", lambda layout: few)
    level = bounds.Level(env_id, "standard", 6, tmp_path, 2)
    (line,) = level.run("strategies")
    (blind,) = level.run("blind")
    assert blind["policy"] == f"{environment(env_id).decoder}, blind"
    assert line["episodes"] == blind["episodes"] == 6
    assert line["tried"] == 2
    for each in (line, blind):
        assert each["success"] + each["wrong"] == pytest.approx(1, abs=1e-3)  # they always select
    assert blind["chance"] == 1 / 8


def test_a_page_shows_every_bound_and_says_what_is_missing(
    bounds: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bounds_tables

    env_id = min(ENVIRONMENTS)
    first, second, *_ = checks.levels(env_id)
    line = {"policy": "x, argmax", "success": 0.5, "low": 0.4, "high": 0.6, "chance": 0.1, "episodes": 240}
    cells = {
        f"{first} oracle": {"lines": [line]},
        f"{first} shuffled": {"lines": [line]},
        f"{second} decoders": {"lines": [{**line, "chance": 0.2}]},
        f"{second} oracle": {"lines": [line]},
    }
    (tmp_path / f"{env_id}.json").write_text(json.dumps(cells))
    page = tmp_path / f"{env_id.lower()}.md"
    monkeypatch.setattr(bounds_tables, "PAGES", tmp_path)
    page.write_text("nothing to fill")
    with pytest.raises(NeuroMotionError, match="needs the lines"):
        bounds_tables.fill_page(tmp_path, env_id)
    page.write_text(f"before\n{bounds_tables.BEGIN}\nold\n{bounds_tables.END}\nafter\n")
    bounds_tables.fill_page(tmp_path, env_id)
    written = page.read_text()
    assert written.startswith(f"before\n{bounds_tables.BEGIN}\n| ")
    assert written.endswith(f"|\n{bounds_tables.END}\nafter\n")
    table = [row.split("|") for row in written.splitlines() if row.startswith("|")]
    rows = {row[1].strip(): row[2:4] for row in table}
    told = "0.500 [0.400, 0.600], n = 240"
    assert [text.strip() for text in rows["oracle"]] == [told, told]
    assert [text.strip() for text in rows["shuffled"]] == [f"{told} (above chance)", "–"]
    assert [text.strip() for text in rows["`x`"]] == ["–", f"{told}, chance 0.200"]
    assert [text.strip() for text in rows["PPO, sees the goal"]] == ["–", "–"]
    assert [text.strip() for text in rows["chance"]] == ["0.100", "0.100"]


def test_a_controller_that_a_perfect_decoder_does_not_save_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    import oracle_controllers

    def line(policy: str, success: float, high: float) -> dict[str, object]:
        figures = {"success": success, "low": 0.0, "high": high, "wrong": 0.0, "time_s": None, "return": 0.0}
        where = {"environment": "NeuroArm-v0", "level": "standard", "decoder": "oracle:emg_armband"}
        return {"policy": policy, **figures, "episodes": 9, **where}

    lines = [line("argmax", 0.96, 1.0), line("slow", 0.95, 0.97), line("bad", 0.9, 0.95), line("refusing", 0.0, 0.0)]
    del lines[3]["success"]
    lines[3]["refused"] = "It needs candidates."
    text = oracle_controllers.table(lines)
    told = {row.split("|")[1].strip(): row.split("|")[-2].strip() for row in text.splitlines() if row.startswith("|")}
    assert told["argmax"] == told["slow"] == "at least 0.95"
    assert told["bad"] == "BELOW 0.95, WORSE THAN argmax"
    assert told["refusing"] == "It needs candidates."
