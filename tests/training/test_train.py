"""The whole way from recipe to folder, on a small invented data set in the armband's published format."""

from __future__ import annotations

import copy
import json
import shutil
import warnings

import numpy as np
import pytest
import yaml

from neuromotion_gym.datasets.myo_armband import reader as myo_armband
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders import check_decoder, fitted_on, load_decoder
from neuromotion_gym.decoders.recipe import Recipe, load_recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.amplitude import typical_amplitude
from neuromotion_gym.training.data import sessions_of
from neuromotion_gym.training.digest import training_digest
from neuromotion_gym.training.evaluation import accuracy_by_person, decide
from neuromotion_gym.training.history import CURVES
from neuromotion_gym.training.preparations import prepared_windows
from neuromotion_gym.training.report import evaluate

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")

RECIPE = {
    "decoder": {
        "name": "small",
        "modality": "emg",
        "dataset": "myo_armband",
        "labels": list(myo_armband.LABELS),
        "channels": list(myo_armband.SPEC.channels),
        "rate_hz": 200,
        "unit": "count",
        "window": 40,
        "hop_s": 0.05,
        "output": "logits",
        "effort": True,
        "split": "session",
        "licence": "CC0-1.0",
    },
    "data": {"stride_s": 0.1},
    "network": {"name": "armband_features", "options": {"hidden": [16, 8], "dropout": 0.1, "gain_sd": 0.1}},
    "training": {"epochs": 8, "batch": 64, "learning_rate": 0.02, "seed": 1, "tune_every": 3},
}


def recipe(**training) -> Recipe:
    content = copy.deepcopy(RECIPE)
    content["training"].update(training)
    return Recipe(**content)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("NEUROMOTION_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def trained(small_myo, cache, tmp_path_factory):
    from neuromotion_gym.training.train import train

    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    return train(folder, root=small_myo, progress=False)


def test_folder_is_whole_and_weights_load_without_pickles(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "fitted_on.json",
        "history.json",
        "metrics.json",
        "model.ckpt",
        "model.onnx",
        "model.pt",
        "recipe.yaml",
    ]
    state = torch.load(trained / "model.pt", weights_only=True)
    checkpoint = torch.load(trained / "model.ckpt", weights_only=True)
    for name, value in state.items():
        assert torch.equal(checkpoint["state_dict"][f"network.{name}"], value)


def test_recipe_states_the_amplitude_of_its_training_data(trained, small_myo):
    from neuromotion_gym.datasets.sessions import load_sessions

    spec = load_recipe(trained).decoder
    played = load_sessions("myo_armband", "train", root=small_myo, calibration_apart=False)
    recordings = [recording for session in played for recording in session.recordings]
    assert spec.scale == pytest.approx(typical_amplitude(recordings, spec.window), rel=0.005)
    assert 1 < spec.scale < 30


def test_graph_says_nothing_of_the_machine(trained):
    content = (trained / "model.onnx").read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content


def test_trained_decoder_passes_the_checks_and_tells_invented_gestures_apart(trained, small_myo):
    check_decoder(load_decoder(trained))
    metrics = evaluate(trained, root=small_myo, parts=("test",), progress=False)
    assert metrics["parts"]["test"]["per_window"]["balanced_accuracy"]["mean"] > 0.9
    assert set(metrics["parts"]["test_unseen"]["per_window"]["by_person"]) == {"Male6", "Male7"}
    written = json.loads((trained / "metrics.json").read_text())
    assert written["parts"]["test"]["per_trial"]["people"] == 8
    card = (trained / "card.md").read_text()
    for expected in ("CC0-1.0", "| Male7 |", "hand_open", "Expected calibration error"):
        assert expected in card


def test_training_that_was_stopped_goes_on_to_the_same_weights(trained, small_myo, tmp_path, monkeypatch):
    from neuromotion_gym.training import train as training

    class Stop(Exception):
        pass

    started, last = [], {}

    def stop_in_third_epoch(module):
        started.append(module.current_epoch)
        if module.current_epoch == 2 and len(started) == 3:
            raise Stop

    plain = training.DecoderTraining.on_train_epoch_start

    def hook(module):
        stop_in_third_epoch(module)
        plain(module)

    def keep(module):
        ends(module)
        last.update({name: value.clone() for name, value in module.network.state_dict().items()})

    ends = training.DecoderTraining.on_train_epoch_end
    monkeypatch.setattr(training.DecoderTraining, "on_train_epoch_start", hook)
    monkeypatch.setattr(training.DecoderTraining, "on_train_epoch_end", keep)
    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    arguments = {"root": small_myo, "work": tmp_path / "work", "progress": False}
    with pytest.raises(Stop):
        training.train(recipe(), tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()
    training.train(recipe(), tmp_path / "out", **arguments)
    # Every epoch left a checkpoint, though only the third and the sixth one were evaluated; and the last one is kept
    assert started == [0, 1, 2, *range(2, 8)]
    ours, theirs = (torch.load(folder / "model.pt", weights_only=True) for folder in (trained, tmp_path / "out"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert all(torch.equal(last[name], theirs[name]) for name in theirs)
    rows = json.loads((tmp_path / "out" / "history.json").read_text())[0]
    assert [row["epoch"] for row in rows] == list(range(1, 9))
    spent = json.loads((tmp_path / "out" / "metrics.json").read_text())["training_s"]
    assert spent >= int(sum(row["seconds"] for row in rows))


def test_training_taken_up_again_on_other_recordings_starts_anew(small_myo, tmp_path, monkeypatch):
    """Going on from the checkpoint gave weights that no recordings of their own give."""
    from neuromotion_gym.training import train as training

    class Stop(Exception):
        pass

    started = []

    def hook(module):
        started.append(module.current_epoch)
        if len(started) == 2:
            raise Stop

    monkeypatch.setattr(training.DecoderTraining, "on_train_epoch_start", hook)
    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    data = tmp_path / "data"
    shutil.copytree(small_myo, data)
    arguments = {"root": data, "work": tmp_path / "work", "progress": False}
    with pytest.raises(Stop):
        training.train(recipe(epochs=3), tmp_path / "out", **arguments)
    changed = data / "EvaluationDataset" / "Male0" / "training0" / "classe_3.dat"
    np.fromfile(changed, "<i2")[::-1].tofile(changed)
    training.train(recipe(epochs=3), tmp_path / "out", **arguments)
    assert started == [0, 1, 0, 1, 2]


def test_training_on_what_benchmarks_play_is_warned_of_and_recorded(small_myo, tmp_path, monkeypatch):
    from neuromotion_gym.training import train as training

    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    content = copy.deepcopy(RECIPE)
    content["training"]["epochs"] = 1
    content["data"]["train"] = "test"
    with pytest.warns(UserWarning, match=r"trained on part 'test'.*Female0 of part test.* and 6 more"):
        folder = training.train(Recipe(**content), tmp_path / "x", root=small_myo, progress=False)
    assert fitted_on(folder).runs["Male7"] == ("Test0", "Test1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = training.train(recipe(epochs=1), tmp_path / "y", root=small_myo, progress=False)
    assert fitted_on(folder).runs["Male0"] == ("training0",)
    assert "Male7" not in fitted_on(folder).people


def test_a_decoder_of_targets_is_not_trained_on_labels(small_myo, tmp_path):
    from neuromotion_gym.training.train import train

    content = copy.deepcopy(RECIPE)
    content["decoder"].update(output="targets", targets=["grip"], labels=[])
    with pytest.raises(NeuroMotionError, match="gives targets, but preparation 'trials' gives labels alone"):
        train(Recipe(**content), tmp_path / "x", root=small_myo, progress=False)
    content["data"]["preparation"] = "targets"
    with pytest.raises(NeuroMotionError, match=r"has no target grip \(it has none\)"):
        train(Recipe(**content), tmp_path / "x", root=small_myo, progress=False)


@pytest.mark.parametrize("content", ["truncated", "another network"])
def test_a_checkpoint_that_does_not_fit_is_named(small_myo, tmp_path, content):
    from neuromotion_gym.training import train as training

    work = tmp_path / "work" / training_digest(recipe(epochs=1), "train", root=small_myo) / "0"
    work.mkdir(parents=True)
    if content == "truncated":
        (work / "last.ckpt").write_bytes(b"PK")
    else:
        torch.save({"state_dict": {"network.other": torch.zeros(3)}}, work / "last.ckpt")
    with pytest.raises(NeuroMotionError, match=r"last\.ckpt.*train anew"):
        training.train(recipe(epochs=1), tmp_path / "out", root=small_myo, work=tmp_path / "work", progress=False)
    assert not (tmp_path / "out").exists()


def test_several_seeds_are_one_graph(small_myo, tmp_path):
    from neuromotion_gym.training.train import load_network, train

    folder = train(recipe(epochs=1, seeds=2), tmp_path / "two", root=small_myo, progress=False)
    decoder = load_decoder(folder)
    check_decoder(decoder)
    windows = 10 * np.random.default_rng(0).normal(size=(3, 8, 40)).astype(np.float32)
    members = [member(torch.from_numpy(windows))[0].detach() for member in load_network(folder).members]
    mean = torch.softmax((members[0] + members[1]) / 2, dim=1).numpy()
    assert decoder.predict_proba(windows) == pytest.approx(mean, abs=1e-5)


def test_best_epoch_by_tune_part_is_kept(small_myo, tmp_path, monkeypatch):
    from neuromotion_gym.training import train as training

    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)
    scores = {0: 0.2, 1: 0.9, 2: 0.5}
    weights = {}

    def score(module):
        module.log("tune_balanced_accuracy", scores[module.current_epoch])
        weights[module.current_epoch] = module.network.last.weight.detach().clone()

    monkeypatch.setattr(training.DecoderTraining, "on_validation_epoch_end", score)
    folder = training.train(recipe(epochs=3, keep="best"), tmp_path / "x", root=small_myo, progress=False)
    kept = torch.load(folder / "model.pt", weights_only=True)["last.weight"]
    assert torch.equal(kept, weights[1])
    assert not torch.equal(kept, weights[2])


def test_training_stops_at_a_share_of_right_decisions_and_leaves_its_curves(small_myo, tmp_path, monkeypatch):
    from neuromotion_gym.training import train as training

    content = copy.deepcopy(RECIPE)
    content["decoder"]["split"] = "overlapping-windows"
    content["data"] |= {"tune": None, "overlapping": {"share": 0.25, "seed": 3}}
    content["training"] |= {"stop_at": 0.01, "tune_every": 1, "schedule": "constant", "clip_each": True}
    logs = tmp_path / "logs"
    arguments = {"root": small_myo, "work": tmp_path / "work", "progress": False, "log_folder": logs}

    def full(*arguments, **options):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_folder", full)
        with pytest.raises(OSError, match="full"):
            training.train(Recipe(**content), tmp_path / "x", **arguments)
    folder = training.train(Recipe(**content), tmp_path / "x", **arguments)  # ended already: no further epoch
    curves = json.loads((folder / "history.json").read_text())
    logged = (tmp_path / "logs" / "small" / "version_0" / "metrics.csv").read_text().splitlines()
    assert {*CURVES, "epoch", "step"} == set(logged[0].split(","))
    assert float(logged[-1].split(",")[logged[0].split(",").index("loss")]) == pytest.approx(
        curves[0][0]["loss"], abs=1e-5
    )
    assert [[row["epoch"] for row in member] for member in curves] == [[1]]
    assert set(curves[0][0]) == {"epoch", *CURVES}
    assert 0.01 < curves[0][0]["tune_accuracy"] <= 1
    figures = evaluate(folder, parts=("test",), root=small_myo)["parts"]["overlapping_windows"]
    assert figures["windows"] == 8 * 28 * 3 // 4
    right = sum(figures["confusion"][label][label] for label in range(7))
    assert right / figures["windows"] == pytest.approx(curves[0][0]["tune_accuracy"], abs=2e-3)


def test_closed_form_of_a_head_gives_a_decoder_that_is_calibrated_in_a_second(small_myo, tmp_path):
    from neuromotion_gym.training.train import train

    content = copy.deepcopy(RECIPE)
    content["decoder"]["adaptation"] = {"kind": "head", "shape": [7, 69], "shrinkage": 0.3}
    content["network"] = {"name": "armband_head"}
    content["training"] = {"method": "closed_form"}
    folder = train(Recipe(**content), tmp_path / "head", root=small_myo, progress=False)
    decoder = load_decoder(folder)
    check_decoder(decoder)
    sessions = load_sessions("myo_armband", "test", root=small_myo, subjects=["Male0", "Male7"])
    assert min(accuracy_by_person(decide(decoder, sessions)).values()) > 0.95
    content["decoder"]["adaptation"]["shape"] = [7, 60]
    with pytest.raises(NeuroMotionError, match=r"shape \[7, 69\]"):
        train(Recipe(**content), tmp_path / "wrong", root=small_myo, progress=False)


def test_windows_of_a_part_are_of_its_people_and_rounds(small_myo):
    def training_windows(recipe, part, **options):
        return prepared_windows(recipe, sessions_of(recipe, part, calibration_apart=False, **options))

    whole = training_windows(recipe(), "train", root=small_myo)
    # 8 people, 28 trials of 80 samples, windows of 40, 20 apart
    assert len(whole.labels) == 8 * 28 * 3
    fewer = training_windows(recipe(), "train", root=small_myo, exclude=("Male0",))
    assert len(fewer.labels) == 7 * 28 * 3
    everybody = training_windows(recipe(), "all", root=small_myo)
    assert len(everybody.labels) == 10 * 3 * 28 * 3
    first = whole.windows(np.array([0, 3]))
    assert first.shape == (2, 8, 40)
    assert first.dtype == np.float32


@pytest.mark.parametrize(
    ("section", "changes", "named"),
    [
        ("network", {"name": "none_such"}, "Networks: .*armband_features"),
        ("network", {"options": {"depth": 3}}, "no option depth; its options: hidden, dropout"),
        ("network", {"options": {"hidden": 3}}, "Option 'hidden' of Network 'armband_features' is 3"),
        ("network", {"options": {"hidden": [0.5, "x"]}}, "Option 'hidden'"),
        ("network", {"options": {"dropout": 2.0}}, "cannot be built with .*dropout"),
        ("network", {"options": {"rest": "sleep"}}, "rest has to be one of neutral, .*not 'sleep'"),
        (
            "data",
            {"preparation": "none_such"},
            "Preparations: band_covariances, epochs, instants, joined_trials, replay, sessions, targets, trials",
        ),
        ("data", {"options": {"colour": 1}}, "colour"),
        ("data", {"start_s": 10.0}, "No window of 40 samples"),
        ("data", {"train": "exam"}, "exam"),
        ("training", {"method": "closed_form"}, "no closed form"),
        ("decoder", {"rate_hz": 1000.0}, r"rate_hz 200\.0 instead of 1000\.0"),
        ("decoder", {"channels": [f"emg_{i}" for i in range(1, 8)] + ["emg_9"]}, "no channel emg_9"),
        ("decoder", {"labels": [*myo_armband.LABELS[:6], "thumb_up"]}, "inside a trial of thumb_up"),
    ],
)
def test_recipe_that_cannot_be_trained_says_why(small_myo, cache, tmp_path, section, changes, named):
    from neuromotion_gym.training.train import train

    content = copy.deepcopy(RECIPE)
    content[section].update(changes)
    with pytest.raises(NeuroMotionError, match=named):
        train(Recipe(**content), tmp_path / "x", root=small_myo, progress=False)
    assert not (tmp_path / "x").exists()


def test_broken_weights_are_refused(trained, tmp_path):
    from neuromotion_gym.training.train import load_network

    for name in ("recipe.yaml", "model.pt"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    load_network(tmp_path)
    content = (trained / "model.pt").read_bytes()
    for broken in (b"", content[: len(content) // 2], b"cos\nsystem\n(S'true'\ntR."):
        (tmp_path / "model.pt").write_bytes(broken)
        with pytest.raises(NeuroMotionError, match=r"model\.pt"):
            load_network(tmp_path)
