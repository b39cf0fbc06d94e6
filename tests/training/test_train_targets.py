"""The whole way from recipe to card for a decoder of continuous targets, on the invented data set of `mock_data`.

Targets are a linear map of what the channels were in the last 0.2 s, another map for each person: only a last layer of
the wearer's own can tell them.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")

import mock_data  # noqa: E402

from neuromotion_gym.datasets import registry  # noqa: E402
from neuromotion_gym.decoders import check_decoder, load_decoder  # noqa: E402
from neuromotion_gym.decoders.recipe import Recipe  # noqa: E402
from neuromotion_gym.errors import NeuroMotionError  # noqa: E402
from neuromotion_gym.signals.recording import Targets  # noqa: E402
from neuromotion_gym.training.calibrate import calibrate, fit_to_wearer  # noqa: E402
from neuromotion_gym.training.data import sessions_of, targets_of  # noqa: E402
from neuromotion_gym.training.preparations import prepared_windows  # noqa: E402
from neuromotion_gym.training.report import evaluate  # noqa: E402
from neuromotion_gym.training.train import DecoderTraining, train  # noqa: E402
from neuromotion_gym.training.window_file import windows_of  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from neuromotion_gym.signals.recording import Recording

RECIPE = {
    "decoder": {
        **mock_data.RECIPE["decoder"],
        "hop_s": 0.05,
        "output": "targets",
        "targets": ["x", "y"],
        "adaptation": {"kind": "head", "shape": [2, 33], "shrinkage": 0.001},
    },
    "data": {"tune": None, "preparation": "targets", "stride_s": 0.05},
    "network": {"name": "recent_means", "options": {"parts": 2, "hidden": [32], "small": 10.0}},
    "training": {"epochs": 12, "batch": 32, "learning_rate": 0.02},
}
TRUTH = {"P1": [[0.04, 0.0], [0.0, -0.05]], "P2": [[0.0, 0.05], [-0.04, 0.0]]}


def recipe(**changes: dict[str, object]) -> Recipe:
    content = copy.deepcopy(RECIPE)
    for section, values in changes.items():
        content[section].update(values)
    return Recipe(**content)


def read(person: str, run: str, root: Path) -> Recording:
    """A run of `mock_data`, with targets."""
    found = mock_data.read(person, run, root)
    past = np.cumsum(np.pad(found.samples.astype(float), ((0, 0), (20, 0))), axis=1)
    means = (past[:, 20:] - past[:, :-20]) / 20
    matrix = np.array(TRUTH.get(person, [[0.03, 0.03], [0.05, -0.02]]))
    return replace(found, targets=Targets(("x", "y"), np.clip(matrix @ means, -1, 1).astype(np.float32)))


@pytest.fixture
def root(mock_band: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    known = registry._REGISTERED[mock_data.NAME]
    monkeypatch.setitem(registry._REGISTERED, mock_data.NAME, replace(known, read=read))
    return mock_band


def test_a_decoder_of_targets_is_trained_and_judged(root: Path, tmp_path: Path) -> None:
    folder = train(recipe(), tmp_path / "out", root=root, progress=False)
    decoder = load_decoder(folder)
    check_decoder(decoder)
    # Last layers of people who were trained on are dropped
    assert not [name for name in torch.load(folder / "model.ckpt", weights_only=True)["state_dict"] if "heads" in name]
    DecoderTraining.load_from_checkpoint(folder / "model.ckpt", map_location="cpu", weights_only=True)
    losses = [row["loss"] for row in json.loads((folder / "history.json").read_text())[0]]
    assert losses[-1] < 0.3 * losses[0]
    assert "accuracy" not in json.loads((folder / "history.json").read_text())[0][0]
    metrics = evaluate(folder, parts=("tune", "test"), root=root)
    for part, person in (("tune", "P3"), ("test", "P4")):  # nobody of them was trained on
        inside = metrics["parts"][part]["within_blocks"]
        assert inside["decoder"]["mean"] > 0.9
        assert inside["decoder"]["mean"] > inside["block"]["mean"] + 0.5
        assert set(inside["decoder"]["by_person"]) == {person}
    card = (folder / "card.md").read_text()
    for told in ("## R² of the targets", "clock: mean of both", "| x | 0.9", "last layer fitted", "Made again"):
        assert told in card, told
    assert "accuracy" not in card
    assert (folder / "card.png").stat().st_size > 5000
    check_wearer(folder, root, tmp_path)


def check_wearer(folder: Path, root: Path, tmp_path: Path) -> None:
    """The decoder in ``folder`` is fitted to a wearer as in the loop, and written."""
    run = read("P4", "0", root)
    own = calibrate(folder, run, tmp_path / "own")
    decoder = load_decoder(own)
    assert decoder.spec.adaptation.kind == "none"
    assert "R² 0.9" in (own / "card.md").read_text()
    assert "Targets: x, y." in (own / "card.md").read_text()
    adapted = load_decoder(folder)
    windows = np.random.default_rng(0).normal(size=(3, 2, 20)).astype(np.float32)
    head = np.broadcast_to(adapted.adapt([run]), (3, 2, 33))
    np.testing.assert_allclose(decoder.decode(windows)[0], adapted.decode(windows, head)[0], atol=1e-6)
    with pytest.raises(NeuroMotionError, match="has no target x, y"):
        fit_to_wearer(folder, replace(run, targets=None))
    noise = np.random.default_rng(1).uniform(-1, 1, run.targets.values.shape).astype(np.float32)
    with pytest.raises(NeuroMotionError, match="explains nothing of what P4 did: R²"):
        fit_to_wearer(folder, replace(run, targets=replace(run.targets, values=noise)))


def test_a_training_goes_on_where_it_was_stopped(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neuromotion_gym.training import train as training

    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: path.write_bytes(b""))
    few = recipe(training={"epochs": 3})
    whole = training.train(few, tmp_path / "whole", work=tmp_path / "a", root=root, progress=False)
    ended = training.DecoderTraining.on_train_epoch_end

    def stop(module: training.DecoderTraining) -> None:
        ended(module)
        if module.current_epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.DecoderTraining, "on_train_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            training.train(few, tmp_path / "again", work=tmp_path / "b", root=root, progress=False)
    again = training.train(few, tmp_path / "again", work=tmp_path / "b", root=root, progress=False)
    one, other = (torch.load(folder / "model.pt", weights_only=True) for folder in (whole, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_labels_are_trained_with_last_layers_of_people_too(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuromotion_gym.training import train as training

    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: path.write_bytes(b""))
    content = {**RECIPE, "decoder": {**mock_data.RECIPE["decoder"], "adaptation": RECIPE["decoder"]["adaptation"]}}
    content["data"] = {"tune": None, "stride_s": 0.05}
    folder = training.train(Recipe(**content), tmp_path / "out", root=root, progress=False)
    rows = json.loads((folder / "history.json").read_text())[0]
    assert rows[-1]["accuracy"] > 0.95 > rows[0]["accuracy"]


def test_targets_of_windows_are_those_of_their_ends(root: Path) -> None:
    sessions = sessions_of(recipe(), "train", root=root, calibration_apart=False)
    windows = prepared_windows(recipe(), sessions)
    found = windows.windows(np.arange(len(windows.labels)))
    targets = targets_of(windows)
    assert set(windows.people.tolist()) == {0, 1}
    for person, name in enumerate(("P1", "P2")):
        mine = windows.people == person
        np.testing.assert_allclose(targets[mine], found[mine].mean(axis=2) @ np.array(TRUTH[name]).T, atol=1e-5)
    assert set(windows.labels.tolist()) == {mock_data.LABELS.index("press")}  # "still" is rest, before a movement


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"keep": "best"}}, "are for labels; 'mock' gives targets"),
        ({"training": {"stop_at": 0.9}}, "are for labels; 'mock' gives targets"),
        ({"training": {"label_smoothing": 0.1}}, "are for labels; 'mock' gives targets"),
        ({"data": {"tune": "tune"}}, "cannot be evaluated during training"),
        ({"training": {"seeds": 2}}, "features of several seeds cannot be averaged"),
        ({"data": {"preparation": "trials"}}, "gives labels alone: use data.preparation 'targets'"),
        ({"data": {"start_s": 0.1}}, "has no data.start_s and data.stop_s"),
        ({"network": {"options": {"parts": 3, "hidden": [32], "small": 10.0}}}, "parts that divide the window"),
        ({"network": {"options": {"parts": 2, "hidden": [], "small": 1.0}}}, "needs hidden layers"),
        ({"network": {"options": {"parts": 2, "hidden": [7], "small": 1.0}}}, r"shape \[2, 8\], not hidden \[7\]"),
    ],
)
def test_what_does_not_apply_to_targets_is_refused(
    root: Path, tmp_path: Path, changes: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        train(recipe(**changes), tmp_path / "out", root=root, progress=False)


def test_labels_are_not_trained_on_windows_of_targets_nor_written_to_a_file(root: Path) -> None:
    labels = Recipe(**{**mock_data.RECIPE, "data": RECIPE["data"]})
    with pytest.raises(NeuroMotionError, match="needs decoder.output 'targets'"):
        prepared_windows(labels, sessions_of(labels, "train", root=root))
    with pytest.raises(NeuroMotionError, match="needs a posterior over labels"):
        windows_of(recipe(), "train", root=root)
