"""Learned controllers: a policy as an ONNX graph, played by ONNX Runtime without torch or stable-baselines3.

One file holds everything. The graph:

=======================  ====================  ==========================================================
name                     shape                 what
=======================  ====================  ==========================================================
input ``features``       (n, features)         features that `neuromotion_gym.controllers.history.History` makes
inputs ``state_i``       (n, size of i)        state of a recurrent policy, i = 0, 1 …; none of a feedforward one
output ``action``        (n, axes)             mean of the action
outputs ``next_state_i`` (n, size of i)        the state after this decision, for each ``state_i``
=======================  ====================  ==========================================================

All are float32 and n is dynamic. States are zero at the start of an episode. The metadata of the file hold, under the
key ``neuromotion``, a `LearnedSpec` as JSON: what the policy was trained for, so that other environments are refused,
and how it was trained. `neuromotion_gym.controllers.export.export_policy` writes such files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from neuromotion_gym.controllers.base import Memory, cleared
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.decoders.onnx_session import open_session, run_session
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import assets_root
from neuromotion_gym.schema import Checked, from_mapping

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from neuromotion_gym.envs.layout import ObservationLayout

METADATA = "neuromotion"
PREFIX = "learned:"


class Before(Checked):
    """A training whose weights another one began with.

    Parameters
    ----------
    steps : int
        Its control steps.
    task : dict
        Its options of the task that differed from the task's own.
    before : Before, optional
        The training whose weights it began with itself.
    """

    steps: int = Field(ge=0)
    task: dict[str, bool | int | float | str]
    before: Before | None = None


class TrainingRecord(Checked):
    """How a policy was trained; playing it does not depend on this record.

    Parameters
    ----------
    algorithm : str
    seed, steps : int
        Seed of the training, and its control steps of all limbs together.
    source, part : str
        Kind of source and part that were played, see `neuromotion_gym.datasets.playing.Playing`.
    subjects : tuple of str
        People whose signals were played.
    unseen : bool
        Whether each of them was decoded by the decoder of the fold that was trained without them.
    blind : bool
        Whether the decoder gave no information.
    task : dict
        Options of the task that differed from its own.
    before : Before, optional
        The training whose weights it began with.
    discount : float
        PPO's discount factor per control step.
    library : str
        Version of the library.
    dataset : str, optional
        Data set of the people; not recorded in older files.
    """

    algorithm: str
    seed: int
    steps: int = Field(ge=0)
    source: Literal["surrogate", "replay"]
    part: Literal["tune"]
    subjects: tuple[str, ...] = Field(min_length=1)
    unseen: bool
    blind: bool
    task: dict[str, bool | int | float | str] = Field(default_factory=dict)
    before: Before | None = None
    discount: float = Field(gt=0, le=1)
    library: str
    dataset: str | None = None


class LearnedSpec(Checked):
    """What a policy was trained for.

    Parameters
    ----------
    environment, level, decoder : str
        Id, level of difficulty and decoder that it was trained with.
    labels, axes : tuple of str
        Labels of the decoder, and axes of the limb.
    effort : bool
        Whether the decoder gives effort.
    control_s, hop_s, speed, dwell_s, time_limit_s, tolerance, candidates
        As in `ObservationLayout`.
    observe_goal : bool
        Whether the policy sees the goal; it is then an upper bound.
    repeat : int
        Control steps for which an action is held.
    history : HistorySpec
    std : tuple of float
        Standard deviation of the action on every axis, for actions that are drawn.
    training : TrainingRecord
    """

    environment: str
    level: str
    decoder: str
    labels: tuple[str, ...]
    axes: tuple[str, ...]
    effort: bool
    control_s: float
    hop_s: float
    speed: float
    dwell_s: float
    time_limit_s: float
    tolerance: float
    candidates: tuple[tuple[float, ...], ...] | None
    observe_goal: bool
    repeat: int = Field(ge=1, le=100)
    history: HistorySpec
    std: tuple[float, ...]
    training: TrainingRecord


def facts(layout: ObservationLayout) -> dict[str, Any]:
    """Fields of `LearnedSpec` that a layout determines."""
    return {
        "labels": tuple(layout.intents.labels),
        "axes": tuple(layout.intents.axes),
        "effort": layout.effort,
        **{
            name: float(getattr(layout, name))
            for name in ("control_s", "hop_s", "speed", "dwell_s", "time_limit_s", "tolerance")
        },
        "candidates": None
        if layout.candidates is None
        else tuple(tuple(float(value) for value in row) for row in layout.candidates),
    }


class Learned:
    """A policy played through ONNX Runtime; the same ``predict`` as every controller.

    Parameters
    ----------
    layout : ObservationLayout
        Layout of the environment in which the policy is played.
    source : str or path
        A shipped policy's name, see `shipped_policies`, or an ``.onnx`` file.
    seed : int, default 0
        Seed of the actions that are drawn with ``deterministic=False``.

    Raises
    ------
    NeuroMotionError
        If there is no such policy, its file is broken, or it was trained for another environment.
    """

    def __init__(self, layout: ObservationLayout, source: str | Path, seed: int = 0) -> None:
        self.path = policy_path(source)
        self._session, self.spec = read_policy(self.path)
        self.layout = layout
        self._check(layout)
        self.history = History(layout, self.spec.history, self.spec.observe_goal)
        self._sizes = self._check_graph()
        self._generator = np.random.default_rng(seed)

    def predict(
        self,
        observation: np.ndarray,
        state: Memory | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, Memory]:
        """See `Controller.predict`.

        Raises
        ------
        NeuroMotionError
            If the observation has another length than the layout.
        """
        given = np.asarray(observation)
        batch = np.atleast_2d(given)
        n, axes = len(batch), len(self.spec.axes)
        own = [np.zeros((n, size), dtype=np.float32) for size in (*self._sizes, axes)]
        memory = cleared(state, (*self.history.fresh(n), *own), episode_start)
        seen, (*states, action) = memory[: -len(own)], memory[-len(own) :]
        due = np.flatnonzero(seen[0] % self.spec.repeat == 0)
        features, after = self.history.step(batch, seen)
        if due.size:
            decided, following = self._decide(features[due], [each[due] for each in states])
            if not deterministic:
                decided = decided + np.asarray(self.spec.std) * self._generator.standard_normal(decided.shape)
            action = action.copy()
            action[due] = np.clip(decided, -1.0, 1.0)
            states = [each.copy() for each in states]
            for each, new in zip(states, following, strict=True):
                each[due] = new
        return action.reshape(*given.shape[:-1], axes).copy(), (*after, *states, action)

    def _decide(self, features: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Actions (n, axes) and next states for features (n, size) and states."""
        feed = {"features": features, **{f"state_{i}": each for i, each in enumerate(states)}}
        names = ["action", *(f"next_state_{i}" for i in range(len(states)))]
        action, *following = (np.asarray(each) for each in run_session(self._session, names, feed, str(self.path)))
        if action.shape != (len(features), len(self.spec.axes)) or not np.isfinite(action).all():
            raise NeuroMotionError(
                f"{self.path} gave actions that are not {len(self.spec.axes)} finite numbers per row."
            )
        if any(
            new.shape != old.shape or not np.isfinite(new).all() for new, old in zip(following, states, strict=True)
        ):
            raise NeuroMotionError(f"{self.path} gave a state that is not finite or has another shape than before.")
        return action, following

    def _check(self, layout: ObservationLayout) -> None:
        for name, here in facts(layout).items():
            there = getattr(self.spec, name)
            if name in ("labels", "axes", "effort"):
                same = here == there
            elif name == "candidates" and (here is None or there is None):
                same = here is there
            else:
                same = np.shape(here) == np.shape(there) and np.allclose(here, there, rtol=1e-6, atol=1e-9)
            if not same:
                raise NeuroMotionError(
                    f"The policy {self.path.name} was trained for {self.spec.environment}, level "
                    f"{self.spec.level!r}, decoder {self.spec.decoder!r}: its {name} is {_short(there)}, "
                    f"here it is {_short(here)}."
                )

    def _check_graph(self) -> tuple[int, ...]:
        """Compare the graph with the specification; sizes of the states."""
        inputs = {node.name: (node.type, list(node.shape)) for node in self._session.get_inputs()}
        outputs = {node.name: (node.type, list(node.shape)) for node in self._session.get_outputs()}
        sizes = tuple(inputs[f"state_{i}"][1][-1] for i in range(len(inputs) - 1) if f"state_{i}" in inputs)
        for role, found, wanted in (
            ("input", inputs, {"features": self.history.size, **{f"state_{i}": n for i, n in enumerate(sizes)}}),
            ("output", outputs, {"action": len(self.spec.axes), **{f"next_state_{i}": n for i, n in enumerate(sizes)}}),
        ):
            fits = set(found) == set(wanted) and all(
                kind == "tensor(float)"
                and len(shape) == 2
                and not isinstance(shape[0], int)
                and shape[1] == wanted[name]
                for name, (kind, shape) in found.items()
            )
            if not fits or not all(isinstance(size, int) for size in sizes):
                names = ", ".join(f"{name!r} of (n, {size})" for name, size in wanted.items())
                raise NeuroMotionError(
                    f"{self.path} has the {role}s {found}; the {role}s of this policy are {names}, float32, n dynamic."
                )
        return sizes


def shipped_policies() -> list[str]:
    """Names of the policies that ship with the library, sorted."""
    return sorted(path.stem for path in (assets_root() / "controllers").glob("*.onnx"))


def policy_path(source: str | Path) -> Path:
    """File of a shipped policy, or the path itself.

    Raises
    ------
    NeuroMotionError
        If ``source`` is neither a shipped policy's name nor the path of an ``.onnx`` file.
    """
    names = shipped_policies()
    if str(source) in names:
        return assets_root() / "controllers" / f"{source}.onnx"
    path = Path(source)
    if path.suffix != ".onnx":
        raise NeuroMotionError(
            f"No learned controller is called {str(source)!r}. Shipped ones: {', '.join(names) or 'none'}; "
            "or the path of an .onnx file that examples/train_ppo.py wrote."
        )
    return path


def heard(spec: LearnedSpec, people: Collection[str], dataset: str | None = None) -> tuple[str, ...]:
    """Those of ``people`` whose signals a policy was trained on, sorted.

    Nobody for a policy that was trained with a blind decoder. People of another ``dataset`` are other people, even if
    they have the same names. If the data set is not given or not recorded, only names are compared.
    """
    if None not in (dataset, spec.training.dataset) and dataset != spec.training.dataset:
        return ()
    return () if spec.training.blind else tuple(sorted(set(spec.training.subjects) & set(people)))


def read_policy(path: Path) -> tuple[Any, LearnedSpec]:
    """ONNX Runtime's session and the specification of a policy's file.

    Raises
    ------
    NeuroMotionError
        If it cannot be read, is not an ONNX graph, or does not say what it was trained for.
    """
    session = open_session(path, "learned controller")
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    if text is None:
        raise NeuroMotionError(
            f"{path} does not say what it was trained for: its metadata lack {METADATA!r}, which export_policy writes."
        )
    try:
        mapping = json.loads(text)
    except json.JSONDecodeError as error:
        raise NeuroMotionError(f"{path}: its metadata {METADATA!r} are not JSON: {error}.") from None
    return session, from_mapping(LearnedSpec, mapping, str(path))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
