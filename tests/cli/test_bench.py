"""``neuromotion bench`` without a file: decoders and recordings are named in the call."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from neuromotion_gym.cli import main as cli


def run(monkeypatch, *arguments: str) -> int:
    """Exit code of ``neuromotion bench ARGUMENTS``."""
    monkeypatch.setattr(sys, "argv", ["neuromotion", "bench", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def table(path, recording) -> None:
    """A CSV file as a user would have it: one column a channel, one with the gesture."""
    labels = np.empty(recording.samples.shape[1], dtype=object)
    for trial in recording.trials:
        labels[trial.start : trial.stop] = trial.label
    lines = [",".join([*recording.spec.channels, "gesture"])]
    for row, label in zip(recording.samples.T, labels, strict=True):
        lines.append(",".join([*(f"{value:g}" for value in row), str(label)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_my_decoder_my_recording_what_does_the_limb_do(band, monkeypatch, capsys, tmp_path) -> None:
    for person in ("Ada", "Bea"):
        table(tmp_path / "data" / person / "monday.csv", band(person))
    said = ["--rate", "200", "--unit", "count", "--level", "easy", "--episodes", "1", "--no-video"]
    said += ["--reading", "{columns: {label: gesture}, names: '{subject}/{session}.csv', has_onset: false}"]
    out = tmp_path / "out"
    assert (
        run(monkeypatch, "--decoder", "emg_armband", "--recording", str(tmp_path / "data"), *said, "--out", str(out))
        == 0
    )
    printed = capsys.readouterr().out
    rows = [
        line.split()
        for line in printed.splitlines()
        if line.startswith(("emg_armband ", "oracle", "open_loop", "shuffled", "blind"))
    ]
    assert [row[0] for row in rows] == ["emg_armband", "oracle", "open_loop", "shuffled", "blind"]
    assert "Played: data, recordings of your own (steady state)" in printed
    assert "fitted on: myo_armband, part train, 8 people; split: subject" in printed
    assert f"Report: {out / 'report.html'}" in printed
    assert "Video" not in printed
    episodes = (out / "episodes.csv").read_text(encoding="utf-8")
    assert "Ada,monday" in episodes
    assert "Bea,monday" in episodes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a benchmark's YAML file, or one --decoder"),
        (["x.yaml", "--decoder", "emg_armband"], "not both"),
        (["--decoder", "mind_reader"], "mind_reader"),
        (["--decoder", "emg_armband", "--unit", "V"], "how a --recording is read"),
        (["--decoder", "emg_armband", "--recording", "no_such_file.csv"], "no_such_file.csv"),
        (["--decoder", "emg_armband", "--fact", "labels"], "--fact"),
        (["--decoder", "emg_armband", "--controller", "{name: argmax, option: 1}"], "option"),
        (["--decoder", "emg_armband", "--subject", "Nobody"], "Nobody"),
        (["--decoder", "oracle:emg_armband"], "its bounds are played, too"),
        (["--decoder", ""], "not an empty text"),
        (["x.yaml", "--seeds", "1"], "--seeds belong to --decoder"),
        (["x.yaml", "--no-video", "--subject", "Ada", "--fact", "unit=V"], "--video, --subject, --fact belong"),
        (["--decoder", "emg_armband", "--recording", "x.csv", "--part", "tune"], "do not apply to a recording"),
        (["--decoder", "emg_armband", "--recording", "x.csv", "--source", "surrogate"], "do not apply to a recording"),
    ],
)
def test_what_cannot_be_run_ends_in_one_line(monkeypatch, capsys, tmp_path, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "neuromotion_bench").exists()  # nothing is written before all is checked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "emg_armband", "--recording", "x.csv", "--part", "tune"], "--part, --write"),
        (["evaluate", "emg_armband", "--recording", "x.csv", "--part", "test"], "--part, --write"),
        (["check", "emg_armband", "--unit", "V"], "how a --recording is read"),
        (["check", "emg_armband", "--reading", "{"], "--reading"),
    ],
)
def test_options_without_effect_are_refused_by_other_commands_too(monkeypatch, capsys, arguments, message) -> None:
    monkeypatch.setattr(sys, "argv", ["neuromotion", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_evaluate_takes_a_recording_and_new_people(band, monkeypatch, capsys, tmp_path) -> None:
    from neuromotion_gym.signals.readers import arrays

    arrays.write(band("Ada"), tmp_path / "ada.npz")
    monkeypatch.setattr(
        sys, "argv", ["neuromotion", "evaluate", "emg_armband", "--recording", str(tmp_path / "ada.npz")]
    )
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        cli.main()
    printed = capsys.readouterr().out
    assert (stop.value.code or 0) == 0
    assert "recording per window" in printed
    assert "fitted on: myo_armband, part train, 8 people" in printed
