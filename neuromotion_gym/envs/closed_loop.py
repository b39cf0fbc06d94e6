"""The closed loop of a batch: task, operator, source, decoder, drive and limb, one control period at a time."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from neuromotion_gym.decoders.adaptation import adaptation_options
from neuromotion_gym.envs.aside import Aside
from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.envs.stream import Stream
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.limbs.drives import Continuing
from neuromotion_gym.limbs.limb import bounded
from neuromotion_gym.schema import shortened
from neuromotion_gym.signals.end_postures import end_postures
from neuromotion_gym.tasks.task import Placed, Sequenced, SizedGoals, Surrounded, Worn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.decoders.adaptation import AdaptationOptions
    from neuromotion_gym.decoders.bounds import BoundDecoder
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.limbs.drives import Drive
    from neuromotion_gym.limbs.limb import Limb
    from neuromotion_gym.operators import Operator
    from neuromotion_gym.signals.sources import Source
    from neuromotion_gym.tasks.task import Task

Observe = Literal["posterior", "signal"]


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a loop; see `neuromotion_gym.envs.options.assemble`."""

    limb: Limb
    drive: Drive
    layout: ObservationLayout
    task: Task
    operator: Operator
    source: Source
    decoder: Decoder | BoundDecoder
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What is said of the decoder and what it plays together; a source may be played with other decoders, too."""
    adaptation: AdaptationOptions | None = None
    """How the decoder is adapted to its wearers; as usual for its kind if left out."""


@dataclass(frozen=True, eq=False)
class StepResult:
    """Results of one control step; every array has shape (rows,)."""

    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


class ClosedLoop:
    """A batch of limbs, each with its own operator, goal, person and signal.

    With the same generator and the same actions, a row follows the same trajectory whatever the size of the batch; only
    posteriors may differ, by the rounding of ONNX Runtime (1e-7).

    Parameters
    ----------
    parts : Parts
        Limb, drive, task, operator, source and decoder, not shared with another loop.
    num_rows : int
        Size of the batch.
    observe : {"posterior", "signal"}
        Whether `observation` returns the posterior or the raw window.
    observe_goal : bool
        Append the goal to the observation: for upper bounds only.
    decoy : bool
        Let the operators pursue another goal, drawn independently of the scored one; for tests.
    assist : bool
        Add the action that the decoded label asks for to the agent's: the decoder alone moves the limb, and the agent
        helps as much as is needed. After a tie, as before the first decision, nothing is added.
    threads : int
        Native threads of the physics. With more than one, signals are generated and decoded while the physics runs.
    keep_s : float
        Seconds of signal kept for the overlay. If 0, and if the signal is not observed, no samples are generated for
        the bounds oracle and blind, which read none.

    Attributes
    ----------
    max_steps : int
        Control steps after which an episode is truncated.
    steps : int array, shape (rows,)
        Control steps since the reset of each row.
    success, wrong, unstable : bool array, shape (rows,)
        Whether, in the last step, the right goal was selected, a wrong goal was selected, or physics became unstable.
    over : bool array, shape (rows,)
        Whether the episode ended with the last step, in whatever way.
    columns : dict of str to array
        The task's own figures of the last step, each of shape (rows,).

    Raises
    ------
    NeuroMotionError
        If an option is out of range, if the signal is observed with the bound blind: the signal reveals the goal, or if
        ``assist`` is asked for with a decoder of continuous targets.
    """

    def __init__(
        self,
        parts: Parts,
        num_rows: int = 1,
        *,
        observe: Observe = "posterior",
        observe_goal: bool = False,
        decoy: bool = False,
        assist: bool = False,
        threads: int = 1,
        keep_s: float = 0.0,
    ) -> None:
        check_options(observe=observe, observe_goal=observe_goal, decoy=decoy, assist=assist, threads=threads)
        if assist and parts.layout.targets:
            raise NeuroMotionError("assist=True needs a decoder with labels; this one gives continuous targets.")
        if observe == "signal" and getattr(parts.decoder, "kind", None) == "blind":
            raise NeuroMotionError(
                "observe='signal' shows a signal that tells the goal, so that with it the bound 'blind' would not be "
                "blind. Observe the posterior, or take the bound 'shuffled', whose signal does not tell the goal."
            )
        self.parts = parts
        self.layout = parts.layout
        self.num_rows = num_rows
        self.observe: Observe = observe
        self.observe_goal = bool(observe_goal)
        self._decoy, self._assist = bool(decoy), bool(assist)
        self._lowest_action = float(getattr(parts.drive, "lowest_action", -1.0))
        self._ramp = bool(getattr(parts.drive, "ramp", False))
        layout, task = parts.layout, parts.task
        self.physics = Physics(parts.limb, layout.control_s, num_rows, threads)
        self.stream = Stream(
            parts.source,
            parts.decoder,
            layout.control_s,
            layout.intents.rest,
            layout.time_limit_s,
            num_rows,
            keep_s,
            observed=observe == "signal" or keep_s > 0,
            adaptation=parts.adaptation,
        )
        self._around = task if isinstance(task, Surrounded) else None
        self._sized = task if isinstance(task, SizedGoals) else None
        self._worn = task if isinstance(task, Worn) else None
        self._worn_postures: dict[int, np.ndarray] = {}
        task.start(num_rows)
        parts.drive.start(num_rows)
        parts.operator.start(num_rows, len(task.axes))
        self.max_steps = round(layout.time_limit_s / layout.control_s)
        # Operators that see with a delay can decide, and signals can be generated, before this step's physics is done.
        # With one row and no samples to generate, a second thread costs more than it saves
        overlaps = threads > 1 and parts.operator.sees_late and (num_rows > 1 or self.stream.makes_samples)
        self._aside = Aside() if overlaps else None
        self._labels: np.ndarray = np.array(layout.intents.labels)
        self._people: np.ndarray = np.array(parts.source.sessions, dtype=str).reshape(-1, 2)
        self.steps: np.ndarray = np.zeros(num_rows, dtype=int)
        self.success: np.ndarray = np.zeros(num_rows, dtype=bool)
        self.wrong: np.ndarray = np.zeros(num_rows, dtype=bool)
        self.unstable: np.ndarray = np.zeros(num_rows, dtype=bool)
        self.over: np.ndarray = np.zeros(num_rows, dtype=bool)
        self._motion = (np.zeros((num_rows, len(layout.columns))), np.zeros((num_rows, len(layout.columns))))
        self.columns: dict[str, np.ndarray] = {name: np.zeros(num_rows) for name in task.facts.columns}

    @property
    def goal(self) -> np.ndarray:
        """Scored goals, float array of shape (rows, axes)."""
        return self.parts.task.goal

    @property
    def position(self) -> np.ndarray:
        """Position of every limb along the task's axes, float array of shape (rows, axes)."""
        task, sensors = self.parts.task, self.physics.sensors
        return task.position(sensors) if isinstance(task, Placed) else np.asarray(self.goal - task.error(sensors))

    @property
    def tolerances(self) -> np.ndarray:
        """Distance within which the goal of every row counts as met, float array of shape (rows,)."""
        return np.full(self.num_rows, self.layout.tolerance) if self._sized is None else self._sized.tolerances()

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
            Task, operator and stream each draw from their own child generator, so that the draws of one say nothing
            about those of another.
        sessions : int array, shape (m,), optional
            Indices of the source's sessions to play; drawn at random when left out.
        goals : float array, shape (m, axes), optional
            Goals to use instead of drawn ones.
        """
        self._reset_limbs(rows, self._reset_stream(rows, generators, sessions), goals)

    def step(
        self, action: np.ndarray, again: np.ndarray | None = None, generators: Sequence[np.random.Generator] = ()
    ) -> StepResult:
        """Advance every row by one control period.

        Parameters
        ----------
        action : float array, shape (rows, action size)
            -1 to 1; for set points a fraction of full speed.
        again : int array, shape (m,), optional
            Rows whose next episode begins at the end of this step, as after `reset`; ignore their results of this step.
            With a second thread, their first window is generated while the physics runs.
        generators : sequence of m numpy.random.Generator
            Generators of those rows, as in `reset`.
        """
        task, operator, physics = self.parts.task, self.parts.operator, self.physics
        if self._assist:
            action = np.maximum(action, self._lowest_action) + self._decoded_action()
        physics.begin(self.parts.drive.control(action, physics.sensors), ramp=self._ramp)
        if self._aside is None:
            physics.simulate()
            self.unstable = physics.finish()
            self.stream.step(operator.step(task.error(physics.sensors, decoy=self._decoy), physics.sensors))
            rest = [] if again is None else self._reset_stream(again, generators)
        else:
            self._aside.begin(self._signals, again, generators)
            try:
                physics.simulate()
            finally:
                rest = self._aside.result()
            self.unstable = physics.finish()
            operator.see(task.error(physics.sensors, decoy=self._decoy), physics.sensors)
        self._motion = self.parts.drive.motion(physics.sensors)
        self.steps += 1
        outcome = task.step(physics.sensors)
        self.success, self.wrong, reward = outcome.right, outcome.wrong, outcome.reward
        for name, values in outcome.columns.items():
            self.columns[name] = np.array(values)
        if np.count_nonzero(self.unstable):
            sound = ~self.unstable
            self.success, self.wrong = self.success & sound, self.wrong & sound
            reward = np.where(sound, reward, 0.0)
        ended = outcome.ended | self.unstable
        truncated = (self.steps >= self.max_steps) & ~ended
        self.over = ended | truncated
        if again is not None:
            self._reset_limbs(again, rest)
        return StepResult(reward, ended, truncated)

    def stop(self, rows: np.ndarray) -> None:
        """Let the limbs of ``rows``, shape (m,), stand still until their next `reset`; ignore their results until then.

        Rows whose episode has ended, and on which nobody plays another one, then cost no physics.
        """
        self.physics.stop(rows)

    def forget(self, rows: np.ndarray) -> None:
        """Clear what the adaptation of ``rows`` has kept of earlier episodes: the next ones depend on seeds alone."""
        self.stream.forget(rows)

    def set_state(self, row: int, qpos: np.ndarray, qvel: np.ndarray) -> None:
        """Move the limb of one row: joint positions, shape (nq,), and velocities, shape (nv,); set points follow it.

        The episode goes on: a drive that keeps what was done so far (`Continuing`) does not begin anew.

        Raises
        ------
        NeuroMotionError
            If an array has another shape or is not finite.
        """
        rows, physics, drive = np.array([row]), self.physics, self.parts.drive
        physics.place(row, qpos, qvel)
        put = drive.moved if isinstance(drive, Continuing) else drive.reset
        rest = put(rows, self.position[rows])  # what belongs to this posture besides the joints
        physics.place(row, qpos, qvel, rest[0])
        self._motion = drive.motion(physics.sensors)

    def _decoded_action(self) -> np.ndarray:
        """Action that the most likely label asks for, none after a tie; shape (rows, action size)."""
        posterior = self.stream.posterior
        clear = (posterior == posterior.max(axis=1, keepdims=True)).sum(axis=1) == 1
        return np.where(clear[:, None], self.layout.intents.directions[posterior.argmax(axis=1)], 0.0)

    def _signals(
        self, again: np.ndarray | None, generators: Sequence[np.random.Generator]
    ) -> list[list[np.random.Generator]]:
        """The part of a step that does not need the limb; returns the result of `_reset_stream`."""
        self.stream.step(self.parts.operator.decide())
        return [] if again is None else self._reset_stream(again, generators)

    def _reset_stream(
        self, rows: np.ndarray, generators: Sequence[np.random.Generator], sessions: np.ndarray | None = None
    ) -> list[list[np.random.Generator]]:
        """The half of `reset` that does not need the limb; returns the generators of the other (task, operator)."""
        children = [generator.spawn(3) for generator in generators]
        self.stream.reset(rows, [child[2] for child in children], sessions)
        return [child[:2] for child in children]

    def _reset_limbs(
        self, rows: np.ndarray, generators: list[list[np.random.Generator]], goals: np.ndarray | None = None
    ) -> None:
        """The other half of `reset`."""
        task, physics = self.parts.task, self.physics
        if self._worn is not None:
            self._worn.wear(rows, np.stack([self._postures_of(one) for one in self._sessions_of(rows)]))
        physics.reset(rows, task.reset(rows, [generator for generator, _ in generators], goals))
        self._motion = self.parts.drive.motion(physics.sensors)
        error = task.error(physics.sensors, decoy=self._decoy)
        known = None if self._sized is None else self._sized.tolerances(decoy=self._decoy)
        operator = self.parts.operator
        planned = self._planned() if operator.open_loop else None
        operator.reset(rows, [generator for _, generator in generators], error, physics.sensors, known, planned)
        self.steps[rows] = 0
        for values in self.columns.values():
            values[rows] = 0
        # New arrays, because those of the last step may belong to the task
        going_on = np.ones(self.num_rows, dtype=bool)
        going_on[rows] = False
        self.success, self.wrong = self.success & going_on, self.wrong & going_on
        self.unstable, self.over = self.unstable & going_on, self.over & going_on

    def _sessions_of(self, rows: np.ndarray) -> list[int]:
        """Sessions that rows play, as indices into those of the source."""
        return [int(session) for session in self.parts.source.session_index[rows]]

    def _postures_of(self, session: int) -> np.ndarray:
        """Where the movements of a session's person end, shape (axes, targets), from the calibration run."""
        if session not in self._worn_postures:
            intents = self.layout.intents
            labels = [intents.labels[int(row)] for row in (intents.directions > 0).argmax(axis=0)]
            calibration = self.parts.source.calibration(session)
            self._worn_postures[session] = end_postures(calibration, labels, self.layout.targets)
        return self._worn_postures[session]

    def _planned(self) -> np.ndarray:
        """Goals that the operators pursue, in their order, shape (rows, goals, axes)."""
        task = self.parts.task
        if isinstance(task, Sequenced):
            return task.sequence(decoy=self._decoy)
        return (task.decoy if self._decoy else task.goal)[:, None]

    def observation(self) -> np.ndarray | dict[str, np.ndarray]:
        """Observations of all rows: float32 array of shape (rows, size), or a dictionary of arrays; always new."""
        drive, (position, velocity) = self.parts.drive, self._motion
        limb = [bounded(position, drive.position_bound), bounded(velocity, drive.velocity_bound)]
        if self._around is not None:
            limb.append(bounded(self._around.situation(self.physics.sensors), 1.0))
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
        """Ground truth for logging, one array per key with the rows first; never part of an observation."""
        people = self._people[self.parts.source.session_index]
        return {
            "is_success": self.success.copy(),
            "wrong_selection": self.wrong.copy(),
            "unstable": self.unstable.copy(),
            "time": self.steps * self.layout.control_s,
            "goal": self.goal.copy(),
            "intent": self._labels[self.parts.operator.label],
            "decoded": (
                self.stream.posterior.copy()
                if self.layout.targets
                else self._labels[self.stream.posterior.argmax(axis=1)]
            ),
            "subject": people[:, 0],
            "session": people[:, 1],
            **{name: values.copy() for name, values in self.columns.items()},
        }

    def info_of(self, row: int) -> dict[str, Any]:
        """`info` of one row, with plain Python values and the number of distinct ``trials`` that it played.

        Not taken from the arrays of `info`: to make one would cost a single environment a tenth of its step.
        """
        subject, session = self.parts.source.sessions[self.parts.source.session_index[row]]
        labels = self.layout.intents.labels
        return {
            "is_success": bool(self.success[row]),
            "wrong_selection": bool(self.wrong[row]),
            "unstable": bool(self.unstable[row]),
            "time": int(self.steps[row]) * self.layout.control_s,
            "goal": self.goal[row].copy(),
            "intent": labels[self.parts.operator.label[row]],
            "decoded": (
                self.stream.posterior[row].copy()
                if self.layout.targets
                else labels[self.stream.posterior[row].argmax()]
            ),
            "subject": str(subject),
            "session": str(session),
            **{name: values[row].item() for name, values in self.columns.items()},
            "trials": len(self.trials(row)),
        }

    def trials(self, row: int) -> frozenset[int]:
        """Distinct trials that row ``row`` has played since its reset, numbered within the source."""
        return self.parts.source.trials_played(row)

    def about(self) -> dict[str, Any]:
        """What an episode depends on: source, part, split, and every option that makes results not comparable.

        A new mapping in every call, whose values are new, too.
        """
        task = self.parts.task
        told = {
            **self.parts.source.provenance,
            **self.parts.facts,
            "decoder": self.parts.decoder.spec.name,
            "bound": getattr(self.parts.decoder, "kind", None),
            "decoder_split": self.parts.decoder.spec.split,
            "renamed_labels": dict(self.parts.decoder.spec.renamed or ()),
            "level": task.facts.level,
            "side": self.parts.limb.side,
            "chance": task.facts.chance,
            **task.options,
            "observe_goal": self.observe_goal,
            "decoy": self._decoy,
            "assist": self._assist,
            **self._adaptation_told(),
            "operator": self.parts.operator.spec.model_dump(),
        }
        return deepcopy(told)

    def _adaptation_told(self) -> dict[str, Any]:
        """How the decoder is adapted; empty if it is not."""
        spec, bound = self.parts.decoder.spec, getattr(self.parts.decoder, "kind", None)
        if spec.adaptation.kind == "none" or bound in ("oracle", "blind"):
            return {}
        options = adaptation_options(self.parts.adaptation, spec)
        return {"adaptation": {"kind": spec.adaptation.kind, **options.model_dump()}}

    def close(self) -> None:
        """Free the threads and the source; another loop may then play the source."""
        if self._aside is not None:
            self._aside.close()
        self.physics.close()
        self.stream.close()


def check_options(*, observe: str, threads: int, **switches: bool) -> None:
    """Refuse options of a loop that are out of range.

    Raises
    ------
    NeuroMotionError
        If ``observe`` is unknown, ``threads`` is not a positive whole number, or a switch is neither True nor False.
    """
    if not isinstance(observe, str) or observe not in get_args(Observe):
        raise NeuroMotionError(f"observe is {' or '.join(map(repr, get_args(Observe)))}, not {shortened(observe)}.")
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise NeuroMotionError(f"threads is a whole number from 1 on, not {shortened(threads)}.")
    for name, value in switches.items():
        if not isinstance(value, bool | np.bool_):
            raise NeuroMotionError(f"{name} is True or False, not {shortened(value)}.")
