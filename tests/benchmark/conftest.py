"""A small decoder of whole trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

TRIAL_PACED = {
    "name": "whole_trials",
    "modality": "eeg",
    "dataset": "eegmmidb",
    "labels": ["rest", "left_fist", "right_fist"],
    "channels": ["Cz", "C3", "C4"],
    "rate_hz": 160.0,
    "unit": "V",
    "window": 320,
    "hop_s": 0.05,
    "pacing": "trial",
    "epoch_s": [0.0, 2.0],
    "output": "logits",
    "split": "subject",
    "licence": "CC0-1.0",
}


@pytest.fixture(scope="session")
def trial_paced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a decoder that reads epochs of two seconds: the logit of a label is the mean of a channel."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["window", "axis"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "gain"], ["logits"]),
        ],
        "mean",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", 3, 320])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [2]),
            helper.make_tensor("gain", TensorProto.FLOAT, [1], [1e6]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    folder = tmp_path_factory.mktemp("whole_trials")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"decoder": TRIAL_PACED}), encoding="utf-8")
    return folder
