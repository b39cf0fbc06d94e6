"""The loop, written once: task, operator, source, decoder and limb for a batch, one control period at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from neuromotion_gym.envs.aside import Aside
from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.envs.stream import Stream
from neuromotion_gym.limbs.limb import bounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.decoders.bounds import BoundDecoder
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.operators import Operator
    from neuromotion_gym.signals.sources import Source
    from neuromotion_gym.tasks.posture import PostureTask

Observe = Literal["posterior", "signal"]
VELOCITY_BOUND = 10.0
POSITION_BOUND = 2.0


@dataclass(frozen=True, eq=False)
class Parts:
    """What a loop is put together from; see `neuromotion_gym.envs.options.assemble`."""

    limb: Limb
    layout: ObservationLayout
    task: PostureTask
    operator: Operator
    source: Source
    decoder: Decoder | BoundDecoder


@dataclass(frozen=True, eq=False)
class StepResult:
    """What one control step gave; every array has the rows first."""

    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


class ClosedLoop:
    """A batch of limbs, each with its own operator, goal, person and signal.

    Row ``i`` reset with generator ``g`` follows the same trajectory whatever the size of the batch, given the same
    actions; only posteriors may differ by the rounding of ONNX Runtime (1e-7).

    Parameters
    ----------
    parts : Parts
        Limb, task, operator, source and decoder, not shared with another loop.
    num_rows : int
        Size of the batch.
    observe : {"posterior", "signal"}
        What `observation` gives.
    observe_goal : bool
        Append the goal to the observation: for upper bounds only.
    decoy : bool
        Have the operators pursue a goal of their own, drawn independently of the scored one: for tests.
    threads : int
        Native threads of the physics. With more than one, signals are made and decoded while they run.
    keep_s : float
        Seconds of signal kept for people to look at. Where nobody looks, the oracle and the blind decoder are given no
        samples, since they read none.
    """

    def __init__(
        self,
        parts: Parts,
        num_rows: int = 1,
        *,
        observe: Observe = "posterior",
        observe_goal: bool = False,
        decoy: bool = False,
        threads: int = 1,
        keep_s: float = 0.0,
    ) -> None:
        self.parts = parts
        self.layout = parts.layout
        self.num_rows = num_rows
        self.observe: Observe = observe
        self.observe_goal = observe_goal
        self._decoy = decoy
        layout, task = parts.layout, parts.task
        self.physics = Physics(parts.limb, layout.intents.axes, layout.control_s, layout.speed, num_rows, threads)
        self.stream = Stream(
            parts.source,
            parts.decoder,
            layout.control_s,
            layout.intents.rest,
            layout.time_limit_s,
            num_rows,
            keep_s,
            heard=observe == "signal" or keep_s > 0,
        )
        task.start(num_rows)
        parts.operator.start(num_rows)
        self._limit = round(layout.time_limit_s / layout.control_s)
        # The operator sees the limb late, so what it wants, and the signal, do not wait for this step's physics. The
        # labels of a single limb that nobody hears cost less than handing them over
        overlaps = threads > 1 and parts.operator.sees_late and (num_rows > 1 or self.stream.makes_samples)
        self._aside = Aside() if overlaps else None
        self._labels: np.ndarray = np.array(layout.intents.labels)
        self._people: np.ndarray = np.array(parts.source.sessions, dtype=str).reshape(-1, 2)
        self.steps: np.ndarray = np.zeros(num_rows, dtype=int)
        self.success: np.ndarray = np.zeros(num_rows, dtype=bool)
        self.wrong: np.ndarray = np.zeros(num_rows, dtype=bool)
        self.unstable: np.ndarray = np.zeros(num_rows, dtype=bool)

    @property
    def goal(self) -> np.ndarray:
        """Scored goals, float array of shape (rows, axes)."""
        return self.parts.task.goal

    @property
    def pursued(self) -> np.ndarray:
        """Goals that the operators pursue: the scored ones, or the decoys."""
        return self.parts.task.decoy if self._decoy else self.parts.task.goal

    def reset(
        self,
        rows: np.ndarray,
        generators: Sequence[np.random.Generator],
        *,
        sessions: np.ndarray | None = None,
        goals: np.ndarray | None = None,
    ) -> None:
        """Begin an episode in ``rows``.

        Parameters
        ----------
        rows : int array, shape (m,)
        generators : sequence of m numpy.random.Generator
            Task, operator and stream each draw from a child of their own, so that none of them can tell of another.
        sessions : int array, shape (m,), optional
            Which of the source's sessions to play; drawn at random when left out.
        goals : float array, shape (m, axes), optional
            Goals in place of the drawn ones.
        """
        self._reset_limbs(rows, self._reset_stream(rows, generators, sessions), goals)

    def step(
        self, action: np.ndarray, again: np.ndarray | None = None, generators: Sequence[np.random.Generator] = ()
    ) -> StepResult:
        """Advance every row by one control period.

        Parameters
        ----------
        action : float array, shape (rows, axes)
            Fraction of full speed, -1 to 1.
        again : int array, shape (m,), optional
            Rows whose next episode begins with the end of this step, as by `reset`; what they get for it is void.
            Their first window is then made while the others' limbs move.
        generators : sequence of m numpy.random.Generator
            For those rows, as in `reset`.
        """
        self.physics.begin(action)
        if self._aside is None:
            self.physics.simulate()
            self.unstable = self.physics.finish()
            self.stream.step(self.parts.operator.step(self.physics.position, self.pursued))
            rest = [] if again is None else self._reset_stream(again, generators)
        else:
            self._aside.begin(self._signals, again, generators)
            try:
                self.physics.simulate()
            finally:
                rest = self._aside.result()
            self.unstable = self.physics.finish()
            self.parts.operator.see(self.physics.position)
        self.steps += 1
        outcome = self.parts.task.step(self.physics.position)
        self.success, self.wrong, reward = outcome.success, outcome.wrong, outcome.reward
        if np.count_nonzero(self.unstable):
            sound = ~self.unstable
            self.success, self.wrong = self.success & sound, self.wrong & sound
            reward = np.where(sound, reward, 0.0)
        ends = self.success | self.unstable
        if self.parts.task.wrong_selection == "end":
            ends |= self.wrong
        truncated = (self.steps >= self._limit) & ~ends
        if again is not None:
            self._reset_limbs(again, rest)
        return StepResult(reward, ends, truncated)

    def _signals(
        self, again: np.ndarray | None, generators: Sequence[np.random.Generator]
    ) -> list[list[np.random.Generator]]:
        """All of a step that needs no limb; what `_reset_stream` gives."""
        self.stream.step(self.parts.operator.decide(self.pursued))
        return [] if again is None else self._reset_stream(again, generators)

    def _reset_stream(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> list[list[np.random.Generator]]:
        """Half of `reset` that needs no limb; the generators of the other half, those of task and operator."""
        children = [generator.spawn(3) for generator in generators]
        self.stream.reset(rows, [child[2] for child in children], sessions)
        return [child[:2] for child in children]

    def _reset_limbs(
        self, rows: np.ndarray, generators: list[list[np.random.Generator]], goals: np.ndarray | None = None
    ) -> None:
        """Other half of `reset`."""
        start = self.parts.task.reset(rows, [task for task, _ in generators], goals)
        self.physics.reset(rows, start)
        self.parts.operator.reset(rows, [operator for _, operator in generators], self.physics.position[rows])
        self.steps[rows] = 0
        self.success[rows] = self.wrong[rows] = self.unstable[rows] = False

    def observation(self) -> np.ndarray | dict[str, np.ndarray]:
        """Observations of all rows: float32 array of shape (rows, size), or a dictionary of arrays; newly made."""
        limb = [bounded(self.physics.position, POSITION_BOUND), bounded(self.physics.velocity, VELOCITY_BOUND)]
        goal = [self.goal] if self.observe_goal else []
        if self.observe == "signal":
            views = {
                "limb": np.concatenate([*limb, *goal], axis=1, dtype=np.float32),
                "signal": self.stream.window(),
            }
            if self.stream.adaptation is not None:
                views["adaptation"] = self.stream.adaptation.copy()
            return views
        effort = [] if self.stream.effort is None else [self.stream.effort[:, None]]
        return np.concatenate([*limb, self.stream.posterior, *effort, *goal], axis=1, dtype=np.float32)

    def info(self) -> dict[str, np.ndarray]:
        """Truth for logging, one array a key with the rows first; never part of an observation."""
        labels, people = self._labels, self._people[self.parts.source.session_index]
        return {
            "is_success": self.success.copy(),
            "wrong_selection": self.wrong.copy(),
            "unstable": self.unstable.copy(),
            "time": self.steps * self.layout.control_s,
            "goal": self.goal.copy(),
            "intent": labels[self.parts.operator.label],
            "decoded": labels[self.stream.posterior.argmax(axis=1)],
            "subject": people[:, 0],
            "session": people[:, 1],
        }

    def info_of(self, row: int) -> dict[str, Any]:
        """`info` of one row, with plain Python values and the number of distinct ``trials`` that it played."""
        labels = self.layout.intents.labels
        subject, session = self.parts.source.sessions[self.parts.source.session_index[row]]
        return {
            "is_success": bool(self.success[row]),
            "wrong_selection": bool(self.wrong[row]),
            "unstable": bool(self.unstable[row]),
            "time": float(self.steps[row] * self.layout.control_s),
            "goal": self.goal[row].copy(),
            "intent": labels[self.parts.operator.label[row]],
            "decoded": labels[self.stream.posterior[row].argmax()],
            "subject": subject,
            "session": session,
            "trials": len(self.trials(row)),
        }

    def trials(self, row: int) -> frozenset[int]:
        """Distinct trials that row ``row`` has played since its reset, numbered within the source."""
        return self.parts.source.trials_played(row)

    def about(self) -> Mapping[str, Any]:
        """What an episode rests on: source, part and split, and every option that makes a figure incomparable."""
        return {
            **self.parts.source.provenance,
            "decoder": self.parts.decoder.spec.name,
            "bound": getattr(self.parts.decoder, "kind", None),
            "decoder_split": self.parts.decoder.spec.split,
            "level": self.parts.task.level.name,
            "chance": self.parts.task.level.chance,
            "wrong_selection": self.parts.task.wrong_selection,
            "observe_goal": self.observe_goal,
            "decoy": self._decoy,
        }

    def close(self) -> None:
        """Give threads back."""
        if self._aside is not None:
            self._aside.close()
        self.physics.close()
