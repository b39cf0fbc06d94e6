"""From a trained stable-baselines3 policy to the ONNX file that `neuromotion_gym.controllers.learned` plays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.controllers.learned import METADATA, read_policy
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from pathlib import Path

    from neuromotion_gym.controllers.learned import LearnedSpec

TOLERANCE = 1e-5
"""Largest difference between the actions of torch and of ONNX Runtime."""


def export_policy(policy: Any, spec: LearnedSpec, path: Path) -> float:
    """Write the actor of ``policy`` with its specification.

    Parameters
    ----------
    policy : stable_baselines3.common.policies.ActorCriticPolicy
        An ``MlpPolicy``: layers that are linear, tanh or ReLU.
    spec : LearnedSpec
    path : path
        Ends in ``.onnx``; written whole or not at all.

    Returns
    -------
    float
        Largest difference between the actions of torch and of ONNX Runtime on random features.

    Raises
    ------
    NeuroMotionError
        If the policy has other layers, the file cannot be written, or the two differ by more than `TOLERANCE`.
    """
    import onnx

    graph = _graph(policy, path.stem)
    onnx.helper.set_model_props(graph, {METADATA: spec.model_dump_json()})
    onnx.checker.check_model(graph)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.onnx")
    try:
        temporary.write_bytes(graph.SerializeToString())
        difference = largest_difference(policy, temporary)
        if not difference <= TOLERANCE:
            raise NeuroMotionError(f"torch and ONNX Runtime differ by {difference:.2g} on {path.name}.")
        temporary.replace(path)
    except OSError as error:
        raise NeuroMotionError(f"The policy cannot be written to {path}: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return difference


def largest_difference(policy: Any, path: Path) -> float:
    """Largest difference between the actions of a torch policy and of a policy's file on the same random features."""
    import torch

    session, _ = read_policy(path)
    generator = np.random.default_rng(0)
    worst = 0.0
    for rows in (1, 2, 64):
        features = generator.normal(size=(rows, policy.observation_space.shape[0])).astype(np.float32)
        with torch.no_grad():
            ours = policy.get_distribution(torch.from_numpy(features)).distribution.mean.numpy()
        theirs = session.run(["action"], {"features": features})[0]
        worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def _graph(policy: Any, name: str) -> Any:
    """The actor as an ONNX model, node by node: exporters note paths of the machine, and this is a chain."""
    import torch
    from onnx import TensorProto, helper, numpy_helper

    size, axes = policy.observation_space.shape[0], policy.action_space.shape[0]
    nodes, weights, last = [], [], "features"
    layers = [*policy.mlp_extractor.policy_net, policy.action_net]
    for index, layer in enumerate(layers):
        output = "action" if index == len(layers) - 1 else f"layer_{index}"
        if isinstance(layer, torch.nn.Linear):
            names = [f"weight_{index}", f"bias_{index}"]
            values = [layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()]
            weights += [numpy_helper.from_array(value, key) for key, value in zip(names, values, strict=True)]
            nodes.append(helper.make_node("Gemm", [last, *names], [output], transB=1))
        elif isinstance(layer, (torch.nn.Tanh, torch.nn.ReLU)):
            nodes.append(helper.make_node("Tanh" if isinstance(layer, torch.nn.Tanh) else "Relu", [last], [output]))
        else:
            raise NeuroMotionError(
                f"A policy is exported with linear layers, Tanh and ReLU, not {type(layer).__name__}."
            )
        last = output
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", size])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["n", axes])],
        weights,
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8, producer_name="neuromotion_gym")
