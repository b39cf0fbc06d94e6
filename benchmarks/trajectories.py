"""Digests that show whether a shipped configuration behaves differently: ``python benchmarks/trajectories.py``.

The script plays every shipped decoder, its bounds and every controller for some seconds. For each configuration it
writes one digest of the observations and infos, and one of the rewards. ``--compare FILE`` prints the configurations
whose digests differ from those of an earlier run. Digests depend on the processor (ONNX Runtime and BLAS round
differently), so compare only runs of the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.controllers import CONTROLLERS, make_controller
from neuromotion_gym.decoders import DecoderSpec, ProbabilityDecoder, list_decoders, load_decoder
from neuromotion_gym.intents import environments_for

ENV_ID = "NeuroArm-v0"
ROWS = 3
STEPS = 160
LEVELS = ("easy", "standard", "hard")


class Powers:
    """Posterior from the power of the first channels. It serves as a decoder of whole trials; none is shipped."""

    def __init__(self, labels: int) -> None:
        self.labels = labels

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        """Power of each of the first channels as a share of their sum, one channel for each label."""
        power = windows[:, : self.labels].astype(float).var(axis=2) + 1e-30
        return power / power.sum(axis=1, keepdims=True)


def trial_paced(name: str, epoch_s: tuple[float, float]) -> ProbabilityDecoder:
    """A decoder of whole trials with the labels, channels, rate and unit of a shipped decoder."""
    spec = load_decoder(name).spec
    window = round((epoch_s[1] - epoch_s[0]) * spec.rate_hz)
    return ProbabilityDecoder(
        Powers(len(spec.labels)),
        DecoderSpec(
            name=f"{name}.trials",
            modality=spec.modality,
            dataset=spec.dataset,
            labels=spec.labels,
            channels=spec.channels,
            rate_hz=spec.rate_hz,
            unit=spec.unit,
            window=window,
            hop_s=spec.hop_s,
            pacing="trial",
            epoch_s=epoch_s,
            split="trial",
            licence=spec.licence,
        ),
    )


def configurations(data: bool) -> dict[str, dict[str, Any]]:
    """Name and options of each configuration; with ``data`` also replays of recordings."""
    found: dict[str, dict[str, Any]] = {}
    for decoder in list_decoders():
        spec = load_decoder(decoder).spec
        if ENV_ID not in environments_for(spec.labels, spec.targets):
            continue
        for level in LEVELS:
            for bound in ("", "oracle:", "shuffled:", "blind:"):
                found[f"{bound}{decoder} {level}"] = {"decoder": bound + decoder, "level": level}
    for name in ("emg_armband", "eeg_fists"):
        for controller in CONTROLLERS:
            found[f"{name} controller {controller}"] = {"decoder": name, "level": "easy", "controller": controller}
        found[f"{name} decoy"] = {"decoder": name, "level": "easy", "decoy": True}
        found[f"{name} goal shown"] = {"decoder": name, "observe_goal": True}
        found[f"{name} wrong ignored"] = {"decoder": name, "wrong_selection": "ignore"}
        found[f"{name} signal"] = {"decoder": name, "observe": "signal"}
        found[f"{name} slow operator"] = {"decoder": name, "operator": {"delay_s": 0.3, "lapse": 0.2, "hold_s": 0.5}}
        found[f"{name} two threads"] = {"decoder": name, "threads": 2}
        found[f"{name} test part"] = {"decoder": name, "part": "test"}
    found["eeg_fists eyes kept"] = {"decoder": "eeg_fists", "ocular": "keep", "skip_cue": 0.0}
    found["eeg_fists cue kept"] = {"decoder": "eeg_fists", "skip_cue": 0.0}
    found["eeg_fists one person"] = {"decoder": "eeg_fists", "subjects": ["S032"]}
    for bound in ("", "oracle:", "shuffled:"):
        found[f"{bound}trial paced"] = {"decoder": "eeg_fists", "paced": (1.0, 3.0), "bound": bound, "level": "easy"}
    if data:
        for name in ("emg_armband", "emg_armband_calibrated", "eeg_fists", "eeg_eyes"):
            for bound in ("", "oracle:", "shuffled:"):
                found[f"{bound}{name} replay"] = {"decoder": bound + name, "source": "replay", "level": "easy"}
        found["trial paced replay"] = {"decoder": "eeg_fists", "paced": (1.0, 3.0), "source": "replay", "level": "easy"}
        found["eeg_fists replay kept"] = {"decoder": "eeg_fists", "source": "replay", "ocular": "keep", "skip_cue": 0.0}
        found["emg_armband replay test"] = {"decoder": "emg_armband", "source": "replay", "part": "test"}
    return found


def digests(options: dict[str, Any]) -> dict[str, str]:
    """Digests of one configuration, played by a batch and then by a single environment."""
    options = dict(options)
    controller, paced, bound = options.pop("controller", "argmax"), options.pop("paced", None), options.pop("bound", "")
    if paced:
        decoder = trial_paced(options["decoder"], paced)
        if bound:
            from neuromotion_gym.decoders import BoundDecoder

            decoder = BoundDecoder(bound.removesuffix(":"), decoder)  # type: ignore[arg-type,assignment]
        options["decoder"] = decoder
    seen, paid = hashlib.sha256(), hashlib.sha256()
    batch = gym.make_vec(ENV_ID, ROWS, vectorization_mode="vector_entry_point", **{"threads": 1, **options})
    drive(batch, controller, options, seen, paid)
    single = gym.make(ENV_ID, disable_env_checker=True, **options)
    drive(single, controller, options, seen, paid)
    return {"seen": seen.hexdigest()[:16], "paid": paid.hexdigest()[:16]}


def drive(env: Any, controller: str, options: dict[str, Any], seen: Any, paid: Any) -> None:
    """Play `STEPS` steps and add them to the digests. The controller's actions have a little noise added."""
    inner = env.unwrapped
    vector = hasattr(inner, "num_envs")
    generator = np.random.default_rng(7)
    plain = options.get("observe") is None and not options.get("observe_goal")
    driver = make_controller(controller, inner.layout) if plain else None
    observation, info = env.reset(seed=11)
    state, start = None, None
    take_in(seen, observation, info)
    for _ in range(STEPS):
        shape = env.action_space.shape
        action = generator.uniform(-1, 1, shape).astype(np.float32)
        if driver is not None:
            wanted, state = driver.predict(observation, state, start)
            action = np.clip(wanted + 0.1 * action, -1, 1).astype(np.float32)
        observation, reward, terminated, truncated, info = env.step(action)
        ended = np.atleast_1d(np.logical_or(terminated, truncated))
        start = ended
        paid.update(np.ascontiguousarray(reward, dtype=float).tobytes())
        take_in(seen, observation, info, terminated, truncated)
        if not vector and ended[0]:
            observation, info = env.reset()
            take_in(seen, observation, info)
    env.close()


def take_in(digest: Any, *values: Any) -> None:
    """Add values to a digest, dictionaries in the order of their keys, without the key ``about``."""
    for value in values:
        if isinstance(value, dict):
            for key in sorted(value):
                if key != "about":
                    digest.update(key.encode())
                    take_in(digest, value[key])
        else:
            array = np.asarray(value)
            digest.update(repr(array.tolist()).encode() if array.dtype.kind in "UO" else array.tobytes())


def main() -> None:
    """Play all configurations, write their digests, print differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("trajectories.json"))
    parser.add_argument("--compare", type=Path, help="File of an earlier run.")
    parser.add_argument("--data", action="store_true", help="Also play replays of the data sets in NEUROMOTION_DATA.")
    parser.add_argument("--only", default="", help="Only configurations whose name contains this text.")
    arguments = parser.parse_args()
    found = {}
    for name, options in configurations(arguments.data).items():
        if arguments.only in name:
            found[name] = digests(options)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} configurations: {arguments.out}")
    if arguments.compare:
        before = json.loads(arguments.compare.read_text(encoding="utf-8"))
        for kind, words in (("seen", "observations or infos"), ("paid", "rewards")):
            moved = [name for name in found if name in before and found[name][kind] != before[name][kind]]
            print(f"{words} differ in {len(moved)} of {len(set(found) & set(before))}: {', '.join(moved) or 'none'}")


if __name__ == "__main__":
    main()
