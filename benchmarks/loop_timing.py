"""Loops to be measured: environments that are stepped, physics alone, and where the time goes.

Seconds are wall clock, of the steps alone: choosing the actions is not counted.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.envs.physics import Physics

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.signals.sources import Source

ENV_ID = "NeuroArm-v0"
SHIPPED, FINE, REFERENCE = "as shipped", "20 × 2.5 ms", "20 × 2.5 ms, each evaluated four times"
PHYSICS = {
    FINE: (2.5e-3, mujoco.mjtIntegrator.mjINT_IMPLICITFAST),
    REFERENCE: (2.5e-3, mujoco.mjtIntegrator.mjINT_RK4),
}
"""Time steps and integrators. Runge and Kutta's takes four evaluations a step, which makes the arm cost what the bars'
reference costs in as many steps."""


def ingredients(decoder: str, source: str) -> dict[str, Any]:
    """Options of an environment with decoder and source loaded once; copies of the source share what it plays."""
    kind, inner = parse_decoder_name(decoder)
    loaded = load_decoder(inner or "emg_armband")
    chosen = BoundDecoder(kind, loaded) if kind else loaded
    playing = assemble(ENV_ID, decoder=chosen, source=source).source
    return {"decoder": chosen, "source": playing, "first_plays_s": play_everything(playing)}


def play_everything(source: Source, rows: int = 64, most: int = 200) -> float:
    """Play until every trial was heard: what a source prepares for a trial is prepared once. Seconds that it took."""
    begin, heard = perf_counter(), set[int]()
    source.start(rows)
    source.reset(np.arange(rows), np.random.default_rng(0).spawn(rows))
    longest = round(2 * source.mean_piece_s() * source.spec.rate_hz)
    for piece in range(most):
        source.read((np.arange(rows) + piece) % len(source.labels), longest)
        heard.update(*(source.trials_played(row) for row in range(rows)))
        if len(heard) == source.provenance["trials"]:
            break
        if piece % 10 == 9:  # other people
            source.reset(np.arange(rows), np.random.default_rng(piece).spawn(rows))
    return perf_counter() - begin


def own(options: dict[str, Any]) -> dict[str, Any]:
    """The same options with a source that has rows of its own."""
    source = copy.copy(options["source"])
    source.start(0)
    return {"decoder": options["decoder"], "source": source}


def looked_at(heard: bool) -> dict[str, str]:
    """Options with which signals are made even where no decoder reads them: somebody might look at an overlay."""
    return {"render_mode": "overlay"} if heard else {}


def following(layout: ObservationLayout) -> Callable[[np.ndarray], np.ndarray]:
    """Actions that go where the posterior says."""

    def act(observation: np.ndarray) -> np.ndarray:
        return layout.intents.directions[observation[..., layout.posterior].argmax(axis=-1)]

    return act


def resting(layout: ObservationLayout) -> Callable[[np.ndarray], np.ndarray]:
    """Actions that stay at home, so that no episode ends before its time limit."""
    return lambda observation: np.zeros((*observation.shape[:-1], len(layout.intents.axes)))


def use_physics(env: NeuroEnv | NeuroVectorEnv, physics: str, threads: int) -> None:
    """Simulate with one of `PHYSICS` instead of what the limb ships with; comes before the first reset."""
    loop = env.loop
    limb = loop.parts.limb
    loop.physics.close()
    limb.model.opt.timestep, limb.model.opt.integrator = PHYSICS[physics]
    loop.physics = Physics(limb, loop.layout.control_s, loop.num_rows, threads)


def batch(
    options: dict[str, Any], rows: int, threads: int, physics: str = SHIPPED, *, heard: bool = False
) -> NeuroVectorEnv:
    """A batch of its own; ``heard`` as in `looked_at`."""
    env = NeuroVectorEnv(ENV_ID, rows, threads=threads, **looked_at(heard), **own(options))
    if physics != SHIPPED:
        use_physics(env, physics, threads)
    return env


class Stepping:
    """Steps an environment; each call gives the seconds of one limb's step.

    Parameters
    ----------
    env : gymnasium.Env or gymnasium.vector.VectorEnv
    act : callable
        From observations to actions.
    rows : int
        How many limbs it has.
    """

    def __init__(self, env: Any, act: Callable[[Any], np.ndarray], rows: int = 1) -> None:
        self.env, self._act, self._rows = env, act, rows
        self._single = not hasattr(env, "num_envs")
        self._observation, _ = env.reset(seed=0)
        self.ended = self.steps = 0
        self.processor_s = 0.0
        """What all threads together computed, which another program on the machine changes less than the clock."""

    def __call__(self, steps: int) -> float:
        """Seconds of one limb's step, over ``steps`` steps."""
        seconds = 0.0
        for _ in range(steps):
            action = self._act(self._observation)
            begin, computed = perf_counter(), process_time()
            self._observation, _, terminated, truncated, _ = self.env.step(action)
            if self._single and (terminated or truncated):
                self._observation, _ = self.env.reset()
            seconds += perf_counter() - begin
            self.processor_s += process_time() - computed
            self.ended += int(np.sum(terminated | truncated))
        self.steps += steps
        return seconds / steps / self._rows

    def stagger(self, groups: int = 8, steps: int = 15) -> None:
        """Begin the rows' episodes at different times, as they are after a while."""
        groups = min(groups, self._rows)
        for group in range(groups):
            self(steps)
            mask = np.arange(self._rows) % groups == group
            self._observation, _ = self.env.reset(options={"reset_mask": mask})
        self.ended = self.steps = 0
        self.processor_s = 0.0


class Motion:
    """What a loop's physics simulated over some steps, for raw physics to do the same again.

    Limbs at rest cost less than limbs that move, so physics alone has to move them as the loop did.

    Attributes
    ----------
    states : float array, shape (steps, rows, nstate)
        Where each control step began.
    controls : float array, shape (steps, rows, substeps, nu)
        What was asked for.
    """

    def __init__(self, stepping: Stepping, loop: ClosedLoop, steps: int) -> None:
        physics = loop.physics
        states, controls = [], []
        for _ in range(steps):
            states.append(physics.state.copy())
            stepping(1)
            controls.append(np.array(physics._controls))
        self.states, self.controls = np.stack(states), np.stack(controls)


class RawRollout:
    """`mujoco.rollout` alone, with the model, batch and substeps of a running loop, over what that one simulated."""

    def __init__(self, loop: ClosedLoop, threads: int, motion: Motion) -> None:
        model, rows = loop.parts.limb.model, loop.num_rows
        threads = min(threads, rows)
        self._pool = Rollout(nthread=threads if threads > 1 else 0)
        self._data = [mujoco.MjData(model) for _ in range(threads)]
        self._models, self._rows = [model] * rows, rows
        self._motion, self._place = motion, 0
        self._substeps = motion.controls.shape[2]
        self._states = np.empty((rows, self._substeps, motion.states.shape[2]))
        self._sensors = np.empty((rows, self._substeps, model.nsensordata))
        self.processor_s, self.steps = 0.0, 0

    def __call__(self, steps: int) -> float:
        """Seconds of one limb's control period, over ``steps`` of them."""
        motion = self._motion
        begin, computed = perf_counter(), process_time()
        for _ in range(steps):
            self._pool.rollout(
                self._models,
                self._data,
                motion.states[self._place],
                motion.controls[self._place],
                nstep=self._substeps,
                state=self._states,
                sensordata=self._sensors,
                skip_checks=True,
            )
            self._place = (self._place + 1) % len(motion.states)
        self.processor_s += process_time() - computed
        self.steps += steps
        return (perf_counter() - begin) / steps / self._rows

    def close(self) -> None:
        """Give the threads back."""
        self._pool.close()


class RawSteps:
    """`mj_step` in a Python loop, one call a physics step, over what a loop of one limb simulated."""

    def __init__(self, loop: ClosedLoop, motion: Motion) -> None:
        self._model = loop.parts.limb.model
        self._data = mujoco.MjData(self._model)
        self.substeps = motion.controls.shape[2]
        self._states, self._controls, self._place = motion.states[:, 0], motion.controls[:, 0, 0], 0
        self._begins = self._states[:, 0] == 0  # the clock, the state's first number
        self._begins[0] = True

    def __call__(self, steps: int) -> float:
        """Seconds of one control period, over ``steps`` of them."""
        model, data = self._model, self._data
        begin = perf_counter()
        for _ in range(steps):
            if self._begins[self._place]:
                mujoco.mj_setState(model, data, self._states[self._place], mujoco.mjtState.mjSTATE_FULLPHYSICS)
            data.ctrl[:] = self._controls[self._place]
            self._place = (self._place + 1) % len(self._controls)
            for _ in range(self.substeps):
                mujoco.mj_step(model, data)
        return (perf_counter() - begin) / steps


class Spans:
    """Where the time of a loop goes: seconds of each part, without those of the parts that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[list[float]] = []

    def watch(self, owner: Any, method: str, part: str) -> None:
        """Count calls of a method as ``part``."""
        inner = getattr(owner, method)

        def timed(*arguments: Any, **options: Any) -> Any:
            self._stack.append([0.0])
            begin = perf_counter()
            try:
                return inner(*arguments, **options)
            finally:
                seconds = perf_counter() - begin
                (within,) = self._stack.pop()
                self.seconds[part] += seconds - within
                if self._stack:
                    self._stack[-1][0] += seconds

        object.__setattr__(owner, method, timed)
