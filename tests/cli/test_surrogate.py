"""``neuromotion surrogate``: fits what it is told to, and refuses what it does not know."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from neuromotion_gym.cli.surrogate import app
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.surrogate import SurrogateSource
from neuromotion_gym.signals.surrogate.parameters import SurrogateParameters


def test_check_names_the_models_there_are():
    result = CliRunner().invoke(app, ["check", "--decoder", "emg_armband", "--model", "nope"])
    assert isinstance(result.exception, NeuroMotionError)
    assert "default, stationary, amplitudes, trial, autoregression" in str(result.exception)


def test_check_with_folds_takes_everybody_of_the_part(tmp_path):
    """It gets as far as the recordings, which are missing here."""
    result = CliRunner().invoke(app, ["check", "--decoder", "emg_armband", "--folds", "--data", str(tmp_path)])
    assert isinstance(result.exception, NeuroMotionError)
    assert "has no recordings of" in str(result.exception)


@pytest.mark.slow
def test_fit_makes_the_shipped_file_again(data_root, tmp_path):
    out = tmp_path / "again.npz"
    result = CliRunner().invoke(app, ["fit", "myo_armband", "tune", "--out", str(out), "--data", str(data_root)])
    assert result.exit_code == 0, result.output
    made = SurrogateParameters.read(out)
    assert set(made.meta["labels"]) == set(SurrogateSource.load("myo_armband_tune").labels)
    assert made.meta["licence"] == "GPL-3.0"
    assert len(made.person) == 447
