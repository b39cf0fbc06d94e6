"""Which output of a graph a decoder reads, and whether it is of the kind that the specification states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.decoders.faults import Fault
from neuromotion_gym.decoders.model_input import FLOATS, shown
from neuromotion_gym.decoders.spec import ONE_VALUE, OutputKind
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec

STRINGS = "tensor(string)"
CLASSES = ("tensor(int64)", "tensor(int32)", STRINGS)
MAPS = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
"""What scikit-learn's exporter writes unless its option ``zipmap`` is off: a mapping of classes to probabilities."""
ALIKE = 0.01
"""Largest difference between posteriors (or targets) of one window alone and among others; far more than rounding."""
CLOSE = 1e-4
"""Largest distance from 1 of sums that are taken for sums of probabilities."""


@dataclass(frozen=True)
class ModelOutput:
    """The output of a graph that a decoder reads.

    Parameters
    ----------
    name : str
    mapped : bool
        Whether it is a mapping of classes to probabilities for each window.
    """

    name: str
    mapped: bool = False

    def values(self, result: Any, spec: DecoderSpec) -> np.ndarray:
        """The result of a call as an array."""
        return _from_maps(result, spec) if self.mapped else np.asarray(result)


def find_output(
    nodes: Sequence[Any], spec: DecoderSpec, own_graph: bool
) -> tuple[ModelOutput | None, list[str], list[Fault]]:
    """The output that holds the posterior or the targets.

    Parameters
    ----------
    nodes : sequence of onnxruntime.NodeArg
    spec : DecoderSpec
    own_graph : bool
        Whether the graph has the form of the library's own, whose first output is the posterior.

    Returns
    -------
    output : ModelOutput, or None if there are faults
    also : list of str
        Names of the further outputs that the decoder reads.
    faults : list of Fault
    """
    also = ["effort"] * spec.effort + ["features"] * spec.adaptation.reads_features
    names = [node.name for node in nodes]
    has = ", ".join(names)
    faults = [Fault("outputs", f"{has}: the graph lacks the output {name}", name) for name in also if name not in names]
    fitting = fitting_outputs(nodes, spec.output, len(spec.decoded), also)
    if spec.output_name is not None:
        if spec.output_name not in names:
            faults.append(Fault("output_name", f"no output is called {spec.output_name!r}", f"one of {has}"))
        fitting = [node for node in fitting if node.name == spec.output_name]
    elif own_graph:
        fitting = [node for node in fitting if node.name == names[0]]
    if len(fitting) == 1 and not faults:
        return ModelOutput(fitting[0].name, fitting[0].type in MAPS), also, []
    if len(fitting) > 1:
        listed = ", ".join(node.name for node in fitting)
        right = f"output_name='{fitting[0].name}', or another of them"
        faults.append(Fault("output_name", f"{listed} fit output {spec.output!r}", right))
    elif not fitting:
        faults.append(_unfit(nodes, spec))
    return None, also, faults


def fitting_outputs(nodes: Sequence[Any], kind: OutputKind, columns: int, also: Sequence[str] = ()) -> list[Any]:
    """Outputs whose type and fixed dimensions allow output ``kind`` with ``columns`` labels or targets."""
    return [node for node in nodes if node.name not in also and _fits(node, kind, columns)]


def _fits(node: Any, kind: OutputKind, columns: int) -> bool:
    shape = list(node.shape)
    if node.type in MAPS:
        return kind == "probabilities"
    if kind == "class_index":
        return node.type in CLASSES and (len(shape) < 2 or shape[1:] == [1])
    if node.type not in FLOATS:
        return False
    if kind in ONE_VALUE:
        return len(shape) < 2 or (len(shape) == 2 and shape[1] in (1, None))
    return not shape or (len(shape) == 2 and (not isinstance(shape[1], int) or shape[1] == columns))


def _unfit(nodes: Sequence[Any], spec: DecoderSpec) -> Fault:
    """The fault of a graph without an output that fits."""
    chosen = [node for node in nodes if spec.output_name in (None, node.name)] or list(nodes)
    columns = chosen[0].shape[-1] if chosen and len(chosen[0].shape) == 2 else None
    names = ", ".join(spec.decoded)
    if isinstance(columns, int) and chosen[0].type in FLOATS and spec.output not in (*ONE_VALUE, "class_index"):
        gives, names_of = ("classes", "labels") if spec.classifies else ("values", "targets")
        right = f"as many as its {names_of}, which are {len(spec.decoded)}: {names}"
        if columns == 1 and len(spec.labels) == 2:
            right += "; one value for two labels is output='logit' or output='probability', with positive="
        return Fault("output", f"{chosen[0].name!r} gives {columns} {gives}", right)
    has = ", ".join(f"{node.name} {node.type} {shown(node.shape)}" for node in chosen)
    wanted = {
        "class_index": "whole numbers or names of shape (n)",
        "logit": "real numbers of shape (n) or (n, 1)",
        "probability": "real numbers of shape (n) or (n, 1)",
    }.get(spec.output, f"real numbers of shape (n, {len(spec.decoded)})")
    return Fault("output", has or "none", f"{wanted} for output {spec.output!r} and {names}")


def _from_maps(result: Any, spec: DecoderSpec) -> np.ndarray:
    """Array of shape (n, labels) from a mapping of classes to probabilities for each window.

    Names of classes are matched with the labels; numbers of classes are taken in rising order.
    """
    if not len(result):
        return np.empty((0, len(spec.labels)), np.float32)
    keys = list(result[0])
    named = bool(keys) and isinstance(keys[0], str)
    order: Sequence[Any] = spec.own_labels if named else sorted(keys)
    if set(order) != set(keys) or len(order) != len(spec.labels):
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives probabilities of {', '.join(map(str, sorted(keys)))}; "
            f"its labels are {', '.join(spec.own_labels)}."
        )
    return np.array([[row[key] for key in order] for row in result], np.float32)


def kind_fault(values: np.ndarray, ended_by: str, spec: DecoderSpec) -> Fault | None:
    """What is wrong with the stated kind of output, judged by the results for some random windows.

    Parameters
    ----------
    values : array
        Results of the model as they come, before they are turned into a posterior.
    ended_by : str
        Operator that ends the graph; empty if it is not known.
    spec : DecoderSpec
    """
    if spec.output in ONE_VALUE:
        if spec.output == "logit" and ended_by == "Sigmoid":
            return Fault("output", "'logit', but the graph ends with a sigmoid", "output: probability")
        if spec.output == "probability" and (values.min(initial=0) < 0 or values.max(initial=1) > 1):
            return Fault("output", "'probability', but values leave 0..1", "output: logit")
        return None
    if spec.output not in ("logits", "log_probabilities", "probabilities") or values.ndim != 2:
        return None
    seen, why = _kind_seen(values, ended_by)
    if spec.output == seen or (spec.output == "log_probabilities" and seen == "logits"):
        return None
    right = f"output: {seen}"
    if spec.output == "probabilities" and ended_by in ("Softmax", "Sigmoid"):
        right = "a softmax over the labels at the end of the graph"
    return Fault("output", f"{spec.output!r}, but {why}", right)


def _kind_seen(values: np.ndarray, ended_by: str) -> tuple[OutputKind, str]:
    """The kind of output that rows of results have, and how it shows."""
    values = values.astype(np.float64)
    with np.errstate(over="ignore"):
        logarithms = np.abs(np.exp(values).sum(axis=1) - 1).max(initial=0) <= CLOSE
    if values.min(initial=0) >= 0 and np.abs(values.sum(axis=1) - 1).max(initial=0) <= CLOSE:
        return "probabilities", "its rows are not negative and sum to 1, as after a softmax"
    if logarithms:
        return "log_probabilities", "the exponentials of its rows sum to 1, as after a log-softmax"
    ends: dict[str, OutputKind] = {"Softmax": "probabilities", "LogSoftmax": "log_probabilities"}
    if ended_by in ends:
        return ends[ended_by], f"the graph ends with {ended_by}"
    return "logits", "its rows do not sum to 1 or are negative"


def batch_fault(among: np.ndarray, alone: np.ndarray) -> Fault | None:
    """What is wrong if a window has another result alone than among other windows.

    Results would then depend on the size of the batch, or on chance.

    Parameters
    ----------
    among : float array, shape (labels,) or (targets,)
        Result of the first of several windows.
    alone : float array of the same shape
        Result of this window alone.
    """
    apart = float(np.abs(among - alone).max())
    if apart <= ALIKE:
        return None
    right = "the same for both: a model in evaluation mode, and nothing that is normalised over the windows of a batch"
    return Fault("batch", f"a window gives another result alone than in a batch ({apart:.2f} apart)", right)


def order_fault(classes: Iterable[tuple[str, ...]], spec: DecoderSpec) -> Fault | None:
    """Whether the labels stand in another order than the columns, if the graph has the names of its classes.

    Parameters
    ----------
    classes : iterable of tuple of str
        See `neuromotion_gym.decoders.onnx_file.OnnxFile`.
    spec : DecoderSpec
    """
    own = spec.own_labels
    orders = sorted(names for names in classes if set(names) == set(own))
    if not orders or own in orders:
        return None
    return Fault("labels", ", ".join(own), f"{', '.join(orders[0])}, the order of the graph's columns")


def guessed_kind(
    nodes: Sequence[Any], given: Mapping[str, Any], labels: int, ended_by: Mapping[str, str]
) -> OutputKind | None:
    """The kind of output that the end of a graph shows; None if it may be one of several.

    Parameters
    ----------
    nodes : sequence of onnxruntime.NodeArg
    given : mapping
        Facts that are known; ``output_name`` is read.
    labels : int
        Number of labels.
    ended_by : mapping of str to str
        See `neuromotion_gym.decoders.onnx_file.OnnxFile`.
    """
    nodes = [node for node in nodes if given.get("output_name") in (None, node.name)]
    columns = fitting_outputs(nodes, "probabilities", labels)
    if len(columns) == 1:
        if columns[0].type in MAPS:
            return "probabilities"
        kinds: dict[str, OutputKind] = {
            "Softmax": "probabilities",
            "LogSoftmax": "log_probabilities",
            "Gemm": "logits",
            "MatMul": "logits",
            "Add": "logits",
        }
        return kinds.get(ended_by.get(columns[0].name, ""))
    if not columns and labels == 2 and (one := fitting_outputs(nodes, "logit", labels)) and len(one) == 1:
        ends: dict[str, OutputKind] = {"Sigmoid": "probability", "Gemm": "logit", "MatMul": "logit", "Add": "logit"}
        return ends.get(ended_by.get(one[0].name, ""))
    if not columns and len(fitting_outputs(nodes, "class_index", labels)) == 1:
        return "class_index"
    return None
