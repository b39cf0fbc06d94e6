"""Sessions of recordings of one's own: nothing that calibrates is played."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from neuromotion_gym.datasets.own import own_sessions
from neuromotion_gym.datasets.recorded import OwnRecordings
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Session, Targets


def runs(sessions) -> list[tuple[str, str, list[str], list[str]]]:
    return [
        (one.subject, one.session, [each.run for each in one.recordings], [each.run for each in one.calibration])
        for one in sessions
    ]


@pytest.fixture
def several(make_recording) -> list:
    """Two people; the first has two sessions of two runs, the second one run."""
    keys = [("A", "1", "1"), ("A", "1", "2"), ("A", "2", "1"), ("A", "2", "2"), ("B", "1", "1")]
    return [
        make_recording(subject=subject, session=session, run=run, offset=1e5 * number)
        for number, (subject, session, run) in enumerate(keys)
    ]


def test_without_a_word_everything_is_played(several) -> None:
    assert runs(own_sessions(several)) == [
        ("A", "1", ["1", "2"], []),
        ("A", "2", ["1", "2"], []),
        ("B", "1", ["1"], []),
    ]


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({"calibration": {"run": "1"}, "play": {"subject": "A"}}, [("A", "1", ["2"], ["1"]), ("A", "2", ["2"], ["1"])]),
        ({"calibration": {"session": "1"}, "play": {"session": "2"}}, [("A", "2", ["1", "2"], ["1", "2"])]),
        ({"play": {"subject": ["B"]}}, [("B", "1", ["1"], [])]),
    ],
)
def test_runs_sessions_and_people_are_selected(several, reading, expected) -> None:
    assert runs(own_sessions(several, reading)) == expected


def test_a_run_that_was_numbered_is_found_under_its_own_name(make_recording) -> None:
    recordings = [
        make_recording(labels, trial=20, run=f"{run} ({number})", offset=100.0 * run + number)
        for run in (0, 1)
        for number, labels in enumerate(("ab", "ba"))
    ]
    (found,) = own_sessions(recordings, {"calibration": {"run": "0"}})
    assert [one.run for one in found.calibration] == ["0 (0)", "0 (1)"]
    assert [one.run for one in found.recordings] == ["1 (0)", "1 (1)"]
    with pytest.warns(NeuroMotionWarning, match="the first run of 1 sessions"):
        assert runs(own_sessions(recordings, needs_calibration=True)) == runs([found])
    with pytest.raises(NeuroMotionError, match=r"run 0 \(1\) are one run, so that no run is left for calibration"):
        own_sessions(recordings[:2], needs_calibration=True)


def test_the_first_run_calibrates_where_there_are_two_or_more(several) -> None:
    with pytest.warns(NeuroMotionWarning, match="the first run of 2 sessions calibrate and are not played"):
        found = own_sessions(several[:4], needs_calibration=True)
    assert runs(found) == [("A", "1", ["2"], ["1"]), ("A", "2", ["2"], ["1"])]


def test_what_is_played_is_chosen_by_the_names_in_the_files_even_if_a_run_is_cut(several) -> None:
    with pytest.warns(NeuroMotionWarning, match="^Calibration runs are not named .*so the first trials"):
        (found,) = own_sessions(several, {"play": {"subject": "B", "run": "1"}}, needs_calibration=True)
    assert [one.run for one in found.recordings] == ["1 (played 1)"]
    with pytest.warns(NeuroMotionWarning, match="so the first run of 1 sessions calibrate"):
        found = own_sessions(several, {"play": {"session": "2"}}, needs_calibration=True)
    assert runs(found) == [("A", "2", ["2"], ["1"])]


@pytest.mark.parametrize("labels", [("a", "b") * 8, ("a",) * 8 + ("b",) * 8])
def test_the_first_trials_of_a_single_run_calibrate_and_share_no_sample(make_recording, labels) -> None:
    recording = make_recording(labels, trial=30).pick(["where", "noise"])
    with pytest.warns(NeuroMotionWarning, match="the first trials of each label in 1 sessions that have one run"):
        (session,) = own_sessions([recording], needs_calibration=True)
    calibration = np.concatenate([one.samples[0] for one in session.calibration])  # channel 0 counts the samples
    played = np.concatenate([one.samples[0] for one in session.recordings])
    assert sorted([*calibration, *played]) == list(range(16 * 30))
    for parts, count in ((session.calibration, 2), (session.recordings, 6)):
        found = [(trial.label, part.samples[0, trial.start], trial.stop) for part in parts for trial in part.trials]
        assert [sum(label == one for one, _, _ in found) for label in "ab"] == [count, count]
        for label, first, _ in found:  # the samples of a trial are those of its label
            assert recording.trials[int(first) // 30].label == label
            assert first % 30 == 0


def test_trials_that_a_cut_goes_through_are_counted(make_recording) -> None:
    recording = make_recording(("a", "b") * 4, trial=30)
    trials = list(recording.trials)
    trials[2] = replace(trials[2], start=50)  # "a", the first that is played, shares 10 samples with the one before
    with pytest.warns(NeuroMotionWarning, match=r"not played; trials that share samples .* are left out \(1\)\.$"):
        (session,) = own_sessions([replace(recording, trials=tuple(trials))], needs_calibration=True)
    (played,), (first,) = session.recordings, session.calibration
    assert (len(first.trials), len(played.trials)) == (2, 5)


def test_gaps_stay_where_they_are_when_a_run_is_cut(make_recording) -> None:
    recording = replace(make_recording(("a", "b") * 4, trial=10), bad_spans=((20, 20), (70, 70)))
    with pytest.warns(NeuroMotionWarning):
        (session,) = own_sessions([recording], needs_calibration=True)
    assert [one.bad_spans for one in session.calibration] == [((20, 20),)]
    assert [one.bad_spans for one in session.recordings] == [((0, 0), (50, 50))]


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"calibration": {"run": "9"}}, "calibration asks for run 9, but the recordings have 1, 2"),
        ({"calibration": {"run": "2", "subject": "B"}}, "No recording fits calibration"),
        ({"calibration": {"run": ["1", "2"]}}, "Nothing is left to play"),
        ({"calibration": {"run": "1"}, "play": {"run": "1"}}, "Nothing is left to play"),
    ],
)
def test_selections_that_cannot_be_meant_are_refused(several, reading, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        own_sessions(several, reading)


def test_a_single_run_with_one_trial_of_a_label_cannot_calibrate(make_recording) -> None:
    with pytest.raises(NeuroMotionError, match="has one trial of b, so that nothing can be taken for calibration"):
        own_sessions([make_recording(("a", "b", "a"))], needs_calibration=True)


def test_recordings_without_trials_calibrate_but_are_not_played(make_recording) -> None:
    unlabelled = replace(make_recording(run="0", offset=7.0), trials=())
    recordings = [unlabelled, make_recording(run="1")]
    assert runs(own_sessions(recordings, {"calibration": {"run": "0"}})) == [("S1", "0", ["1"], ["0"])]
    with pytest.raises(NeuroMotionError, match="there are none in mock S1, session 0, run 0"):
        own_sessions(recordings)


def test_a_copy_under_another_name_is_refused(make_recording) -> None:
    with pytest.raises(NeuroMotionError, match="run 2 has the same samples as the calibration run mock S1"):
        own_sessions([make_recording(run="1"), make_recording(run="2")], {"calibration": {"run": "1"}})


def test_a_part_of_what_is_played_does_not_calibrate_and_what_is_played_twice_is_said(make_recording) -> None:
    whole = make_recording(run="whole")
    trials = tuple(trial for trial in whole.trials if trial.stop <= 2000)
    part = replace(whole, samples=whole.samples[:, :2000].copy(), trials=trials, run="part")
    with pytest.raises(NeuroMotionError, match="run whole shares samples with the calibration run .* run part"):
        own_sessions([part, whole], {"calibration": {"run": "part"}})
    apart = replace(part, samples=part.samples + np.float32(0.5))
    assert runs(own_sessions([apart, whole], {"calibration": {"run": "part"}}))
    with pytest.warns(NeuroMotionWarning, match="S2, .* has the same samples as mock S1, .*: both are played"):
        own_sessions([whole, replace(whole, subject="S2")])


def test_a_session_holds_recordings_of_its_person_alone(make_recording) -> None:
    own, other = make_recording(), replace(make_recording(run="2", offset=5.0), subject="S2")
    spec = SimpleNamespace(ocular="keep", name="x", modality="eeg", labels=("rest", "left_fist", "right_fist"))
    spec = SimpleNamespace(**vars(spec), channels=own.spec.channels, rate_hz=100.0, unit="V", window=50, scale=None)
    for session in (Session("mock", "S1", "0", (other,)), Session("mock", "S1", "0", (own,), (other,))):
        with pytest.raises(NeuroMotionError, match="session of mock S1 holds a recording of another person, mock S2"):
            OwnRecordings.read([session], None, spec)


def test_the_digest_covers_what_a_person_did_beside_the_signal(make_recording) -> None:
    recording = make_recording()
    length = recording.samples.shape[1]
    others = [replace(recording, targets=Targets(("x",), np.full((1, length), value, np.float32))) for value in (0, 1)]
    others.append(replace(others[0], targets=replace(others[0].targets, names=("y",))))
    digests = {OwnRecordings.of(own_sessions([one]), "mine").facts.digest for one in (recording, *others)}
    assert len(digests) == 4


def test_people_of_several_data_sets_are_not_played_together(make_recording) -> None:
    recordings = [make_recording(), replace(make_recording(), dataset="another")]
    with pytest.raises(NeuroMotionError, match=r"is of several data sets, .*another, whose people"):
        OwnRecordings.of(own_sessions(recordings), "mine")
