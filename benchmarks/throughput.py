"""How fast the closed loop is, as a ratio to physics alone: ``python benchmarks/throughput.py``.

All figures come from one run, on a machine that does nothing else. The compared loops run in turn, in chunks of steps,
and each figure is the median over the chunks. The script writes ``throughput.json`` and ``throughput.md`` into
``--out``, and prints each figure next to its bar (the required value).

The bars are stated for a reference limb, whose physics takes 0.8 ms a step on one core and 0.47 ms on two threads. The
arm of this library takes less, so three kinds of physics are timed: the arm as shipped; the arm with the 20 substeps of
2.5 ms of the reference; and the same substeps with MuJoCo's RK4 integrator, which evaluates the dynamics four times a
substep and so comes near the cost of the reference.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from multiprocessing import get_all_start_methods
from pathlib import Path
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from loop_timing import (
    ENV_ID,
    FINE,
    REFERENCE,
    SHIPPED,
    Motion,
    RawSteps,
    Spans,
    Stepping,
    batch,
    environments_of,
    following,
    ingredients,
    looked_at,
    own,
    raw_physics,
    resting,
    use_physics,
)
from throughput_report import HEARD, fill, write_report
from timing import interleaved, machine, quartiles, ratio, resident_bytes

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.decoders.spec import AdaptationSpec
from neuromotion_gym.decoders.wrapped import ProbabilityDecoder
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import NeuroEnv
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.registration import ENVIRONMENTS
from neuromotion_gym.signals.sources import ReplaySource
from neuromotion_gym.signals.surrogate import SurrogateSource

if TYPE_CHECKING:
    from collections.abc import Callable

EEG, EMG = "eeg_fists", "emg_armband"
WIDE = "64 channels × 3 s"
"""A decoder that reads all channels and three seconds. It only serves to measure memory: its posterior is constant."""
REFERENCE_WALL_S = 0.47e-3
"""Physics of one step of the reference limb: wall-clock time on two threads."""
SIZES = (1, 4, 16, 64, 256, 1024)


class Run:
    """All measurements of one run of the script.

    Parameters
    ----------
    rows, threads, repeats : int
    steps : int
        Steps of a batch in one chunk; a multiple of the number of control steps in a decoder's hop.
    source : str
        ``surrogate`` or ``replay``.
    sizes : tuple of int
    """

    def __init__(
        self, rows: int, threads: int, repeats: int, steps: int, source: str, sizes: tuple[int, ...] = SIZES
    ) -> None:
        self.rows, self.threads, self.repeats, self.steps = rows, threads, repeats, steps
        self.source, self.sizes = source, sizes
        self._options: dict[tuple[str, str], dict[str, Any]] = {}

    def options(self, decoder: str, env_id: str = ENV_ID) -> dict[str, Any]:
        """Environment options with decoder and source, which are loaded once."""
        if (decoder, env_id) not in self._options:
            self._options[decoder, env_id] = ingredients(decoder, self.source, env_id)
        return self._options[decoder, env_id]

    def against_rollout(
        self, decoder: str, physics: str = SHIPPED, *, heard: bool = False, env_id: str = ENV_ID
    ) -> dict[str, Any]:
        """Compare a batch with `mujoco.rollout` alone; ``heard``: generate samples even if no decoder reads them."""
        env = batch(self.options(decoder, env_id), self.rows, self.threads, physics, heard=heard)
        stepping = Stepping(env, following(env.layout), self.rows)
        stepping.stagger()
        raw = raw_physics(env.loop, self.threads, Motion(stepping, env.loop, self.steps))
        steps = {"loop": self.steps, "raw": self.steps}
        found = interleaved({"loop": stepping, "raw": raw}, steps, self.repeats)
        raw.close()
        env.close()
        beyond = float(np.median(found["loop"] - found["raw"]))
        return {
            "decoder": decoder + HEARD * heard,
            "loop_us": 1e6 * float(np.median(found["loop"])),
            "raw_us": 1e6 * float(np.median(found["raw"])),
            "ratio": ratio(found["raw"], found["loop"]),
            "quartiles": quartiles(found["raw"], found["loop"]),
            "beyond_physics_us": 1e6 * beyond,
            "loop_processor_us": 1e6 * stepping.processor_s / stepping.steps / self.rows,
            "raw_processor_us": 1e6 * raw.processor_s / raw.steps / self.rows,
            "processor_ratio": (raw.processor_s / raw.steps) / (stepping.processor_s / stepping.steps),
            "ratio_at_reference": REFERENCE_WALL_S / (REFERENCE_WALL_S + max(beyond, 0.0)),
            "episodes_ended_per_1000_limb_steps": 1000 * stepping.ended / stepping.steps / self.rows,
            "every_trial_once_s": self.options(decoder, env_id)["first_plays_s"],
        }

    def against_copies(self, decoder: str) -> dict[str, Any]:
        """Compare a batch with Gymnasium's vector environments of the same size; their sources share trials."""
        options = self.options(decoder)

        def make() -> gym.Env[Any, Any]:
            return gym.make(ENV_ID, **own(options))

        context = "fork" if "fork" in get_all_start_methods() else None
        asynchronous = AsyncVectorEnv([make] * self.rows, context=context)
        synchronous = SyncVectorEnv([make] * self.rows)
        env = batch(options, self.rows, self.threads)
        act = following(env.layout)
        measured = {
            "batch": Stepping(env, act, self.rows),
            "sync": Stepping(synchronous, act, self.rows),
            "async": Stepping(asynchronous, act, self.rows),
        }
        steps = max(5, self.steps // 4)
        found = interleaved(measured, dict.fromkeys(measured, steps), max(3, self.repeats // 2))
        for each in (asynchronous, synchronous, env):
            each.close()
        return {
            "decoder": decoder,
            **{f"{name}_us": 1e6 * float(np.median(seconds)) for name, seconds in found.items()},
            "over_sync": ratio(found["sync"], found["batch"]),
            "over_async": ratio(found["async"], found["batch"]),
        }

    def single(self, decoder: str, physics: str, threads: int, *, heard: bool = False) -> dict[str, Any]:
        """Compare one environment with a loop of `mj_step`; ``heard`` as in `against_rollout`."""
        env = gym.make(ENV_ID, threads=threads, **looked_at(heard), **own(self.options(decoder)))
        inner: Any = env.unwrapped
        if physics != SHIPPED:
            use_physics(inner, physics, 1)
        stepping = Stepping(env, following(inner.layout))
        raw = RawSteps(inner.loop, Motion(stepping, inner.loop, 20 * self.steps))
        measured = {"env": stepping, "raw": raw}
        steps = dict.fromkeys(measured, 5 * self.steps)
        found = interleaved(measured, steps, self.repeats)
        env.close()
        return {
            "decoder": decoder + HEARD * heard,
            "physics": physics,
            "threads": threads,
            "env_us": 1e6 * float(np.median(found["env"])),
            "raw_us": 1e6 * float(np.median(found["raw"])),
            "ratio": ratio(found["raw"], found["env"]),
            "quartiles": quartiles(found["raw"], found["env"]),
            "beyond_physics_us": 1e6 * float(np.median(found["env"] - found["raw"])),
        }

    def cost_by_size(self, decoder: str, env_id: str = ENV_ID) -> dict[str, Any]:
        """Time of one limb's step in batches of several sizes; the limbs rest, so that no episode ends."""
        measured, steps, envs = {}, {}, []
        for rows in self.sizes:
            env = batch(self.options(decoder, env_id), rows, self.threads)
            envs.append(env)
            measured[str(rows)] = Stepping(env, resting(env.layout), rows)
            steps[str(rows)] = 5 * max(1, round(min(60, 2 * 1024 / rows) / 5))
        found = interleaved(measured, steps, max(3, self.repeats // 2))
        for env in envs:
            env.close()
        growth = {}
        if "16" in found:
            growth = {f"growth_16_to_{self.sizes[-1]}": ratio(found[str(self.sizes[-1])], found["16"])}
        return {"decoder": decoder, **{f"{name}_us": 1e6 * float(np.median(s)) for name, s in found.items()}, **growth}

    def decision(self, decoder: str) -> dict[str, Any]:
        """Time of one decision in a batch of 64 windows, on one core."""
        env = batch(self.options(decoder, environments_of(decoder)[0]), 64, 1)
        env.reset(seed=0)
        stream = env.loop.stream
        windows, adaptation, inner = stream.window(), stream.adaptation, load_decoder(decoder)

        def decide(times: int) -> float:
            begin = perf_counter()
            for _ in range(times):
                inner.decode(windows, adaptation)
            return (perf_counter() - begin) / times / 64

        found = interleaved({"decision": decide}, {"decision": 5}, self.repeats)
        env.close()
        spec = inner.spec
        return {
            "decoder": decoder,
            "modality": spec.modality,
            "window": f"{len(spec.channels)} × {spec.window}",
            "hop_s": spec.hop_s,
            "decision_us": 1e6 * float(np.median(found["decision"])),
        }

    def profile(self, decoder: str, env_id: str = ENV_ID, rows: int | None = None) -> dict[str, Any]:
        """Processor time that each part takes in one limb's step, on one thread; one row is a single environment."""
        options, rows = self.options(decoder, env_id), self.rows if rows is None else rows
        env: Any = NeuroEnv(env_id, **own(options)) if rows == 1 else batch(options, rows, 1)
        stepping = Stepping(env, following(env.layout), rows)
        if rows > 1:
            stepping.stagger()
        spans, loop = Spans(thread_time), env.loop
        parts = loop.parts
        for owner, method, part in (
            (env, "step", "environment itself"),
            (loop, "step", "loop itself"),
            (loop, "reset", "resets themselves"),
            (loop, "observation", "observations"),
            (loop, "info", "infos"),
            (loop, "info_of", "infos"),
            (parts.drive, "control", "set points"),
            (parts.drive, "motion", "reading sensors"),
            (loop.physics, "begin", "set points"),
            (loop.physics, "simulate", "physics"),
            (loop.physics, "finish", "reading sensors"),
            (loop.physics, "reset", "resets themselves"),
            (loop.stream, "step", "buffers"),
            (loop.stream, "reset", "buffers"),
            (parts.source, "read", "source"),
            (parts.source, "reset", "source"),
            (parts.task, "step", "task"),
            (parts.task, "error", "task"),
            (parts.task, "reset", "task"),
            (parts.operator, "step", "operator"),
            (parts.operator, "decide", "operator"),
            (parts.operator, "see", "operator"),
            (parts.operator, "reset", "operator"),
        ):
            spans.watch(owner, method, part)
        decoding = parts.decoder if not isinstance(parts.decoder, BoundDecoder) else None
        if decoding is None:
            spans.watch(parts.decoder, "decode_labels", "decoding")
        else:
            spans.watch(decoding, "decode", "decoding")
        steps = self.steps * self.repeats * (1 if rows > 1 else 10)
        stepping(steps)
        if decoding is not None:  # the decoder is shared with other environments
            object.__delattr__(decoding, "decode")
        env.close()
        each = {part: 1e6 * seconds / steps / rows for part, seconds in spans.seconds.items()}
        return {"decoder": decoder, **dict(sorted(each.items(), key=lambda item: -item[1]))}

    def memory(self, decoder: str) -> dict[str, Any]:
        """Memory of one limb, from two batches of different size, each in its own process; signals of resets count."""
        held = []
        for rows in (self.rows, self.rows + 512):
            command = [sys.executable, __file__, "--source", self.source, "--memory", decoder, str(rows)]
            held.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        return {"decoder": decoder, "mb_a_limb": (held[1] - held[0]) / 512 / 1e6, "mb_of_64": held[0] / 1e6}

    def sections(self) -> dict[str, Callable[[], list[dict[str, Any]]]]:
        """What measures each section of the report."""
        defaults = [(env_id, row.decoder) for env_id, row in ENVIRONMENTS.items()]
        oracles = ("oracle", f"oracle:{EEG}")
        main = [*oracles, EMG, EEG]
        of_the_arm = [name for name in list_decoders() if ENV_ID in environments_of(name)]

        def rollouts(physics: str, names: list[str]) -> list[dict[str, Any]]:
            rows = [self.against_rollout(name, physics) for name in names]
            return rows + [self.against_rollout(name, physics, heard=True) for name in oracles]

        def single() -> list[dict[str, Any]]:
            kinds = [(physics, threads) for physics in (SHIPPED, FINE, REFERENCE) for threads in (1, 2)]
            return [self.single("oracle", *kind, heard=heard) for kind in kinds for heard in (False, True)]

        return {
            "environments": lambda: [
                {"environment": one, **self.against_rollout(name, env_id=one)} for one, name in defaults
            ],
            "environments by size": lambda: [
                {"environment": one, **self.cost_by_size(name, one)} for one, name in defaults
            ],
            "decisions": lambda: [self.decision(name) for name in list_decoders()],
            "batch over rollout": lambda: rollouts(SHIPPED, [*oracles, *of_the_arm]),
            f"batch over rollout, {FINE}": lambda: rollouts(FINE, main),
            f"batch over rollout, {REFERENCE}": lambda: rollouts(REFERENCE, main),
            "batch over copies": lambda: [self.against_copies(name) for name in (EMG, EEG)],
            "single over mj_step": single,
            "cost by size": lambda: [self.cost_by_size(name) for name in ("oracle", EMG, EEG)],
            "profile": lambda: [self.profile(name) for name in main],
            "profile of environments": lambda: [
                {"environment": one, **self.profile(name, one)} for one, name in defaults
            ],
            "profile of a single environment": lambda: [self.profile(name, rows=1) for name in main],
            "memory": lambda: [self.memory(name) for name in (EMG, EEG, WIDE)],
        }

    def measured(self, only: list[str]) -> dict[str, Any]:
        """Sections of the report that are named, or all, and what they were measured with."""
        found: dict[str, Any] = {"machine": machine()}
        found["options"] = {
            "rows": self.rows,
            "threads": self.threads,
            "source": self.source,
            "repeats": self.repeats,
            "steps a chunk": self.steps,
        }
        for name, measure in self.sections().items():
            if not only or name in only:
                found[name] = measure()
                print(f"{name}: done", file=sys.stderr, flush=True)
        return found


def measured_again(earlier: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """An earlier run with some of its sections measured again; it says which, and with what."""
    names = [name for name in found if name not in ("machine", "options")]
    how = {**found["options"], "load average": found["machine"]["load_average"]}
    again = {**earlier.get("measured again", {}), **dict.fromkeys(names, how)}
    sections = {**earlier, **{name: found[name] for name in names}, "measured again": again}
    return {name: rows for name, rows in sections.items() if name != "bars"}


class Ignorant:
    """Gives every label the same probability."""

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        """Constant posterior for windows of shape (n, channels, samples)."""
        return np.full((len(windows), 3), 1 / 3)


def wide(source: str) -> dict[str, Any]:
    """Options of an environment whose decoder reads 64 channels and 3 s."""
    spec = load_decoder(EEG).spec
    if source == "surrogate":
        channels = SurrogateSource.load(f"{spec.dataset}_tune", spec.labels).spec.channels
    else:
        channels = ReplaySource.from_dataset(spec.dataset, "tune", spec.labels).spec.channels
    update = {"channels": channels, "window": round(3 * spec.rate_hz), "adaptation": AdaptationSpec()}
    decoder = ProbabilityDecoder(Ignorant(), spec.model_copy(update={**update, "output": "probabilities"}))
    return {"env_id": ENV_ID, "decoder": decoder, "source": assemble(ENV_ID, decoder=decoder, source=source).source}


def print_memory(decoder: str, rows: int, source: str) -> None:
    """Print the memory of this process, in bytes, after a batch has run for 20 steps."""
    options = wide(source) if decoder == WIDE else ingredients(decoder, source)
    env = batch(options, rows, 1)
    Stepping(env, resting(env.layout), rows)(20)
    print(resident_bytes())


def main() -> None:
    """Read the command line, measure, write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--page", type=Path, help="page in which the table of bars is replaced: docs/performance.md")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--source", choices=("surrogate", "replay"), default="surrogate")
    parser.add_argument("--only", nargs="+", default=[], help="sections to measure again; the others stay as in --out")
    parser.add_argument("--memory", nargs=2, metavar=("DECODER", "ROWS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        print_memory(arguments.memory[0], int(arguments.memory[1]), arguments.source)
        return
    run = Run(arguments.rows, arguments.threads, arguments.repeats, arguments.steps, arguments.source)
    if unknown := [name for name in arguments.only if name not in run.sections()]:
        parser.error(f"no section is called {', '.join(unknown)}; they are {', '.join(run.sections())}")
    sections = run.measured(arguments.only)
    if arguments.only:
        earlier = json.loads((arguments.out / "throughput.json").read_text(encoding="utf-8"))
        sections = measured_again(earlier, sections)
    judged = write_report(sections, arguments.out)
    if arguments.page:
        fill(arguments.page, judged)
    print(judged)
    print(json.dumps(sections["machine"]))


if __name__ == "__main__":
    main()
