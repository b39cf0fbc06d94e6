"""The fidelity check: what its figures mean, and that it compares different recordings of the same people."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.audit import fidelity
from neuromotion_gym.audit.fidelity import (
    FidelityRow,
    halves,
    log_odds_variance,
    matched_spread,
    mean_run,
    stream_figures,
)
from neuromotion_gym.decoders import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.surrogate import SurrogateSource
from neuromotion_gym.signals.surrogate.models import MODELS
from neuromotion_gym.statistics import Interval


def test_mean_run_counts_unbroken_runs_row_by_row():
    errors = np.array([[1, 1, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1]], bool)
    assert mean_run(errors) == pytest.approx((2 + 1 + 2 + 6) / 4)
    assert mean_run(np.zeros((2, 5), bool)) == 0.0


@pytest.mark.parametrize(
    ("figure", "difference", "within"),
    [("accuracy", 0.049, True), ("accuracy", -0.06, False), ("error_run", -0.09, True), ("error_run", 0.11, False)],
)
def test_bar_holds_on_both_sides(figure, difference, within):
    row = FidelityRow("d", "m", "c", figure, 5, 1.0, 1.0, Interval(difference, -1.0, 1.0))
    assert row.within is within


class _Constant:
    """A decoder that always says the same."""

    def __init__(self, source: SurrogateSource) -> None:
        spec = source.spec
        self.spec = DecoderSpec(
            name="constant",
            modality="emg",
            dataset="myo_armband",
            labels=source.labels,
            channels=spec.channels,
            rate_hz=spec.rate_hz,
            unit=spec.unit,
            window=40,
            hop_s=0.05,
            split="session",
            licence="none",
        )

    def decode(self, windows, adaptation=None):
        posterior = np.zeros((len(windows), len(self.spec.labels)), np.float32)
        posterior[:, 2] = 1.0
        return posterior, None


def test_constant_decoder_has_the_accuracy_of_chance_and_errs_as_long_as_others_are_asked_for():
    source = SurrogateSource.load("myo_armband_tune", subjects=["Male3"])
    accuracy, run = stream_figures(source, _Constant(source), 0, rows=6, seconds=60.0)
    assert accuracy == pytest.approx(1 / 7)
    assert run > 3.0


def test_log_odds_of_a_constant_decoder_do_not_vary():
    source = SurrogateSource.load("myo_armband_tune", subjects=["Male3"])
    assert log_odds_variance(source, _Constant(source), 0, rows=2, seconds=10.0) == pytest.approx(0.0)


def test_spread_is_the_one_at_which_variances_are_equal(monkeypatch):
    source = SurrogateSource.load("myo_armband_tune", subjects=["Male3"])

    class Half:
        def pick(self, channels):
            return self

    monkeypatch.setattr(fidelity, "halves", lambda *_, **__: {"Male3": (Half(), Half())})
    monkeypatch.setattr("neuromotion_gym.signals.sources.replay.ReplaySource", lambda *_, **__: 4.0)
    monkeypatch.setattr(fidelity, "_surrogate", lambda fitted, model, *_: model.spread * 2)
    monkeypatch.setattr(fidelity, "log_odds_variance", lambda variance, *_: variance)
    spread, shares = matched_spread(
        lambda _: _Constant(source), ["Male3"], (1.0, 3.0), model=MODELS["eeg"], ocular="keep"
    )
    assert shares == [0.5, 1.5]
    assert spread == pytest.approx(2.0)


def test_halves_are_different_recordings_of_the_same_person(data_root):
    for dataset, people in (("eegmmidb", ["S031"]), ("myo_armband", ["Male0"])):
        for subject, (first, second) in halves(dataset, "tune", subjects=people, root=data_root).items():
            assert first.subject == second.subject == subject
            names = [{recording.name for recording in half.recordings} for half in (first, second)]
            apart = {recording.name for recording in first.calibration}
            assert not names[0] & names[1]
            assert not (names[0] | names[1]) & apart
    with pytest.raises(NeuroMotionError, match="no S001"):
        halves("eegmmidb", "tune", subjects=["S001"], root=data_root)
