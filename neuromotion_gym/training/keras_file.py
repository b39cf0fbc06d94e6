"""Write a network as a Keras model in one ``.h5`` file: its layers, and their weights under Keras's own names.

The file has the layout of ``model.save("model.h5")`` in Keras 3, without the state of an optimiser: ``model_config`` as
JSON, and a group of weights for each layer. Nothing of Keras or TensorFlow is needed to write it, only h5py (extra
``io``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSION = "3.0.0"
"""Version of Keras whose layout is written."""


@dataclass(frozen=True)
class KerasLayer:
    """One layer.

    Parameters
    ----------
    kind : str
        Keras's name of the class, such as ``"Conv1D"``.
    name : str
        Name of the layer in the model.
    config : dict
        Arguments of the class.
    weights : dict of str to float32 array
        Weights by Keras's names, in Keras's order and shapes: first those that are trained, then the others.
    """

    kind: str
    name: str
    config: dict[str, Any]
    weights: dict[str, np.ndarray] = field(default_factory=dict)


def write_keras(path: Path, layers: Sequence[KerasLayer], input_shape: Sequence[int]) -> None:
    """Write a sequential model.

    Parameters
    ----------
    path : path
    layers : sequence of KerasLayer
    input_shape : sequence of int
        Shape of one row of the input: (samples, channels).

    Raises
    ------
    NeuroMotionError
        If h5py is missing.
    """
    try:
        import h5py
    except ImportError as error:
        raise NeuroMotionError("A Keras file needs h5py: pip install neuromotion-gym[io].") from error
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *input_shape], "name": "input_layer"}}
    others = [{"class_name": layer.kind, "config": {"name": layer.name, **layer.config}} for layer in layers]
    config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": [first, *others]}}
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        weights = file.create_group("model_weights")
        for group in (file, weights):
            group.attrs["keras_version"] = VERSION
            group.attrs["backend"] = "torch"
        file.attrs["model_config"] = json.dumps(config)
        weights.attrs["layer_names"] = np.array([layer.name.encode() for layer in layers])
        for layer in layers:
            group = weights.create_group(layer.name)
            names = [f"sequential/{layer.name}/{name}" for name in layer.weights]
            group.attrs["weight_names"] = np.array([name.encode() for name in names], dtype="S" if names else "S1")
            for name, values in zip(names, layer.weights.values(), strict=True):
                group.create_dataset(name, data=np.asarray(values, np.float32))
        weights.create_group("top_level_model_weights").attrs["weight_names"] = np.array([], dtype="S1")
