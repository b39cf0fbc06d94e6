"""The specification that an environment carries."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.operators import OperatorSpec

from .conftest import make_decoder, noise_source

ENV_ID = "NeuroArm-v0"


def test_the_limit_is_the_number_of_steps_after_which_an_episode_is_truncated(options) -> None:
    env = gym.make(ENV_ID, **options())
    limit = env.spec.max_episode_steps
    assert limit == env.unwrapped.spec.max_episode_steps == 400
    env.reset(seed=0)
    steps, truncated = 0, False
    while not truncated:
        *_, terminated, truncated, _ = env.step(np.array([(-1) ** (steps // 10)], np.float32))
        assert not terminated
        steps += 1
    assert steps == limit
    assert gym.spec(ENV_ID).max_episode_steps is None  # it depends on level and decoder


def test_a_shorter_limit_is_the_one_that_is_told(options) -> None:
    assert gym.make(ENV_ID, max_episode_steps=7, **options()).spec.max_episode_steps == 7
    batch = gym.make_vec(ENV_ID, 2, max_episode_steps=7, **options())
    assert batch.spec.max_episode_steps == 7
    assert gym.make_vec(ENV_ID, 2, **options()).spec.max_episode_steps == 400


def test_an_environment_is_made_again_from_its_specification() -> None:
    env = gym.make(ENV_ID, level="easy", decoder=Path(decoder_folder("emg_armband")), operator=OperatorSpec(lapse=0.0))
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec.max_episode_steps == env.spec.max_episode_steps
    assert again.unwrapped.loop.parts.operator.spec.lapse == 0
    assert (again.reset(seed=1)[0] == env.reset(seed=1)[0]).all()
    batch = gym.make_vec(ENV_ID, 2, level="easy", autoreset_mode="SameStep")
    assert gym.make_vec(EnvSpec.from_json(batch.spec.to_json())).reset(seed=1)[0].shape == (2, 14)
    assert json.loads(batch.spec.to_json())["kwargs"]["autoreset_mode"] == "SameStep"


def test_objects_that_have_no_text_form_are_named() -> None:
    decoder = make_decoder()
    env = gym.make(ENV_ID, decoder=decoder, source=noise_source(decoder.spec))
    message = r"decoder \(ProbabilityDecoder\), source \(ReplaySource\).*names or folders"
    with pytest.raises(NeuroMotionError, match=message):
        env.spec.to_json()
    again = gym.make(env.spec)  # Gymnasium copies the objects
    assert (again.reset(seed=1)[0] == env.reset(seed=1)[0]).all()


def test_an_unknown_option_is_a_type_error_for_libraries_that_try_options() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as caught:
        gym.make(ENV_ID, frameskip=4)
    assert isinstance(caught.value, NeuroMotionError)
    assert "wrong_selection" in str(caught.value)
