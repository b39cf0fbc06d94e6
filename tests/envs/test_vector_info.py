"""Infos of a batch are those that Gymnasium's own batches have: arrays, each with a mask of its rows."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

import neuromotion_gym  # noqa: F401 -- registers the environments
from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv

Options = "Callable[..., dict[str, object]]"


def test_every_entry_of_a_reset_has_its_mask(options: Options) -> None:
    env = NeuroVectorEnv(num_envs=3, **options())
    _, info = env.reset(seed=0)
    names = {name for name in info if not name.startswith("_")}
    assert {f"_{name}" for name in names} == {name for name in info if name.startswith("_")}
    for name in names:
        assert len(info[name]) == 3
        assert info[f"_{name}"].dtype == bool
        assert info[f"_{name}"].all()
    assert [about["level"] for about in info["about"]] == ["easy"] * 3
    assert info["is_success"].dtype == bool


def test_masks_of_a_partial_reset_are_those_of_its_rows(options: Options) -> None:
    env = NeuroVectorEnv(num_envs=3, autoreset_mode="Disabled", **options())
    env.reset(seed=0)
    mask = np.array([False, True, False])
    _, info = env.reset(options={"reset_mask": mask})
    for name, values in info.items():
        if name.startswith("_"):
            np.testing.assert_array_equal(values, mask)


def test_a_list_of_infos_has_what_single_environments_tell(options: Options) -> None:
    batch = wrappers.DictInfoToList(NeuroVectorEnv(num_envs=2, **options()))
    single = NeuroEnv(**options())
    _, infos = batch.reset(seed=4)
    for row in range(2):
        _, info = single.reset(seed=4 + row)
        info.pop("trials")
        assert infos[row].keys() == info.keys()
        assert infos[row].pop("about") == info.pop("about")
        for name, value in info.items():
            np.testing.assert_array_equal(infos[row][name], value)
    *_, infos = batch.step(np.zeros((2, 1), np.float32))
    assert [info["time"] for info in infos] == [0.05, 0.05]


@pytest.mark.parametrize("observe", ["posterior", "signal"])
def test_the_end_of_an_episode_is_told_as_gymnasium_tells_it(options: Options, observe: str) -> None:
    made = options(observe=observe)
    env = NeuroVectorEnv(num_envs=2, autoreset_mode="SameStep", max_episode_steps=3, **made)
    env.reset(seed=0)
    for _ in range(2):
        *_, info = env.step(np.zeros((2, 1), np.float32))
        assert "final_obs" not in info
    *_, truncated, info = env.step(np.zeros((2, 1), np.float32))
    assert truncated.all()
    assert info["final_obs"].dtype == object
    for last in info["final_obs"]:
        assert env.single_observation_space.contains(last)
    assert info["final_info"]["time"].tolist() == pytest.approx([0.15, 0.15])
    assert set(info["final_info"]["subject"]) <= {"P0", "P1"}
    assert info["time"].tolist() == [0, 0]
    (row, _) = wrappers.DictInfoToList(env)._convert_info_to_list(info)
    assert row["final_info"]["time"] == pytest.approx(0.15)


def test_rows_that_go_on_have_no_last_observation(options: Options) -> None:
    env = NeuroVectorEnv(num_envs=2, autoreset_mode="SameStep", **options(level="hard"))
    env.reset(seed=0)
    env.reset(options={"reset_mask": np.array([True, False])})
    while True:
        *_, terminated, truncated, info = env.step(np.ones((2, 1), np.float32))
        ended = terminated | truncated
        if ended.any():
            break
    for row in range(2):
        assert (info["final_obs"][row] is None) == (not ended[row])
    np.testing.assert_array_equal(info["final_info"]["_time"], ended)


def test_infos_in_the_same_step_are_numbers_that_tensors_can_hold(options: Options) -> None:
    env = NeuroVectorEnv(num_envs=2, autoreset_mode="SameStep", **options())
    _, info = env.reset(seed=0)
    *_, after = env.step(np.zeros((2, 1), np.float32))
    assert info.keys() == after.keys()
    assert {values.dtype.kind for values in after.values()} <= set("biuf")
    assert {"is_success", "wrong_selection", "goal", "time"} <= after.keys()


def test_wrappers_of_gymnasium_count_episodes(options: Options) -> None:
    env = wrappers.RecordEpisodeStatistics(NeuroVectorEnv(num_envs=2, max_episode_steps=4, **options()))
    env.reset(seed=0)
    for _ in range(4):
        *_, info = env.step(np.zeros((2, 1), np.float32))
    assert info["episode"]["l"].tolist() == [4, 4]
    assert list(env.length_queue) == [4, 4]


def test_single_infos_are_plain_values_that_gymnasium_can_stack(options: Options) -> None:
    """An `np.bool_` would become an array of objects in a batch of Gymnasium's."""
    env = NeuroEnv(**options(observe_goal=np.bool_(False)))
    _, info = env.reset(seed=0)
    kinds = {bool, int, float, str, dict, np.ndarray}
    assert {type(value) for value in info.values()} <= kinds
    assert type(info["about"]["observe_goal"]) is bool
    *_, info = env.step(np.zeros(1, np.float32))
    assert {type(value) for value in info.values()} <= kinds
    env.close()
    made = [lambda: NeuroEnv(**options())] * 2
    batch = SyncVectorEnv(made)
    _, info = batch.reset(seed=0)
    assert info["is_success"].dtype == bool
    *_, info = batch.step(np.zeros((2, 1), np.float32))
    assert info["is_success"].dtype == info["wrong_selection"].dtype == bool
    assert info["goal"].shape == (2, 1)


def test_single_environments_in_processes_of_their_own() -> None:
    env = gym.make_vec("NeuroArm-v0", 1, vectorization_mode="async", level="easy", vector_kwargs={"context": "spawn"})
    try:
        observation, _ = env.reset(seed=3)
        single, _ = gym.make("NeuroArm-v0", level="easy").reset(seed=3)
        np.testing.assert_array_equal(observation[0], single)
        *_, info = env.step(np.zeros((1, 3), np.float32))
        assert info["time"].tolist() == [0.05]
    finally:
        env.close()
