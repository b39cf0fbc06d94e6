"""The command line: what it lists, and that bad input ends in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rich.console import Console

from neuromotion_gym.cli import main as cli
from neuromotion_gym.errors import NeuroMotionError


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
