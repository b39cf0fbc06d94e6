"""An ONNX file with the signature of an earlier system's: one logit from stretched windows in millivolts.

Input ``input`` (n, 64, 656), output (n, 1), right positive; a window from 1.0 s to 4.1 s after the cue, both ends
included (497 samples at 160 Hz), stretched to 656 samples. It drives the arm from a recipe, the graph as it is.
"""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 (registers the environments)
from neuromotion_gym.datasets.eegmmidb.reader import channel_names
from neuromotion_gym.decoders import check_decoder, load_decoder
from neuromotion_gym.errors import NeuroMotionError

RECIPE = """
decoder:
  modality: eeg
  dataset: eegmmidb
  labels: [left_fist, right_fist]
  channels: [{channels}]
  rate_hz: 160
  unit: {unit}
  pacing: trial
  epoch_s: [1.0, 4.1]
  window: 497
  resample_to: 656
  positive: right_fist
"""


WEIGHTS = np.sin(np.arange(656)).astype(np.float32)
"""Of the samples: they alternate, so that a window that is stretched in another way gives another result."""


def logit(windows: np.ndarray) -> np.ndarray:
    """What the graph computes from stretched windows: the weighted sum of channel F8 minus that of F7."""
    names = channel_names()
    return (windows[:, names.index("F8")] - windows[:, names.index("F7")]) @ WEIGHTS


@pytest.fixture
def folder(tmp_path) -> Path:
    from onnx import TensorProto, helper

    weights = np.zeros((64, 656), np.float32)
    weights[channel_names().index("F8")] = WEIGHTS
    weights[channel_names().index("F7")] = -WEIGHTS
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"], axis=1),
            helper.make_node("Gemm", ["flat", "weights"], ["output"]),
        ],
        "linear",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch_size", 64, 656])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch_size", 1])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [64 * 656, 1], weights.ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "EEG_model.onnx").write_bytes(model.SerializeToString())
    write_recipe(tmp_path, "mV")
    return tmp_path


def write_recipe(folder: Path, unit: str) -> None:
    text = RECIPE.format(unit=unit, channels=", ".join(channel_names()))
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")


def test_the_recipe_is_all_that_the_file_needs(folder):
    from scipy.signal import resample

    decoder = load_decoder(folder)
    check_decoder(decoder)
    assert (decoder.spec.name, decoder.spec.output, decoder.spec.window_s) == ("EEG_model", "logit", 497 / 160)
    windows = np.random.default_rng(0).normal(0.2, 0.05, (3, 64, 497))
    wanted = 1 / (1 + np.exp(-logit(resample(windows, 656, axis=2))))
    assert decoder.predict_proba(windows)[:, 1] == pytest.approx(wanted, abs=1e-5)
    assert load_decoder(folder / "EEG_model.onnx").spec == decoder.spec


def test_without_the_stretching_it_is_refused_with_what_would_be_right(folder):
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("  resample_to: 656\n", ""), encoding="utf-8")
    with pytest.raises(NeuroMotionError, match="resample_to=656 if windows of 497 samples have to be stretched"):
        load_decoder(folder)


def test_it_drives_the_arm_and_reads_millivolts(folder):
    def decisions(unit: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        write_recipe(folder, unit)
        decoder = load_decoder(folder)
        windows, posteriors = [], []
        decode = decoder.decode

        def noted(given, adaptation=None):
            posterior, effort = decode(given, adaptation)
            windows.append(given.copy())
            posteriors.append(posterior)
            return posterior, effort

        decoder.decode = noted
        env = gym.make("NeuroArm-v0", decoder=decoder, source="surrogate", level="easy")
        obs, _ = env.reset(seed=3)
        for _ in range(180):
            obs, *_ = env.step(np.zeros(env.action_space.shape, np.float32))
        assert obs[env.unwrapped.layout.posterior] == pytest.approx(posteriors[-1][0])
        env.close()
        return windows, posteriors

    millivolts, posteriors = decisions("mV")
    volts, _ = decisions("V")
    assert len(millivolts) == len(volts) >= 2
    assert np.concatenate(millivolts) == pytest.approx(1000 * np.concatenate(volts), rel=1e-5)
    assert 0.005 < np.concatenate(millivolts).std() < 0.5  # tens of microvolts
    from scipy.signal import resample

    wanted = 1 / (1 + np.exp(-logit(resample(np.concatenate(millivolts).astype(float), 656, axis=2))))
    assert np.concatenate(posteriors)[:, 1] == pytest.approx(wanted, abs=1e-5)
