"""`to_onnx`: a network of PyTorch or a pipeline of scikit-learn as the folder of a decoder.

The folder holds ``recipe.yaml``, ``model.onnx`` and, for a network, ``model.pt`` (its state dict). It is written only
if the decoder in it gives the same results as the object.
"""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from neuromotion_gym.decoders.checks import random_inputs
from neuromotion_gym.decoders.folders import MODEL, RECIPE
from neuromotion_gym.decoders.model_input import OWN_INPUT, ModelInput, dimensions
from neuromotion_gym.decoders.objects import decoder_of
from neuromotion_gym.decoders.onnx_session import first_line
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.torch_modules import is_torch_module
from neuromotion_gym.decoders.wrapped import ProbabilityDecoder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import filling

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["to_onnx"]

WEIGHTS = "model.pt"
BATCHES = (1, 2, 7)
"""Numbers of windows with which the two are compared."""
TOLERANCE = 1e-4
"""Largest difference between their results: probabilities, or targets."""


def to_onnx(model: Any, spec: DecoderSpec | Mapping[str, Any], out: str | os.PathLike[str]) -> Path:
    """Write a network or a pipeline as a decoder's folder, which `load_decoder` and ``gym.make`` take.

    Parameters
    ----------
    model : torch.nn.Module, or classifier of scikit-learn with ``predict_proba``
        A classifier needs skl2onnx (extra ``export``), and steps that skl2onnx knows. It reads rows of numbers, so that
        its layout is "(n, channels * samples)".
    spec : DecoderSpec or mapping
        What it reads and gives, as the facts of `neuromotion_gym.decoders.objects.decoder_of`.
    out : path
        The folder to write. It may hold a decoder that was written here before, and nothing else.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    NeuroMotionError
        If the object cannot be exported, or the decoder in the folder gives other results than the object on random
        windows, in batches of one, two and seven. Then nothing is written.
    """
    folder = Path(out)
    _check_folder(folder)
    original = ProbabilityDecoder(model, spec) if isinstance(spec, DecoderSpec) else decoder_of(model, spec)
    if not isinstance(original, ProbabilityDecoder) or original.reads_features:
        raise NeuroMotionError(
            f"{type(model).__name__} cannot be exported: to_onnx takes a network of PyTorch or a classifier of "
            "scikit-learn that reads windows, not a decoder or features of windows."
        )
    written = original.spec
    graph = _graph(original)
    with TemporaryDirectory() as temporary:
        made = Path(temporary)
        (made / MODEL).write_bytes(graph)
        fields = written.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        text = yaml.safe_dump({"decoder": fields}, sort_keys=False, allow_unicode=True)
        (made / RECIPE).write_text(text, encoding="utf-8")
        if is_torch_module(model):
            import torch

            torch.save({name: value.detach().cpu() for name, value in model.state_dict().items()}, made / WEIGHTS)
        _compare(original, made)
        with filling(folder) as finished:
            for path in made.iterdir():
                shutil.copyfile(path, finished / path.name)
        if not is_torch_module(model):
            (folder / WEIGHTS).unlink(missing_ok=True)  # of a network that was written here before
    return folder


def _check_folder(folder: Path) -> None:
    """Refuse a folder with files that would become parts of the decoder, such as a calibrated last layer."""
    if folder.exists() and not folder.is_dir():
        raise NeuroMotionError(f"{folder} is a file; out= is the folder of the decoder.")
    others = sorted({path.name for path in folder.glob("*")} - {RECIPE, MODEL, WEIGHTS})
    if others:
        raise NeuroMotionError(f"{folder} holds {', '.join(others[:8])}; choose an empty or a new folder.")


def _graph(original: ProbabilityDecoder) -> bytes:
    """Content of the ONNX file."""
    model, name = original.model, type(original.model).__name__
    make = _of_torch if is_torch_module(model) else _of_sklearn
    try:
        return make(original)
    except ImportError as error:
        raise NeuroMotionError(
            f"{name} cannot be exported: {first_line(error)}. Networks need pip install 'neuromotion-gym[train]', "
            "classifiers pip install 'neuromotion-gym[export]'."
        ) from None
    except NeuroMotionError:
        raise
    except Exception as error:
        raise NeuroMotionError(f"{name} cannot be exported to ONNX: {first_line(error)}") from error


def _of_torch(original: ProbabilityDecoder) -> bytes:
    import torch

    from neuromotion_gym.training.export import torch_graph

    spec = original.spec
    # A copy in single precision: ONNX Runtime has no convolutions of double precision
    module = deepcopy(original.model).to(device="cpu", dtype=torch.float32).eval()
    given = _input(spec).arranged(random_inputs(spec, 2)[0], spec)
    return torch_graph(module, [torch.from_numpy(given)], [spec.output])


def _of_sklearn(original: ProbabilityDecoder) -> bytes:
    import onnx
    from skl2onnx import to_onnx as converted
    from skl2onnx.common.data_types import FloatTensorType

    spec = original.spec
    if spec.output != "probabilities":
        raise NeuroMotionError(
            f"{type(original.model).__name__} cannot be exported with output {spec.output!r}: a classifier of "
            "scikit-learn is exported with predict_proba, output 'probabilities'."
        )
    shape = [None, *dimensions(_input(spec).layout, len(spec.channels), spec.samples_in)]
    graph = converted(original.model, initial_types=[(OWN_INPUT, FloatTensorType(shape))], options={"zipmap": False})
    kept = next(output for output in graph.graph.output if output.name == "probabilities")
    del graph.graph.output[:]
    if original.order is None:
        graph.graph.output.append(kept)
    else:
        columns = onnx.numpy_helper.from_array(np.asarray(original.order, np.int64), "columns_of_labels")
        graph.graph.initializer.append(columns)
        node = onnx.helper.make_node("Gather", ["probabilities", "columns_of_labels"], ["posterior"], axis=1)
        graph.graph.node.append(node)
        size = [None, len(spec.labels)]
        graph.graph.output.append(onnx.helper.make_tensor_value_info("posterior", onnx.TensorProto.FLOAT, size))
    onnx.checker.check_model(graph)
    content: bytes = graph.SerializeToString()
    return content


def _input(spec: DecoderSpec) -> ModelInput:
    return ModelInput(OWN_INPUT, np.float32, spec.layout or "(n, channels, samples)", None)


def _compare(original: ProbabilityDecoder, folder: Path) -> None:
    """Refuse a folder whose decoder gives other results than the object."""
    loaded = load_decoder(folder)
    for rows in BATCHES:
        windows, _ = random_inputs(original.spec, rows, seed=rows)
        difference = float(np.abs(loaded.decode(windows)[0] - original.decode(windows)[0]).max())
        if not difference <= TOLERANCE:
            raise NeuroMotionError(
                f"{type(original.model).__name__} and its ONNX graph differ by {difference:.2g} in a batch of {rows}; "
                f"at most {TOLERANCE} is allowed. Nothing is written."
            )
