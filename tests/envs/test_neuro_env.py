"""The environment as its clients see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym
from neuromotion_gym.decoders import BoundDecoder, IntentPolicy
from neuromotion_gym.envs import IntentAction, NeuroEnv, NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError

from .conftest import make_decoder, noise_source

if TYPE_CHECKING:
    pass

Options = "Callable[..., dict[str, object]]"


@pytest.mark.parametrize("env_id", sorted(neuromotion_gym.ENVIRONMENTS))
def test_make_works_without_an_option(env_id: str) -> None:
    env = gym.make(env_id)
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert info["about"]["part"] == "tune"
    for _ in range(20):
        observation, reward, _, _, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(observation)
        assert np.isfinite(reward)
    env.close()


@pytest.mark.parametrize("env_id", sorted(neuromotion_gym.ENVIRONMENTS))
def test_make_vec_gives_the_batch(env_id: str) -> None:
    env = gym.make_vec(env_id, num_envs=3, vectorization_mode="vector_entry_point")
    assert isinstance(env.unwrapped, NeuroVectorEnv)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (3, env.unwrapped.layout.size)
    env.close()


def test_no_element_of_the_observation_is_constant(options: Options) -> None:
    env, rng = NeuroEnv(**options()), np.random.default_rng(0)
    seen = [env.reset(seed=0)[0]]
    for _ in range(300):
        observation, _, terminated, truncated, _ = env.step(rng.uniform(-1, 1, 1).astype(np.float32))
        seen.append(observation)
        if terminated or truncated:
            seen.append(env.reset()[0])
    assert (np.ptp(np.array(seen), axis=0) > 0).all()


def test_a_decoder_is_a_policy_from_windows_to_intents(options: Options) -> None:
    decoder = make_decoder()
    env = IntentAction(NeuroEnv(**options(decoder, observe="signal")))
    policy = IntentPolicy(decoder)
    observation, _ = env.reset(seed=0)
    successes = 0
    for _ in range(1500):
        observation, _, terminated, truncated, info = env.step(policy.predict(observation))
        if terminated or truncated:
            successes += info["is_success"]
            observation, _ = env.reset()
    assert successes >= 3


def test_observing_the_goal_is_said_and_seen(options: Options) -> None:
    env = NeuroEnv(**options(observe_goal=True))
    observation, info = env.reset(seed=0)
    assert info["about"]["observe_goal"]
    assert observation[-1] == np.float32(info["goal"][0])


def test_the_observation_has_the_layout_that_the_docstring_says(options: Options) -> None:
    env = NeuroEnv(**options())
    observation, _ = env.reset(seed=0)
    layout = env.layout
    assert layout.size == observation.size
    assert observation[layout.posterior].sum() == pytest.approx(1, abs=1e-5)
    assert np.abs(observation[layout.position]).max() <= 0.11
    assert (observation[layout.velocity] == 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": "medium"}, "easy, standard, hard"),
        ({"observe": "pixels"}, "'posterior' or 'signal'"),
        ({"render_mode": "ascii"}, "rgb_array"),
        ({"wrong_selection": "maybe"}, "'end' or 'ignore'"),
        ({"ocular": "keep"}, "Options ocular .* do not apply to a source of your own"),
        ({"skip_cue": 1.0, "part": "test"}, "Options skip_cue, part"),
        ({"subjects": ["P0"], "data_root": "."}, "Options subjects, data_root"),
        ({"source": "radio", "decoder": "emg_armband"}, "'surrogate', 'replay'"),
        ({"decoder": "nobody"}, "emg_armband"),
        ({"decoder": 3}, "object with predict_proba"),
        ({"operator": {"delay_s": -1}}, "delay_s"),
        ({"operator": {"mood": 1}}, "mood"),
        ({"env_id": "NeuroWing-v0"}, "NeuroArm-v0"),
        ({"decoder": "emg_armband"}, "8 channels"),
        ({"observe_goal": "no"}, "observe_goal is True or False, not 'no'"),
        ({"observe_goal": 1}, "observe_goal is True or False"),
        ({"decoy": "no"}, "decoy is True or False, not 'no'"),
        ({"threads": 0}, "threads is a whole number from 1 on, not 0"),
        ({"threads": True}, "threads is a whole number from 1 on, not True"),
        ({"threads": 1.5}, "threads"),
        ({"thread": 2, "levels": "easy"}, "'levels', 'thread'.*observe_goal.*threads.*decoder.*wrong_selection"),
    ],
)
def test_a_wrong_option_is_named(options: Options, change: dict[str, object], message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message.replace("[", r"\[")):
        NeuroEnv(**{**options(), **change})
    with pytest.raises(NeuroMotionError, match=message.replace("[", r"\[")):
        NeuroVectorEnv(**{**options(), **change})


@pytest.mark.parametrize("change", [{"threads": 0}, {"threads": "two"}, {"num_envs": 0}, {"num_envs": 1.5}])
def test_a_batch_needs_whole_numbers(options: Options, change: dict[str, object]) -> None:
    with pytest.raises(NeuroMotionError, match="whole number from 1 on"):
        NeuroVectorEnv(**{**options(), **change})


def test_the_blind_bound_is_not_shown_the_signal(options: Options) -> None:
    """An agent that decodes the signal by itself would find the goal, and the bound would score what a decoder does."""
    decoder = make_decoder()
    for env in (NeuroEnv, NeuroVectorEnv):
        with pytest.raises(NeuroMotionError, match=r"observe='signal'.*'blind'.*'shuffled'"):
            env(**{**options(decoder, observe="signal"), "decoder": BoundDecoder("blind", decoder)})


@pytest.mark.parametrize("bound", ["shuffled", "blind"])
def test_a_bound_without_information_stays_at_chance_for_an_agent_that_decodes(options: Options, bound: str) -> None:
    decoder = make_decoder()
    build = {**options(decoder), "decoder": BoundDecoder(bound, decoder)}
    if bound == "blind":
        env, policy = NeuroVectorEnv(num_envs=60, **build), None
    else:
        env, policy = NeuroVectorEnv(num_envs=60, observe="signal", **build), IntentPolicy(decoder)
    observation, _ = env.reset(seed=7)
    going, right = np.ones(60, bool), np.zeros(60, bool)
    while going.any():
        labels = policy.predict(observation) if policy else observation[:, env.layout.posterior].argmax(axis=1)
        observation, _, terminated, truncated, info = env.step(env.layout.intents.directions[labels])
        right |= info["is_success"] & going
        going &= ~(terminated | truncated)
    assert right.mean() <= 0.5 + 3 * np.sqrt(0.25 / 60)


def test_the_old_discount_is_accepted_with_a_warning(options: Options) -> None:
    with pytest.warns(UserWarning, match="discount has no effect"):
        NeuroEnv(**options(discount=0.95))


def test_a_source_at_another_rate_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match=r"200 Hz.*250 Hz"):
        NeuroEnv(decoder=make_decoder(), source=noise_source(make_decoder(rate_hz=250.0).spec))


@pytest.mark.parametrize("action", [np.zeros(2), np.array([np.nan]), np.zeros((1, 1))])
def test_a_wrong_action_is_refused(options: Options, action: np.ndarray) -> None:
    env = NeuroEnv(**options())
    env.reset(seed=0)
    with pytest.raises(NeuroMotionError, match="action"):
        env.step(action)


def test_stepping_before_reset_is_refused(options: Options) -> None:
    with pytest.raises(NeuroMotionError, match="reset"):
        NeuroEnv(**options()).step(np.zeros(1))


def test_a_session_that_does_not_exist_is_refused(options: Options) -> None:
    with pytest.raises(NeuroMotionError, match="sessions 0 to 1"):
        NeuroEnv(**options()).reset(options={"session": 2})


def test_info_counts_the_trials_that_were_played(options: Options) -> None:
    env = NeuroEnv(**options())
    _, info = env.reset(seed=0)
    first = info["trials"]
    for _ in range(100):
        *_, info = env.step(np.zeros(1))
    assert first <= info["trials"] <= 12
    assert info["trials"] > 1


@pytest.mark.parametrize("bound", ["", "oracle:", "shuffled:", "blind:"])
@pytest.mark.parametrize("name", ["emg_armband", "eeg_fists"])
def test_an_episode_does_not_depend_on_the_one_before(name: str, bound: str) -> None:
    env = NeuroEnv(decoder=bound + name, level="easy")

    def play(seed: int, actions: np.ndarray) -> list[object]:
        seen = [env.reset(seed=seed)]
        for action in actions:
            seen.append(env.step(action))
            if seen[-1][2]:
                break
        return seen

    size = env.action_space.shape[0]
    actions = np.random.default_rng(0).uniform(-1, 1, (80, size)).astype(np.float32)
    fresh = play(5, actions)
    play(6, np.ones((150, size), np.float32))
    again = play(5, actions)
    env.close()
    assert len(fresh) == len(again)
    for one, other in zip(fresh, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:-1] == other[1:-1]
        for key, value in one[-1].items():
            np.testing.assert_array_equal(value, other[-1][key], err_msg=key)


@pytest.mark.parametrize("observe_goal", [False, True])
def test_the_space_of_observations_is_that_of_its_parts(options: Options, observe_goal: bool) -> None:
    env = NeuroEnv(decoder="emg_armband_calibrated", observe_goal=observe_goal)
    layout, drive = env.layout, env.loop.parts.drive
    low, high = env.observation_space.low, env.observation_space.high
    np.testing.assert_allclose(high[layout.position], drive.position_bound, rtol=1e-6)
    np.testing.assert_allclose(high[layout.velocity], drive.velocity_bound, rtol=1e-6)
    np.testing.assert_array_equal(low[: layout.velocity.stop], -high[: layout.velocity.stop])
    np.testing.assert_array_equal(low[layout.posterior], 0)
    np.testing.assert_array_equal(high[layout.posterior], 1)
    rest = slice(layout.posterior.stop, None)
    goals = 3 if observe_goal else 0
    assert high[rest].tolist() == [1.0] * (int(layout.effort) + goals)
    assert low[rest].tolist() == [0.0] * int(layout.effort) + [-1.0] * goals
    env.close()
    seen = NeuroEnv(decoder="emg_armband_calibrated", observe="signal", observe_goal=observe_goal)
    spaces = seen.observation_space.spaces
    spec = seen.loop.stream.spec
    assert spaces["signal"].shape == (len(spec.channels), spec.window)
    assert spaces["adaptation"].shape == spec.adaptation.shape
    assert spaces["limb"].shape == (2 * len(layout.columns) + goals,)
    seen.close()
    plain = NeuroEnv(decoder="emg_armband", observe="signal")
    assert "adaptation" not in plain.observation_space.spaces
    plain.close()


def test_a_wrapped_environment_is_the_one_inside(options: Options) -> None:
    inner = NeuroEnv(**options())
    wrapped = IntentAction(inner)
    assert wrapped.unwrapped is inner
    assert wrapped.env is inner
    assert wrapped.observation_space == inner.observation_space
    assert wrapped.action_space == gym.spaces.Discrete(3)
    with pytest.raises(NeuroMotionError, match="environments of this library"):
        IntentAction(gym.make("CartPole-v1"))


def test_every_session_can_be_asked_for(options: Options) -> None:
    env = NeuroEnv(**options())
    for session, (person, _) in enumerate(env.loop.parts.source.sessions):
        assert env.reset(options={"session": session})[1]["subject"] == person
    for session in (-1, len(env.loop.parts.source.sessions)):
        with pytest.raises(NeuroMotionError, match="sessions 0 to 1"):
            env.reset(options={"session": session})


def test_without_a_render_mode_nothing_is_drawn(options: Options) -> None:
    for env in (NeuroEnv(**options()), NeuroVectorEnv(num_envs=2, **options())):
        env.reset(seed=0)
        assert env.render() is None
        env.close()
