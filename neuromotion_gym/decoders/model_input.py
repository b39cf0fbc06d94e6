"""How windows are handed to the graph of a decoder: name, type and axes of its input, its batch, resampling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from neuromotion_gym.decoders.faults import Fault
from neuromotion_gym.decoders.spec import WindowLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec

OWN_INPUT = "window"
"""Input of the library's own graphs: its axes are (n, channels, samples), also where their lengths are left open. A
graph from elsewhere may have an input of this name as well."""
ADAPTATION = "adaptation"
FLOATS: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
"""Types of ONNX Runtime that hold real numbers."""


@dataclass(frozen=True)
class ModelInput:
    """The input of a graph that reads windows.

    Parameters
    ----------
    name : str
    dtype : numpy type
    layout : str
        Axes, see `DecoderSpec`.
    batch : int or None
        Number of windows that one call takes; None if it takes any number.
    """

    name: str
    dtype: type[np.floating[Any]]
    layout: WindowLayout
    batch: int | None

    def arranged(self, windows: np.ndarray, spec: DecoderSpec) -> np.ndarray:
        """``windows``, shape (n, channels, samples), resampled and in the type and with the axes of the graph."""
        if spec.samples_in != windows.shape[2]:
            from scipy.signal import resample

            windows = resample(windows.astype(np.float64), spec.samples_in, axis=2)
        if _time_first(self.layout):
            windows = windows.transpose(0, 2, 1)
        shape = (len(windows), *dimensions(self.layout, len(spec.channels), spec.samples_in))
        return np.ascontiguousarray(windows.reshape(shape), dtype=self.dtype)


@cache
def dimensions(layout: WindowLayout, channels: int, samples: int) -> tuple[int, ...]:
    """Lengths of all axes but the first."""
    lengths = {"channels": channels, "samples": samples, "1": 1}
    axes = layout.strip("()").split(", ")[1:]
    return tuple(prod(lengths[name] for name in axis.split(" * ")) for axis in axes)


@cache
def _time_first(layout: WindowLayout) -> bool:
    return layout.index("samples") < layout.index("channels")


def fitting_layouts(shape: Sequence[Any], channels: int, samples: int) -> list[WindowLayout]:
    """Layouts that agree with all fixed dimensions of a graph's input.

    Parameters
    ----------
    shape : sequence
        Dimensions of the input; one that is not a whole number is free.
    channels, samples : int
        Lengths that the windows have.
    """
    return [
        layout
        for layout in get_args(WindowLayout)
        if _agree(shape[1:], dimensions(layout, channels, samples)) and len(shape) > 1
    ]


def _agree(shape: Sequence[Any], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(
        not isinstance(have, int) or have == want for have, want in zip(shape, wanted, strict=True)
    )


def samples_of(shape: Sequence[Any], channels: int, layout: WindowLayout | None) -> int | None:
    """Number of samples that a graph's fixed dimensions state; None if they leave it open or it is not certain.

    Parameters
    ----------
    shape : sequence
        Dimensions of the input.
    channels : int
        Number of channels that the decoder reads.
    layout : str, optional
        Axes of the input, if they are known.
    """
    fixed = [length for length in shape[1:] if isinstance(length, int)]
    if len(fixed) != len(shape) - 1 or not fixed or prod(fixed) % channels:
        return None
    samples = prod(fixed) // channels
    fitting = fitting_layouts(shape, channels, samples)
    return samples if samples and fitting and layout in (None, *fitting) else None


def find_input(nodes: Sequence[Any], spec: DecoderSpec, own_graph: bool) -> tuple[ModelInput | None, list[Fault]]:
    """The input that reads windows, and what is wrong with the inputs of a graph.

    Parameters
    ----------
    nodes : sequence of onnxruntime.NodeArg
    spec : DecoderSpec
    own_graph : bool
        Whether the graph has the form of the library's own, see `OWN_INPUT`.

    Returns
    -------
    input : ModelInput, or None if there are faults
    faults : list of Fault
    """
    adapted = spec.adaptation.kind != "none"
    names = sorted(node.name for node in nodes)
    windows = [node for node in nodes if not (adapted and node.name == ADAPTATION)]
    if len(windows) != 1 or len(nodes) != 1 + adapted:
        wanted = f"one input for windows and one called {ADAPTATION}" if adapted else "one input, for windows"
        return None, [Fault("inputs", ", ".join(names) or "none", wanted)]
    node = windows[0]
    faults = []
    what = f"input {node.name!r}"
    if node.type not in FLOATS:
        faults.append(Fault(what, node.type, f"{', '.join(FLOATS)}"))
    layout = _layout(node, spec, own_graph)
    if isinstance(layout, Fault):
        faults.append(layout)
    if adapted:
        faults += _adaptation_faults(next(node for node in nodes if node.name == ADAPTATION), spec)
    if faults:
        return None, faults
    assert not isinstance(layout, Fault)
    batch = node.shape[0] if isinstance(node.shape[0], int) else None
    return ModelInput(node.name, FLOATS[node.type], layout, batch), []


def _layout(node: Any, spec: DecoderSpec, own_graph: bool) -> WindowLayout | Fault:
    """The axes of an input, or what is wrong with them."""
    shape, channels, samples = list(node.shape), len(spec.channels), spec.samples_in
    fitting = fitting_layouts(shape, channels, samples)
    if spec.layout is None and own_graph and "(n, channels, samples)" in fitting:
        return "(n, channels, samples)"
    if spec.layout in fitting:
        return spec.layout
    if spec.layout is None and len(fitting) == 1:
        return fitting[0]
    what, found = f"input {node.name!r}", f"shape {shown(shape)}"
    if len(fitting) > 1 and spec.layout is None:
        return Fault(
            "layout",
            f"{found} of {what} fits {' and '.join(fitting)}",
            f"say which one it is, for example layout='{fitting[0]}'",
        )
    wanted = spec.layout or "(n, channels, samples)"
    numbers = ", ".join(map(str, dimensions(wanted, channels, samples)))
    right = f"(n, {numbers}) for {channels} channels and {samples} samples as {wanted}"
    stated = samples_of(shape, channels, spec.layout)
    if stated is not None and spec.resample_to is None:
        right += f"; resample_to={stated} if windows of {spec.window} samples have to be stretched to {stated}"
    return Fault(what, found, right)


def _adaptation_faults(node: Any, spec: DecoderSpec) -> list[Fault]:
    shape, wanted = list(node.shape), spec.adaptation.shape
    if node.type not in FLOATS or not _agree(shape[1:], wanted) or not shape or isinstance(shape[0], int):
        right = f"tensor(float) of shape (n, {', '.join(map(str, wanted))}), n free"
        return [Fault(f"input {ADAPTATION!r}", f"{node.type} of shape {shown(shape)}", right)]
    return []


def shown(shape: Sequence[Any]) -> str:
    """A shape for messages; a free dimension without a name is a question mark."""
    return f"({', '.join('?' if length is None else str(length) for length in shape)})"
