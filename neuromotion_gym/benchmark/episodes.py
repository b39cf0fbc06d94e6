"""Plays the episodes of one decoder and controller on many limbs; a limb starts the next one when an episode ends."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.benchmark.metrics import intent_latencies, overshoots, path_efficiency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.controllers.base import Controller, Memory
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.tasks.task import TaskFacts

BENCHMARK = 0x4E47  # keeps the benchmark's generators apart from those of small seeds, which trainings may use


@dataclass(frozen=True)
class EpisodeKey:
    """Identifies an episode: session of the source, and number of the episode in that session.

    The generator depends on the names of person and session, not on their place in a list, so that a benchmark with
    fewer people plays the same episodes for these people.
    """

    session: int
    subject: str
    session_name: str
    repetition: int

    def generator(self, seed: int) -> np.random.Generator:
        """Generator of all random numbers in the episode."""
        person = zlib.crc32(f"{self.subject}/{self.session_name}".encode())
        return np.random.default_rng([BENCHMARK, seed, person, self.repetition])


def episode_keys(sessions: Sequence[tuple[str, str]], repetitions: int) -> list[EpisodeKey]:
    """Keys of ``repetitions`` episodes per session: the first episode of every session, then the second, and so on."""
    return [
        EpisodeKey(index, subject, name, repetition)
        for repetition in range(repetitions)
        for index, (subject, name) in enumerate(sessions)
    ]


def facts_of(loop: ClosedLoop) -> TaskFacts:
    """Facts of the task that a loop plays."""
    return loop.parts.task.facts


def play(
    loop: ClosedLoop,
    controller: Controller,
    keys: Sequence[EpisodeKey],
    seed: int,
    tick: Callable[[], None] = lambda: None,
) -> tuple[list[dict[str, Any]], set[tuple[str, str, int]]]:
    """Play all episodes of ``keys``.

    Parameters
    ----------
    loop : ClosedLoop
        A batch of any size; its size changes results only through rounding in the decoder.
    controller : Controller
    keys : sequence of EpisodeKey
    seed : int
    tick : callable
        Called whenever an episode ends.

    Returns
    -------
    episodes : list of dict
        One per episode, in the order of ``keys``. A figure that an episode does not have is None.
    trials : set of (subject, session, trial)
        All distinct trials that were played.
    """
    layout = loop.layout
    classifies = loop.parts.decoder.spec.classifies
    one_goal = facts_of(loop).in_a_row == 1 and not facts_of(loop).returns
    rows, axes = min(loop.num_rows, len(keys)), loop.goal.shape[1]
    steps = round(layout.time_limit_s / layout.control_s) + 1
    position = np.full((loop.num_rows, steps, axes), np.nan)
    intent = np.full((loop.num_rows, steps), -1)
    decoded = np.full((loop.num_rows, steps), -1)
    playing = np.full(loop.num_rows, -1)
    waiting = list(range(len(keys)))[::-1]
    found: dict[int, dict[str, Any]] = {}
    trials: set[tuple[str, str, int]] = set()
    state: Memory | None = None
    start = np.zeros(loop.num_rows, dtype=bool)

    def begin(free: np.ndarray) -> None:
        taken = [waiting.pop() for _ in range(min(len(free), len(waiting)))]
        used = free[: len(taken)]
        if taken:
            loop.reset(
                used,
                [keys[key].generator(seed) for key in taken],
                sessions=np.array([keys[key].session for key in taken]),
            )
        loop.stop(free[len(taken) :])
        playing[free] = -1
        playing[used] = taken
        start[used] = True
        position[free], intent[free], decoded[free] = np.nan, -1, -1

    if rows < loop.num_rows:  # rows without an episode are stepped too, and need a state
        idle = np.arange(rows, loop.num_rows)
        loop.reset(idle, [keys[0].generator(seed) for _ in idle], sessions=np.full(len(idle), keys[0].session))
        loop.stop(idle)
    begin(np.arange(rows))
    everyone = np.arange(loop.num_rows)
    while (playing >= 0).any():
        step = np.minimum(loop.steps, steps - 1)
        position[everyone, step] = loop.position
        intent[everyone, step] = loop.parts.operator.label
        if classifies:
            decoded[everyone, step] = loop.stream.posterior.argmax(axis=1)
        observation = loop.observation()
        assert isinstance(observation, np.ndarray)
        action, state = controller.predict(observation, state, start)
        start = np.zeros(loop.num_rows, dtype=bool)
        result = loop.step(action)
        ended = np.flatnonzero((result.terminated | result.truncated) & (playing >= 0))
        for row in ended.tolist():
            key = keys[playing[row]]
            last = int(loop.steps[row])
            position[row, last] = loop.position[row]
            path = position[row : row + 1, : last + 1]
            latencies = intent_latencies(intent[row : row + 1, :last], decoded[row : row + 1, :last], layout.control_s)
            heard = latencies[np.isfinite(latencies)] if classifies else np.zeros(0)
            agree = float(np.mean(intent[row, :last] == decoded[row, :last])) if classifies else float("nan")
            numbers = loop.trials(row)
            trials |= {(key.subject, key.session_name, number) for number in numbers}
            found[int(playing[row])] = {
                "subject": key.subject,
                "session": key.session_name,
                "repetition": key.repetition,
                "success": bool(loop.success[row]),
                "wrong_selection": bool(loop.wrong[row]),
                "unstable": bool(loop.unstable[row]),
                "time_s": round(float(loop.steps[row] * layout.control_s), 3),
                "trials": len(numbers),
                "goal": " ".join(f"{value:.3f}" for value in loop.goal[row]),
                "place": " ".join(f"{value:.3f}" for value in loop.position[row]),
                # They are about the way to one goal
                "path_efficiency": _rounded(path_efficiency(path)[0]) if one_goal else None,
                "overshoots": int(overshoots(path, loop.goal[[row]], loop.tolerances[row])[0]) if one_goal else None,
                "latency_s": _rounded(np.median(heard), 3) if heard.size else None,
                "decoded_right": _rounded(agree),
                **{name: _rounded(values[row]) for name, values in loop.columns.items()},
            }
            tick()
        if ended.size:
            begin(ended)
    return [found[index] for index in range(len(keys))], trials


def _rounded(value: float, digits: int = 4) -> float | None:
    """A figure of an episode; None for NaN, which neither JSON nor a spreadsheet knows."""
    return None if np.isnan(value) else round(float(value), digits)
