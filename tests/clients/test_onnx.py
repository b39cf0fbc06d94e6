"""The page on ONNX files: what the exporters of PyTorch, Keras and scikit-learn write drives the arm as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import pytest

from neuromotion_gym.decoders import check_decoder

if TYPE_CHECKING:
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder

pytestmark = [pytest.mark.client, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "use_with" / "onnx.md"
TORCH, KERAS, SKLEARN = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
WINDOWS = np.random.default_rng(0).normal(0, 10, (5, 8, 40)).astype(np.float32)


def run(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> tuple[dict[str, Any], OnnxDecoder]:
    """Run a script of the page in a folder; its names, and the decoder of its environment."""
    assert len([line for line in script.splitlines() if line.strip()]) <= 10
    monkeypatch.chdir(folder)
    names = {"gym": gym, **given}
    exec(compile(script, PAGE.name, "exec"), names)
    env = names["env"]
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.close()
    decoder = env.unwrapped.loop.parts.decoder
    check_decoder(decoder)
    return names, decoder


def test_pytorch_s_default_export_with_its_weights_beside_it(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    names, decoder = run(TORCH, tmp_path, monkeypatch)
    assert (tmp_path / "mine.onnx.data").is_file()
    with torch.no_grad():
        wanted = torch.softmax(names["network"](torch.from_numpy(WINDOWS)), dim=1).numpy()
    assert decoder.predict_proba(WINDOWS) == pytest.approx(wanted, abs=1e-6)
    assert (decoder.spec.output, decoder.spec.labels) == ("logits", ("neutral", "hand_close", "hand_open"))


def test_keras(tmp_path, monkeypatch):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    names, decoder = run(KERAS, tmp_path, monkeypatch)
    wanted = names["model"].predict(WINDOWS.transpose(0, 2, 1), verbose=0)
    assert decoder.predict_proba(WINDOWS) == pytest.approx(np.asarray(wanted), abs=1e-6)
    assert decoder.spec.output == "probabilities"


def test_scikit_learn(tmp_path, monkeypatch):
    pytest.importorskip("skl2onnx")
    y = np.array(["neutral", "hand_open", "hand_close"] * 20)
    X = np.random.default_rng(1).normal(0, 10, (60, 8, 40)).astype(np.float32)
    X[y == "hand_open", 2] += 10
    names, decoder = run(SKLEARN, tmp_path, monkeypatch, X=X, y=y)
    wanted = names["model"].predict_proba(WINDOWS.reshape(5, -1))
    assert decoder.predict_proba(WINDOWS) == pytest.approx(wanted, abs=1e-5)
    assert decoder.spec.labels == ("hand_close", "hand_open", "neutral")
