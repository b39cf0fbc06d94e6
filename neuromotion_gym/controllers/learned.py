"""Learned controllers: a policy as an ONNX graph, played by ONNX Runtime without torch or stable-baselines3.

One file holds all: the graph (input ``features`` (n, size) float32, output ``action`` (n, axes) float32) and, in its
metadata under the key ``neuromotion``, a `LearnedSpec` as JSON: what it was trained for, so that it is refused
elsewhere, and how. `neuromotion_gym.controllers.export.export_policy` writes such files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from neuromotion_gym.controllers.base import Memory, cleared
from neuromotion_gym.controllers.history import History, HistorySpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import assets_root
from neuromotion_gym.schema import Checked, from_mapping

if TYPE_CHECKING:
    from collections.abc import Collection

    from neuromotion_gym.envs.layout import ObservationLayout

METADATA = "neuromotion"
PREFIX = "learned:"


class TrainingRecord(Checked):
    """How a policy came about; nothing of it matters in play.

    Parameters
    ----------
    algorithm : str
    seed, steps : int
        Control steps of all limbs together.
    source, part
        What was played, see `neuromotion_gym.envs.options.assemble`.
    subjects : tuple of str
        Whose signals were played.
    unseen : bool
        Whether each of them was decoded by the decoder of the fold that was trained without them.
    blind : bool
        Whether the decoder was silenced.
    discount : float
        A control step's.
    library : str
        Version that it was trained with.
    """

    algorithm: str
    seed: int
    steps: int = Field(ge=0)
    source: Literal["surrogate", "replay"]
    part: Literal["tune"]
    subjects: tuple[str, ...] = Field(min_length=1)
    unseen: bool
    blind: bool
    discount: float = Field(gt=0, le=1)
    library: str


class LearnedSpec(Checked):
    """What a policy was trained for.

    Parameters
    ----------
    environment, level, decoder : str
        Id, level of difficulty and decoder that it was trained with.
    labels, axes : tuple of str
        Of the decoder, and of the limb.
    effort : bool
        Whether the decoder gives effort.
    control_s, hop_s, speed, dwell_s, time_limit_s, tolerance, candidates
        As in `ObservationLayout`.
    observe_goal : bool
        Whether it sees the goal: an upper bound, then.
    repeat : int
        Control steps for which an action is held.
    history : HistorySpec
    std : tuple of float
        Standard deviation of the action on every axis, where it is drawn.
    training : TrainingRecord
    """

    environment: str
    level: Literal["easy", "standard", "hard"]
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
    """What a layout says of the fields of `LearnedSpec`."""
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
        Of the environment that it is to drive in.
    source : str or path
        A shipped policy's name, see `shipped_policies`, or an ``.onnx`` file.
    seed : int, default 0
        Of the actions that are drawn with ``deterministic=False``.

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
        self._check_graph()
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
        fresh = (*self.history.fresh(len(batch)), np.zeros((len(batch), len(self.spec.axes)), dtype=np.float32))
        *memory, action = cleared(state, fresh, episode_start)
        due = np.flatnonzero(memory[0] % self.spec.repeat == 0)
        features, after = self.history.step(batch, tuple(memory))
        if due.size:
            decided = self._decide(features[due])
            if not deterministic:
                decided = decided + np.asarray(self.spec.std) * self._generator.standard_normal(decided.shape)
            action = action.copy()
            action[due] = np.clip(decided, -1.0, 1.0)
        return action.reshape(*given.shape[:-1], action.shape[1]).copy(), (*after, action)

    def _decide(self, features: np.ndarray) -> np.ndarray:
        """Actions (n, axes) for features (n, size)."""
        try:
            action = np.asarray(self._session.run(["action"], {"features": features})[0])
        except Exception as error:  # noqa: BLE001 -- ONNX Runtime's classes share no base below Exception
            raise NeuroMotionError(f"{self.path} failed while deciding: {_first_line(error)}") from None
        if action.shape != (len(features), len(self.spec.axes)) or not np.isfinite(action).all():
            raise NeuroMotionError(f"{self.path} gave actions that are not {len(self.spec.axes)} finite numbers a row.")
        return action

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

    def _check_graph(self) -> None:
        inputs = {node.name: (node.type, list(node.shape)) for node in self._session.get_inputs()}
        outputs = {node.name: (node.type, list(node.shape)) for node in self._session.get_outputs()}
        for role, found, name, size in (
            ("input", inputs, "features", self.history.size),
            ("output", outputs, "action", len(self.spec.axes)),
        ):
            kind, shape = found.get(name, ("", []))
            if len(found) != 1 or kind != "tensor(float)" or len(shape) != 2 or shape[1] != size:
                raise NeuroMotionError(
                    f"{self.path} has the {role}s {found}; a policy has one, {name!r} of (n, {size}) float32."
                )


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


def stranger(sources: str, people: Collection[str]) -> str:
    """The first of several policies, separated by commas, that was trained on signals of none of ``people``.

    One whose decoder was silenced has heard nobody.

    Raises
    ------
    NeuroMotionError
        If each of them was trained on somebody's.
    """
    told = []
    for source in sources.split(","):
        _, spec = read_policy(policy_path(source))
        met = [] if spec.training.blind else sorted(set(spec.training.subjects) & set(people))
        if not met:
            return source
        told.append(f"{source} on those of {', '.join(met)}")
    raise NeuroMotionError(
        f"No policy is a stranger to all it is to drive for: trained on signals, {'; '.join(told)}. Name another, "
        "separated by a comma."
    )


def read_policy(path: Path) -> tuple[Any, LearnedSpec]:
    """ONNX Runtime's session and the specification of a policy's file.

    Raises
    ------
    NeuroMotionError
        If it cannot be read, is no ONNX graph, or does not say what it was trained for.
    """
    import onnxruntime

    try:
        content = path.read_bytes()
    except OSError as error:
        raise NeuroMotionError(f"No learned controller can be read from {path}: {error.strerror}.") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong comes as an exception
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    except Exception as error:  # noqa: BLE001 -- as above
        raise NeuroMotionError(f"{path} is not an ONNX model that can be run: {_first_line(error)}") from None
    if text is None:
        raise NeuroMotionError(
            f"{path} does not say what it was trained for: its metadata lacks {METADATA!r}, which export_policy writes."
        )
    try:
        mapping = json.loads(text)
    except json.JSONDecodeError as error:
        raise NeuroMotionError(f"{path}: its metadata {METADATA!r} is not JSON: {error}.") from None
    return session, from_mapping(LearnedSpec, mapping, str(path))


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
