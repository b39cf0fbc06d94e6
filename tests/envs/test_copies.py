"""A copy of an environment has the same future, bit for bit: before an episode, within one, and after a pickle."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.envs.seeds import packed, unpacked
from neuromotion_gym.errors import NeuroMotionError

from .conftest import make_decoder

if TYPE_CHECKING:
    pass

Options = "Callable[..., dict[str, object]]"


def unpickled(env: Any) -> Any:
    return pickle.loads(pickle.dumps(env))  # noqa: S301 -- written in this process


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray) and one.dtype == object:
        return same(one.tolist(), other.tolist())
    return np.array_equal(one, other)


def future(env: Any, actions: np.ndarray) -> list[Any]:
    """All that comes, over the end of an episode and the beginning of the next two."""
    seen = []
    for action in actions:
        seen.append(env.step(action))
        if isinstance(env, NeuroEnv) and (seen[-1][2] or seen[-1][3]):
            seen.append(env.reset())
    seen.append(env.reset())
    return seen


def actions_for(env: Any, steps: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (steps, *env.action_space.shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("decoder", "threads", "observe"),
    [
        ("emg_armband", 2, "signal"),
        ("emg_armband_calibrated", 1, "posterior"),
        ("eeg_fists", 1, "posterior"),
        ("oracle:emg_armband", 2, "posterior"),
        ("shuffled:emg_armband", 1, "posterior"),
    ],
)
def test_a_copy_within_an_episode_has_the_same_future(decoder: str, threads: int, observe: str) -> None:
    env = NeuroEnv(decoder=decoder, level="easy", threads=threads, observe=observe)
    env.reset(seed=3)
    actions = actions_for(env, 90)
    for action in actions[:37]:
        env.step(action)
    check_copies(env, actions[37:])


def check_copies(env: Any, actions: np.ndarray) -> None:
    copies = copy.deepcopy(env), unpickled(env)
    expected = future(env, actions)
    for copied in copies:
        assert same(future(copied, actions), expected)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_copy_of_a_batch_has_the_same_future(mode: str, options: Options) -> None:
    env = NeuroVectorEnv(
        num_envs=3, threads=2, autoreset_mode=mode, max_episode_steps=40, observe="signal", **options()
    )
    env.reset(seed=5)
    actions = actions_for(env, 100)
    for action in actions[:25]:
        env.step(action)
    check_copies(env, actions[25:])


def test_a_copy_before_the_first_reset_has_the_same_future(options: Options) -> None:
    for env in (NeuroEnv(**options()), NeuroVectorEnv(num_envs=2, **options())):
        copies = copy.deepcopy(env), unpickled(env)
        actions = actions_for(env, 30)
        with pytest.raises(NeuroMotionError, match="before reset"):
            copies[0].step(actions[0])
        expected = env.reset(), future(env, actions)
        for copied in copies:
            assert same((copied.reset(), future(copied, actions)), expected)


def test_steps_of_a_copy_leave_the_original_alone(options: Options) -> None:
    env, twin = NeuroEnv(**options()), NeuroEnv(**options())
    actions = actions_for(env, 60)
    for one in (env, twin):
        one.reset(seed=2)
        for action in actions[:20]:
            one.step(action)
    copied = copy.deepcopy(env)
    for action in -actions:
        copied.step(action)
    copied.reset()
    assert same(future(env, actions[20:]), future(twin, actions[20:]))


def test_copies_share_samples_and_weights_and_nothing_else(options: Options) -> None:
    env = NeuroEnv(decoder="emg_armband", level="easy")
    env.reset(seed=0)
    copied = copy.deepcopy(env)
    assert copied.loop.parts.decoder is env.loop.parts.decoder
    assert copied.loop.parts.source is not env.loop.parts.source
    assert copied.loop.parts.source._synthesis is env.loop.parts.source._synthesis
    assert copied.loop.parts.source is copied.loop.stream.source
    assert copied.model is not env.model
    own = NeuroEnv(**options())
    own.reset(seed=0)
    assert copy.deepcopy(own).loop.parts.source._bank is own.loop.parts.source._bank


def test_a_copy_plays_a_source_of_its_own(options: Options) -> None:
    env = NeuroEnv(**options())
    env.reset(seed=0)
    copied = copy.deepcopy(env)
    with pytest.raises(NeuroMotionError, match="plays this source"):
        NeuroEnv(decoder=make_decoder(), source=copied.loop.parts.source, level="easy")
    env.close()
    copied.reset(seed=0)
    closed = copy.deepcopy(env)
    with pytest.raises(NeuroMotionError, match="was closed"):
        closed.reset(seed=0)


def test_a_perturbed_source_is_copied(options: Options) -> None:
    lost = [{"name": "lost_channels", "options": {"channels": ["emg_1"]}}]
    env = NeuroEnv(decoder="emg_armband", level="easy", perturbations=lost, observe="signal")
    env.reset(seed=0)
    check_copies(env, actions_for(env, 10))


def test_a_replay_of_a_data_set_can_be_pickled(small_armband: Any) -> None:
    env = NeuroEnv(decoder="emg_armband_calibrated", source="replay", data_root=small_armband, level="easy")
    env.reset(seed=0)
    check_copies(env, actions_for(env, 10))


def test_the_adapter_of_stable_baselines3_is_copied(options: Options) -> None:
    pytest.importorskip("stable_baselines3")
    from neuromotion_gym.envs.sb3 import make_sb3

    env = make_sb3("NeuroArm-v0", 2, max_episode_steps=15, **options())
    env.seed(0)
    env.reset()
    copied = copy.deepcopy(env)
    for action in actions_for(env.env, 40):
        one, other = (each.step(action) for each in (env, copied))
        assert same(one, other)


def test_a_generator_keeps_its_children() -> None:
    """NumPy 1 forgets, in a pickle, from which seed a generator spawns, and how many children it has."""
    generator = np.random.default_rng([3, 4]).spawn(2)[1]
    generator.spawn(3)
    generator.random(5)
    again = unpacked(unpickled(packed(generator)))
    assert (again.random(4) == generator.random(4)).all()
    assert again.spawn(2)[1].random() == generator.spawn(2)[1].random()
