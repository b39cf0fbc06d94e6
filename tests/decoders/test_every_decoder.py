"""One suite over every shipped decoder, found by walking the folder: it runs, and its folder tells what it is.

The rules of `check_decoder` are: it loads, its results have the right shape, rows of a posterior sum to 1, targets are
finite, a window alone gives the same as in a batch (1e-6), no state is kept, and a wrong number of channels, a wrong
length and NaN are refused.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.controllers import make_controller
from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders import check_decoder, fitted_on, list_decoders, load_decoder
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_recipe
from neuromotion_gym.envs import NeuroEnv
from neuromotion_gym.envs.checks import follow
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import environments_for
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.recording import Recording, SignalSpec
from neuromotion_gym.training.card import PICTURE, card, reports
from neuromotion_gym.training.card_picture import DPI, INCHES, MANY, columns_of
from neuromotion_gym.training.metrics_file import METRICS, read_metrics
from neuromotion_gym.training.report import CARD

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"recipe.yaml", "model.onnx", "model.pt", "model.ckpt", "fitted_on.json", METRICS, CARD, PICTURE}
LARGEST_BYTES = 60_000_000
"""Of all folders together."""
STEPS = 200
UNTIMED = {"eeg_fists"}
"""Trained before the time of a training was kept."""

pytestmark = pytest.mark.parametrize("name", list_decoders())


@pytest.fixture
def folder(name: str) -> Path:
    return decoder_folder(name)


def test_it_keeps_the_rules(name: str) -> None:
    check_decoder(load_decoder(name))


def test_signals_at_another_rate_are_refused(name: str) -> None:
    spec = load_decoder(name).spec
    signal = SignalSpec(spec.modality, spec.channels, 1.1 * spec.rate_hz, spec.unit)
    samples = np.random.default_rng(0).normal(size=(len(spec.channels), 2 * spec.window)).astype(np.float32)
    with pytest.raises(NeuroMotionError, match=rf"cannot read .*rate_hz .* instead of {spec.rate_hz!r}"):
        fitted(Recording(samples, signal, (), "user", "me"), spec)


def test_it_drives_a_limb(name: str) -> None:
    """What is decoded moves the limb, from samples to joints, and every observation lies in its space."""
    spec = load_decoder(name).spec
    env = NeuroEnv(environments_for(spec.labels, spec.targets)[0], decoder=name)
    observation, _ = env.reset(seed=0)
    start = env.loop.physics.sensors.copy()
    joints = None if spec.classifies else make_controller("follow", env.layout)
    decoded, state, moved = set(), None, 0.0
    for step in range(STEPS):
        assert env.observation_space.contains(observation)
        decoded.add(int(env.loop.stream.posterior[0].argmax()))
        if joints is None:
            action = follow(env.loop, step)[0]
        else:
            action, state = joints.predict(observation, state)
        observation, reward, terminated, truncated, _ = env.step(action)
        assert np.isfinite(reward)
        moved = max(moved, np.abs(env.loop.physics.sensors - start).max())  # an episode may begin anew at the last step
        if terminated or truncated:
            observation, _ = env.reset()
    env.close()
    assert moved > 0.05
    if spec.pacing != "trial":  # whole trials: one decision in as many steps
        assert len(decoded) > 1


def test_the_trained_network_is_the_graph(name: str, folder: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra train")
    from neuromotion_gym.training.export import TOLERANCE, largest_difference
    from neuromotion_gym.training.train import DecoderTraining, load_network

    network = load_network(folder)
    assert TOLERANCE <= 1e-4
    assert largest_difference(network, load_recipe(folder).decoder, (folder / "model.onnx").read_bytes()) <= TOLERANCE
    path = folder / "model.ckpt"
    module = DecoderTraining.load_from_checkpoint(path, map_location="cpu", weights_only=True)
    expected = network.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in module.network.state_dict().items())


def test_its_folder_is_whole_and_named_as_its_decoder(name: str, folder: Path) -> None:
    recipe = load_recipe(folder)
    assert recipe.decoder.name == name
    table = registry.dataset(recipe.decoder.dataset).table
    assert recipe.decoder.modality == table.modality
    assert recipe.decoder.licence == table.licence
    assert recipe.data.train == "train"
    assert not FILES - {path.name for path in folder.iterdir()}
    assert b"site-packages" not in (folder / "model.onnx").read_bytes()


def test_all_folders_together_are_small(name: str, folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.parent.glob("*/*")) < LARGEST_BYTES


def test_it_has_seen_the_part_of_its_recipe_and_nothing_that_is_played(name: str, folder: Path) -> None:
    record, recipe = fitted_on(folder), load_recipe(folder)
    table = registry.dataset(recipe.decoder.dataset).table
    assert record.complete
    assert record.fingerprints
    assert record.part == recipe.data.train
    runs = table.runs("train", recipe.data.session_kind)
    assert {person: set(names) for person, names in record.runs.items()} == {p: set(r) for p, r in runs.items()}
    assert [one.dataset for one in record.also] == list(recipe.data.also)
    for one in record.also:
        assert one.fingerprints
        assert {p: set(r) for p, r in one.runs.items()} == {
            p: set(r) for p, r in registry.dataset(one.dataset).table.runs("train").items()
        }
    for part in ("tune", "test"):
        assert record.shared_with(record.dataset, table.runs(part, recipe.data.session_kind)) == {}


def test_its_figures_are_of_its_graph_and_stand_with_split_people_and_interval(name: str, folder: Path) -> None:
    metrics = read_metrics(folder)
    assert metrics["model"] == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()[:16]
    assert metrics["split"] == load_recipe(folder).decoder.split
    if name not in UNTIMED:
        assert metrics["training_s"] > 0
    if load_decoder(name).spec.classifies:
        test = metrics["parts"]["test"]["per_window"]
        people, found = test["people"], test["balanced_accuracy"]
    else:
        people, test = metrics["parts"]["test"]["people"], metrics["parts"]["test"]["within_blocks"]["decoder"]
        found = test
    assert len(test["by_person"]) == people
    if people > 1:
        assert found["low"] < found["mean"] < found["high"]
    else:  # there is no interval over one person
        assert (found["low"], found["high"]) == (None, None)
    assert found["mean"] == pytest.approx(np.mean(list(test["by_person"].values())), abs=1e-3)


def test_its_card_tells_all_and_is_made_from_its_files(name: str, folder: Path) -> None:
    text = (folder / CARD).read_text(encoding="utf-8")
    assert card(load_recipe(folder), read_metrics(folder), fitted_on(folder)) == text
    recipe = load_recipe(folder)
    assert recipe.notes
    assert recipe.sources
    classifies = recipe.decoder.classifies
    for row in (
        "labels" if classifies else "targets",
        "signal",
        "data",
        "weights",
        "fitted on",
        "split",
        "network",
        "training",
    ):
        assert f"\n| {row} |" in text, row
    assert (name in UNTIMED) != ("\n| training time |" in text)
    titles = (
        ("Balanced accuracy", "Confusion and calibration") if classifies else ("R² of the targets", "Lag", "Targets")
    )
    for title in (*titles, "People", "Limits", "Sources", "Made again"):
        assert f"\n## {title}\n" in text, title
    own = "Expected calibration error" if classifies else "| clock: mean of both |"
    for part in ("(card.png)", f"licence {recipe.decoder.licence}", own, "One decision takes"):
        assert part in text, part


def test_its_picture_shows_every_report(name: str, folder: Path) -> None:
    content = (folder / PICTURE).read_bytes()
    shown = reports(json.loads((folder / METRICS).read_text(encoding="utf-8")))
    larger = max(1.0, max(columns_of(report) for report in shown.values()) / MANY)
    expected = (INCHES[0] * (1 + larger) / 2 * DPI, INCHES[1] * larger * len(shown) * DPI)
    assert struct.unpack(">II", content[16:24]) == tuple(map(round, expected))
