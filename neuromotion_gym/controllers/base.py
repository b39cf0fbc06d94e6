"""The protocol of controllers, and what the hand-written ones share: memory for each row, and a clock of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np

from neuromotion_gym.controllers.smoothing import overlap_weight
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.envs.layout import ObservationLayout

Memory = tuple[np.ndarray, ...]


class Controller(Protocol):
    """From observation to action, with the signature of stable-baselines3, so that its policies are controllers."""

    def predict(
        self,
        observation: np.ndarray,
        state: Memory | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, Memory | None]:
        """Action for one observation or a batch of them.

        Parameters
        ----------
        observation : float array, shape (size,) or (n, size)
        state : tuple of arrays, each of shape (n, ...), optional
            Memory that the last call returned; None starts with fresh memory.
        episode_start : bool array, shape (n,), optional
            Rows in which an episode begins with this observation: their memory is cleared.
        deterministic : bool, default True
            Whether a stochastic policy takes its most likely action instead of drawing one.

        Returns
        -------
        action : float32 array, shape (axes,) or (n, axes)
        state : tuple of arrays or None
        """


@dataclass(frozen=True, eq=False)
class Seen:
    """The parts of an observation.

    Parameters
    ----------
    position, velocity : float array, shape (n, columns)
        Position and velocity of the limb as observed; for set points in half ranges and half ranges per second.
    posterior : float array, shape (n, labels)
        Posterior of the last decision; for a decoder that regresses, the values of its targets.
    effort : float array, shape (n,), or None
        Strength of the contraction, 0..1.
    decided : bool array, shape (n,)
        Rows in which the posterior is a new decision; in the others it is held from an earlier step.
    time_s : float array, shape (n,)
        Seconds since the episode began.
    """

    position: np.ndarray
    velocity: np.ndarray
    posterior: np.ndarray
    effort: np.ndarray | None
    decided: np.ndarray
    time_s: np.ndarray


class HandWritten:
    """A controller with memory: subclasses define the fresh memory and the action for an observation.

    Memory is passed in and returned, never kept in the object, so that one controller may drive any number of batches.
    Its first array counts the steps since the episode began; this count tells which observations hold a new decision.
    A subclass in the folder ``handwritten`` with a ``name`` is found under that name.

    Parameters
    ----------
    layout : ObservationLayout
        All that the controller knows about environment and decoder.

    Raises
    ------
    NeuroMotionError
        If the decoder gives no posterior and the controller does not read targets.
    """

    name: ClassVar[str]
    reads_targets: ClassVar[bool] = False
    """Whether the controller can also be driven by the continuous targets of a decoder that regresses."""

    def __init__(self, layout: ObservationLayout) -> None:
        if layout.targets and not self.reads_targets:
            raise NeuroMotionError(
                f"{type(self).__name__} reads a posterior, but the decoder gives the targets "
                f"{', '.join(layout.targets)}."
            )
        self.layout = layout
        self.directions = np.asarray(layout.intents.directions, dtype=float)
        self.labels = len(layout.intents.labels)
        self.axes = self.directions.shape[1]
        """Length of an action."""
        self.moves = self.directions if layout.moves is None else np.asarray(layout.moves, dtype=float)
        """Movement of every axis of the goals while a label is asked for, as a share of full speed; (labels, axes)."""
        self.weight = overlap_weight(layout.hop_s, layout.window_s)

    def fresh(self, n: int) -> Memory:
        """Memory at the start of an episode, arrays of shape (n, ...)."""
        return ()

    def start(self, n: int) -> Memory:
        """State at the start of an episode, in the form that `predict` takes: the clock, and a fresh memory."""
        return (np.zeros(n, dtype=int), *self.fresh(n))

    def act(self, seen: Seen, memory: Memory) -> tuple[np.ndarray, Memory]:
        """Action (n, axes) and new memory."""
        raise NotImplementedError

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
        given = np.asarray(observation, dtype=float)
        batch = np.atleast_2d(given)
        if batch.ndim != 2 or batch.shape[1] != self.layout.size:
            raise NeuroMotionError(
                f"This controller was made for observations of length {self.layout.size}, not of shape {given.shape}."
            )
        clock, *memory = cleared(state, self.start(len(batch)), episode_start)
        action, after = self.act(take_apart(self.layout, batch, clock), tuple(memory))
        action = np.clip(action, -1.0, 1.0).astype(np.float32)
        return action.reshape(*given.shape[:-1], self.axes), (clock + 1, *after)

    def command(self, label: np.ndarray) -> np.ndarray:
        """Action at full speed that each label (n,) asks for, shape (n, axes); -1 holds the limb still."""
        return np.where((label >= 0)[:, None], self.directions[label], 0.0)

    def steer(self, velocity: np.ndarray) -> np.ndarray:
        """Action (n, action size) that moves the axes of the goals at shares of full speed, shape (n, axes).

        Each direction of an axis is that of the label whose movement lies best along it. Where no label moves an axis
        in a direction, as with postures, which are left by resting, it is that of the label for rest.
        """
        length = np.sqrt((self.moves**2).sum(axis=1, keepdims=True))
        along = (self.moves / np.where(length > 0, length, 1.0)).T
        rest = self.layout.intents.rest
        still = np.zeros(self.axes) if rest is None else self.directions[rest]
        up, down = (
            np.where(
                np.any(way * along > 0, axis=1, keepdims=True), self.directions[(way * along).argmax(axis=1)], still
            )
            for way in (1, -1)
        )
        return products(np.maximum(velocity, 0.0), up) + products(np.maximum(-velocity, 0.0), down)

    def steps(self, seconds: float) -> int:
        """Number of control steps in ``seconds``, at least one."""
        return max(1, round(seconds / self.layout.control_s))


def check_places(controller: HandWritten) -> None:
    """Check that the first positions are those along the axes of the goals, as a controller that moves to goals needs.

    Raises
    ------
    NeuroMotionError
        If they are not.
    """
    layout, axes = controller.layout, controller.layout.facts.goals.axes
    first = layout.axes or layout.columns
    if len(first) != axes or layout.columns[:axes] != first or controller.moves.shape[1] != axes:
        raise NeuroMotionError(
            f"{type(controller).__name__} moves the limb to goals: it needs positions and movements of labels along "
            f"the {axes} axes of the goals, but it sees {len(layout.columns)} positions "
            f"({', '.join(layout.columns)}), and the labels move {controller.moves.shape[1]} axes."
        )


def number(what: str, value: object) -> float:
    """``value``, if it is a finite number; ``what`` names it in the error.

    Raises
    ------
    NeuroMotionError
        If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(float(value)):
        raise NeuroMotionError(f"{what} is a number, not {value!r}.")
    return float(value)


def cleared(state: Memory | None, fresh: Memory, episode_start: np.ndarray | None) -> Memory:
    """``state``, with ``fresh`` memory in the rows in which an episode begins; ``fresh`` if there is no state."""
    if state is None:
        return fresh
    if episode_start is None:
        return state
    start = np.atleast_1d(np.asarray(episode_start, dtype=bool))
    return tuple(
        np.where(start.reshape(-1, *[1] * (new.ndim - 1)), new, old) for new, old in zip(fresh, state, strict=True)
    )


def take_apart(layout: ObservationLayout, batch: np.ndarray, clock: np.ndarray) -> Seen:
    """Parts of observations (n, size or more); the rows' episodes began ``clock`` (n,) control steps ago."""

    def decisions(steps: np.ndarray) -> np.ndarray:
        return np.floor(steps * layout.control_s / layout.hop_s + 1e-6)

    return Seen(
        position=batch[:, layout.position],
        velocity=batch[:, layout.velocity],
        posterior=batch[:, layout.decoded],
        effort=batch[:, layout.size - 1] if layout.effort else None,
        decided=decisions(clock) > decisions(clock - 1),
        time_s=clock * layout.control_s,
    )


def products(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``rows @ matrix``, shapes (n, k) and (k, m), computed row by row: a row has the same bits in a batch and alone.

    On some processors the order of summation in a product of all rows depends on how many rows there are.
    """
    return np.asarray((rows[:, None, :] @ matrix)[:, 0])


def decided_rows(decided: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """``new`` in the rows that hold a new decision, ``old`` in the others; arrays of shape (n, ...)."""
    return np.where(decided.reshape(-1, *[1] * (new.ndim - 1)), new, old)
