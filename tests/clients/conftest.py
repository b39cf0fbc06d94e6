"""Scripts of pages whose names are looked at afterwards, and the recordings that they read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neuromotion_gym.signals.readers import arrays
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

from .scripts import scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@pytest.fixture
def run_page() -> Callable[[str], dict[str, Any]]:
    """Run the scripts of a page in the working directory, in this process, and return their names."""

    def run(page: str) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for script in scripts(page):
            exec(compile(script, page, "exec"), names)
        return names

    return run


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a recording into ``monday`` and one into ``tuesday``; each label is strong in channels of its own."""

    def write(
        modality: str, channels: Sequence[str], labels: Sequence[str], rate_hz: float, unit: str, repetitions: int = 6
    ) -> None:
        monkeypatch.chdir(tmp_path)
        spec = SignalSpec(modality, tuple(channels), rate_hz, unit)  # type: ignore[arg-type]
        length = round(1.5 * rate_hz)
        for day in ("monday", "tuesday"):
            generator = np.random.default_rng(len(day))
            trials, blocks = [], []
            for number in range(repetitions * len(labels)):
                kind = number % len(labels)
                strength = np.full(len(channels), 3.0)
                strength[kind::5] = 30.0
                blocks.append(strength[:, None] * generator.standard_normal((len(channels), length)))
                start = number * length
                trials.append(Trial(labels[kind], start, start + length, has_onset=False))
            samples = np.concatenate(blocks, axis=1).astype(np.float32)
            Path(day).mkdir()
            arrays.write(Recording(samples, spec, tuple(trials), "user", "me", day), Path(day) / "run1.npz")

    return write


@pytest.fixture
def success_of() -> Callable[[Any], bool]:
    """Whether an episode succeeds in which the limb follows the decoded label."""

    def play(env: Any) -> bool:
        _, info = env.reset(seed=1)
        intents = env.unwrapped.layout.intents
        for _ in range(800):
            action = intents.directions[intents.labels.index(info["decoded"])]
            *_, terminated, truncated, info = env.step(action.astype(np.float32))
            if terminated or truncated:
                break
        env.close()
        return bool(info["is_success"])

    return play
