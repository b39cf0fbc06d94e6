"""A band that is worn turned or mirrored: the posterior is as sure as before, and wrong."""

from __future__ import annotations

import warnings
from dataclasses import replace

import gymnasium as gym
import pytest

from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.decoders.arrangement import Arrangement, arrangement_check, arrangements, facts_of_arrangement
from neuromotion_gym.errors import NeuroMotionWarning
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.training.calibrate import calibrate, fit_to_wearer
from neuromotion_gym.training.evaluation import accuracy_by_person, decide

ALL = arrangements(6)
ARMBAND = [f"emg_{number}" for number in range(1, 9)]
MIRRORED = Arrangement(6, mirrored=True)


def accuracy(decoder, recording) -> float:
    session = Session(recording.dataset, recording.subject, recording.session, (recording,))
    return accuracy_by_person(decide(decoder, [session]))[recording.subject]


@pytest.mark.parametrize("arrangement", ALL[1:], ids=str)
def test_calibration_finds_how_a_band_is_worn_and_stores_it(ring, tmp_path, arrangement):
    run, later = (ring.worn(arrangement, subject="W", seed=seed) for seed in (0, 1))
    assert accuracy(load_decoder(ring.folder), later) < 0.8
    folder = calibrate(ring.folder, run, tmp_path / "mine")
    mine = load_decoder(folder)
    assert mine.spec.channels == arrangement.of([f"e{number}" for number in range(6)])
    assert mine.spec.name == "ring@W"
    assert accuracy(mine, later) > 0.95
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        facts_of_arrangement(mine, [Session("user", "W", "0", (later,))])


def test_loop_warns_and_says_how_a_band_is_worn(ring, tmp_path):
    recording = ring.worn(Arrangement(2), subject="W")
    with pytest.warns(NeuroMotionWarning, match="W, session 0: turned by 2 of 6 electrodes"):
        env = gym.make("NeuroArm-v0", decoder=ring.folder, source=recording)
    _, info = env.reset(seed=0)
    assert list(info["about"]["band_worn_otherwise"]) == ["W, session 0"]
    env.close()
    mine = calibrate(ring.folder, ring.worn(Arrangement(2), subject="W", seed=1), tmp_path / "mine")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The band")
        env = gym.make("NeuroArm-v0", decoder=mine, source=recording)
    assert "band_worn_otherwise" not in env.reset(seed=0)[1]["about"]
    env.close()


def armband_round(data_root, person, name):
    from neuromotion_gym.datasets.myo_armband.reader import read_round

    return read_round(person, name, root=data_root)


def test_mirrored_wearer_of_the_armband_is_found_with_labels_and_without(data_root):
    pooled = load_decoder("emg_armband")  # was never fitted to Male7
    run, later = (armband_round(data_root, "Male7", name) for name in ("training0", "Test1"))
    fit = fit_to_wearer(pooled, run, arrangement_only=True)
    assert fit.arrangement.best == MIRRORED
    assert fit.channels == MIRRORED.of(ARMBAND)
    assert "worn mirrored" in fit.findings[0]
    assert arrangement_check(pooled, [run]).best == MIRRORED
    with pytest.warns(NeuroMotionWarning, match="Male7, session training0: mirrored, read in the order emg_7, emg_6"):
        facts_of_arrangement(pooled, [Session("user", "Male7", "training0", (later,), (run,))])
    by_hand = load_decoder("emg_armband", channels=dict(zip(ARMBAND, MIRRORED.of(ARMBAND), strict=True)))
    assert accuracy(pooled, later) < 0.5
    assert accuracy(by_hand, later) > 0.95


def test_wearer_of_the_armband_as_expected_is_left_alone(data_root):
    pooled = load_decoder("emg_armband")  # was never fitted to Male6
    run = armband_round(data_root, "Male6", "training0")
    assert not fit_to_wearer(pooled, run, arrangement_only=True).arrangement.differs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        facts_of_arrangement(pooled, [Session("user", "Male6", "training0", (run,))])


def test_calibrated_band_that_is_put_on_otherwise_later_is_found(data_root, tmp_path):
    mine = load_decoder(
        calibrate("emg_armband_calibrated", armband_round(data_root, "Male6", "training0"), tmp_path / "W")
    )
    later = armband_round(data_root, "Male6", "Test1")
    assert not arrangement_check(mine, [later]).differs
    turned = replace(later, samples=later.samples[Arrangement(3).order(8)])
    assert accuracy(mine, turned) < 0.5
    assert arrangement_check(mine, [turned]).best == Arrangement(5)
    assert arrangement_check(mine, [turned]).differs
