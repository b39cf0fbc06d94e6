"""`check_controller`: a test of the rules for all controllers, for the library and for users who write their own.

The check runs a loop without physics and signals: the limb moves exactly as the action says, and the decoder reports
the label that a simple operator wants, always correctly and with a lag. The check reads only the layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.controllers.registry import make_controller
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.controllers.base import Controller, Memory
    from neuromotion_gym.envs.layout import ObservationLayout

ROWS = 5
STEPS = 40
EPISODES = 40
SURE = 0.9
"""Probability of the label that the decoder reports."""


def check_controller(
    name: str,
    layout: ObservationLayout,
    *,
    reaches: float = 0.95,
    atol: float = 1e-6,
    seed: int = 0,
    **options: Any,
) -> None:
    """Test a controller on random observations, and in a loop whose decoder is always right.

    Parameters
    ----------
    name : str
        Name in the form that `make_controller` takes.
    layout : ObservationLayout
        Layout of an environment that the controller is made for.
    reaches : float, default 0.95
        Share of episodes in which it has to bring the limb to the goal and hold it there. 0 omits this check: for
        bounds, for policies that are not trained, and for tasks whose positions do not lie along the axes of the goals.
    atol : float, default 1e-6
        Largest difference between the actions of one row in a batch and alone. Hand-written controllers keep 0; rows of
        ONNX Runtime differ in the last digits.
    seed : int
    **options
        Options of the controller.

    Raises
    ------
    NeuroMotionError
        For the first rule that is broken: actions have the right shape, type and range; observations stay unchanged; a
        row alone acts as in a batch; the controller itself keeps no state; memory is cleared in the rows where an
        episode begins; observations of another length are refused; the goal is reached.
    """
    controller = make_controller(name, layout, **options)
    _check_rows(name, controller, layout, atol, seed)
    _check_memory(name, controller, layout, atol, seed)
    try:
        controller.predict(np.zeros((ROWS, layout.size + 1), dtype=np.float32))
    except NeuroMotionError:
        pass
    else:
        raise NeuroMotionError(f"Controller {name!r} accepts observations of another length than its layout has.")
    if reaches > 0:
        share = share_reached(controller, layout, seed=seed)
        _require(
            share >= reaches,
            f"Controller {name!r} holds the goal in {share:.2f} of the episodes with a decoder that is always right, "
            f"not in {reaches:.2f}: does a threshold never open?",
        )


def random_observations(layout: ObservationLayout, rows: int, seed: int = 0) -> np.ndarray:
    """Observations with random limbs and random decoder outputs, float32, shape (rows, layout.size)."""
    generator = np.random.default_rng(seed)
    columns, decoded = len(layout.columns), layout.decoded.stop - layout.decoded.start
    parts = [generator.uniform(-1, 1, (rows, columns)), generator.normal(0, 0.1, (rows, columns))]
    parts.append(generator.uniform(-1, 1, (rows, len(layout.context))))
    parts.append(
        generator.uniform(-1, 1, (rows, decoded)) if layout.targets else generator.dirichlet(np.ones(decoded), rows)
    )
    if layout.effort:
        parts.append(generator.random((rows, 1)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def share_reached(controller: Controller, layout: ObservationLayout, episodes: int = EPISODES, seed: int = 0) -> float:
    """Share of episodes in which the limb is held at the goal, where neither operator nor decoder makes errors.

    The operator keeps a label until its error is corrected, then wants the label that reduces the largest error. When
    all errors are small it rests, if there is a rest label. The decoder reports the wanted label after the layout's
    ``lag_s``.

    Raises
    ------
    NeuroMotionError
        If positions, goals and actions do not lie along the same axes.
    """
    facts, intents = layout.facts, layout.intents
    directions, axes = np.asarray(intents.directions, dtype=float), facts.goals.axes
    if len(layout.columns) != axes or directions.shape[1] != axes:
        raise NeuroMotionError(
            f"The goals have {axes} axes, but {len(layout.columns)} positions are seen and actions have "
            f"{directions.shape[1]} elements: whether the goal is reached cannot be tried without the task itself."
        )
    generator, rows = np.random.default_rng(seed), np.arange(episodes)
    goal = np.stack([facts.goals.draw(generator) for _ in range(episodes)])
    position = generator.uniform(-0.1, 0.1, goal.shape)
    stride, labels = layout.speed * layout.control_s, len(intents.labels)
    lag, hop = (max(1, round(seconds / layout.control_s)) for seconds in (layout.lag_s, layout.hop_s))
    wanted = [np.zeros(episodes, dtype=int) if intents.rest is None else np.full(episodes, intents.rest)] * (lag + 1)
    posterior = np.full((episodes, labels), 1 / labels)
    pending: list[np.ndarray] = [np.zeros_like(goal)] * (lag + 1)
    velocity, held = np.zeros_like(goal), np.zeros(episodes, dtype=int)
    reached = np.zeros(episodes, dtype=bool)
    state: Memory | None = None
    start = np.ones(episodes, dtype=bool)
    for step in range(1, round(facts.time_limit_s / layout.control_s) + 1):
        parts = [position, velocity, posterior, *([np.full((episodes, 1), 0.5)] if layout.effort else [])]
        action, state = controller.predict(np.concatenate(parts, axis=1, dtype=np.float32), state, start)
        start = np.zeros(episodes, dtype=bool)
        moved = np.clip(position + stride * action, -1, 1)
        velocity, position = (moved - position) / layout.control_s, moved
        # Movement that was asked for and is still to come is not asked for again
        mends = (goal - position - np.sum(pending[1:], axis=0)) @ directions.T
        best = mends.argmax(axis=1)
        if intents.rest is not None:
            best = np.where(mends.max(axis=1) > facts.tolerance / 2, best, intents.rest)
        label = np.where(mends[rows, wanted[-1]] > facts.tolerance / 4, wanted[-1], best)
        wanted = [*wanted[1:], label]
        pending = [*pending[1:], stride * directions[label]]
        if step % hop == 0:
            posterior = np.full((episodes, labels), (1 - SURE) / (labels - 1))
            posterior[rows, wanted[0]] = SURE
        held = np.where((np.abs(position - goal) <= facts.tolerance).all(axis=1), held + 1, 0)
        reached |= held >= max(1, round(facts.dwell_s / layout.control_s))
        if reached.all():
            break
    return float(reached.mean())


def _check_rows(name: str, controller: Controller, layout: ObservationLayout, atol: float, seed: int) -> None:
    """Compare a batch with one of its rows alone, in turn at each step: the controller itself may keep no state."""
    state: Memory | None = None
    alone: Memory | None = None
    size = np.asarray(layout.intents.directions).shape[1]
    for step in range(STEPS):
        seen = random_observations(layout, ROWS, seed + step)
        given = seen.copy()
        start = np.full(ROWS, step == 0)
        actions, state = controller.predict(seen, state, start)
        _require(actions.shape == (ROWS, size), f"{name!r} gives actions of shape {actions.shape}, not {(ROWS, size)}.")
        _require(actions.dtype == np.float32, f"Controller {name!r} gives actions of {actions.dtype}, not float32.")
        within = bool(np.isfinite(actions).all() and (np.abs(actions) <= 1).all())
        _require(within, f"Controller {name!r} gives actions outside -1..1.")
        _require(np.array_equal(seen, given), f"Controller {name!r} writes into its observations.")
        row = ROWS // 2
        action, alone = controller.predict(seen[row], alone, start[row : row + 1])
        _require(action.shape == (size,), f"{name!r} gives an action of shape {action.shape} for one observation.")
        difference = float(np.abs(action - actions[row]).max())
        _require(difference <= atol, f"Controller {name!r}: a row alone differs by {difference:.2g} from its batch.")


def _check_memory(name: str, controller: Controller, layout: ObservationLayout, atol: float, seed: int) -> None:
    """Check that rows in which an episode begins act as in a new batch, and that the others go on."""
    state: Memory | None = None
    for step in range(STEPS):
        _, state = controller.predict(random_observations(layout, ROWS, seed + step), state)
    begins = np.arange(ROWS) % 2 == 0
    going_on, new = state, None
    for step in range(STEPS, 2 * STEPS):
        seen = random_observations(layout, ROWS, seed + step)
        action, state = controller.predict(seen, state, begins if step == STEPS else np.zeros(ROWS, dtype=bool))
        fresh, new = controller.predict(seen, new)
        on, going_on = controller.predict(seen, going_on)
        expected = np.where(begins[:, None], fresh, on)
        difference = float(np.abs(action - expected).max())
        _require(difference <= atol, f"Controller {name!r} does not clear its memory by row when an episode begins.")


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise NeuroMotionError(message)
