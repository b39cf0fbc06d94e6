"""The scripts that measure speed measure what they say; no figure of this machine is asked for."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The scripts as modules: they find each other beside themselves."""
    import importlib

    monkeypatch.syspath_prepend(str(FOLDER))
    names = ("timing", "loop_timing", "throughput_report", "throughput", "peers", "soak")
    return {name: importlib.import_module(name) for name in names}


def test_chunks_take_turns_and_the_first_is_not_counted(scripts: dict[str, ModuleType]) -> None:
    calls: list[tuple[str, int]] = []

    def run(name: str) -> object:
        return lambda steps: calls.append((name, steps)) or float(len(calls))

    found = scripts["timing"].interleaved({"a": run("a"), "b": run("b")}, {"a": 2, "b": 3}, 2)
    assert calls == [("a", 2), ("b", 3), ("a", 2), ("b", 3), ("b", 3), ("a", 2)]
    assert found["a"].tolist() == [3.0, 6.0]
    assert scripts["timing"].ratio(np.array([2.0, 4.0, 9.0]), np.array([1.0, 2.0, 1.0])) == 2.0


def test_quartiles_are_those_of_the_ratio(scripts: dict[str, ModuleType]) -> None:
    found = scripts["timing"].quartiles(np.array([2.0, 4.0, 6.0, 8.0, 10.0]), np.full(5, 2.0))
    assert found == [2.0, 4.0]


def test_physics_alone_repeats_the_motion_of_bodies_that_sleep(scripts: dict[str, ModuleType]) -> None:
    timing = scripts["loop_timing"]
    env = timing.batch(timing.ingredients("oracle", "surrogate", "NeuroGrasp-v0"), 2, 1)
    motion = timing.Motion(timing.Stepping(env, timing.following(env.layout), 2), env.loop, 12)
    raw = timing.raw_physics(env.loop, 1, motion)
    raw(11)
    np.testing.assert_array_equal(raw._batch.state[:, : motion.states.shape[2]], motion.states[11])
    env.close()


def test_spans_do_not_count_what_they_call(scripts: dict[str, ModuleType]) -> None:
    class Nested:
        def outer(self) -> None:
            time.sleep(0.01)
            self.inner()

        def inner(self) -> None:
            time.sleep(0.05)

    spans, nested = scripts["loop_timing"].Spans(), Nested()
    spans.watch(nested, "outer", "outer")
    spans.watch(nested, "inner", "inner")
    nested.outer()
    assert 0.01 <= spans.seconds["outer"] < 0.05 <= spans.seconds["inner"]


def test_sections_hold_what_the_bars_read(scripts: dict[str, ModuleType], tmp_path: Path) -> None:
    physics = [getattr(scripts["loop_timing"], name) for name in ("SHIPPED", "FINE", "REFERENCE")]
    run = scripts["throughput"].Run(rows=4, threads=2, repeats=1, steps=5, source="surrogate", sizes=(1, 16))
    loop, single = run.against_rollout("oracle"), run.single("oracle", physics[1], 2)
    growth, decision = run.cost_by_size("emg_armband"), run.decision("emg_armband")
    assert loop["loop_us"] > 0 < loop["raw_us"]
    assert single["ratio"] > 0
    assert growth["growth_16_to_16"] == 1.0
    parts = run.profile("emg_armband")
    assert parts["physics"] > 0 < parts["decoding"]
    assert "decode" not in vars(run.options("emg_armband")["decoder"])
    names = ("oracle", "oracle:eeg_fists", "emg_armband", "eeg_fists")
    heard = run.against_rollout("oracle", heard=True)
    assert heard["decoder"] == "oracle, with signals"
    rows = [{**loop, "decoder": name} for name in names]
    rows += [{**heard, "decoder": f"{name}, with signals"} for name in names[:2]]
    sections = {
        "machine": {},
        "options": {},
        "environments": [{"environment": "Some-v0", **loop, "decoder": "oracle", "ratio": 0.9}],
        "batch over rollout": rows,
        f"batch over rollout, {physics[1]}": rows,
        f"batch over rollout, {physics[2]}": rows,
        "decisions": [{**decision, "decoder": name} for name in names[2:]],
        "batch over copies": [{"decoder": "eeg_fists", "over_sync": 3.5, "over_async": 1.0}],
        "single over mj_step": [
            {**single, "decoder": decoder, "physics": name, "threads": threads}
            for decoder in ("oracle", "oracle, with signals")
            for name in physics
            for threads in (1, 2)
        ],
        "cost by size": [growth],
        "memory": [{"decoder": "eeg_fists", "mb_a_limb": 0.4}],
    }
    text = scripts["throughput_report"].write_report(sections, tmp_path)
    assert "| Some-v0, oracle ÷ raw rollout | ≥ 0.85 | 0.9 | yes | quartiles " in text
    assert "| batch ÷ SyncVectorEnv, eeg_fists | ≥ 3 | 3.5 | yes |" in text
    assert "| batch ÷ AsyncVectorEnv, eeg_fists | ≥ 1.5 | 1 | no |" in text
    assert text in (tmp_path / "throughput.md").read_text(encoding="utf-8")
    assert len(json.loads((tmp_path / "throughput.json").read_text(encoding="utf-8"))["bars"]) == text.count("\n") - 1
    again = scripts["throughput"].measured_again(
        {**sections, "bars": []}, {"machine": {"load_average": 9.0}, "options": {"repeats": 3}, "memory": []}
    )
    assert again["memory"] == [] != sections["memory"]
    assert again["measured again"] == {"memory": {"repeats": 3, "load average": 9.0}}
    assert again["decisions"] == sections["decisions"]
    assert "bars" not in again
    page = tmp_path / "page.md"
    marks = scripts["throughput_report"].MARKS
    page.write_text(f"Before.\n\n{marks[0]}\nold\n{marks[1]}\n\nAfter.\n", encoding="utf-8")
    scripts["throughput_report"].fill(page, text)
    assert page.read_text(encoding="utf-8") == f"Before.\n\n{marks[0]}\n\n{text}\n\n{marks[1]}\n\nAfter.\n"


def test_the_page_shows_the_committed_figures(scripts: dict[str, ModuleType]) -> None:
    report = FOLDER / "results" / "throughput.json"
    if not report.is_file():
        pytest.skip("throughput.json has not been written yet")
    table = scripts["throughput_report"].table(json.loads(report.read_text(encoding="utf-8"))["bars"])
    assert table in (FOLDER.parent / "docs" / "performance.md").read_text(encoding="utf-8")


def test_a_limb_can_be_made_to_cost_what_the_reference_costs(scripts: dict[str, ModuleType]) -> None:
    timing = scripts["loop_timing"]
    env = timing.batch(timing.ingredients("oracle", "surrogate"), 2, 1, timing.REFERENCE)
    stepping = timing.Stepping(env, timing.following(env.layout), 2)
    motion = timing.Motion(stepping, env.loop, 100)
    assert motion.states.shape[:2] == (100, 2)
    assert motion.controls.shape[2] == 20
    assert np.isfinite(motion.states).all()
    assert not env.loop.unstable.any()
    assert env.loop.parts.limb.model.opt.timestep == 0.0025


def test_peers_that_are_missing_are_left_out_with_a_reason(
    scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = scripts["peers"]
    missing = peers.Peer("Nothing-v0", "no_such_module", "nothing", "nothing")
    monkeypatch.setattr(peers, "PEERS", (missing, peers.PEERS[0]))
    arguments = ["--copies", "2", "--repeats", "1", "--steps", "4", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["peers.py", *arguments])
    peers.main()
    assert "Nothing-v0: left out (ModuleNotFoundError" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "peers.json").read_text(encoding="utf-8"))
    assert row["environment"] == "NeuroArm-v0"
    assert min(row["single"], row["sync"], row["async"]) > 0


def test_the_soak_counts_steps_of_limbs(
    scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soak = scripts["soak"]
    monkeypatch.setattr(soak, "SAMPLES", 10)
    monkeypatch.setattr(soak, "DECODERS", ("emg_armband",))
    arguments = ["--limb-steps", "50", "--rows", "4", "--threads", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["soak.py", *arguments])
    soak.main()
    (run,) = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))["runs"]
    assert run["limb_steps"] == 80
    assert len(run["memory_mb"]) == 10
