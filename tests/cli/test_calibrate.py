"""``neuromotion calibrate``, and the options that say how a recording is read."""

from __future__ import annotations

import sys

import pytest

from neuromotion_gym.cli import main as cli
from neuromotion_gym.cli.reading import reading_from
from neuromotion_gym.decoders import load_decoder, worn_by
from neuromotion_gym.decoders.arrangement import Arrangement
from neuromotion_gym.errors import NeuroMotionError

CHANNELS = [f"e{number}" for number in range(6)]
TABLE = ("--rate", "100", "--unit", "count", "--reading", "{columns: {label: gesture}, subject: Anna}")


def run(monkeypatch, *arguments: str) -> int:
    """Exit code of ``neuromotion ARGUMENTS``."""
    monkeypatch.setattr(sys, "argv", ["neuromotion", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def table(path, recording, names=CHANNELS, labels=None):
    """Write a recording as a CSV file with a column of labels."""
    lines = [",".join([*names, "gesture"])]
    for trial, samples in recording.trial_samples():
        label = (labels or {}).get(trial.label, trial.label)
        lines += [",".join([*(f"{value:.3f}" for value in row), label]) for row in samples.T]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_command_makes_a_decoder_of_a_mirrored_band_from_a_table(ring, tmp_path, monkeypatch, capsys):
    worn = Arrangement(3, mirrored=True)
    names = [f"ch{number}" for number in range(6)]
    file = table(tmp_path / "mine.csv", ring.worn(worn), names, {"hand_close": "squeeze"})
    channels = ",".join(f"{name}={own}" for name, own in zip(names, CHANNELS, strict=True))
    others = ["hand_open=hand_open", "wrist_flexion=wrist_flexion,wrist_extension=wrist_extension"]
    labels = [part for text in ("squeeze=hand_close", *others) for part in ("--labels", text)]
    out = tmp_path / "W"
    code = run(
        monkeypatch, "calibrate", str(ring.folder), file, "--out", str(out), *TABLE, "--channels", channels, *labels
    )
    said = capsys.readouterr().out
    assert code == 0
    assert f"The band is worn mirrored; channels are read in the order {', '.join(worn.of(CHANNELS))}" in said
    assert f"Decoder written to {out}" in said
    assert load_decoder(out).spec.channels == worn.of(CHANNELS)
    assert worn_by(out).people == ("Anna",)
    card = (out / "card.md").read_text(encoding="utf-8")
    assert "meant for nobody else" in card
    assert f"| e0 | {worn.of(CHANNELS)[0]} |" in card


def test_error_lists_the_labels_found_beside_those_needed(ring, tmp_path, monkeypatch, capsys):
    file = table(tmp_path / "mine.csv", ring.worn(seconds=16), labels={"hand_close": "my own"})
    code = run(monkeypatch, "calibrate", str(ring.folder), file, "--out", str(tmp_path / "W"), *TABLE)
    error = " ".join(capsys.readouterr().err.split())
    assert code == 2
    assert "missing: hand_close." in error
    assert "Labels of the recording: hand_open, my own, wrist_flexion, wrist_extension." in error
    assert not (tmp_path / "W").exists()


def test_facts_of_a_model_from_elsewhere_are_options(ring, tmp_path, monkeypatch):
    file = table(tmp_path / "mine.csv", ring.worn(Arrangement(2), seconds=32))
    folder = ring.write(tmp_path / "flat", ring=False)
    out = tmp_path / "W"
    assert run(monkeypatch, "calibrate", str(folder), file, "--out", str(out), *TABLE) == 2
    assert run(monkeypatch, "calibrate", str(folder), file, "--out", str(out), *TABLE, "--fact", "ring=true") == 0
    assert load_decoder(out).spec.channels == Arrangement(2).of(CHANNELS)


def test_options_are_a_reading(tmp_path):
    said = reading_from(["fist=hand_close, open=hand_open", "no=rest"], "uV", 200.0, "a, b", "{trial_s: 2, run: x}")
    assert said.labels == {"fist": "hand_close", "open": "hand_open", "no": "rest"}
    assert (said.unit, said.rate_hz, said.channels, said.trial_s, said.run) == ("uV", 200.0, ("a", "b"), 2.0, "x")
    assert reading_from(channels="a=b,c=d").channels == {"a": "b", "c": "d"}
    file = tmp_path / "reading.yaml"
    file.write_text("rate_hz: 100\n", encoding="utf-8")
    assert reading_from(reading=str(file)).rate_hz == 100.0
    assert reading_from() == reading_from(labels=[])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["fist"]}, r"--labels is a pair such as name=other_name, not 'fist'"),
        ({"channels": "a=b,c"}, "--channels is a pair such as"),
        ({"unit": "V", "reading": "unit: V"}, "--reading has unit, which another option gives, too"),
        ({"reading": "nonsense"}, "--reading is a YAML mapping"),
        ({"reading": "speed: 3"}, "speed"),
        ({"reading": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_options_that_cannot_be_understood_are_one_error(options, message):
    with pytest.raises(NeuroMotionError, match=message):
        reading_from(**options)
