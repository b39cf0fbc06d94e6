"""A decoder that is calibrated to one wearer plays that wearer; anything else warns and is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.datasets.myo_armband.reader import read_round
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
