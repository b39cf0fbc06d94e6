"""A decoder whose channels lie in a ring, and wearers of its band: built so that every arrangement but one is worse."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

COUNT = 6
LABELS = ("hand_open", "hand_close", "wrist_flexion", "wrist_extension")
CHANNELS = tuple(f"e{number}" for number in range(COUNT))
PEAKS = (None, 0, 1, 3)
"""Electrode over the muscle of each label, if there is one; no turn or mirror image of the places is the same."""
RING = {
    "name": "ring",
    "modality": "emg",
    "dataset": "nowhere",
    "labels": list(LABELS),
    "channels": list(CHANNELS),
    "ring": True,
    "rate_hz": 100.0,
    "unit": "count",
    "window": 10,
    "hop_s": 0.1,
    "output": "logits",
    "split": "trial",
    "licence": "CC0-1.0",
}


def ring_graph() -> bytes:
    """Logits: share of the power that the electrode of each label has; for the first label, a third."""
    from onnx import TensorProto, helper, numpy_helper

    weights = np.zeros((COUNT, len(LABELS)), np.float32)
    for label, electrode in enumerate(PEAKS):
        if electrode is not None:
            weights[electrode, label] = 20
    nodes = [
        helper.make_node("Mul", ["window", "window"], ["square"]),
        helper.make_node("ReduceMean", ["square", "last"], ["power"], keepdims=0),
        helper.make_node("ReduceSum", ["power", "channels"], ["total"], keepdims=1),
        helper.make_node("Div", ["power", "total"], ["share"]),
        helper.make_node("MatMul", ["share", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "bias"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("last", TensorProto.INT64, [1], [2]),
        helper.make_tensor("channels", TensorProto.INT64, [1], [1]),
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([20 / 3, 0, 0, 0], np.float32), "bias"),
    ]
    graph = helper.make_graph(
        nodes,
        "ring",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", COUNT, RING["window"]])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(LABELS)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def write_ring(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(ring_graph())
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"decoder": {**RING, **changes}}), encoding="utf-8")
    return folder


def worn(
    arrangement: Arrangement = PLAIN,
    *,
    subject: str = "P",
    labels: tuple[str, ...] = LABELS,
    seconds: float = 120.0,
    seed: int = 0,
) -> Recording:
    """A recording with 16 trials. Read in the order of ``arrangement``, it is as the decoder expects it."""
    generator = np.random.default_rng(seed)
    length = round(seconds * 100 / 16)
    samples = np.empty((COUNT, 16 * length), np.float32)
    trials = []
    for number in range(16):
        label = labels[number % len(labels)]
        piece = slice(number * length, (number + 1) * length)
        samples[:, piece] = generator.normal(size=(COUNT, length))
        electrode = PEAKS[LABELS.index(label)]
        if electrode is not None:
            samples[electrode, piece] *= 5
        trials.append(Trial(label, piece.start, piece.stop))
    seen = np.empty_like(samples)
    seen[arrangement.order(COUNT)] = samples
    return Recording(seen, SignalSpec("emg", CHANNELS, 100.0, "count"), tuple(trials), "user", subject, run=str(seed))


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Folder of the decoder, its wearers, and writing one with other facts."""
    return SimpleNamespace(folder=write_ring(tmp_path_factory.mktemp("rings") / "ring"), worn=worn, write=write_ring)
