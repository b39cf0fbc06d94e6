"""Conditions of EEG reports: what is left of a signal under each, and decisions put together."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.audit.conditions import (
    CONDITIONS,
    conditions_of,
    contrast_by_person,
    decide_in_conditions,
    figures,
    in_condition,
    joined,
    paired,
)
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.montage import frontal_temporal
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.training.evaluation import Decisions

SIDES = ("left_fist", "right_fist")
CHANNELS = ("Fp1", "F7", "FC3", "C3", "T10", "TP7", "CP4", "Oz")


@pytest.fixture
def session() -> Session:
    time = np.arange(1600) / 160
    slow, fast = np.sin(2 * np.pi * 2 * time), np.sin(2 * np.pi * 12 * time)
    samples = 1e-5 * np.stack([slow + fast * (1 + row) for row in range(8)])
    spec = SignalSpec("eeg", CHANNELS, 160.0, "V")
    recording = Recording(samples.astype(np.float32), spec, (Trial("rest", 0, 640),), "nowhere", "P1")
    return Session("nowhere", "P1", "0", (recording,), (recording,))


def test_central_leaves_the_others_and_nothing_else(session):
    given = in_condition(session, "central")
    before, after = session.recordings[0].samples, given.recordings[0].samples
    outer = frontal_temporal(CHANNELS)
    np.testing.assert_allclose(after[~outer], before[~outer], atol=1e-9)
    np.testing.assert_allclose(after[outer], np.tile(before[~outer].mean(0), (outer.sum(), 1)), atol=1e-9)
    np.testing.assert_array_equal(given.calibration[0].samples, after)


def test_slow_takes_the_rhythms_away_but_not_from_the_calibration(session):
    given = in_condition(session, "slow")
    after = given.recordings[0].samples[:, 480:] * 1e5
    assert np.abs(after.std(1) - 0.707).max() < 0.1
    np.testing.assert_array_equal(given.calibration[0].samples, session.calibration[0].samples)


def test_fast_takes_the_slow_wave_away_but_not_from_the_calibration(session):
    given = in_condition(session, "fast")
    after = given.recordings[0].samples[:, 480:] * 1e5
    assert after.std(1) == pytest.approx(0.707 * (1 + np.arange(8)), rel=0.02)  # the rhythm alone
    np.testing.assert_array_equal(given.calibration[0].samples, session.calibration[0].samples)


def test_an_unknown_condition_is_refused_with_the_known_ones(session):
    with pytest.raises(NeuroMotionError, match="regressed_late"):
        in_condition(session, "quick")


def decisions(person: str, right: int, trials: int = 10) -> Decisions:
    truth = 1 + np.arange(trials) % 2
    posterior = np.full((trials, 3), 0.1, np.float32)
    decoded = np.where(np.arange(trials) < right, truth, 3 - truth)
    posterior[np.arange(trials), decoded] = 0.8
    return Decisions(
        ("rest", "left_fist", "right_fist"),
        posterior,
        truth,
        np.array([person] * trials),
        np.arange(trials),
        np.full(trials, 2.0),
        np.ones(trials, bool),
    )


def test_joined_decisions_keep_trials_and_people_apart():
    both = joined([decisions("P1", 10), decisions("P2", 6)])
    assert len(np.unique(both.trials)) == 20
    assert contrast_by_person(both, SIDES) == {"P1": 1.0, "P2": pytest.approx(0.6)}


def test_paired_difference_is_taken_over_people():
    one = joined([decisions("P1", 10), decisions("P2", 8), decisions("P3", 10)])
    two = joined([decisions("P1", 8), decisions("P2", 6), decisions("P3", 4)])
    found = paired(one, two, SIDES)
    assert found["mean"] == pytest.approx((0.2 + 0.2 + 0.6) / 3)
    assert found["low"] <= found["mean"] <= found["high"]


def test_figures_of_a_contrast_are_named_by_its_labels_and_leave_the_others_out():
    found = figures(joined([decisions("P1", 10), decisions("P2", 6)]), [SIDES])
    assert set(found) == {"per_window", "per_trial", "left_fist_right_fist"}
    assert found["left_fist_right_fist"]["per_trial"]["balanced_accuracy"]["mean"] == pytest.approx(0.8)


def test_conditions_are_those_that_the_data_set_allows():
    assert conditions_of("eegmmidb") == CONDITIONS
    assert conditions_of("myo_armband") == ("recorded", "slow", "fast")
    with pytest.raises(NeuroMotionError, match="central does not apply to myo_armband; conditions: recorded, slow, fa"):
        decide_in_conditions({}, "myo_armband", "test", conditions=["central"])


def test_the_late_condition_leaves_out_what_the_data_set_says(write_eegmmidb, tmp_path, monkeypatch):
    """Windows of every condition begin at the trial's start, but those of the late one when the cue is over."""
    from neuromotion_gym.datasets.parts import PartsTable
    from neuromotion_gym.decoders import DecoderSpec, ProbabilityDecoder

    class Uniform:
        def predict_proba(self, windows):
            return np.full((len(windows), 3), 1 / 3)

    spec = DecoderSpec(
        name="uniform", modality="eeg", dataset="eegmmidb", labels=("rest", *SIDES), channels=("C3", "C4"),
        rate_hz=160, unit="V", window=160, hop_s=0.5, split="subject", licence="CC0-1.0",
    )  # fmt: skip
    for run in (4, 8, 12):
        write_eegmmidb(tmp_path / "eegmmidb", "S036", run)
    monkeypatch.setattr(PartsTable, "runs", lambda self, part, kind=None: {"S036": ("8", "12")})
    found = decide_in_conditions(
        {"uniform": lambda session, condition: ProbabilityDecoder(Uniform(), spec)}, "eegmmidb", "test", root=tmp_path
    )["uniform"]
    assert {name: one.since_onset_s.min() for name, one in found.items()} == {
        "recorded": 1.0, "regressed": 1.0, "regressed_late": 3.0, "central": 1.0, "slow": 1.0, "fast": 1.0,
    }  # fmt: skip


def test_the_shipped_decoder_reads_two_people_of_the_test_part_and_not_their_eyes(data_root):
    from neuromotion_gym.datasets.sessions import load_sessions
    from neuromotion_gym.decoders import load_decoder
    from neuromotion_gym.training.evaluation import decide

    decoder, people = load_decoder("eeg_fists"), ["S042", "S043"]

    def mean(ocular: str, condition: str) -> float:
        sessions = load_sessions("eegmmidb", "test", root=data_root, subjects=people, ocular=ocular)
        found = decide(decoder, [in_condition(session, condition) for session in sessions])
        return float(np.mean(list(contrast_by_person(found, SIDES).values())))

    assert mean("regress", "regressed") > 0.8
    assert mean("keep", "recorded") > 0.75
    assert mean("keep", "slow") < 0.65
