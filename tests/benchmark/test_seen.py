"""Nobody is tested on what they were trained on without a word."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import pytest

from neuromotion_gym.benchmark import runner, seen
from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.plan import plan
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.benchmark.seen import controllers_of
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.fingerprints import fingerprints_of
from neuromotion_gym.datasets.playing import Playing
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.seen import record_of, runs_played, seen_by_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import DATA_VARIABLE

TRAINED = {"Male0": ("Test0", "Test1"), "Male1": ("Test0",)}


@pytest.fixture
def trained_on_test(tmp_path):
    """A decoder that says that it was trained on a run of the test part."""
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    write_fitted_on(folder, FittedOn(dataset="myo_armband", part="test", people=tuple(TRAINED), runs=TRAINED))
    return folder


def config(decoder, **changes):
    grids = [{"decoders": [str(decoder)], "controllers": ["argmax"], "levels": ["easy"]}]
    fields = {"name": "seen", "part": "test", "subjects": ("Male0", "Male1"), "episodes": 1, "grids": grids}
    return BenchmarkConfig(**{**fields, **changes})


def playing(**changes):
    fields = {"source": "replay", "dataset": "myo_armband", "part": "test", "labels": ("neutral", "hand_close")}
    return Playing(**{**fields, **changes})


@pytest.mark.parametrize("source", ["replay", "surrogate"])
@pytest.mark.parametrize("bound", ["", "shuffled:"])
def test_a_decoder_trained_on_the_test_part_is_refused(
    trained_on_test, small_armband, tmp_path, monkeypatch, source, bound
):
    monkeypatch.setattr(runner, "run_unit", None)
    with pytest.raises(NeuroMotionError, match=r"trained on what this benchmark plays \(Male0: Test1\).*allow_seen"):
        run_benchmark(
            config(f"{bound}{trained_on_test}", source=source), tmp_path, data_root=small_armband, progress=False
        )


def test_a_copy_of_the_graph_that_says_nothing_does_not_hide_what_the_other_says(trained_on_test, tmp_path):
    silent = shutil.copytree(trained_on_test, tmp_path / "silent", ignore=shutil.ignore_patterns("fitted_on.json"))
    grids = [{"decoders": [str(silent), str(trained_on_test)], "controllers": ["argmax"], "levels": ["easy"]}]
    with pytest.raises(NeuroMotionError, match=r"trained on what this benchmark plays \(Male0: Test1"):
        plan(config("", source="surrogate", grids=grids))


def test_where_it_is_allowed_every_row_is_marked(trained_on_test, small_armband, tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))  # only the folder that is given is read
    report = run_benchmark(
        config(trained_on_test, allow_seen=True), tmp_path / "out", data_root=small_armband, progress=False
    )
    with (tmp_path / "out" / "episodes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["subject"], row["seen"]) for row in rows} == {("Male0", "decoder"), ("Male1", "")}
    assert {row["fitted_on"] for row in rows} == {"myo_armband, part test, 2 people"}
    text = report.read_text(encoding="utf-8")
    assert "(trained on what it plays: Male0)" in text
    assert "that no decoder was trained on" not in text
    assert "are no test" in text


def test_a_decoder_that_does_not_say_is_not_known(small_armband, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder, ignore=shutil.ignore_patterns("fitted_on.json"))
    report = run_benchmark(config(folder), tmp_path / "out", data_root=small_armband, progress=False)
    text = report.read_text(encoding="utf-8")
    assert "fitted on: not known" in text
    assert "that no decoder was trained on" not in text
    assert "trained on what it plays" not in text


def test_a_decoder_trained_on_others_is_played_and_the_report_says_that_it_was_checked(
    trained_on_test, small_armband, tmp_path
):
    chosen = config(trained_on_test, subjects=("Male6",))
    report = run_benchmark(chosen, tmp_path / "out", data_root=small_armband, progress=False)
    assert "replayed trials that no decoder was trained on" in report.read_text(encoding="utf-8")


def test_bounds_that_read_no_signals_have_seen_nothing(trained_on_test, small_armband, tmp_path):
    for kind in ("oracle", "blind"):
        chosen = config(f"{kind}:{trained_on_test}")
        run_benchmark(chosen, tmp_path / kind, data_root=small_armband, progress=False)


def test_runs_of_other_parts_of_the_same_person_are_not_seen(trained_on_test):
    assert seen_by_decoder(record_of(trained_on_test), playing()).runs == {"Male0": ("Test1",)}
    assert set(seen_by_decoder(record_of(trained_on_test), playing(part="tune")).runs) == {"Male0", "Male1"}
    assert seen_by_decoder(record_of(trained_on_test), playing(subjects=("Male6",))).runs == {}
    assert runs_played(playing(subjects=("Male6",))) == {"Male6": ("Test0", "Test1")}


def test_samples_under_another_name_are_found_by_their_fingerprints(tmp_path, data_root):
    facts = registry.dataset("myo_armband")
    recording = replace(facts.read("Male6", "Test1", data_root), dataset="my_own", subject="P1", session="a")
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    prints = fingerprints_of([recording.resampled(250.0)]).to_json()
    write_fitted_on(folder, FittedOn(dataset="my_own", people=("P1",), runs={"P1": ("0",)}, fingerprints=prints))
    shown = playing(subjects=("Male6", "Male7"))
    assert seen_by_decoder(record_of(folder), shown, data_root).runs == {"Male6": ("Test1",)}
    assert seen_by_decoder(record_of(folder), playing(subjects=("Male7",)), data_root).runs == {}


@pytest.fixture
def policies(monkeypatch):
    """Three policies: a was trained on A and B, b on C, and none on nobody."""
    trained = {"a": {"A", "B"}, "b": {"C"}, "none": set()}
    monkeypatch.setattr(seen, "policy_path", lambda source: source)
    monkeypatch.setattr(seen, "read_policy", lambda path: (None, trained[path]))
    monkeypatch.setattr(seen, "heard", lambda spec, people, dataset: tuple(sorted(spec & set(people))))


def test_a_policy_drives_for_strangers(policies):
    assert controllers_of("argmax", ("A",), "walks", allow_seen=False) == [("argmax", ("A",), ())]
    assert controllers_of("learned:a", ("C", "D"), "walks", allow_seen=False) == [("learned:a", ("C", "D"), ())]
    found = controllers_of("learned:a,b", ("A", "C", "D"), "walks", allow_seen=False)
    assert found == [("learned:b", ("A",), ()), ("learned:a", ("C", "D"), ())]
    with pytest.raises(NeuroMotionError, match="a on A, B.*comma.*allow_seen"):
        controllers_of("learned:a", ("A", "B", "C"), "walks", allow_seen=False)
    assert controllers_of("learned:a", ("A", "C"), "walks", allow_seen=True) == [("learned:a", ("A", "C"), ("A",))]


def test_a_shipped_policy_is_refused_on_its_own_people_without_folds(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "run_unit", None)
    grids = [{"decoders": ["eeg_fists"], "controllers": ["learned:eeg_easy_0"], "levels": ["easy"]}]
    own = config("eeg_fists", source="surrogate", part="tune", subjects=("S031",), grids=grids)
    with pytest.raises(NeuroMotionError, match="eeg_easy_0 on S031"):
        run_benchmark(own, tmp_path, progress=False)
