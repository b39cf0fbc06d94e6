from __future__ import annotations

import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.signals.splits import (
    UNITS,
    Splitter,
    check_calibration_apart,
    check_disjoint,
    group_sessions,
    stretches,
)


def _units(sessions, unit: str) -> set:
    depth = 1 + ("subject", "session", "run", "trial").index(unit)
    return {
        (recording.subject, recording.session, recording.run, trial.start)[:depth]
        for session in sessions
        for recording in session.recordings
        for trial in recording.trials
    }


@pytest.fixture
def sessions(make_recording):
    recordings = [
        make_recording(subject=subject, session=session, run=run)
        for subject in ("A", "B", "C")
        for session in ("0", "1")
        for run in ("1", "2", "3")
    ]
    return group_sessions(recordings, calibration_runs=["1"])


def test_group_sessions_keeps_calibration_runs_apart(sessions) -> None:
    assert [(session.subject, session.session) for session in sessions] == [(s, n) for s in "ABC" for n in "01"]
    for session in sessions:
        assert [recording.run for recording in session.recordings] == ["2", "3"]
        assert [recording.run for recording in session.calibration] == ["1"]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("folds", [2, 3])
def test_units_stay_whole_and_each_is_held_out_once(sessions, unit: str, folds: int) -> None:
    splits = list(Splitter(unit, folds).split(sessions))
    assert len(splits) == folds
    everything = _units(sessions, unit)
    held_out = []
    for split in splits:
        check_disjoint({"train": split.train, "test": split.test})
        assert not _units(split.train, unit) & _units(split.test, unit)
        assert _units(split.train, unit) | _units(split.test, unit) == everything
        assert all(len(session.calibration) == 1 for session in (*split.train, *split.test))
        held_out += sorted(_units(split.test, unit))
    assert sorted(held_out) == sorted(everything)


def test_without_folds_one_unit_is_left_out_at_a_time(sessions) -> None:
    assert [len(_units(split.test, "subject")) for split in Splitter("subject").split(sessions)] == [1, 1, 1]


def test_trials_are_dealt_label_by_label(sessions) -> None:
    for split in Splitter("trial", 4).split(sessions[:1]):
        counts: dict[str, int] = {}
        for recording in split.test[0].recordings:
            for trial in recording.trials:
                counts[trial.label] = counts.get(trial.label, 0) + 1
        assert counts == {"rest": 4, "left_fist": 2, "right_fist": 2}


def test_splits_follow_the_seed_alone(sessions) -> None:
    def held_out(seed: int) -> list[set]:
        return [_units(split.test, "trial") for split in Splitter("trial", 3, seed).split(sessions)]

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)


@pytest.mark.parametrize(("unit", "folds"), [("subject", 4), ("subject", 1), ("window", 2)])
def test_impossible_splits_are_refused(sessions, unit: str, folds: int) -> None:
    with pytest.raises(NeuroMotionError, match=r"4 folds|1 folds|not by 'window'"):
        next(Splitter(unit, folds).split(sessions))


def test_overlap_is_refused_by_source_samples_whatever_the_rate(make_recording) -> None:
    recording = make_recording()
    early, late = Splitter("trial", 2).split(group_sessions([recording]))
    with pytest.raises(
        NeuroMotionError, match=r"Parts 'a' and 'b' share \d+\.\d\d to .* s of mock S1, session 0, run 1"
    ):
        check_disjoint({"a": early.train, "b": late.train + early.train})
    resampled = Session("mock", "S1", "0", (recording.resampled(50.0),))
    with pytest.raises(NeuroMotionError, match="share"):
        check_disjoint({"a": early.test, "b": [resampled]})
    check_disjoint({"a": early.test, "b": group_sessions([make_recording(run="2"), make_recording(subject="S2")])})


def test_calibration_among_the_recordings_is_refused(make_recording) -> None:
    recording, other = make_recording(), make_recording(run="2")
    check_calibration_apart([Session("mock", "S1", "0", (other,), (recording,))])
    with pytest.raises(NeuroMotionError, match="Recordings and calibration runs share"):
        check_calibration_apart([Session("mock", "S1", "0", (other, recording), (recording,))])


def test_stretches_of_unlabelled_recordings_are_the_whole_recording(make_recording) -> None:
    session = Session("mock", "S1", "0", (), (make_recording(),))
    assert stretches([session]) == {}
    assert stretches([session], calibration=True) == {("mock", "S1", "0", "1"): [(0.0, 64.0)]}
