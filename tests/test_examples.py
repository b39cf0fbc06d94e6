"""Every example runs, and what it prints is what its subject has to give."""

from __future__ import annotations

import csv
import re
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Run an example in an empty folder with command-line arguments; what it printed."""

    def run(name: str, *arguments: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return run


def match(pattern: str, printed: str) -> tuple[str, ...]:
    found = re.search(pattern, printed)
    assert found, f"{printed!r} does not say {pattern!r}"
    return found.groups()


def test_every_example_is_tested() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {"batch", "intent_policy", "own_decoder", "random_agent", "train_ppo"}


def test_batch_shows_a_decoder_between_its_bounds(run: Callable[..., str]) -> None:
    printed = run("batch")
    lines = re.findall(r"^(.+): success (\d\.\d\d) in 16 episodes$", printed, re.MULTILINE)
    success = {name: float(value) for name, value in lines}
    assert set(success) == {"emg_armband", "oracle:emg_armband", "shuffled:emg_armband"}
    assert success["oracle:emg_armband"] == 1
    # Six goals: 0.5 lies 3.6 standard errors of 16 episodes above chance
    assert success["shuffled:emg_armband"] < 0.5 < success["emg_armband"] <= 1


def test_a_decoder_as_a_policy_selects_the_goal(run: Callable[..., str]) -> None:
    seconds, success, wrong = match(r"after (\d+\.\d) s: success (\w+), wrong selection (\w+)", run("intent_policy"))
    assert (success, wrong) == ("True", "False")
    assert 1 < float(seconds) < 20


def test_a_decoder_of_your_own_beats_chance(run: Callable[..., str]) -> None:
    success, seconds, right = match(
        r"success (\w+) after (\d+\.\d) s; right in (\d+)% of the steps", run("own_decoder")
    )
    assert success in ("True", "False")
    assert 0 < float(seconds) <= 20
    assert 100 / 7 + 15 < int(right) <= 100


def test_a_random_agent_never_holds_still(run: Callable[..., str]) -> None:
    seconds, success, wrong = match(r"after (\d+\.\d) s: success (\w+), wrong selection (\w+)", run("random_agent"))
    assert (float(seconds), success, wrong) == (20.0, "False", "False")


def test_training_writes_a_policy_its_curve_and_a_film(run: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3")
    from neuromotion_gym.controllers.learned import read_policy
    from neuromotion_gym.rendering import rendering_available

    film = "1" if rendering_available() else "0"
    arguments = ("--out", "out", "--steps", "4000", "--n-envs", "8", "--level", "easy", "--blind", "--film", film)
    printed = run("train_ppo", *arguments)
    (success,) = match(r"policy\.onnx: success (\d\.\d\d) at the end of training", printed)
    assert 0 <= float(success) <= 1
    spec = read_policy(tmp_path / "out" / "policy.onnx")[1]
    assert (spec.level, spec.training.blind) == ("easy", True)
    assert spec.training.steps >= 4000
    with (tmp_path / "out" / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert int(float(rows[-1]["steps"])) == spec.training.steps
    assert sum(float(row["episodes"]) for row in rows) >= 8
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"checkpoint.pt", "curve.csv", "curve.png", "policy.onnx", *(["rollout.mp4"] * (film == "1"))}
