"""The general suites over what another package brought. Run by `tests/outside/test_outside.py`, which installs it."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- loads the plug-ins
from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.controllers.checks import check_controller
from neuromotion_gym.datasets.checks import check_dataset
from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.decoders import check_decoder, load_decoder
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.envs.checks import check_environment

ENV_ID = "NeuroPedal-v0"


@pytest.fixture(scope="session")
def trained() -> Path:
    """The package's decoder, trained from its recipe, in the folder that it is registered with."""
    from neuromotion_gym.training.train import train

    return train(decoder_folder("foot_rms"), progress=False)


def test_data_set() -> None:
    check_dataset("foot_set")


def test_decoder_trains_from_its_recipe(trained: Path) -> None:
    decoder = load_decoder("foot_rms")
    check_decoder(decoder)
    assert decoder.path.parent == trained
    from neuromotion_gym.datasets.sessions import load_sessions
    from neuromotion_gym.training.evaluation import accuracy_by_person, decide

    accuracy = accuracy_by_person(decide(decoder, load_sessions("foot_set", "test")))
    assert set(accuracy) == {"w7", "w8"}
    assert min(accuracy.values()) > 0.9


def test_environment_on_every_level(trained: Path) -> None:
    check_environment(ENV_ID, 10, source="replay")


def play(controller: str, rows: int = 20, seed: int = 5, **options: object) -> tuple[float, float]:
    """Shares of right and of wrong selections."""
    env = gym.make_vec(ENV_ID, rows, vectorization_mode="vector_entry_point", source="replay", **options)
    policy = make_controller(controller, env.unwrapped.layout)
    observation, _ = env.reset(seed=seed)
    state, start = None, np.ones(rows, bool)
    right, wrong, ended = np.zeros(rows, bool), np.zeros(rows, bool), np.zeros(rows, bool)
    while not ended.all():
        action, state = policy.predict(observation, state, start)
        observation, _, terminated, truncated, info = env.step(action)
        right |= info["is_success"] & ~ended
        wrong |= info["wrong_selection"] & ~ended
        start = terminated | truncated
        ended |= start
    env.close()
    return float(right.mean()), float(wrong.mean())


@pytest.mark.parametrize("controller", ["argmax", "twice"])
def test_oracle_and_decoder_reach_the_goal(trained: Path, controller: str) -> None:
    assert play(controller, decoder="oracle:foot_rms")[0] >= 0.95
    assert play(controller, decoder="foot_rms")[0] >= 0.9


def test_nothing_is_found_without_information(trained: Path) -> None:
    right, wrong = play("argmax", rows=60, decoder="shuffled:foot_rms")
    assert right <= 0.25 + 3 * np.sqrt(0.25 * 0.75 / 60)
    assert wrong > 0.4


def test_every_controller_that_fits_drives_it(trained: Path) -> None:
    from neuromotion_gym.controllers import CONTROLLERS

    for name in CONTROLLERS:
        if name != "blind":
            assert play(name, rows=10, decoder="oracle:foot_rms")[0] >= 0.9, name


def test_memory_of_the_controller(trained: Path) -> None:
    env = gym.make(ENV_ID, source="replay")
    check_controller("twice", env.unwrapped.layout)
    env.close()


def test_perturbed_environment_says_so(trained: Path) -> None:
    env = gym.make("NeuroPedal-v0", source="replay", perturbations=[{"name": "sweat", "options": {"left": 0.3}}])
    _, info = env.reset(seed=0)
    assert "sweat" in str(info["about"])
    env.close()


def test_a_recording_of_ones_own(trained: Path) -> None:
    from neuromotion_gym.datasets.sessions import load_sessions
    from neuromotion_gym.signals.sources import ReplaySource

    session, labels = load_sessions("foot_set", "test")[0], load_decoder("foot_rms").spec.labels
    env = gym.make("NeuroPedal-v0", decoder="foot_rms", source=ReplaySource([session], labels))
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    env.close()


def test_perturbation_weakens_the_signal(trained: Path) -> None:
    spec = load_decoder("foot_rms").spec
    means = []
    for perturbations in ((), [{"name": "sweat", "options": {"left": 0.1, "minutes": 0.01}}]):
        source = open_source(playing_for(spec, source="replay", perturbations=perturbations))
        source.start(1)
        source.reset(np.zeros(1, int), [np.random.default_rng(0)])
        means.append(np.abs(np.concatenate([source.read(np.zeros(1, int), 50)[0] for _ in range(20)], axis=1)).mean())
    assert 0.05 < means[1] / means[0] < 0.4


def test_benchmark(trained: Path, tmp_path: Path) -> None:
    config = BenchmarkConfig(
        name="pedal",
        environment=ENV_ID,
        source="replay",
        part="test",
        episodes=4,
        grids=[
            {"decoders": ["foot_rms", "oracle:foot_rms"], "controllers": ["argmax", "twice"], "levels": ["near"]},
            {"decoders": ["blind:foot_rms"], "controllers": ["blind"], "levels": ["near"]},
        ],
    )
    report = run_benchmark(config, tmp_path, progress=False)
    text = report.read_text(encoding="utf-8")
    assert "near" in text
    assert "twice" in text
    with (tmp_path / "episodes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 * 2 * 4
    assert all(float(row["swing"]) > 0 for row in rows)
    assert {row["subject"] for row in rows} == {"w7", "w8"}
    assert os.environ["NEUROMOTION_DATA"] not in text
