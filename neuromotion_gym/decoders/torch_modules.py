"""Networks of PyTorch (braindecode, Lightning, one's own) as functions of arrays.

PyTorch is not imported here: a network that a user hands in has brought it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_torch_module(model: object) -> bool:
    """Whether ``model`` is a network of PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


class TorchFunction:
    """A function from float32 windows to the output of a network of PyTorch as an array.

    The network runs in evaluation mode and without gradients, on the device and in the precision of its parameters. Its
    own mode is put back after every call, so that a training can go on. A network in training mode is said once.
    """

    def __init__(self, module: Any) -> None:
        self.module = module
        if any(part.training for part in module.modules()):
            warn(
                f"{type(module).__name__} is in training mode; as a decoder it runs in evaluation mode "
                "(no dropout, fixed batch statistics)."
            )

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """The output, float64.

        Raises
        ------
        NeuroMotionError
            If the network returns several outputs, or no tensor.
        """
        torch, name = sys.modules["torch"], type(self.module).__name__
        given = torch.from_numpy(np.ascontiguousarray(windows))
        example = next(iter(self.module.parameters()), None)
        if example is not None:
            given = given.to(device=example.device, dtype=example.dtype)
        with evaluating(self.module), torch.no_grad():
            output = self.module(given)
        if isinstance(output, tuple | list):
            if len(output) != 1:
                raise NeuroMotionError(f"{name} returns {len(output)} outputs; as a decoder it has to return one.")
            output = output[0]
        if not isinstance(output, torch.Tensor):
            raise NeuroMotionError(f"{name} returns {type(output).__name__}, not a tensor.")
        return np.asarray(output.to(device="cpu", dtype=torch.float64).numpy())


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Evaluation mode inside the block; every part of the module is put back into its own mode afterwards."""
    training = [part for part in module.modules() if part.training]
    if training:
        module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
