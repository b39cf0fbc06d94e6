"""How fast similar environments of other libraries are, as a ratio to raw physics: ``python benchmarks/peers.py``.

MyoSuite and Gymnasium-Robotics need other versions of MuJoCo and Gymnasium than this library. So run the script once in
each Python environment that has one of them; the script itself needs only NumPy, Gymnasium and MuJoCo. Libraries that
are not installed are left out, and the reason is printed. Figures of earlier runs stay in ``peers.json``. The compared
loops run in turn, in chunks of steps. The ratios are speeds:

- single: steps of one environment ÷ `mj_step` alone, on the environment's model, for the same number of substeps;
- sync, async: environment steps of `SyncVectorEnv` and `AsyncVectorEnv` with ``--copies`` environments ÷ the same
  `mj_step` alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium as gym
import mujoco
import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from timing import installed, interleaved, machine, ratio

if TYPE_CHECKING:
    from collections.abc import Callable


class Peer(NamedTuple):
    """An environment of another library."""

    env_id: str
    module: str
    """Module that registers the environment."""
    package: str
    beside: str
    """What it simulates."""


PEERS = (
    Peer("NeuroArm-v0", "neuromotion_gym", "neuromotion-gym", "this library: arm and hand, EMG decoder in the loop"),
    Peer("myoHandPoseRandom-v0", "myosuite", "MyoSuite", "hand driven by muscles"),
    Peer("myoArmReachRandom-v0", "myosuite", "MyoSuite", "arm driven by muscles"),
    Peer("myoLegStandRandom-v0", "myosuite", "MyoSuite", "legs driven by muscles"),
    Peer("HandReach-v3", "gymnasium_robotics", "gymnasium-robotics", "Shadow hand"),
    Peer("Humanoid-v5", "gymnasium.envs.mujoco", "gymnasium", "Gymnasium's largest model"),
)


def make(peer: Peer) -> gym.Env[Any, Any]:
    """The environment, made with `gym.make` as its users do."""
    module = importlib.import_module(peer.module)
    if hasattr(gym, "register_envs"):
        gym.register_envs(module)
    return gym.make(peer.env_id)


class Physics(NamedTuple):
    """Access to the physics of an environment."""

    model: mujoco.MjModel
    substeps: int
    spec: int
    """Which parts of the state `now` returns (an `mjtState`)."""
    now: Callable[[], tuple[np.ndarray, np.ndarray]]
    """Returns copies of the state and the controls."""


def physics(env: gym.Env[Any, Any]) -> Physics:
    """Find the model of an environment, its number of substeps, and its state."""
    inner: Any = env.unwrapped
    if hasattr(inner, "loop"):
        loop = inner.loop
        model, state = loop.parts.limb.model, mujoco.mjtState.mjSTATE_FULLPHYSICS
        substeps = round(inner.layout.control_s / model.opt.timestep)
        return Physics(
            model,
            substeps,
            state,
            lambda: (loop.physics.state[0].copy(), loop.physics._controls[0, 0].copy()),
        )
    holder = inner if isinstance(getattr(inner, "model", None), mujoco.MjModel) else inner.sim
    model, data = (getattr(each, "ptr", getattr(each, "_model", each)) for each in (holder.model, holder.data))
    substeps = getattr(inner, "frame_skip", None) or getattr(inner, "n_substeps", None)
    if not isinstance(model, mujoco.MjModel) or not substeps:
        raise TypeError("this script does not find its model or its number of substeps")
    spec = mujoco.mjtState.mjSTATE_INTEGRATION

    def now() -> tuple[np.ndarray, np.ndarray]:
        values = np.empty(mujoco.mj_stateSize(model, spec))
        mujoco.mj_getState(model, data, values, spec)
        return values, np.array(data.ctrl)

    return Physics(model, int(substeps), spec, now)


def stepping(env: Any, copies: int = 0) -> Callable[[int], float]:
    """A function that returns the seconds of one environment's step; actions are drawn beforehand."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(16)]

    def run(steps: int) -> float:
        seconds = 0.0
        for number in range(steps):
            begin = perf_counter()
            _, _, terminated, truncated, _ = env.step(actions[number % 16])
            if not copies and (terminated or truncated):
                env.reset()
            seconds += perf_counter() - begin
        return seconds / steps / max(1, copies)

    return run


def raw(env: gym.Env[Any, Any], recorded: int = 400) -> Callable[[int], float]:
    """A function that returns the seconds of one step with `mj_step` alone, on recorded states and controls."""
    where = physics(env)
    env.reset(seed=1)
    env.action_space.seed(1)
    states, controls = [], []
    for _ in range(recorded):
        states.append(where.now()[0])
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        controls.append(where.now()[1])
        if terminated or truncated:
            env.reset()
    data = mujoco.MjData(where.model)
    position = 0

    def run(steps: int) -> float:
        nonlocal position
        begin = perf_counter()
        for _ in range(steps):
            mujoco.mj_setState(where.model, data, states[position], where.spec)
            data.ctrl[:] = controls[position]
            for _ in range(where.substeps):
                mujoco.mj_step(where.model, data)
            position = (position + 1) % recorded
        return (perf_counter() - begin) / steps

    return run


def measure(peer: Peer, copies: int, repeats: int, steps: int) -> dict[str, Any]:
    """Measure one environment."""
    env = make(peer)
    env.reset(seed=0)
    found = {"raw": raw(env), "single": stepping(env)}
    vectors = {
        "sync": SyncVectorEnv([lambda: make(peer)] * copies),
        "async": AsyncVectorEnv([lambda: make(peer)] * copies),
    }
    found |= {name: stepping(vector, copies) for name, vector in vectors.items()}
    chunk = {name: steps if name in ("single", "raw") else max(2, steps // copies) for name in found}
    seconds = interleaved(found, chunk, repeats)
    for each in (env, *vectors.values()):
        each.close()
    return {
        "environment": peer.env_id,
        "of": f"{peer.package} {installed(peer.package)}",
        "what": peer.beside,
        "mujoco": mujoco.__version__,
        "substeps": physics(env).substeps,
        "raw_us": 1e6 * float(np.median(seconds["raw"])),
        "steps_a_second": 1 / float(np.median(seconds["single"])),
        "single": ratio(seconds["raw"], seconds["single"]),
        "sync": ratio(seconds["raw"], seconds["sync"]),
        "async": ratio(seconds["raw"], seconds["async"]),
        "copies": copies,
    }


def report(rows: list[dict[str, Any]]) -> str:
    """Markdown table."""
    keys = list(rows[0])
    lines = ["| " + " | ".join(key.replace("_", " ") for key in keys) + " |", "|" + " --- |" * len(keys)]
    lines += [
        "| " + " | ".join(f"{row[key]:.3g}" if isinstance(row[key], float) else str(row[key]) for key in keys) + " |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure the installed libraries; keep the figures of earlier runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--copies", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=[peer.env_id for peer in PEERS], help="default: all")
    arguments = parser.parse_args()
    path = arguments.out / "peers.json"
    kept = {row["environment"]: row for row in json.loads(path.read_text("utf-8"))} if path.is_file() else {}
    about = machine()
    for peer in PEERS:
        if arguments.only and peer.env_id not in arguments.only:
            continue
        try:
            row = measure(peer, arguments.copies, arguments.repeats, arguments.steps)
        except Exception as error:  # noqa: BLE001 -- any error of another library is printed as the reason
            said = (str(error).strip().splitlines() or ["no message"])[0][:200]
            print(f"{peer.env_id}: left out ({type(error).__name__}: {said})", flush=True)
            continue
        kept[peer.env_id] = {**row, "processor": f"{about['processor']}, {about['cores']} cores"}
        print(
            f"{peer.env_id}: single {row['single']:.2f}, sync {row['sync']:.2f}, async {row['async']:.2f}", flush=True
        )
    if not kept:
        return
    rows = [kept[peer.env_id] for peer in PEERS if peer.env_id in kept]
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in (("peers.json", json.dumps(rows, indent=1) + "\n"), ("peers.md", f"# Peers\n\n{report(rows)}\n")):
        temporary = arguments.out / f"{name}.part"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(arguments.out / name)


if __name__ == "__main__":
    main()
