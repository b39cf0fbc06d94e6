"""A decoder that is calibrated to one wearer plays that wearer; anything else warns and is said."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.datasets.myo_armband.reader import read_round
from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.decoders.fitted_on_record import FittedOn, write_fitted_on
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionWarning
from neuromotion_gym.training.calibrate import calibrate

WEARER = "Male6"


def played(**options: object) -> dict:
    env = gym.make("NeuroArm-v0", level="easy", **options)
    _, info = env.reset(seed=0)
    env.close()
    return info["about"]


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Path:
    """The decoder calibrated to one person's first round, without bands being compared."""
    recording = read_round(WEARER, "training0", root=data_root)
    return calibrate("emg_armband_calibrated", recording, tmp_path_factory.mktemp("worn") / "mine")


def test_other_peoples_surrogate_warns_and_is_said(worn: Path) -> None:
    with pytest.warns(NeuroMotionWarning, match=f"calibrated to {WEARER} .* Pass recordings of the wearer"):
        about = played(decoder=worn)
    assert about["plays_wearer"] is False
    assert about["wearer"] == f"myo_armband: {WEARER}"


def test_the_wearers_own_recording_is_played_without_a_word(worn: Path, data_root: Path) -> None:
    recording = read_round(WEARER, "Test1", root=data_root)
    with warnings.catch_warnings():
        warnings.simplefilter("error", NeuroMotionWarning)
        about = played(decoder=worn, source=recording)
    assert (about["plays_wearer"], about["played"]) == (True, {WEARER: ["Test1/0"]})
    assert about["split"] == "run"


def test_another_persons_recording_warns(worn: Path, data_root: Path) -> None:
    recording = read_round("Male7", "Test1", root=data_root)
    with pytest.warns(NeuroMotionWarning, match=f"calibrated to {WEARER}.*Male7"):
        assert played(decoder=worn, source=recording)["plays_wearer"] is False


@pytest.fixture
def worn_by_one(tmp_path: Path):
    """A decoder that says that it is calibrated to the wearer of that name."""

    def make(name: str) -> Path:
        folder = tmp_path / "worn"
        shutil.copytree(decoder_folder("emg_armband"), folder)
        write_fitted_on(folder, FittedOn(dataset="user", people=(name,), runs={name: ("0",)}, wearer=True))
        return folder

    return make


@pytest.mark.parametrize(
    ("wearer", "person", "expected"),
    [("0", "0", "not known"), ("0", "P1", "not known"), ("P1", "0", "not known"), ("P1", "P1", True), ("P1", "P2", 0)],
)
def test_where_a_recording_names_nobody_the_wearer_is_not_known(
    worn_by_one, band, wearer: str, person: str, expected: object
) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", NeuroMotionWarning)
        about = played(decoder=worn_by_one(wearer), source=band(person))
    assert about["plays_wearer"] == expected
    said = any("names nobody" in str(one.message) and "subject=" in str(one.message) for one in told)
    assert said == (expected == "not known")


@pytest.mark.parametrize(
    ("person", "said"),
    [("0", "but it is not known whether the wearer is played."), ("P2", "but other people are played.")],
)
def test_a_report_says_where_the_wearer_is_not_played(worn_by_one, band, tmp_path, person, said) -> None:
    folder = worn_by_one("P1")
    grids = [{"decoders": [str(folder)], "controllers": ["argmax"], "levels": ["easy"]}]
    config = BenchmarkConfig(name="own", recordings={"path": None}, grids=grids)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroMotionWarning)
        report = run_benchmark(config, tmp_path / "out", recordings=[band(person)], progress=False)
    assert f"is calibrated to one wearer (user: P1), {said}" in report.read_text(encoding="utf-8")


def test_what_is_said_of_one_decoder_is_not_said_of_the_next(worn_by_one, band) -> None:
    """The benchmark plays one source with many decoders."""
    source = open_source(playing_for(load_decoder("emg_armband").spec, source="surrogate", part="tune"))
    with pytest.warns(NeuroMotionWarning, match="calibrated to P1"):
        assert played(decoder=worn_by_one("P1"), source=source)["plays_wearer"] is False
    assert "plays_wearer" not in played(decoder="emg_armband", source=source)


def test_the_limb_does_what_its_wearer_wants(worn: Path, data_root: Path) -> None:
    """With other people's signals 0 of 8 goals were reached; with the wearer's all of them."""
    from neuromotion_gym.controllers import make_controller

    env = gym.make("NeuroArm-v0", level="easy", decoder=worn, source=read_round(WEARER, "Test1", root=data_root))
    controller, reached = make_controller("argmax", env.unwrapped.layout), 0
    for seed in range(4):
        (observation, info), state, ended = env.reset(seed=seed), None, False
        while not ended:
            action, state = controller.predict(np.asarray(observation), state)
            observation, _, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
        reached += bool(info["is_success"])
    env.close()
    assert reached == 4
