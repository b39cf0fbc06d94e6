"""The command line: what it lists, and that bad input ends in one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from rich.console import Console

from neuromotion_gym.cli import main as cli
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning


def run(monkeypatch, *arguments: str) -> int:
    """Exit code of ``neuromotion ARGUMENTS``."""
    monkeypatch.setattr(sys, "argv", ["neuromotion", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def test_decoders_lists_every_shipped_decoder_with_its_labels(monkeypatch, capsys):
    from neuromotion_gym.decoders import list_decoders, load_decoder

    assert run(monkeypatch, "decoders") == 0
    out = capsys.readouterr().out
    for name in list_decoders():
        assert name in out
        assert load_decoder(name).spec.labels[0] in out


def test_envs_lists_every_registered_environment(monkeypatch, capsys):
    from neuromotion_gym import ENVIRONMENTS

    assert run(monkeypatch, "envs") == 0
    out = capsys.readouterr().out
    assert ENVIRONMENTS
    assert all(name in out for name in ENVIRONMENTS)


def test_envs_shows_what_each_label_does_in_an_environment(monkeypatch, capsys):
    assert run(monkeypatch, "envs", "NeuroReach-v0") == 0
    words = [line.split() for line in capsys.readouterr().out.splitlines()]
    for line in (["right_fist", "right", "+1"], ["wrist_flexion", "up", "-1"], ["hand_open", "nothing"]):
        assert line in words
    assert ["rest", "holds", "still"] in words
    assert run(monkeypatch, "envs", "NeuroFoot-v0") == 2
    assert "No environment is called 'NeuroFoot-v0'" in capsys.readouterr().err


def test_envs_with_an_id_shows_what_each_label_does_and_which_decoders_fit(monkeypatch, capsys):
    assert run(monkeypatch, "envs", "NeuroArm-v0") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "wrist_extension wrist_flexion -1" in lines
    assert "neutral holds still" in lines
    assert "Levels: easy, standard, hard" in lines
    (fit,) = (line for line in lines if line.startswith("Decoders:"))
    assert "emg_armband_calibrated" in fit
    assert "leg_muscles" not in fit
    assert fit.endswith("default: emg_armband")


def test_error_of_the_library_is_one_line_and_exit_code_2(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, "demo", "--decoder", "mind_reader", "--out", str(tmp_path / "out")) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "mind_reader" in captured.err
    assert "emg_armband" in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "out").exists()


def test_markup_in_a_message_is_printed_as_it_is(monkeypatch, capsys):
    def broken() -> None:
        raise NeuroMotionError("labels [bold] are odd")

    monkeypatch.setattr(cli, "app", broken)
    assert run(monkeypatch) == 2
    assert "labels [bold] are odd" in capsys.readouterr().err


def test_missing_package_names_the_extra_that_brings_it(monkeypatch, capsys):
    def broken() -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    monkeypatch.setattr(cli, "app", broken)
    assert run(monkeypatch) == 2
    assert "neuromotion-gym[train]" in capsys.readouterr().err


def test_ctrl_c_exits_130_without_a_traceback(monkeypatch, capsys):
    def interrupted(self: Console, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Console, "print", interrupted)
    assert run(monkeypatch, "envs") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_help_of_demo_names_allowed_values_and_defaults(monkeypatch, capsys):
    assert run(monkeypatch, "demo", "--help") == 0
    out = capsys.readouterr().out
    assert "surrogate" in out
    assert "replay" in out
    assert "emg_armband" in out
    assert "default" in out


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom neuromotion_gym.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('HEAVY', [name for name in ('torch', 'mne', 'matplotlib', 'onnxruntime') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip().endswith("HEAVY []")


def test_out_that_is_a_file_is_refused_before_any_work(monkeypatch, capsys, tmp_path):
    taken = tmp_path / "run[/]"  # looks like markup
    taken.parent.mkdir()
    taken.write_text("mine")
    assert run(monkeypatch, "demo", "--decoder", "emg_armband", "--out", str(taken)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{taken} is a file" in said
    assert taken.read_text() == "mine"


def test_a_full_disk_under_the_output_is_told_in_one_line():
    code = "import sys; sys.argv = ['neuromotion', 'envs']; from neuromotion_gym.cli.main import main; main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "neuromotion: Standard output: No space left on device.\n"


def test_a_terminal_without_a_letter_gets_its_number():
    code = (
        "import sys\nfrom neuromotion_gym.cli import main as cli\nfrom neuromotion_gym.cli.tables import print_table\n"
        "cli.app = lambda: print_table(['unit'], [['µV']])\ncli.main()"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == ["unit", "----", "\\xb5V"]
    assert done.stderr == ""


def test_warnings_of_the_library_are_one_line_and_leave_the_others_alone(monkeypatch, capsys):
    def doubtful() -> None:
        warnings.simplefilter("default")
        warnings.warn("resampled from [128] Hz", NeuroMotionWarning, stacklevel=2)

    monkeypatch.setattr(cli, "app", doubtful)
    before = warnings.showwarning
    run(monkeypatch)
    assert capsys.readouterr().err == "neuromotion: warning: resampled from [128] Hz\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_ends_the_command_lets_it_clean_up(number, code, monkeypatch):
    cleaned = []

    def working() -> None:
        try:
            signal.raise_signal(number)
        finally:
            cleaned.append(True)

    monkeypatch.setattr(cli, "app", working)
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_DFL)
    try:
        assert run(monkeypatch) == code
    finally:
        signal.signal(number, before)
    assert cleaned
