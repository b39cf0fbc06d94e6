"""A softmax at the end of a graph that is said to give logits: it would be applied twice, 0.998 would become 0.576."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.errors import NeuroMotionError

FACTS = {"modality": "emg", "labels": ["a", "b", "c"], "channels": ["1", "2", "3"], "rate_hz": 100, "unit": "µV"}
SURE = np.repeat(np.array([[7.0, 0.0, 0.0]])[:, :, None], 4, axis=2)
"""A window whose channels' means are 7, 0 and 0: the softmax of the first is 0.998."""


def write(path: Path, *ends: str) -> Path:
    from onnx import TensorProto, helper

    names = [f"v{index}" for index in range(len(ends))] + ["out"]
    nodes = [helper.make_node("ReduceMean", ["x", "time"], [names[0]], keepdims=0)]
    for index, end in enumerate(ends):
        options = {} if end in ("Identity", "Sigmoid") else {"axis": 1}
        nodes.append(helper.make_node(end, [names[index]], [names[index + 1]], **options))
    graph = helper.make_graph(
        nodes,
        "ends",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor("time", TensorProto.INT64, [1], [2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("ends", [("Softmax",), ("Softmax", "Identity"), ("LogSoftmax",), ("Identity",)])
def test_0_998_stays_0_998_whatever_ends_the_graph(tmp_path, ends):
    output = {"Softmax": "probabilities", "LogSoftmax": "log_probabilities", "Identity": "logits"}[ends[0]]
    decoder = load_decoder(write(tmp_path / "m.onnx", *ends), output=output, **FACTS)
    assert decoder.predict_proba(SURE)[0, 0] == pytest.approx(0.99818, abs=1e-5)


@pytest.mark.parametrize(
    ("ends", "stated", "right"),
    [
        (("Softmax",), "logits", "probabilities"),
        (("Softmax", "Identity"), "logits", "probabilities"),
        (("Softmax",), "log_probabilities", "probabilities"),
        (("LogSoftmax",), "logits", "log_probabilities"),
        (("LogSoftmax",), "probabilities", "log_probabilities"),
        (("Identity",), "probabilities", "logits"),
    ],
)
def test_a_kind_of_output_that_is_not_the_graph_s_is_refused(tmp_path, ends, stated, right):
    with pytest.raises(NeuroMotionError, match=rf"output: '{stated}', but .* \(right: output: {right}\)"):
        load_decoder(write(tmp_path / "m.onnx", *ends), output=stated, **FACTS)


def test_sigmoids_of_each_label_are_no_probabilities(tmp_path):
    with pytest.raises(NeuroMotionError, match="right: a softmax over the labels"):
        load_decoder(write(tmp_path / "m.onnx", "Sigmoid"), output="probabilities", **FACTS)
