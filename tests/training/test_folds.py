"""Folds of whole people, end to end: each person is decoded by a decoder that has not seen that person."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")

import mock_data  # noqa: E402

from neuromotion_gym.datasets import registry  # noqa: E402
from neuromotion_gym.datasets.fingerprints import Fingerprints  # noqa: E402
from neuromotion_gym.datasets.parts import read_parts  # noqa: E402
from neuromotion_gym.datasets.sessions import load_sessions  # noqa: E402
from neuromotion_gym.decoders import check_decoder, fitted_on  # noqa: E402
from neuromotion_gym.decoders.recipe import Recipe  # noqa: E402
from neuromotion_gym.errors import NeuroMotionError  # noqa: E402
from neuromotion_gym.training import train as training  # noqa: E402
from neuromotion_gym.training.evaluation import accuracy_by_person  # noqa: E402
from neuromotion_gym.training.folds import decide_over_folds, fold_decoder, fold_folder, held_out, train_fold  # noqa: E402
from neuromotion_gym.training.report import evaluate  # noqa: E402

RECIPE = Recipe(**mock_data.RECIPE)


@pytest.fixture
def folder(mock_band, tmp_path):
    """A decoder's folder, trained on the train part."""
    (tmp_path / "decoder").mkdir()
    (tmp_path / "decoder" / "recipe.yaml").write_text(yaml.safe_dump(mock_data.RECIPE), encoding="utf-8")
    return training.train(tmp_path / "decoder", root=mock_band, progress=False)


def sum_of_windows(root, people):
    """What `mock_data.Means` keeps of training on all runs of ``people``: windows of 20 samples, 10 apart."""
    total = 0.0
    for person in people:
        for run in ("0", "1", "2"):
            recording = mock_data.read(person, run, root)
            for _, samples in recording.trial_samples():
                total += np.lib.stride_tricks.sliding_window_view(samples, 20, axis=1)[:, ::10].sum(dtype=np.float64)
    return total


def test_a_fold_is_trained_on_all_runs_of_everybody_else_and_says_so(mock_band, monkeypatch):
    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a fold trains on the test part by design: no word of it
        folder = train_fold(RECIPE, ("P1", "P3"), root=mock_band, progress=False)
    seen = float(torch.load(folder / "model.pt", weights_only=True)["seen"])
    assert seen == pytest.approx(sum_of_windows(mock_band, ("P2", "P4")), rel=1e-4)
    assert seen != pytest.approx(sum_of_windows(mock_band, ("P1", "P3")), rel=1e-2)
    record = fitted_on(folder)
    assert record.runs == {"P2": ("0", "1", "2"), "P4": ("0", "1", "2")}
    assert record.excluded == ("P1", "P3")
    assert (record.dataset, record.part, record.complete) == (mock_data.NAME, "all", True)


@pytest.fixture
def more(mock_band, tmp_path, monkeypatch):
    """A further data set of people Q1 to Q4, twice as strong as those of `mock_data`."""

    def read(person, run, root):
        recording = mock_data.read(f"P{person[1]}", run, root)
        return replace(recording, samples=2 * recording.samples, subject=person, dataset="mock_more")

    plain, table = mock_data.dataset(tmp_path), tmp_path / "more.yaml"
    table.write_text(mock_data.PARTS.replace(mock_data.NAME, "mock_more").replace("P", "Q"), encoding="utf-8")
    further = replace(
        plain,
        name="mock_more",
        parts=table,
        read=read,
        files=lambda person, run, root: plain.files(f"P{person[1]}", run, root),
    )
    same = replace(further, name="mock_same", parts=tmp_path / "same.yaml")
    same.parts.write_text(mock_data.PARTS.replace(mock_data.NAME, "mock_same"), encoding="utf-8")
    monkeypatch.setattr(registry, "_REGISTERED", {one.name: one for one in (plain, further, same)})
    return mock_band


def test_a_recipe_trains_on_the_train_parts_of_further_data_sets_in_folds_too(more, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    recipe = Recipe(**{**mock_data.RECIPE, "data": {"stride_s": 0.1, "also": ["mock_more"]}})
    for folder, own in (
        (training.train(recipe, tmp_path / "also", root=more, progress=False), ("P1", "P2")),
        (train_fold(recipe, ("P1", "P3"), root=more, progress=False), ("P2", "P4")),
    ):
        seen = float(torch.load(folder / "model.pt", weights_only=True)["seen"])
        assert seen == pytest.approx(sum_of_windows(more, own) + 2 * sum_of_windows(more, ("P1", "P2")), rel=1e-4)
        record = fitted_on(folder)
        assert (record.dataset, tuple(record.runs)) == (mock_data.NAME, own)
        (also,) = record.also
        assert (also.dataset, also.part, also.runs) == (
            "mock_more",
            "train",
            dict.fromkeys(("Q1", "Q2"), ("0", "1", "2")),
        )
    assert fitted_on(tmp_path / "also").also[0].fingerprints
    assert fold_folder(recipe, ("P1", "P3"), more) != fold_folder(RECIPE, ("P1", "P3"), more)


@pytest.mark.parametrize(
    ("also", "named"),
    [
        ([mock_data.NAME], "each once, not mock_band beside decoder.dataset mock_band"),
        (["mock_more", "mock_more"], "each once, not mock_more, mock_more"),
        (["mock_same"], "mock_same and mock_band both have people called P1, P2, P3, P4"),
        (["nothing"], "No data set is called 'nothing'"),
    ],
)
def test_a_further_data_set_that_cannot_be_told_apart_is_refused(more, tmp_path, also, named):
    with pytest.raises(Exception, match=named):
        training.train(
            Recipe(**{**mock_data.RECIPE, "data": {"stride_s": 0.1, "also": also}}),
            tmp_path / "refused",
            root=more,
            progress=False,
        )


def test_everybody_is_decoded_by_a_decoder_that_did_not_see_them(folder, mock_band, monkeypatch):
    asked = []
    plain = fold_decoder

    def spy(name, subject, **options):
        decoder = plain(name, subject, **options)
        asked.append((subject, fitted_on(decoder.path.parent).people))
        return decoder

    monkeypatch.setattr("neuromotion_gym.training.folds.fold_decoder", spy)
    decisions = decide_over_folds(folder, root=mock_band, progress=False)
    assert sorted(set(decisions.people)) == list(mock_data.PEOPLE)
    assert [subject for subject, _ in asked] == ["P1", "P2"]  # one decoder for each fold
    for subject, seen in asked:
        assert set(held_out(mock_data.NAME, subject)) | set(seen) == set(mock_data.PEOPLE)
        assert not set(held_out(mock_data.NAME, subject)) & set(seen)
    assert min(accuracy_by_person(decisions).values()) > 0.95
    # Two runs of eight trials for each person; the calibration run is not decoded
    assert len(np.unique(decisions.trials)) == 4 * 2 * 8


def test_a_fold_decoder_is_a_decoder_and_is_trained_once(folder, mock_band, monkeypatch):
    decoder = fold_decoder(folder, "P2", root=mock_band)
    check_decoder(decoder)
    assert decoder.path.parent == fold_folder(RECIPE, ("P2", "P4"), mock_band)
    monkeypatch.setattr(training, "train", None)
    assert fold_decoder(folder, "P4", root=mock_band).path == decoder.path
    with pytest.raises(NeuroMotionError, match="no person 'P9'"):
        fold_decoder(folder, "P9", root=mock_band)


def test_the_report_over_folds_has_everybody(folder, mock_band):
    metrics = evaluate(folder, parts=("test",), folds=True, root=mock_band, progress=False)
    assert metrics["folds"]["count"] == 2
    assert set(metrics["folds"]["per_window"]["by_person"]) == set(mock_data.PEOPLE)
    assert "2 folds of whole people" in (folder / "card.md").read_text(encoding="utf-8")


def test_a_fold_of_other_recordings_recipe_or_code_is_not_taken_from_the_cache(mock_band, monkeypatch):
    folders = [fold_folder(RECIPE, ("P1", "P3"), mock_band)]
    assert fold_folder(RECIPE, ("P1", "P3"), mock_band) == folders[0]
    folders.append(fold_folder(RECIPE, ("P2", "P4"), mock_band))
    mock_data.write_person(mock_band, "P4", seed=1)
    folders.append(fold_folder(RECIPE, ("P1", "P3"), mock_band))
    monkeypatch.setattr("neuromotion_gym.training.digest.library_code", lambda: "other code")
    folders.append(fold_folder(RECIPE, ("P1", "P3"), mock_band))
    monkeypatch.setattr("neuromotion_gym.training.digest._version", lambda name: "99")
    folders.append(fold_folder(RECIPE, ("P1", "P3"), mock_band))
    content = {**mock_data.RECIPE, "data": {"stride_s": 0.2}}
    folders.append(fold_folder(Recipe(**content), ("P1", "P3"), mock_band))
    assert len(set(folders)) == 6


def test_recordings_of_the_people_left_out_do_not_matter_to_a_fold(mock_band):
    before = fold_folder(RECIPE, ("P1", "P3"), mock_band)
    mock_data.write_person(mock_band, "P3", seed=1)
    assert fold_folder(RECIPE, ("P1", "P3"), mock_band) == before


def test_a_report_names_the_people_whose_runs_were_trained_on(folder, mock_band, tmp_path):
    plain = evaluate(folder, parts=("test",), root=mock_band, write=False, progress=False)
    assert "seen_in_training" not in plain["parts"]["test"]
    content = {**mock_data.RECIPE, "data": {"stride_s": 0.1, "train": "test"}}
    with pytest.warns(UserWarning, match=r"'mock' is trained on part 'test'.*\(P4 of part test\)"):
        leaking = training.train(Recipe(**content), tmp_path / "leaking", root=mock_band, progress=False)
    found = evaluate(leaking, parts=("tune", "test"), root=mock_band, progress=False)
    assert found["parts"]["test"]["seen_in_training"] == ["P4"]
    assert "seen_in_training" not in found["parts"]["tune"]
    assert "**On test the decoder was trained on recordings of P4.**" in (leaking / "card.md").read_text("utf-8")
    sessions = load_sessions(mock_data.NAME, "test", root=mock_band)
    record = fitted_on(leaking)
    assert set(Fingerprints.from_json(record.fingerprints).landmarks) == {
        f"mock_band P4, session 0, run {run}" for run in ("1", "2")
    }
    assert record.shared_with(mock_data.NAME, {sessions[0].subject: ("1",)}) == {"P4": ("1",)}


def test_folds_of_runs_leave_runs_of_the_only_person_out(tmp_path, mock_band, monkeypatch):
    parts = mock_data.PARTS.replace("split: subject", "split: block").replace("per: kind", "per: run")
    parts = parts.replace('calibration: ["0"], runs: ["1", "2"]', 'calibration: [], runs: ["0", "1"]')
    parts = parts[: parts.index("  train:")] + (
        '  train: [{people: [P1], runs: ["0"]}]\n  tune: [{people: [P1], runs: ["1"]}]\n'
        '  test: [{people: [P1], runs: ["1"]}]\nfold_of: run\nfolds: [["0"], ["1"]]\n'
    )
    monkeypatch.setattr(mock_data, "PARTS", parts)
    monkeypatch.setattr(registry, "_REGISTERED", {mock_data.NAME: mock_data.dataset(tmp_path)})
    plain = mock_data.read
    facts = registry.dataset(mock_data.NAME)
    by_run = replace(facts, read=lambda *where: replace(plain(*where), session=where[1]))
    monkeypatch.setattr(registry, "_REGISTERED", {mock_data.NAME: by_run})
    (tmp_path / "decoder").mkdir()
    (tmp_path / "decoder" / "recipe.yaml").write_text(yaml.safe_dump(mock_data.RECIPE), encoding="utf-8")
    folder = training.train(tmp_path / "decoder", root=mock_band, progress=False)
    assert fitted_on(folder).runs == {"P1": ("0",)}
    metrics = evaluate(folder, parts=("test",), folds=True, root=mock_band, progress=False)
    assert set(metrics["folds"]["per_window"]["by_person"]) == {"0", "1"}
    assert (metrics["folds"]["count"], metrics["folds"]["of"]) == (2, "run")
    assert "2 folds of whole runs" in (folder / "card.md").read_text(encoding="utf-8")
    without = fitted_on(fold_decoder(folder, "1", root=mock_band).path.parent)
    assert (without.runs, without.excluded) == ({"P1": ("0",)}, ("1",))
    with pytest.raises(NeuroMotionError, match="no run 'P1' that a fold holds out; there are 0, 1"):
        fold_decoder(folder, "P1", root=mock_band)


def test_folds_of_runs_need_one_person_and_every_run(tmp_path):
    for name, parts in (
        ("two people", mock_data.PARTS.replace("per: kind", "per: run") + "fold_of: run\n"),
        ("not all", mock_data.PARTS.replace("[[P1, P3], [P2, P4]]", '[["1"]]') + "fold_of: run\n"),
    ):
        path = tmp_path / f"{name}.yaml"
        path.write_text(parts, encoding="utf-8")
        with pytest.raises(NeuroMotionError, match=r"are of runs: they have to hold out each of 1, 2 once"):
            read_parts(path)


def test_the_scale_is_in_the_decoder_s_unit_not_in_the_recording_s(mock_band, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    scales = {}
    for unit in ("mV", "V"):
        content = {**mock_data.RECIPE, "decoder": {**mock_data.RECIPE["decoder"], "unit": unit}}
        folder = training.train(Recipe(**content), tmp_path / unit, root=mock_band, progress=False)
        scales[unit] = yaml.safe_load((folder / "recipe.yaml").read_text())["decoder"]["scale"]
    assert scales["V"] == pytest.approx(1e-3 * scales["mV"], rel=0.01)
