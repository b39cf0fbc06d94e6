"""Export of a trained stable-baselines3 policy to an ONNX file for `neuromotion_gym.controllers.learned`.

It exports the actors of ``MlpPolicy`` (PPO) and of ``MlpLstmPolicy`` (sb3-contrib's RecurrentPPO).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.controllers.learned import METADATA, read_policy
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import replacing

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
        An ``MlpPolicy`` or ``MlpLstmPolicy`` whose layers are linear, Tanh or ReLU.
    spec : LearnedSpec
    path : path
        Path that ends in ``.onnx``. The file is written completely or not at all.

    Returns
    -------
    float
        Largest difference between the actions of torch and of ONNX Runtime over a sequence of random features.

    Raises
    ------
    NeuroMotionError
        If the policy has other layers, the file cannot be written, or the two differ by more than `TOLERANCE`.
    """
    import onnx

    graph = _Graph(policy, path.stem).model()
    onnx.helper.set_model_props(graph, {METADATA: spec.model_dump_json()})
    onnx.checker.check_model(graph)
    with replacing(path) as temporary:
        temporary.write_bytes(graph.SerializeToString())
        difference = largest_difference(policy, temporary)
        if not difference <= TOLERANCE:
            raise NeuroMotionError(f"torch and ONNX Runtime differ by {difference:.2g} on {path.name}.")
    return difference


def largest_difference(policy: Any, path: Path, steps: int = 20) -> float:
    """Largest difference between the actions of a torch policy and of its file on the same random features.

    Both make ``steps`` decisions in sequence, each with its own state if the policy is recurrent.
    """
    import torch

    session, _ = read_policy(path)
    states_of = [node.name for node in session.get_inputs() if node.name.startswith("state_")]
    outputs = ["action", *(f"next_{name}" for name in states_of)]
    generator = np.random.default_rng(0)
    worst = 0.0
    for rows in (1, 2, 64):
        hidden = None
        fed = {name: np.zeros((rows, _width(session, name)), np.float32) for name in states_of}
        for step in range(steps):
            features = generator.normal(size=(rows, policy.observation_space.shape[0])).astype(np.float32)
            with torch.no_grad():
                if states_of:
                    if hidden is None:
                        shape = (policy.lstm_actor.num_layers, rows, policy.lstm_actor.hidden_size)
                        hidden = (torch.zeros(shape), torch.zeros(shape))
                    starts = torch.full((rows,), float(step == 0))
                    distribution, hidden = policy.get_distribution(torch.from_numpy(features), hidden, starts)
                else:
                    distribution = policy.get_distribution(torch.from_numpy(features))
            ours = distribution.distribution.mean.numpy()
            theirs, *following = session.run(outputs, {"features": features, **fed})
            fed = dict(zip(states_of, following, strict=True))
            worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def _width(session: Any, name: str) -> int:
    return next(int(node.shape[1]) for node in session.get_inputs() if node.name == name)


class _Graph:
    """The actor as an ONNX graph, built node by node, since exporters write paths of the machine into the file."""

    def __init__(self, policy: Any, name: str) -> None:
        self.policy, self.name = policy, name
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.inputs: list[tuple[str, int]] = [("features", policy.observation_space.shape[0])]
        self.outputs: list[tuple[str, int]] = [("action", policy.action_space.shape[0])]

    def model(self) -> Any:
        """The ONNX model."""
        from onnx import TensorProto, helper

        last = "features"
        if hasattr(self.policy, "lstm_actor"):
            last = self._recurrent(self.policy.lstm_actor, last)
        layers = [*self.policy.mlp_extractor.policy_net, self.policy.action_net]
        for index, layer in enumerate(layers):
            last = self._layer(layer, last, index, "action" if index == len(layers) - 1 else f"layer_{index}")

        def described(values: list[tuple[str, int]]) -> list[Any]:
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size]) for name, size in values]

        graph = helper.make_graph(self.nodes, self.name, described(self.inputs), described(self.outputs), self.weights)
        opset = helper.make_opsetid("", 17)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8, producer_name="neuromotion_gym")

    def _layer(self, layer: Any, last: str, index: int, output: str) -> str:
        """Add one layer of the actor; return the name of its output."""
        import torch

        if isinstance(layer, torch.nn.Linear):
            names = [f"weight_{index}", f"bias_{index}"]
            self._keep(names[0], layer.weight.detach().cpu().numpy())
            self._keep(names[1], layer.bias.detach().cpu().numpy())
            self._node("Gemm", [last, *names], [output], transB=1)
        elif isinstance(layer, (torch.nn.Tanh, torch.nn.ReLU)):
            self._node("Tanh" if isinstance(layer, torch.nn.Tanh) else "Relu", [last], [output])
        else:
            raise NeuroMotionError(
                f"A policy is exported with linear layers, Tanh and ReLU, not {type(layer).__name__}."
            )
        return output

    def _recurrent(self, lstm: Any, last: str) -> str:
        """Layers of an LSTM for a sequence of one step; states 2k and 2k + 1 are layer k's output and its cell."""
        if lstm.bidirectional or lstm.proj_size or not lstm.bias:
            raise NeuroMotionError("A recurrent policy is exported with LSTM layers in one direction, with biases.")
        size = lstm.hidden_size
        self._keep("axis_0", np.array([0], dtype=np.int64))
        self._node("Unsqueeze", [last, "axis_0"], ["sequence_0"])
        for layer in range(lstm.num_layers):
            names = [f"lstm_{kind}_{layer}" for kind in ("w", "r", "b")]
            self._keep(names[0], self._gates(lstm, f"weight_ih_l{layer}")[None])
            self._keep(names[1], self._gates(lstm, f"weight_hh_l{layer}")[None])
            biases = [self._gates(lstm, f"bias_{kind}_l{layer}") for kind in ("ih", "hh")]
            self._keep(names[2], np.concatenate(biases)[None])
            states = [2 * layer, 2 * layer + 1]
            for state in states:
                self.inputs.append((f"state_{state}", size))
                self.outputs.append((f"next_state_{state}", size))
                self._node("Unsqueeze", [f"state_{state}", "axis_0"], [f"before_{state}"])
            before, after = ([f"{when}_{state}" for state in states] for when in ("before", "after"))
            self._node("LSTM", [f"sequence_{layer}", *names, "", *before], ["", *after], hidden_size=size)
            for state in states:
                self._node("Squeeze", [f"after_{state}", "axis_0"], [f"next_state_{state}"])
            self._node("Identity", [after[0]], [f"sequence_{layer + 1}"])
        return f"next_state_{2 * lstm.num_layers - 2}"

    @staticmethod
    def _gates(lstm: Any, name: str) -> np.ndarray:
        """Weights with their gates in the order of ONNX (input, output, forget, cell); torch has output last."""
        entry, forget, cell, out = np.split(getattr(lstm, name).detach().cpu().numpy(), 4)
        return np.concatenate([entry, out, forget, cell])

    def _keep(self, name: str, value: np.ndarray) -> None:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def _node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
