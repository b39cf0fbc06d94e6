"""What the speed benchmarks measure: environments, physics alone, and the time that each part of a loop takes.

Seconds are wall-clock time of the steps. The time to choose the actions is not counted.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
from mujoco.batch import Batch
from mujoco.rollout import Rollout

from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.recipe import load_spec
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.envs.physics import Physics
from neuromotion_gym.intents import environments_for
from neuromotion_gym.registration import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.layout import ObservationLayout
    from neuromotion_gym.signals.sources import Source

ENV_ID = "NeuroArm-v0"
SHIPPED, FINE, REFERENCE = "as shipped", "20 × 2.5 ms", "20 × 2.5 ms, RK4"
PHYSICS = {
    FINE: (2.5e-3, mujoco.mjtIntegrator.mjINT_IMPLICITFAST),
    REFERENCE: (2.5e-3, mujoco.mjtIntegrator.mjINT_RK4),
}
"""Time step and integrator. MuJoCo's RK4 evaluates the dynamics four times a step, so the arm costs about as much as
the limb that the bars are stated for, with the same number of steps."""


def ingredients(decoder: str, source: str, env_id: str = ENV_ID) -> dict[str, Any]:
    """Options of an environment. Decoder and source are loaded once; copies of the source share its trials."""
    kind, inner = parse_decoder_name(decoder)
    loaded = load_decoder(inner or environment(env_id).decoder)
    chosen = BoundDecoder(kind, loaded) if kind else loaded
    playing = assemble(env_id, decoder=chosen, source=source).source
    return {"env_id": env_id, "decoder": chosen, "source": playing, "first_plays_s": play_everything(playing)}


def environments_of(decoder: str) -> list[str]:
    """Environments that a shipped decoder fits."""
    spec = load_spec(decoder_folder(decoder))
    return environments_for(spec.labels, spec.targets)


def play_everything(source: Source, rows: int = 64, most: int = 200) -> float:
    """Play every trial once, because a source prepares a trial when it is first played. Returns the seconds it took."""
    begin, heard = perf_counter(), set[int]()
    source.start(rows)
    source.reset(np.arange(rows), np.random.default_rng(0).spawn(rows))
    longest = round(2 * source.mean_piece_s() * source.spec.rate_hz)
    for piece in range(most):
        source.read((np.arange(rows) + piece) % len(source.labels), longest)
        heard.update(*(source.trials_played(row) for row in range(rows)))
        if len(heard) == source.provenance["trials"]:
            break
        if piece % 10 == 9:  # draw other people
            source.reset(np.arange(rows), np.random.default_rng(piece).spawn(rows))
    return perf_counter() - begin


def own(options: dict[str, Any]) -> dict[str, Any]:
    """The same options with a copy of the source, which keeps the state of its own rows."""
    source = copy.copy(options["source"])
    source.start(0)
    return {"decoder": options["decoder"], "source": source}


def looked_at(heard: bool) -> dict[str, str]:
    """With ``heard``: options that make the source generate samples even if no decoder reads them (for an overlay)."""
    return {"render_mode": "overlay"} if heard else {}


def following(layout: ObservationLayout) -> Callable[[np.ndarray], np.ndarray]:
    """Actions that move as the most probable label says."""

    def act(observation: np.ndarray) -> np.ndarray:
        return layout.intents.directions[observation[..., layout.posterior].argmax(axis=-1)]

    return act


def resting(layout: ObservationLayout) -> Callable[[np.ndarray], np.ndarray]:
    """Actions that keep the limb at home, so that no episode ends before its time limit."""
    return lambda observation: np.zeros((*observation.shape[:-1], len(layout.intents.axes)))


def use_physics(env: NeuroEnv | NeuroVectorEnv, physics: str, threads: int) -> None:
    """Use one of `PHYSICS` instead of the limb's own time step and integrator; call it before the first reset."""
    loop = env.loop
    limb = loop.parts.limb
    loop.physics.close()
    limb.model.opt.timestep, limb.model.opt.integrator = PHYSICS[physics]
    loop.physics = Physics(limb, loop.layout.control_s, loop.num_rows, threads)


def batch(
    options: dict[str, Any], rows: int, threads: int, physics: str = SHIPPED, *, heard: bool = False
) -> NeuroVectorEnv:
    """A new batch environment; ``heard`` as in `looked_at`."""
    env = NeuroVectorEnv(options["env_id"], rows, threads=threads, **looked_at(heard), **own(options))
    if physics != SHIPPED:
        use_physics(env, physics, threads)
    return env


class Stepping:
    """Steps an environment; each call returns the seconds of one limb's step.

    Parameters
    ----------
    env : gymnasium.Env or gymnasium.vector.VectorEnv
    act : callable
        From observations to actions.
    rows : int
        Number of limbs in the environment.
    """

    def __init__(self, env: Any, act: Callable[[Any], np.ndarray], rows: int = 1) -> None:
        self.env, self._act, self._rows = env, act, rows
        self._single = not hasattr(env, "num_envs")
        self._observation, _ = env.reset(seed=0)
        self.ended = self.steps = 0
        self.processor_s = 0.0
        """Processor time of all threads. Other programs on the machine change it less than wall-clock time."""

    def __call__(self, steps: int) -> float:
        """Seconds of one limb's step, mean over ``steps`` steps."""
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
        """Start the rows' episodes at different times, as in a batch that has run for a while."""
        groups = min(groups, self._rows)
        for group in range(groups):
            self(steps)
            mask = np.arange(self._rows) % groups == group
            self._observation, _ = self.env.reset(options={"reset_mask": mask})
        self.ended = self.steps = 0
        self.processor_s = 0.0


class Motion:
    """States and controls of a loop over some steps, so that physics alone can repeat the same motion.

    Limbs at rest cost less than limbs that move, so physics alone has to simulate the motion of the loop.

    Attributes
    ----------
    states : float array, shape (steps, rows, nstate)
        State at the start of each control step.
    controls : float array, shape (steps, rows, substeps, nu)
        Controls of each physics step.
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
    """`mujoco.rollout` alone, with the model, batch size and substeps of a loop; it repeats the loop's `Motion`."""

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
        """Seconds for one limb's control period, mean over ``steps`` periods."""
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
        """Stop the threads."""
        self._pool.close()


class RawBatch:
    """`mujoco.batch` alone: what `RawRollout` is, for a model whose bodies may sleep.

    Which bodies sleep is not part of a state, so that a rollout from recorded states would not know it. Here every limb
    has its own data, and starts from a state at the beginning of an episode and of the `Motion` alone.
    """

    def __init__(self, loop: ClosedLoop, threads: int, motion: Motion) -> None:
        model, self._rows = loop.parts.limb.model, loop.num_rows
        self._batch = Batch(model, self._rows, min(threads, self._rows), persistent=True)
        self._sensors = self._batch.bind("sensordata")
        self._motion, self._place = motion, 0
        self._substeps = motion.controls.shape[2]
        self._begins = motion.states[:, :, 0] == 0  # the first number of a state is the time
        self._begins[0] = True
        self.processor_s, self.steps = 0.0, 0

    def __call__(self, steps: int) -> float:
        """Seconds for one limb's control period, mean over ``steps`` periods."""
        motion, batch = self._motion, self._batch
        begin, computed = perf_counter(), process_time()
        for _ in range(steps):
            rows = np.flatnonzero(self._begins[self._place])
            if rows.size:
                batch.reset(rows)
                batch.state[rows, : motion.states.shape[2]] = motion.states[self._place, rows]
            batch.bind("ctrl")[:] = motion.controls[self._place, :, 0]
            batch.bind("qacc_warmstart")[:] = 0.0
            batch.step(nstep=self._substeps)
            self._place = (self._place + 1) % len(motion.states)
        self.processor_s += process_time() - computed
        self.steps += steps
        return (perf_counter() - begin) / steps / self._rows

    def close(self) -> None:
        """Nothing is open between two calls."""


def raw_physics(loop: ClosedLoop, threads: int, motion: Motion) -> RawRollout | RawBatch:
    """Physics alone, as MuJoCo itself simulates many limbs with the model of a loop."""
    sleeps = loop.parts.limb.model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP
    return (RawBatch if sleeps else RawRollout)(loop, threads, motion)


class RawSteps:
    """`mj_step` in a Python loop, one call for each physics step; it repeats the `Motion` of a loop of one limb."""

    def __init__(self, loop: ClosedLoop, motion: Motion) -> None:
        self._model = loop.parts.limb.model
        self._data = mujoco.MjData(self._model)
        self.substeps = motion.controls.shape[2]
        self._states, self._controls, self._place = motion.states[:, 0], motion.controls[:, 0, 0], 0
        self._begins = self._states[:, 0] == 0  # an episode starts: the first number of a state is the time
        self._begins[0] = True

    def __call__(self, steps: int) -> float:
        """Seconds for one control period, mean over ``steps`` periods."""
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
    """Seconds that each part of a loop takes, without the time of other watched parts that it calls.

    Parameters
    ----------
    clock : callable
        `time.thread_time` does not count what other programs take, but each watched call takes half a microsecond more.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack: list[list[float]] = []

    def watch(self, owner: Any, method: str, part: str) -> None:
        """Add the time of calls of ``method`` to ``part``."""
        inner = getattr(owner, method)

        def timed(*arguments: Any, **options: Any) -> Any:
            self._stack.append([0.0])
            begin = self._clock()
            try:
                return inner(*arguments, **options)
            finally:
                seconds = self._clock() - begin
                (within,) = self._stack.pop()
                self.seconds[part] += seconds - within
                if self._stack:
                    self._stack[-1][0] += seconds

        object.__setattr__(owner, method, timed)
