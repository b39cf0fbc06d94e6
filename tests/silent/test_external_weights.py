"""Weights in a file beside the model come from the model's own folder, never from the working directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.controllers.learned import read_policy
from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.errors import NeuroMotionError

FACTS = {"modality": "emg", "labels": ["left", "right"], "channels": ["a", "b"], "rate_hz": 100, "unit": "V"}
WINDOW = np.stack([np.ones(4), np.zeros(4)])[None]


def save(folder: Path, gain: float, said: str = "model.onnx.data") -> Path:
    """A decoder whose logits are ``gain`` times the channels' means; it says that the gain is in the file ``said``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir(parents=True, exist_ok=True)
    weights = np.array([[gain, 0], [0, gain]], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x", "time"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "gain"], ["y"]),
        ],
        "scaled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor("time", TensorProto.INT64, [1], [2]), numpy_helper.from_array(weights, "gain")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = folder / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[1].external_data:
        if entry.key == "location":
            entry.value = said
    path.write_bytes(model.SerializeToString())
    return path


def posterior(path: Path | str) -> float:
    return float(load_decoder(path, **FACTS).predict_proba(WINDOW)[0, 0])


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


def test_weights_come_from_the_folder_of_the_model(tmp_path, monkeypatch):
    path = save(tmp_path / "mine", 3.0)
    save(tmp_path / "decoy", 7.0)  # the same names, other weights
    monkeypatch.chdir(tmp_path / "decoy")
    assert posterior(path) == pytest.approx(sigmoid(3), abs=1e-6)
    assert posterior("../mine/model.onnx") == pytest.approx(sigmoid(3), abs=1e-6)
    assert posterior("model.onnx") == pytest.approx(sigmoid(7), abs=1e-6)
    (tmp_path / "decoy" / "model.onnx.data").unlink()
    assert posterior(path) == pytest.approx(sigmoid(3), abs=1e-6)


def test_missing_weights_are_not_taken_from_the_working_directory(tmp_path, monkeypatch):
    path = save(tmp_path / "mine", 3.0)
    save(tmp_path / "decoy", 7.0)
    (tmp_path / "mine" / "model.onnx.data").unlink()
    monkeypatch.chdir(tmp_path / "decoy")
    with pytest.raises(NeuroMotionError, match=r"weights in the file 'model\.onnx\.data', which cannot be read"):
        posterior(path)
    with pytest.raises(NeuroMotionError, match=r"weights in the file 'model\.onnx\.data', which cannot be read"):
        read_policy(path)  # learned controllers are opened in the same way


@pytest.mark.parametrize(
    "said", ["../decoy/model.onnx.data", "sub/../../decoy/model.onnx.data", "..\\w", "C:\\w", "/etc/hostname", ""]
)
def test_weights_outside_of_the_folder_are_refused(tmp_path, said):
    save(tmp_path / "decoy", 7.0)
    path = save(tmp_path / "mine", 3.0, said)
    with pytest.raises(NeuroMotionError, match="outside of its own folder"):
        posterior(path)


def test_a_link_that_leaves_the_folder_is_refused_and_one_inside_is_not(tmp_path):
    save(tmp_path / "decoy", 7.0)
    path = save(tmp_path / "mine", 3.0)
    weights = path.with_name("model.onnx.data")
    weights.rename(path.with_name("kept"))
    weights.symlink_to("kept")
    assert posterior(path) == pytest.approx(sigmoid(3), abs=1e-6)
    weights.unlink()
    weights.symlink_to(tmp_path / "decoy" / "model.onnx.data")
    with pytest.raises(NeuroMotionError, match="outside of its own folder"):
        posterior(path)


def test_weights_that_are_too_short_are_refused(tmp_path):
    path = save(tmp_path / "mine", 3.0)
    weights = path.with_name("model.onnx.data")
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(NeuroMotionError, match="do not belong together"):
        posterior(path)


def test_the_digest_counts_the_weights(tmp_path):
    one, same, other = (save(tmp_path / name, gain) for name, gain in (("a", 3.0), ("b", 3.0), ("c", 7.0)))
    digest = load_decoder(one, name="x", **FACTS).digest()
    assert load_decoder(same, name="x", **FACTS).digest() == digest
    shutil.copy(one, other)
    assert load_decoder(other, name="x", **FACTS).digest() != digest
