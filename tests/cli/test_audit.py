"""``neuromotion audit``: windows from a file, recordings, exit codes and JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from neuromotion_gym.cli.main import app
from neuromotion_gym.errors import NeuroMotionError


@pytest.fixture
def windows(tmp_path):
    generator = np.random.default_rng(0)
    path = tmp_path / "windows.npz"
    content = {
        "windows": generator.standard_normal((64, 4, 50)),
        "labels": np.concatenate([generator.permutation(["a", "b"] * 8) for _ in range(4)]),
        "rate_hz": 100.0,
        "people": np.repeat(["P0", "P1", "P2", "P3"], 16),
    }

    def write(**changes: object) -> list[str]:
        np.savez(path, **{**content, **changes})
        return ["audit", "--windows", str(path), "--permutations", "99"]

    return write


def test_exit_code_and_json_tell_whether_something_was_found(windows, tmp_path):
    clean = CliRunner().invoke(app, [*windows(test=np.arange(64) < 16), "--json", "--out", str(tmp_path / "out")])
    assert clean.exit_code == 0
    assert json.loads(clean.stdout)["findings"] == 0
    assert (tmp_path / "out" / "report.html").is_file()
    found = CliRunner().invoke(app, windows(test=np.arange(64) % 2 == 0))
    assert found.exit_code == 1
    assert "come from a person of the training part (P0, P1, P2, P3)" in found.stdout
    assert CliRunner().invoke(app, [*windows(test=np.arange(64) % 2 == 0), "--claim", "trial"]).exit_code == 0


def test_recordings_are_audited_by_themselves(tmp_path, make_recording):
    from neuromotion_gym.signals.readers import arrays

    for run in ("1", "2", "3"):
        arrays.write(make_recording(run=run, offset=1e5 * int(run)), tmp_path / f"{run}.npz")
    given = ["audit", "--recording", str(tmp_path), "--rest", "rest", "--question", "order", "--permutations", "99"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 1
    assert "The label before it tells the label of a trial at 1.00" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a decoder, or give --recording or --windows"),
        (["emg_armband", "--eyes", "a"], "--rest and --eyes are facts of the data set"),
        (["emg_armband", "--unit", "V"], "say how a --recording is read"),
        (["--recording", "x", "--part", "test"], "--part and --subject belong to a data set"),
        (["--windows", "x", "--part", "test"], "--windows is audited alone"),
        (["--question", "ears"], "No question is called 'ears'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message):
    result = CliRunner().invoke(app, ["audit", *arguments])
    assert isinstance(result.exception, NeuroMotionError)
    assert message in str(result.exception)


def test_files_that_hold_no_windows_are_refused(windows, tmp_path):
    given = windows(colour="red")
    assert "colour is not known" in str(CliRunner().invoke(app, given).exception)
    (tmp_path / "windows.npz").write_bytes(b"PK")
    assert "cannot be read as a file of windows" in str(CliRunner().invoke(app, given).exception)
