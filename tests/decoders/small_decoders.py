"""Small decoders and a small data set in their published formats, for the tests of decoders and of training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from neuromotion_gym.decoders import DecoderSpec
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

TINY: dict[str, Any] = {
    "name": "tiny",
    "modality": "emg",
    "dataset": "nowhere",
    "labels": ["left", "right"],
    "channels": ["a", "b"],
    "rate_hz": 100.0,
    "unit": "V",
    "window": 4,
    "hop_s": 0.05,
    "output": "logits",
    "split": "trial",
    "licence": "CC0-1.0",
}

FACTS: dict[str, Any] = {
    "modality": "emg",
    "labels": ["left", "right"],
    "channels": ["a", "b"],
    "rate_hz": 100.0,
    "unit": "V",
}
"""What an ONNX file cannot know."""


def tiny_spec(**changes: Any) -> DecoderSpec:
    return DecoderSpec(**{**TINY, **changes})


def tiny_graph(
    *,
    channels: int = 2,
    samples: int = 4,
    batch: int | str = "n",
    window: str = "window",
    kind: int | None = None,
    head: bool = False,
    effort: bool = False,
) -> bytes:
    """ONNX graph whose logits are the channels' means; with a head, adaptation applied to them."""
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT if kind is None else kind
    nodes = [helper.make_node("ReduceMean", [window, "last_axis"], ["mean"], keepdims=0)]
    inputs = [helper.make_tensor_value_info(window, kind, [batch, channels, samples])]
    outputs = [helper.make_tensor_value_info("logits", kind, [batch, channels])]
    constants = [helper.make_tensor("last_axis", TensorProto.INT64, [1], [2])]
    if head:
        inputs.append(helper.make_tensor_value_info("adaptation", kind, [batch, channels, channels + 1]))
        constants += [
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
            helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
            helper.make_tensor("count", TensorProto.INT64, [1], [channels]),
            helper.make_tensor("end", TensorProto.INT64, [1], [channels + 1]),
        ]
        nodes += [
            helper.make_node("Slice", ["adaptation", "zero", "count", "last"], ["weights"]),
            helper.make_node("Slice", ["adaptation", "count", "end", "last"], ["bias3"]),
            helper.make_node("Squeeze", ["bias3", "last"], ["bias"]),
            helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
            helper.make_node("MatMul", ["weights", "column"], ["added3"]),
            helper.make_node("Squeeze", ["added3", "last"], ["added"]),
            helper.make_node("Sum", ["added", "bias"], ["logits"]),
            helper.make_node("Identity", ["mean"], ["features"]),
        ]
        outputs.append(helper.make_tensor_value_info("features", kind, [batch, channels]))
    else:
        nodes.append(helper.make_node("Identity", ["mean"], ["logits"]))
    if effort:
        constants.append(helper.make_tensor("one_axis", TensorProto.INT64, [1], [1]))
        nodes.append(helper.make_node("ReduceMax", ["mean", "one_axis"], ["effort"], keepdims=0))
        outputs.append(helper.make_tensor_value_info("effort", kind, [batch]))
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def foreign_graph(
    shape: tuple[Any, ...] = ("n", 2, 4),
    *,
    time_axes: tuple[int, ...] = (2,),
    ends: dict[str, str] | None = None,
    name: str = "input",
    kind: str = "FLOAT",
    metadata: dict[str, str] | None = None,
) -> bytes:
    """ONNX graph as another program may export it: the means of the channels, then one node for each output.

    ``ends`` gives the operator of each output: Identity, Softmax, LogSoftmax, ArgMax; Difference and Sigmoid have one
    column, the second mean minus the first; Names gives the name of the larger one.
    """
    from onnx import TensorProto, helper

    real = getattr(TensorProto, kind)
    nodes = [helper.make_node("ReduceMean", [name, "time"], ["mean"], keepdims=0)]
    constants = [
        helper.make_tensor("time", TensorProto.INT64, [len(time_axes)], time_axes),
        helper.make_tensor("minus", real, [2, 1], [-1.0, 1.0]),
    ]
    if ends and "Names" in ends.values():
        constants.append(helper.make_tensor("names", TensorProto.STRING, [2], [b"left", b"right"]))
    outputs = []
    for output, end in (ends or {"out": "Identity"}).items():
        columns: list[Any] = [shape[0], 2]
        if end in ("Difference", "Sigmoid"):
            raw = output if end == "Difference" else f"{output}_raw"
            nodes.append(helper.make_node("MatMul", ["mean", "minus"], [raw]))
            if end == "Sigmoid":
                nodes.append(helper.make_node("Sigmoid", [raw], [output]))
            columns = [shape[0], 1]
        elif end in ("ArgMax", "Names"):
            index = output if end == "ArgMax" else f"{output}_index"
            nodes.append(helper.make_node("ArgMax", ["mean"], [index], axis=1, keepdims=0))
            if end == "Names":
                nodes.append(helper.make_node("Gather", ["names", index], [output]))
            columns = [shape[0]]
        elif end in ("Softmax", "LogSoftmax"):
            nodes.append(helper.make_node(end, ["mean"], [output], axis=1))
        else:
            nodes.append(helper.make_node(end, ["mean"], [output]))
        types = {"ArgMax": TensorProto.INT64, "Names": TensorProto.STRING}
        outputs.append(helper.make_tensor_value_info(output, types.get(end, real), columns))
    inputs = [helper.make_tensor_value_info(name, real, list(shape))]
    graph = helper.make_graph(nodes, "elsewhere", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, metadata or {})
    content: bytes = model.SerializeToString()
    return content


def write_decoder(folder: Path, content: bytes, **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"decoder": {**TINY, **changes}}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    return SimpleNamespace(
        spec=tiny_spec,
        facts=FACTS,
        graph=tiny_graph,
        foreign=foreign_graph,
        write=write_decoder,
        recording=tiny_recording,
    )


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    return write_decoder(tmp_path / "tiny", tiny_graph())


@pytest.fixture
def head_folder(tmp_path: Path) -> Path:
    head = {"kind": "head", "shape": [2, 3], "shrinkage": 0.1}
    return write_decoder(tmp_path / "head", tiny_graph(head=True), adaptation=head)


def tiny_recording(seed: int = 0, offset: float = 0.0, labels: tuple[str, ...] = ("left", "right")) -> Recording:
    """Trials of 40 samples; the channel of the trial's label is higher, and both are shifted by ``offset``."""
    generator = np.random.default_rng(seed)
    samples = generator.normal(size=(2, 320)).astype(np.float32)
    trials = []
    for index in range(8):
        label = labels[index % len(labels)]
        trials.append(Trial(label, 40 * index, 40 * index + 40))
        samples[0 if label == "left" else 1, 40 * index : 40 * index + 40] += 4
    samples[0] += offset
    return Recording(samples, SignalSpec("emg", ("a", "b"), 100.0, "V"), tuple(trials), "nowhere", f"P{seed}")


@pytest.fixture(scope="session")
def small_myo(tmp_path_factory: pytest.TempPathFactory, write_armband: Callable[[Path, int], Path]) -> Path:
    """Folder of data sets that holds an invented armband set, shorter still than `small_armband`."""
    return write_armband(tmp_path_factory.mktemp("data"), 80)
