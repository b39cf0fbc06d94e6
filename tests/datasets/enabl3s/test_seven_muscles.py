"""The recipe for seven muscles, end to end, on small files; the recordings themselves were not at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from circuit_files import write_columns

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.enabl3s.circuits import MUSCLES
from neuromotion_gym.decoders.fitted_on_record import fitted_on
from neuromotion_gym.decoders.recipe import Recipe, load_recipe
from neuromotion_gym.decoders.zoo import load_decoder

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("lightning", reason="needs the extra train")

RECIPE = Path(__file__).parents[3] / "docs" / "systems" / "leg_bursts_enabl3s.yaml"
BURSTS = ((400, 1100), (1900, 2600))
ROWS = 3000


def walked(person: int) -> np.ndarray:
    """Two bursts of each muscle of both legs, shape (ROWS, 14); each muscle has a frequency of its own."""
    generator = np.random.default_rng(person)
    values = generator.normal(size=(ROWS, 2 * len(MUSCLES)))
    seconds = np.arange(ROWS) / 1000
    for column in range(values.shape[1]):
        tone = np.sin(2 * np.pi * (40 + 40 * (column % len(MUSCLES))) * seconds + generator.uniform(0, 6))
        for start, stop in BURSTS:
            values[start:stop, column] += 20 * tone[start:stop]
    return values


def test_the_recipe_of_seven_muscles_trains_leaves_people_out_and_drives_the_leg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuromotion_gym.envs import NeuroEnv
    from neuromotion_gym.training import train as training
    from neuromotion_gym.training.folds import train_fold
    from neuromotion_gym.training.report import evaluate

    monkeypatch.setenv("NEUROMOTION_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    table = registry.dataset("enabl3s").table
    for number, person in enumerate(table.people):
        write_columns(data, 1, walked(number), person)
    content = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    content["training"] |= {"epochs": 6, "batch": 8, "learning_rate": 0.01}
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "recipe.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    folder = training.train(tmp_path / "own", tmp_path / "seven", root=data, progress=False, logger="none")
    files = {one.name for one in folder.iterdir()}
    assert files >= {"recipe.yaml", "model.onnx", "model.pt", "model.ckpt", "fitted_on.json"}
    decoder = load_decoder(folder)
    assert (decoder.spec.labels, decoder.spec.unit) == (MUSCLES, "count")
    assert set(fitted_on(folder).runs) == {"AB156", "AB186", "AB189", "AB191", "AB193"}
    part = evaluate(folder, parts=("test",), root=data, write=False)["parts"]["test"]
    assert part["windows"] == 3 * 2 * len(MUSCLES) * len(BURSTS)  # people, legs
    assert part["per_window"]["balanced_accuracy"]["mean"] > 0.5  # chance 1/7

    monkeypatch.setattr(training, "export_onnx", lambda network, spec, path: 0.0)  # takes seconds
    without = fitted_on(train_fold(Recipe(**content), ("AB188",), root=data, progress=False))
    assert "AB188" not in without.runs
    assert len(without.runs) == len(table.folds) - 1 == 9
    assert all(len(fold) == 1 for fold in table.folds)

    env = NeuroEnv("NeuroLeg-v0", decoder=str(folder), source="replay", data_root=data, part="test", level="standard")
    try:
        observation, info = env.reset(seed=0)
        assert tuple(env.loop.parts.task.axes) == ("knee", "ankle")
        assert info["about"]["dataset"] == "enabl3s"
        for _ in range(40):
            observation, _, _, _, info = env.step(np.zeros(env.action_space.shape, np.float32))
            assert env.observation_space.contains(observation)
        assert info["intent"] in MUSCLES
        assert info["decoded"] in MUSCLES
    finally:
        env.close()


def test_the_recipe_has_the_labels_of_the_source_and_the_settings_of_leg_burst() -> None:
    recipe = load_recipe(RECIPE)
    other = load_recipe(RECIPE.parents[2] / "classifiers" / "leg_burst")
    assert recipe.decoder.labels == MUSCLES
    assert (recipe.data, recipe.network, recipe.training) == (other.data, other.network, other.training)
    assert recipe.decoder.window / recipe.decoder.rate_hz == 1.0
