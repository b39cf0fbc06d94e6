from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.eegmmidb import reader as eegmmidb
from neuromotion_gym.datasets.myo_armband import reader as myo_armband
from neuromotion_gym.datasets.sessions import iter_sessions, load_sessions
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial
from neuromotion_gym.signals.splits import check_calibration_apart, check_disjoint

if TYPE_CHECKING:
    from pathlib import Path

SPEC = SignalSpec("eeg", eegmmidb.channel_names(), 160.0, "V")


@pytest.fixture
def light_files(monkeypatch, tmp_path) -> list[tuple[str, str]]:
    """Recordings of all people, small and made up, in place of those on disk; gives the list of those read."""
    read: list[tuple[str, str]] = []

    def armband(person: str, run: str, root: Path) -> Recording:
        read.append((person, run))
        samples = np.random.default_rng(0).standard_normal((8, 70)).astype(np.float32)
        trials = tuple(Trial(label, 10 * i, 10 * i + 10, False) for i, label in enumerate(myo_armband.LABELS))
        return Recording(samples, myo_armband.SPEC, trials, "myo_armband", person, run)

    def cap(person: str, run: str, root: Path) -> Recording:
        read.append((person, run))
        samples = np.random.default_rng([int(person[1:]), int(run)]).standard_normal((64, 200)).astype(np.float32)
        trials = (Trial("rest", 0, 50), Trial("left_fist", 50, 100), Trial("right_fist", 150, 200))
        return Recording(samples, SPEC, trials, "eegmmidb", person, eegmmidb.run_meaning(int(run))[0], run)

    made = {"eegmmidb": cap, "myo_armband": armband}
    facts = {name: replace(registry.dataset(name), read=one) for name, one in made.items()}
    whole = registry.dataset
    monkeypatch.setattr(registry, "dataset", lambda name: facts.get(name) or whole(name))
    monkeypatch.setenv("NEUROMOTION_DATA", str(tmp_path))
    return read


@pytest.mark.parametrize("dataset", ["eegmmidb", "myo_armband"])
def test_parts_are_disjoint_in_source_samples(dataset: str, light_files) -> None:
    check_disjoint({part: load_sessions(dataset, part) for part in ("train", "tune", "test")})


@pytest.mark.parametrize("dataset", ["eegmmidb", "myo_armband"])
@pytest.mark.parametrize("part", ["tune", "test", "all"])
def test_calibration_is_there_and_never_among_the_played(dataset: str, part: str, light_files) -> None:
    sessions = load_sessions(dataset, part)
    check_calibration_apart(sessions)
    assert all(session.calibration for session in sessions)
    assert {recording.subject for session in sessions for recording in session.calibration} == {
        session.subject for session in sessions
    }


def test_real_movement_is_a_session_of_its_own(light_files) -> None:
    sessions = load_sessions("eegmmidb", "test", session_kind="real")
    assert [session.subject for session in sessions] == [f"S00{i}" for i in range(1, 6)]
    for session in sessions:
        assert session.session == "real"
        assert [recording.run for recording in session.recordings] == ["7", "11"]
        assert [recording.run for recording in session.calibration] == ["3"]


def test_train_part_may_learn_from_calibration_runs_too(light_files) -> None:
    (session,) = load_sessions("eegmmidb", "train", subjects=["S006"])
    assert [recording.run for recording in session.recordings] == ["4", "8", "12"]
    assert [recording.run for recording in session.calibration] == ["4"]
    (apart,) = load_sessions("eegmmidb", "train", subjects=["S006"], calibration_apart=True)
    assert [recording.run for recording in apart.recordings] == ["8", "12"]
    (fold,) = load_sessions("eegmmidb", "all", subjects=["S001"], calibration_apart=False)
    assert [recording.run for recording in fold.recordings] == ["4", "8", "12"]
    assert light_files.count(("S001", "4")) == 1


def test_armband_rounds_are_sessions(light_files) -> None:
    found = {(s.subject, s.session): s.calibration[0].session for s in load_sessions("myo_armband", "test")}
    known = [person for person in registry.dataset("myo_armband").table.people if person not in ("Male6", "Male7")]
    expected = [(p, "Test1") for p in known] + [(p, r) for p in ("Male6", "Male7") for r in ("Test0", "Test1")]
    assert found == dict.fromkeys(expected, "training0")
    everything = load_sessions("myo_armband", "all", subjects=["Male0"], calibration_apart=False)
    assert [session.session for session in everything] == ["training0", "Test0", "Test1"]


def test_regression_is_fitted_to_the_calibration_run_alone(light_files) -> None:
    from neuromotion_gym.signals.preprocessing import fit_ocular

    (kept,) = load_sessions("eegmmidb", "test", subjects=["S036"])
    (regressed,) = load_sessions("eegmmidb", "test", subjects=["S036"], ocular="regress")
    matrix = fit_ocular(kept.calibration, registry.dataset("eegmmidb").ocular_channels)
    for before, after in zip(
        (*kept.recordings, *kept.calibration), (*regressed.recordings, *regressed.calibration), strict=True
    ):
        np.testing.assert_allclose(after.samples, matrix @ before.samples, atol=1e-4)
        assert after.trials == before.trials


def test_sessions_come_one_at_a_time(light_files) -> None:
    next(iter_sessions("eegmmidb", "test"))
    assert {person for person, _ in light_files} == {"S001"}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("eegmmidb", "test"), {"subjects": ["S006"]}, "'test' of eegmmidb has no S006; its people: S001"),
        (("eegmmidb", "tune"), {"session_kind": "real"}, "no sessions of kind 'real'"),
        (("eegmmidb", "dev"), {}, "parts: train, tune, test, all"),
        (("other", "test"), {}, "Data sets:"),
        (("myo_armband", "test"), {"ocular": "regress"}, "no ocular channels"),
        (("eegmmidb", "test"), {"ocular": "remove"}, "'keep' or 'regress'"),
    ],
)
def test_impossible_wishes_are_refused(light_files, arguments: tuple, options: dict, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        load_sessions(*arguments, **options)


def test_real_sessions_have_what_the_table_says(data_root: Path) -> None:
    (session,) = load_sessions("eegmmidb", "test", root=data_root, subjects=["S037"], ocular="regress")
    assert [len(recording.trials) for recording in session.recordings] == [30, 30]
    eyes = [SPEC.channels.index(name) for name in ("Fp1", "Fp2", "F7", "F8")]
    assert session.recordings[0].samples[eyes].std() < 1e-3 * session.recordings[0].samples.std()
    rounds = load_sessions("myo_armband", "test", root=data_root, subjects=["Male6"])
    assert [(one.session, len(one.recordings[0].trials)) for one in rounds] == [("Test0", 28), ("Test1", 28)]
