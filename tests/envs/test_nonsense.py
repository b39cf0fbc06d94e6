"""Every option of `gym.make`, `make_vec` and `reset`, given what it cannot mean, raises the library's own error.

The options are found, not listed: a new one is tested without a line here, except for what it may be given.
"""

from __future__ import annotations

import inspect
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import TASKS, task_class

if TYPE_CHECKING:
    from collections.abc import Callable

Options = "Callable[..., dict[str, object]]"
NONSENSE: dict[str, Any] = {
    "a text": "nonsense",
    "an empty text": "",
    "a fraction": 1.7,
    "a negative number": -1,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "an empty list": [],
    "an empty table": {},
    "bytes": b"x",
    "an object": object(),
    "an array": np.zeros(2),
    "a list of texts": ["x"],
    "a list of None": [None],
    "a table": {"x": 1},
    "a huge number": 2**70,
    "True": True,
    "None": None,
}
FINE: dict[str, set[str]] = {
    "observe_goal": {"True"},
    "decoy": {"True"},
    "assist": {"True"},
    "resample": {"True"},
    "render_mode": {"None"},
    "camera": {"None"},
    "threads": {"a huge number"},  # at most one for each row is used
    "decoder": {"None"},
    "decoder_facts": {"None", "an empty table"},
    "reading": {"None"},
    "level": {"None"},
    "subjects": {"None"},
    "ocular": {"None"},
    "skip_cue": {"None"},
    "perturbations": {"an empty list"},
    "data_root": {"None"},  # the default source reads no files
    "operator": {"None", "an empty table"},
    "adaptation": {"None"},
    "discount": {"None"},
    "env_id": {"None"},
    "max_episode_steps": {"None", "a huge number"},
}
"""What an option may be given: those values have a meaning."""


def keywords(*functions: Callable[..., Any]) -> list[str]:
    return [
        name
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]


SINGLE = ["env_id", *keywords(NeuroEnv.__init__, assemble, *(task_class(name).from_level for name in TASKS))]
OF_BOTH = set(keywords(NeuroEnv.__init__)) - {"threads", "render_mode"}
BATCH = ["num_envs", *(name for name in keywords(NeuroVectorEnv.__init__) if name not in OF_BOTH)]


@cache
def decoder() -> Any:
    return load_decoder("emg_armband")


def faults(make: Callable[[Any], Any], fine: set[str]) -> list[str]:
    """What was taken, or raised another error."""
    found = []
    for name, value in NONSENSE.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = make(value)
        except NeuroMotionError as error:
            if name in fine and name != "True":
                found.append(f"{name} is refused: {error}")
        except Exception as error:  # noqa: BLE001 -- any other error is the fault that is looked for
            found.append(f"{name}: {type(error).__name__}: {error}")
        else:
            if hasattr(made, "close"):
                made.close()
            if name not in fine:
                found.append(f"{name} is taken")
    return found


@pytest.mark.parametrize("option", SINGLE)
def test_an_option_of_an_environment(option: str) -> None:
    known = {} if option == "decoder" else {"decoder": decoder()}
    assert not faults(lambda value: NeuroEnv(**{**known, "level": "easy", option: value}), FINE.get(option, set()))


@pytest.mark.parametrize("option", BATCH)
def test_an_option_of_a_batch(option: str) -> None:
    fine = FINE.get(option, set()) | ({"None"} if option == "threads" else set())
    assert not faults(lambda value: NeuroVectorEnv(**{"decoder": decoder(), "level": "easy", option: value}), fine)


@pytest.mark.parametrize("option", ["level", "threads", "wrong_selection", "camera"])
def test_gymnasium_hands_the_error_on(option: str) -> None:
    for make in (gym.make, lambda *given, **options: gym.make_vec(*given, 2, **options)):
        with pytest.raises(NeuroMotionError, match=option if option != "level" else "easy"):
            make("NeuroArm-v0", **{"decoder": decoder(), option: "nonsense"})


def test_a_batch_has_no_window() -> None:
    with pytest.raises(NeuroMotionError, match="rgb_array, overlay or None, not 'human'"):
        gym.make_vec("NeuroArm-v0", 2, render_mode="human")


ASKED = {
    "seed": {"None", "a huge number"},
    "options": {"None", "an empty table"},
    "session": {"None"},
    "goal": {"None"},
    "reset_mask": set(),
}


@pytest.mark.parametrize(
    ("option", "batch"), [(name, batch) for name in ASKED for batch in (False, True) if batch or name != "reset_mask"]
)
def test_an_option_of_a_reset(option: str, batch: bool, options: Options) -> None:
    env = NeuroVectorEnv(num_envs=3, **options()) if batch else NeuroEnv(**options())

    def reset(value: Any) -> None:
        env.reset(**({option: value} if option in ("seed", "options") else {"options": {option: value}}))

    assert not faults(reset, ASKED[option])


def test_a_huge_seed_is_a_seed(options: Options) -> None:
    for env in (NeuroEnv(**options()), NeuroVectorEnv(num_envs=2, **options())):
        one, _ = env.reset(seed=2**70)
        other, _ = env.reset(seed=np.int64(7))
        again, _ = env.reset(seed=7)
        assert (one != other).any()
        assert (other == again).all()


@pytest.mark.parametrize("seed", [[1, 2], [1, 2, 3.5], [1, "a", 2], [1, -2, 3], "abc", [[1], [2], [3]], {1, 2, 3}])
def test_seeds_of_rows_are_checked(options: Options, seed: Any) -> None:
    env = NeuroVectorEnv(num_envs=3, **options())
    with pytest.raises(NeuroMotionError, match="seed"):
        env.reset(seed=seed)
    env.reset(seed=[1, None, 3])


def test_a_refused_reset_changes_nothing(options: Options) -> None:
    env, twin = NeuroEnv(**options()), NeuroEnv(**options())
    for one in (env, twin):
        one.reset(seed=0)
        one.step(np.ones(1, np.float32))
    for wrong in ({"seed": 3, "options": {"goal": [2.0]}}, {"seed": "a"}, {"options": {"nonsense": 1}}):
        with pytest.raises(NeuroMotionError):
            env.reset(**wrong)
    assert (env.step(np.ones(1, np.float32))[0] == twin.step(np.ones(1, np.float32))[0]).all()
    assert (env.reset()[0] == twin.reset()[0]).all()


@pytest.mark.parametrize("action", ["right", None, [[1, 2], [3]], {}, np.array(["a"])])
def test_actions_that_are_no_numbers_are_refused(options: Options, action: Any) -> None:
    env = NeuroEnv(**options())
    env.reset(seed=0)
    with pytest.raises(NeuroMotionError, match="action"):
        env.step(action)


@pytest.mark.parametrize("channels", [3, None, "emg_1", ["nobody"], {"emg_1": 1}])
def test_options_of_a_perturbation_are_checked(channels: Any) -> None:
    with pytest.raises(NeuroMotionError, match="hannels"):
        NeuroEnv(decoder=decoder(), perturbations=[{"name": "lost_channels", "options": {"channels": channels}}])
