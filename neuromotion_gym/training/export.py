"""Export of a torch network to ``model.onnx``, with a check that both give the same outputs."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.model_input import ADAPTATION, OWN_INPUT
from neuromotion_gym.decoders.onnx_session import open_session
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.training.networks.network import DecoderNetwork

TOLERANCE = 1e-4
"""Largest difference between torch and ONNX Runtime, relative to the largest output (or 1)."""


def export_onnx(network: DecoderNetwork, spec: DecoderSpec, path: Path) -> float:
    """Write ``network`` as an ONNX graph with the contract of `neuromotion_gym.decoders.onnx_decoder`.

    Returns
    -------
    float
        Largest difference between torch and ONNX Runtime on random windows, batches of one, two and seven.

    Raises
    ------
    NeuroMotionError
        If the two differ by more than `TOLERANCE`; then nothing is written.
    """
    from neuromotion_gym.training.networks.network import example_inputs

    network = network.eval()
    outputs = [spec.output, *(["effort"] * spec.effort), *(["features"] * spec.adaptation.reads_features)]
    graph = torch_graph(network, example_inputs(spec, 2), outputs)
    difference = largest_difference(network, spec, graph)
    if not difference <= TOLERANCE:
        raise NeuroMotionError(
            f"torch and ONNX Runtime differ by {difference:.2g} on {spec.name!r}; at most {TOLERANCE}."
        )
    write_bytes(path, graph)
    return difference


def torch_graph(module: Any, inputs: Sequence[Any], outputs: Sequence[str]) -> bytes:
    """A network of PyTorch as the content of an ONNX file.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    inputs : sequence of torch.Tensor
        A window tensor and, if the network takes one, an adaptation; the number of rows stays free.
    outputs : sequence of str
        Names of the outputs.
    """
    import onnx
    import torch

    batch = torch.export.Dim("n", min=1, max=2**20)
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns about torchvision's operators on every call
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about torch's own deprecations
            program = torch.onnx.export(
                module,
                tuple(inputs),
                dynamo=True,
                input_names=[OWN_INPUT, ADAPTATION][: len(inputs)],
                output_names=list(outputs),
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    graph = program.model_proto
    _strip(graph)
    _share_equal_weights(graph.graph)
    onnx.checker.check_model(graph)
    content: bytes = graph.SerializeToString()
    return content


def _strip(graph: Any) -> None:
    """Remove what the exporter wrote about the machine: stack traces with file paths."""
    del graph.metadata_props[:]
    for part in (graph.graph, *graph.functions):
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in (*graph.graph.input, *graph.graph.output, *graph.graph.value_info, *graph.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""


def _share_equal_weights(graph: Any) -> None:
    """Keep one of several equal constants, so that ONNX Runtime computes once what several members do with it."""
    kept: dict[tuple[Any, ...], str] = {}
    names: dict[str, str] = {}
    for weights in list(graph.initializer):
        name = kept.setdefault((weights.data_type, tuple(weights.dims), weights.raw_data), weights.name)
        if name != weights.name:
            names[weights.name] = name
            graph.initializer.remove(weights)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def largest_difference(network: DecoderNetwork, spec: DecoderSpec, content: bytes) -> float:
    """Largest difference between the outputs of a torch network and of an ONNX graph on the same random inputs.

    The difference is relative to the largest output if that is above 1. Batches of one, two and seven windows.
    """
    import torch

    from neuromotion_gym.training.networks.network import example_inputs

    session = open_session(content, f"graph of {spec.name!r}")
    worst = 0.0
    for rows in (1, 2, 7):
        inputs = example_inputs(spec, rows, seed=rows)
        with torch.no_grad():
            ours = [output.numpy() for output in network(*inputs)]
        feed = {node.name: value.numpy() for node, value in zip(session.get_inputs(), inputs, strict=True)}
        for mine, theirs in zip(ours, session.run(None, feed), strict=True):
            if mine.shape != theirs.shape:
                raise NeuroMotionError(f"torch gives {mine.shape}, ONNX Runtime {theirs.shape} for {rows} windows.")
            worst = max(worst, float(np.abs(mine - theirs).max() / max(1.0, np.abs(mine).max())))
    return worst
