"""Samples that no decoder reads are not made, and nothing else changes by that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.envs import NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError

from .conftest import make_decoder, noise_source

if TYPE_CHECKING:
    from neuromotion_gym.signals.sources.replay import ReplaySource

TRIAL = {"pacing": "trial", "epoch_s": (0.5, 0.7), "window": 40, "modality": "eeg"}


class Counting:
    """A source that counts how it is used; with ``silent=False`` it can only be read."""

    def __init__(self, source: ReplaySource, *, silent: bool = True) -> None:
        self._source = source
        self.reads = self.passes = 0
        if silent:
            self.pass_over = self._pass_over

    def __getattr__(self, name: str) -> object:
        if name in ("_source", "pass_over"):
            raise AttributeError(name)
        return getattr(self._source, name)

    def read(self, *arguments: object) -> np.ndarray:
        self.reads += 1
        return self._source.read(*arguments)

    def _pass_over(self, *arguments: object) -> None:
        self.passes += 1
        self._source.pass_over(*arguments)


def run(kind: str, *, silent: bool = True, steps: int = 300, changes: dict | None = None, **options: object) -> tuple:
    """What an agent sees and earns, what the loop says, trials played, and the source."""
    bound = BoundDecoder(kind, make_decoder(**(changes or {})))
    source = Counting(noise_source(bound.spec), silent=silent)
    env = NeuroVectorEnv(num_envs=3, decoder=bound, source=source, level="easy", max_episode_steps=90, **options)
    seen, _ = env.reset(seed=4)
    found = []
    for step in range(steps):
        action = np.random.default_rng(step).uniform(-1, 1, env.action_space.shape)
        seen, reward, terminated, truncated, info = env.step(action)
        posterior = seen if isinstance(seen, np.ndarray) else env.loop.stream.posterior.copy()
        trials = [env.loop.trials(row) for row in range(3)]
        found.append((posterior, reward, terminated, truncated, info["intent"], info["decoded"], trials))
    return found, source, env


@pytest.mark.parametrize("changes", [{}, {"rate_hz": 250.5, "hop_s": 0.12}, TRIAL], ids=["even", "uneven", "trial"])
@pytest.mark.parametrize("kind", ["oracle", "blind"])
def test_bounds_that_read_labels_are_given_no_samples(kind: str, changes: dict) -> None:
    silent, used, env = run(kind, changes=changes)
    heard, read, _ = run(kind, changes=changes, silent=False)
    assert (used.reads, read.passes) == (0, 0)
    assert used.passes == read.reads > 300
    for one, other in zip(silent, heard, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)
    with pytest.raises(NeuroMotionError, match=f"No samples are made for the bound '{kind}'"):
        env.loop.stream.window()


@pytest.mark.parametrize("options", [{"observe": "signal"}, {"render_mode": "overlay"}])
def test_samples_are_made_where_somebody_looks_at_them(options: dict) -> None:
    _, used, env = run("oracle", steps=30, **options)
    assert (used.reads > 30, used.passes) == (True, 0)
    assert env.loop.stream.window().any()


def test_a_decoder_is_given_its_samples() -> None:
    _, used, _ = run("shuffled", steps=30)
    assert (used.reads > 30, used.passes) == (True, 0)
