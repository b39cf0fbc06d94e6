from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.ninapro_db1_a.changes import changes_from_rest, movements, rests
from neuromotion_gym.datasets.ninapro_db1_a.reader import JOINTS, MOVEMENTS, RUNS, read_person, read_repetition
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

RATE = 100.0
REST, FILM, LATE = 210, 120, 30
"""Samples of a rest and of a film, and from the film to where muscles act in the files that the tests write."""


def write(root: Path, **changes: object) -> dict[str, np.ndarray]:
    """A person s00: in each repetition rest is at the number of its block, and the movement 1000 above that."""
    shown = np.concatenate(
        [np.repeat([0, movement], [REST, FILM]) for movement in range(1, 13) for _ in RUNS] + [np.zeros(REST, int)]
    )
    number = np.concatenate([np.repeat([0, k + 1], [REST, FILM]) for _ in MOVEMENTS for k in range(10)])
    moved = np.roll(shown, LATE)
    # The hand goes on to the rest of the next block after the last muscle of this one
    block = np.repeat(np.arange(1, 13), 10 * (REST + FILM))
    block = np.concatenate([np.full(LATE, 1), block, np.full(REST - LATE, 12)])
    emg = 100 * block + 1000 * (moved > 0) + np.arange(10)[:, None]
    content = {
        "emg": emg.astype(np.uint16),
        "glove": np.repeat(256 * block[None], 22, axis=0).astype(np.uint16),
        "stimulus": shown.astype(np.uint8),
        "restimulus": moved.astype(np.uint8),
        "repetition": np.concatenate([number, np.zeros(REST, int)]).astype(np.uint8),
    }
    content |= changes  # type: ignore[arg-type]
    np.savez_compressed(root / "s00.npz", **content)
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write(root)
    return root


def test_samples_are_volts_and_steps_of_the_glove(tmp_path: Path) -> None:
    content = write(tmp_path)
    person = read_person("s00", root=tmp_path)
    np.testing.assert_allclose(person.emg, content["emg"] * 1e-4, rtol=1e-6)
    np.testing.assert_array_equal(person.glove[3], content["glove"][3] / 256)
    np.testing.assert_array_equal(person.shown, content["stimulus"])
    np.testing.assert_array_equal(person.moved, content["restimulus"])


def test_a_run_is_one_repetition_of_all_movements_each_after_its_rest(folder: Path) -> None:
    recording = read_repetition("s00", "repetition_3", root=folder)
    assert [trial.label for trial in recording.trials] == [name for label in MOVEMENTS for name in ("rest", label)]
    assert {trial.stop - trial.start for trial in recording.trials} == {REST - 100, FILM}
    length = REST - 100 + LATE + FILM
    assert recording.bad_spans == tuple((length * k, length * k) for k in range(1, 12))
    assert not any(trial.has_onset for trial in recording.trials)


def test_played_samples_do_not_tell_the_block(folder: Path) -> None:
    for run in ("repetition_2", "repetition_10"):
        for trial, samples in read_repetition("s00", run, root=folder).trial_samples():
            np.testing.assert_allclose(samples, 0.0 if trial.label == "rest" else 0.1, atol=1e-6)


def test_the_first_rest_has_no_rest_before_it_and_is_left_out(folder: Path) -> None:
    first = read_repetition("s00", "repetition_1", root=folder)
    assert [trial.label for trial in first.trials][:3] == ["index_flexion", "rest", "index_extension"]
    assert first.trials[0].start == LATE


def test_a_change_is_from_the_end_of_the_last_rest_that_is_over() -> None:
    shown = np.zeros(700, np.uint8)
    shown[200:300], shown[500:600] = 1, 2
    values = np.arange(700.0)[None]
    found = changes_from_rest(values, shown, RATE)
    assert movements(shown).tolist() == [[200, 300], [500, 600]]
    assert rests(shown, RATE).tolist() == [[0, 200], [400, 500]]
    assert np.isnan(found[0, :200]).all()
    np.testing.assert_allclose(found[0, 200:500], values[0, 200:500] - np.arange(100, 200).mean())
    np.testing.assert_allclose(found[0, 500:], values[0, 500:] - np.arange(400, 500).mean())


def test_changes_are_causal() -> None:
    shown = np.zeros(700, np.uint8)
    shown[200:300], shown[500:600] = 1, 2
    values = np.random.default_rng(0).normal(size=(2, 700))
    later = values.copy()
    later[:, 450:] += 1
    before = [changes_from_rest(one, shown, RATE)[:, :450] for one in (values, later)]
    np.testing.assert_array_equal(*before)


def test_a_short_rest_is_refused() -> None:
    shown = np.zeros(700, np.uint8)
    shown[200:300], shown[450:600] = 1, 2
    with pytest.raises(NeuroMotionError, match=r"before movement number 2 is shorter than 1 s, counted from 1 s after"):
        rests(shown, RATE)


def moved_glove(content: dict[str, np.ndarray], factor: dict[int, int]) -> np.ndarray:
    """Glove in which every movement adds 20 steps times the factor of its repetition to all sensors."""
    moved, number = content["restimulus"] > 0, content["repetition"]
    number = np.maximum.accumulate(np.where(number > 0, np.arange(len(number)), 0))
    factors = np.array([factor.get(int(one), 1) for one in content["repetition"][number]])
    return (content["glove"] + 20 * 256 * factors * moved).astype(np.uint16)


def test_targets_are_joints_sized_by_the_calibration_run_alone(tmp_path: Path) -> None:
    found = {}
    plain = write(tmp_path)
    for name, factor in {"plain": {}, "later": {9: 3}, "all": dict.fromkeys(range(1, 11), 2)}.items():
        write(tmp_path, glove=moved_glove(plain, factor))
        for run in ("repetition_3", "repetition_9"):
            one = read_repetition("s00", run, root=tmp_path).targets
            assert one is not None
            found[name, run[-1]] = one.values
    assert one.names == tuple(JOINTS)
    assert {*np.unique(found["plain", "3"].round(3))} == {np.float32(0.0), np.float32(0.8)}
    np.testing.assert_allclose(found["later", "3"], found["plain", "3"], atol=1e-6)
    np.testing.assert_allclose(found["all", "3"], found["plain", "3"], atol=1e-6)
    assert found["later", "9"].max() == 1  # 2.4, at the end of the range


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emg": np.zeros((9, 5), np.uint16)}, r"holds emg as uint16 of shape \(9, 5\); uint16 of shape \(10, 5\)"),
        ({"repetition": np.zeros(7, np.uint8)}, r"holds repetition as uint8 of shape \(7,\)"),
        ({"restimulus": np.zeros(REST + 120 * (REST + FILM), np.uint8)}, r"120 repetitions, of which 0 are also in"),
        ({"repetition": np.ones(REST + 120 * (REST + FILM), np.uint8)}, r"10 of each of 12 movements are expected"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(NeuroMotionError, match=message):
        read_repetition("s00", "repetition_1", root=tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NeuroMotionError, match=r"no recordings of s00 of Ninapro's exercise A.*s00\.npz"):
        read_person("s00", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no run 'repetition_11'; runs are repetition_1 to repetition_10"):
        read_repetition("s00", "repetition_11", root=tmp_path)
    with pytest.raises(NeuroMotionError, match="no person '1'"):
        read_person("1", root=tmp_path)
    (tmp_path / "s00.npz").write_bytes(b"PK\3\4 broken")
    with pytest.raises(NeuroMotionError, match="is no person of Ninapro's exercise A"):
        read_person("s00", root=tmp_path)


def test_calibration_and_played_repetitions_are_apart() -> None:
    table = registry.dataset("ninapro_db1_a").table
    assert table.licence == "not stated"
    assert table.unseen == ("s12", "s14")
    assert table.runs("tune")["s01"] == ("repetition_7", "repetition_8")
    assert table.runs("test")["s12"] == RUNS[6:]
    assert set(table.kind(None).calibration) == {*RUNS[:6]} == {*table.runs("train")["s01"]}


def test_a_part_of_calibration_runs_alone_has_no_session_beside_them(folder: Path) -> None:
    shutil.copy(folder / "s00.npz", folder / "s01.npz")
    assert load_sessions("ninapro_db1_a", "train", root=folder, subjects=["s01"], calibration_apart=True) == []
    (session,) = load_sessions("ninapro_db1_a", "tune", root=folder, subjects=["s01"])
    assert [one.run for one in session.recordings] == list(RUNS[6:8])
    assert [one.run for one in session.calibration] == list(RUNS[:6])


def test_rest_of_real_recordings_does_not_tell_the_block(data_root: Path) -> None:
    """As recorded, a rest is nearest to the other rests of its own block four times as often as by chance, 1/12."""
    person = read_person("s01", root=data_root)
    changes = changes_from_rest(person.emg.astype(np.float64), person.shown, RATE)
    quiet = rests(person.shown, RATE)[1:]
    block = np.arange(1, 120) // 10

    def nearest(values: np.ndarray) -> float:
        means = np.arcsinh(np.stack([values[:, start:stop].mean(axis=1) for start, stop in quiet]) / 0.005)
        hits = []
        for own, mean in enumerate(means):
            others = np.arange(len(means)) != own
            centres = [means[others & (block == one)].mean(axis=0) for one in range(12)]
            hits.append(int(np.linalg.norm(centres - mean, axis=1).argmin()) == block[own])
        return float(np.mean(hits))

    assert nearest(person.emg) > 0.3
    assert nearest(changes) < 0.15
