"""The fidelity check: what its figures mean, and that it compares different recordings of the same people."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.audit import fidelity
from neuromotion_gym.audit.fidelity import (
    FidelityOptions,
    FidelityRow,
    check_surrogate,
    halves,
    log_odds_variance,
    matched_spread,
    mean_run,
    spread_of_equal_variance,
    stream_explained,
    stream_figures,
)
from neuromotion_gym.decoders import DecoderSpec
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS
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


def test_a_decoder_of_targets_is_judged_by_what_it_explains(monkeypatch):
    decoder = load_decoder("emg_finger_joints")
    source = SurrogateSource.load("ninapro_db1_a_test", decoder.spec.labels, subjects=["s08"])
    found = stream_explained(source, decoder, 0, rows=2, seconds=12.0)
    assert 0.2 < found < 0.9
    still = SurrogateSource.load("ninapro_db1_a_test", decoder.spec.labels, subjects=["s08"])
    monkeypatch.setattr(SurrogateSource, "target", property(lambda one: np.zeros((2, 11))))
    assert np.isnan(stream_explained(still, decoder, 0, rows=2, seconds=1.0))  # nothing moves


def test_rows_are_of_the_figures_that_a_decoder_has():
    values = np.array([[np.nan, np.nan, 0.5, 0.75], [np.nan, np.nan, 0.3, 0.25]])
    rows = fidelity._rows("d", "m", "c", values, values - [0, 0, 0.1, 0.25])
    assert [row.figure for row in rows] == ["explained", "success"]
    assert [row.difference.mean for row in rows] == pytest.approx([-0.1, -0.25])
    assert [row.real for row in rows] == pytest.approx([0.4, 0.5])


def test_log_odds_of_a_constant_decoder_do_not_vary():
    source = SurrogateSource.load("myo_armband_tune", subjects=["Male3"])
    assert log_odds_variance(source, _Constant(source), 0, rows=2, seconds=10.0) == pytest.approx(0.0)


def test_spread_is_interpolated_where_the_variances_are_equal():
    assert spread_of_equal_variance((1.0, 3.0), (0.5, 1.5)) == pytest.approx(2.0)
    assert spread_of_equal_variance((1.0, 2.0, 4.0), (0.5, 0.9, 1.3)) == pytest.approx(2.5)
    assert spread_of_equal_variance((1.0, 3.0), (0.2, 0.5)) == 3.0
    assert spread_of_equal_variance((1.0, 3.0), (1.2, 1.5)) == 1.0
    for spreads, shares in (((1.0, 3.0), (1.5, 0.5)), ((3.0, 1.0), (0.5, 1.5)), ((1.0, 3.0), (0.5,))):
        with pytest.raises(NeuroMotionError, match="have to rise"):
            spread_of_equal_variance(spreads, shares)


class _LogVariance(_Constant):
    """A decoder that reads how loud three channels are, as those do whose spread is matched."""

    def __init__(self) -> None:
        self.spec = DecoderSpec(
            name="log_variance",
            modality="eeg",
            dataset="eegmmidb",
            labels=("rest", "left_fist", "right_fist"),
            channels=("Cz", "C3", "C4"),
            rate_hz=160.0,
            unit="V",
            window=160,
            hop_s=0.1,
            split="subject",
            licence="none",
        )

    def decode(self, windows, adaptation=None):
        loud = windows.var(axis=2)
        return (loud / loud.sum(axis=1, keepdims=True)).astype(np.float32), None


@pytest.mark.slow
def test_a_wider_spread_of_the_surrogate_gives_log_odds_of_more_variance(data_root):
    """On recordings of one person: the matched spread lies between one that is too narrow and one that is too wide."""
    model = MODELS["eeg"]
    spreads = (0.25 * model.spread, 4.0 * model.spread)
    spread, shares = matched_spread(lambda _: _LogVariance(), ["S031"], spreads, model=model, root=data_root)
    assert shares[0] < shares[1]
    assert spread == pytest.approx(spread_of_equal_variance(spreads, shares))
    assert spreads[0] <= spread <= spreads[1]


def test_a_decoder_of_whole_trials_is_played_whole_trials_on_both_sides(trial_paced, data_root, monkeypatch):
    """On recordings and on the surrogate: the pacing stands in what is played, and windows are decoded."""
    decoder = _Counting(load_decoder(trial_paced))
    figures = fidelity.stream_figures
    monkeypatch.setattr(
        fidelity,
        "stream_figures",
        lambda source, *rest, **options: decoder.begin_stream() or figures(source, *rest, **options),
    )
    options = FidelityOptions(rows=2, stream_s=20.0, episodes=0)
    rows = check_surrogate(decoder, part="tune", subjects=["S031"], root=data_root, options=options)
    assert [row.figure for row in rows] == ["accuracy", "error_run"]
    # Two halves, each as recorded and generated; epochs of 2 s of two streams of 20 s
    assert len(decoder.posteriors) == 4
    assert all(count > 4 for count in decoder.posteriors.values())


class _Counting:
    """Counts the windows that a decoder is given in each stream."""

    def __init__(self, inner):
        self.inner, self.spec, self.posteriors, self._stream = inner, inner.spec, {}, -1

    def begin_stream(self):
        self._stream += 1

    def adapt(self, calibration):
        return self.inner.adapt(calibration)

    def decode(self, windows, adaptation=None):
        self.posteriors[self._stream] = self.posteriors.get(self._stream, 0) + len(windows)
        return self.inner.decode(windows, adaptation)


def test_the_easiest_level_of_the_first_environment_that_fits_is_played_unless_named():
    first = next(iter(ENVIRONMENTS))
    labels = load_decoder("emg_armband").spec.labels
    assert FidelityOptions().played(labels) == (first, "easy")
    assert FidelityOptions(level="hard").played(labels) == (first, "hard")
    assert FidelityOptions(environment="NeuroArm-v0").played(["VL"]) == ("NeuroArm-v0", "easy")
    with pytest.raises(NeuroMotionError, match="can express sing: leave success out, with episodes=0"):
        FidelityOptions().played(["sing"])


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
