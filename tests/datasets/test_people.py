"""New people of a known data set: whoever has files in the data folder is played, and counts as never seen."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.plan import plan
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.people import is_new, runs_of
from neuromotion_gym.datasets.playing import Playing
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.seen import record_of, seen_by_decoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.training.report import evaluate

SET = "myo_armband"


def bench_config(*people: str, **changes: object) -> BenchmarkConfig:
    grids = [{"decoders": ["emg_armband"], "controllers": ["argmax"], "levels": ["easy"]}]
    return BenchmarkConfig(**{"name": "new", "part": "test", "subjects": people, "grids": grids, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, small_armband: Path) -> Path:
    """The invented armband data, with a person who is in no table, and one who lacks a round."""
    root = tmp_path_factory.mktemp("more")
    shutil.copytree(small_armband, root, dirs_exist_ok=True)
    people = root / "EvaluationDataset"
    generator = np.random.default_rng(1)
    shutil.copytree(people / "Male6", people / "Male8")
    for path in (people / "Male8").rglob("*.dat"):
        samples = np.fromfile(path, "<i2")
        np.clip(samples + generator.integers(-2, 3, samples.shape), -128, 127).astype("<i2").tofile(path)
    shutil.copytree(people / "Male8", people / "Male9")
    shutil.rmtree(people / "Male9" / "Test1")
    shutil.copytree(people / "Male8", people / "Male10", ignore=shutil.ignore_patterns("Test*"))
    return root


def test_whoever_has_files_is_found_with_the_runs_that_are_there(folder: Path) -> None:
    assert runs_of(SET, "test", subjects=["Male8", "Male6", "Male9"], root=folder) == {
        "Male6": ("Test0", "Test1"),
        "Male8": ("Test0", "Test1"),
        "Male9": ("Test0",),
    }
    assert "Male8" not in runs_of(SET, "test", root=folder)  # new people are played if they are named
    assert (is_new(SET, "Male8"), is_new(SET, "Male6")) == (True, False)


@pytest.mark.parametrize(
    ("person", "part", "message"),
    [
        ("Nobody", "test", "no Nobody, whose recordings are not in the data folder either"),
        ("Male10", "test", "no Male10.*Test0"),
        ("Male6", "tune", "no Male6; its people"),  # known, but of another part
        ("Male8", "train", "no Male8; its people"),  # nobody was trained on them
        ("../Male8", "test", "no name of a person"),
        ("/etc", "test", "no name of a person"),
        ("", "test", "no name of a person"),
    ],
)
def test_who_cannot_be_played_is_refused(folder: Path, person: str, part: str, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        runs_of(SET, part, subjects=[person], root=folder)


def test_a_data_sets_name_is_no_path() -> None:
    from dataclasses import replace

    for name in ("../eegmmidb", "a/b", "..", "a\\b", ""):
        with pytest.raises(NeuroMotionError, match="no name of a data set"):
            registry.register_dataset(replace(registry.dataset(SET), name=name))
        with pytest.raises(NeuroMotionError, match="No data set is called"):
            registry.dataset(name)


def test_new_people_are_played_by_gym_make_and_said_to_be_unseen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = gym.make("NeuroArm-v0", level="easy", source="replay", part="test", subjects=["Male8"], data_root=folder)
    _, info = env.reset(seed=0)
    env.close()
    about = info["about"]
    assert (info["subject"], about["unseen"], about["split"]) == ("Male8", ["Male8"], "subject")
    assert about["seen_by_decoder"] == {}
    monkeypatch.setenv("NEUROMOTION_DATA", str(folder))
    with pytest.raises(NeuroMotionError, match="no surrogate of myo_armband was fitted to Male8"):
        gym.make("NeuroArm-v0", subjects=["Male8"])


def test_the_benchmark_plays_new_people_and_its_split_says_so(folder: Path, tmp_path: Path) -> None:
    report = run_benchmark(bench_config("Male8"), tmp_path, data_root=folder, progress=False)
    with (tmp_path / "episodes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["subject"], row["session"], row["split"]) for row in rows} == {
        ("Male8", "Test0", "subject"),
        ("Male8", "Test1", "subject"),
    }
    text = report.read_text(encoding="utf-8")
    assert "Male8 were never seen in training" in text
    assert "Split: subject" in text
    _, (unit,) = plan(bench_config("Male6", "Male8"), folder)
    assert unit.split == "session"  # not all of them are new


def test_a_copy_of_a_known_person_under_a_new_name_is_found(data_root: Path, tmp_path: Path) -> None:
    """Its samples are looked for, in the calibration runs too: those are what the shipped decoder was fitted on."""
    people = data_root / "myo_armband_8ch" / "EvaluationDataset"
    for name in ("Male2", "Male7"):
        shutil.copytree(people / name, tmp_path / "EvaluationDataset" / f"New{name}")
    record = record_of(decoder_folder("emg_armband"))
    fields = {"source": "replay", "dataset": SET, "part": "test", "labels": ("neutral", "hand_close")}
    playing = Playing(subjects=("NewMale2", "NewMale7"), **fields)
    seen = seen_by_decoder(record, playing, tmp_path)
    assert (seen.copies, seen.runs) == (("NewMale2",), {})  # Male2 was trained on, Male7 never
    with pytest.warns(NeuroMotionWarning, match="other recordings of NewMale2"):
        gym.make(
            "NeuroArm-v0", level="easy", source="replay", part="test", subjects=["NewMale2"], data_root=tmp_path
        ).close()
    _, (unit,) = plan(bench_config("NewMale2"), tmp_path)
    assert unit.split == "session"
    metrics = evaluate("emg_armband", parts=["test"], subjects=["NewMale2", "NewMale7"], root=tmp_path, write=False)
    assert metrics["parts"]["test_new_people"]["seen_in_training"] == ["NewMale2"]


def test_new_people_are_evaluated_as_a_group_of_their_own(folder: Path) -> None:
    metrics = evaluate("emg_armband", parts=["test"], subjects=["Male0", "Male8"], root=folder, write=False)
    assert sorted(metrics["parts"]) == ["test", "test_new_people"]
    assert metrics["parts"]["test_new_people"]["per_window"]["people"] == 1
    with pytest.raises(NeuroMotionError, match="neither written"):
        evaluate("emg_armband", subjects=["Male8"], root=folder)


def test_a_run_at_another_rate_is_resampled_where_it_is_asked_for(tmp_path: Path, write_eegmmidb) -> None:
    for run in (4, 8):
        write_eegmmidb(tmp_path, "S900", run, rate=128, trials=8, seed=run)
    options = {"root": tmp_path, "subjects": ["S900"]}
    with pytest.raises(NeuroMotionError, match=r"S900.*at 128 Hz, eegmmidb otherwise at 160 Hz: pass resample=True"):
        load_sessions("eegmmidb", "test", **options)
    with pytest.warns(NeuroMotionWarning, match="at 128 Hz.*resampled"):
        (session,) = load_sessions("eegmmidb", "test", resample=True, **options)
    (recording,) = session.recordings  # run 12 is not there
    assert recording.spec.rate_hz == 160.0
    starts = [trial.start / 160.0 for trial in recording.trials]
    assert starts == pytest.approx([4.0 * number for number in range(8)], abs=0.01)
    with pytest.raises(NeuroMotionError, match="resample applies to recordings"):
        Playing(source="surrogate", dataset="eegmmidb", part="test", labels=("rest",), resample=True)


def test_resampling_reaches_gym_make_and_the_benchmark(tmp_path: Path, write_eegmmidb) -> None:
    for run in (4, 8):
        write_eegmmidb(tmp_path, "S900", run, rate=128, trials=12, seed=run)
    options = {"decoder": "eeg_fists", "source": "replay", "part": "test", "subjects": ["S900"], "level": "easy"}
    with pytest.warns(NeuroMotionWarning, match="resampled"):
        env = gym.make("NeuroArm-v0", **options, data_root=tmp_path, resample=True)
    with pytest.warns(NeuroMotionWarning, match="run 4.*resampled"):
        _, info = env.reset(seed=0)
    env.close()
    assert info["about"]["playing"]["resample"] is True
    grids = [{"decoders": ["oracle:eeg_fists"], "controllers": ["argmax"], "levels": ["easy"]}]
    chosen = bench_config("S900", grids=grids, resample=True)
    with pytest.warns(NeuroMotionWarning, match="resampled"):
        run_benchmark(chosen, tmp_path / "out", data_root=tmp_path, progress=False)
    with (tmp_path / "out" / "episodes.csv").open(newline="") as file:
        assert {row["resample"] for row in csv.DictReader(file)} == {"True"}
