"""What holds for every environment, asked by the library's own checks; and that each of them can fail.

The cases come from the registry: every id with its default decoder on every level, and every other decoder that ships
with an id whose limb can express its labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import checks
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.stream import Stream
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import intent_table
from neuromotion_gym.registration import ENVIRONMENTS, environment
from neuromotion_gym.tasks.posture import PostureTask

from .conftest import make_decoder, noise_source

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = sorted(ENVIRONMENTS)
LEVELS = [(env_id, level) for env_id in IDS for level in checks.levels(env_id)]


def fitting() -> list[tuple[str, str]]:
    """Every decoder that is no environment's default, with the first id whose limb can express its labels."""
    found = []
    for name in list_decoders():
        labels = set(load_decoder(name).spec.labels)
        ids = [env_id for env_id in IDS if labels <= set(intent_table(environment(env_id).limb))]
        if ids and all(environment(env_id).decoder != name for env_id in IDS):
            found.append((ids[0], name))
    return found


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize(
    "check",
    [checks.check_spaces, checks.check_seeds, checks.check_memory, checks.check_rows, checks.check_goal_is_hidden],
    ids=lambda check: check.__name__,
)
def test_an_environment_passes(check: Callable[..., None], env_id: str) -> None:
    check(env_id)


@pytest.mark.parametrize(("env_id", "level"), LEVELS)
def test_the_reward_ranks_policies_as_success_does(env_id: str, level: str) -> None:
    checks.check_policies(env_id, level=level)


@pytest.mark.parametrize(("env_id", "name"), fitting())
def test_the_oracle_of_every_decoder_succeeds_on_the_hardest_level(env_id: str, name: str) -> None:
    checks.check_oracle(env_id, decoder=name, level=checks.levels(env_id)[-1])


@pytest.mark.parametrize(("env_id", "name"), fitting())
def test_every_decoder_drives_a_limb(env_id: str, name: str) -> None:
    checks.check_spaces(env_id, steps=5, decoder=name)


def test_every_shipped_decoder_fits_an_environment() -> None:
    defaults = {environment(env_id).decoder for env_id in IDS}
    assert {name for _, name in fitting()} | defaults == set(list_decoders())


def test_the_decoder_earns_more_than_standing_still_where_it_succeeds_more_often_than_not() -> None:
    oracle = checks.check_oracle(IDS[0], 12, level="easy")  # the decoder may be as good
    driven = checks.play(IDS[0], checks.follow, 12, level="easy")
    assert driven.right.mean() > 0.5
    still = checks.play(IDS[0], checks.stand_still, 4, decoder=f"oracle:{environment(IDS[0]).decoder}", level="easy")
    checks.check_ranking({"the decoder": driven, "standing still": still}, oracle)


def noise(**changes: Any) -> dict[str, Any]:
    decoder = make_decoder()
    return {"decoder": decoder, "source": noise_source(decoder.spec), "level": "easy", **changes}


@pytest.mark.parametrize("observe", ["posterior", "signal"])
def test_a_decoder_and_a_source_of_one_s_own_pass(observe: str) -> None:
    for check in (checks.check_spaces, checks.check_seeds, checks.check_memory, checks.check_rows):
        check(IDS[0], **noise(observe=observe))
    checks.check_goal_is_hidden(IDS[0], **noise(observe=observe))


# -- each check can fail --------------------------------------------------------------------------------------------


def test_a_goal_in_the_observation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def leaking(loop: ClosedLoop) -> np.ndarray:
        seen = inner(loop)
        seen[:, 0] += 0.001 * loop.goal[:, 0]
        return seen

    monkeypatch.setattr(ClosedLoop, "observation", leaking)
    with pytest.raises(NeuroMotionError, match="depends on the goal"):
        checks.check_goal_is_hidden(IDS[0], **noise())


def test_an_observation_that_is_not_copied_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = np.zeros((1, 5), np.float32)
    inner = ClosedLoop.observation

    def reused(loop: ClosedLoop) -> np.ndarray:
        kept[:] = inner(loop)
        return kept

    monkeypatch.setattr(ClosedLoop, "observation", reused)
    with pytest.raises(NeuroMotionError, match="after it was handed out"):
        checks.check_memory(IDS[0], **noise())


def test_a_source_of_random_numbers_outside_the_seed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, rng = ClosedLoop.observation, np.random.default_rng()
    monkeypatch.setattr(ClosedLoop, "observation", lambda loop: inner(loop) + rng.uniform(0, 1e-3, 5).astype("f4"))
    with pytest.raises(NeuroMotionError, match="another trajectory"):
        checks.check_seeds(IDS[0], **noise())
    with pytest.raises(NeuroMotionError, match="differs from a single environment"):
        checks.check_rows(IDS[0], **noise())


def test_an_observation_outside_its_space_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation
    monkeypatch.setattr(ClosedLoop, "observation", lambda loop: inner(loop) - 3)
    with pytest.raises(NeuroMotionError, match="stated space"):
        checks.check_spaces(IDS[0], **noise())


def test_wrong_selections_that_cost_nothing_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = PostureTask.step

    def free(task: PostureTask, sensors: np.ndarray) -> Any:
        outcome = inner(task, sensors)
        outcome.reward[outcome.wrong] += 1
        return outcome

    monkeypatch.setattr(PostureTask, "step", free)
    with pytest.raises(NeuroMotionError, match="a wrong selection earns"):
        checks.check_policies(IDS[0], **noise(level="hard"))


def test_time_that_costs_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuromotion_gym.tasks.posture.TIME_COST", 0.0)
    with pytest.raises(NeuroMotionError, match="standing still earns"):
        checks.check_policies(IDS[0], 8, **noise())


def test_an_oracle_that_hears_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stream, "_decode", lambda *_: None)
    with pytest.raises(NeuroMotionError, match="the oracle succeeds in"):
        checks.check_oracle(IDS[0], 8, **noise())


def test_the_blind_sweep_holds_each_label_long_enough_to_select() -> None:
    env = NeuroVectorEnv(IDS[0], 2, **noise(level="hard"))
    layout = env.loop.layout
    actions = [checks.sweep_labels(env.loop, step) for step in range(2000)]
    env.close()
    assert all(action.shape == (2, env.loop.parts.drive.action_size) for action in actions)
    each = max(1.0, 2 * layout.dwell_s) / layout.control_s
    for step in (0, 1, 500, 1999):
        label = layout.intents.directions[int(step / each) % len(layout.intents.directions)]
        np.testing.assert_array_equal(actions[step], [label, label])
    changes = [step for step in range(1, 2000) if (actions[step] != actions[step - 1]).any()]
    assert np.diff(changes).min() >= 2 * layout.dwell_s / layout.control_s - 1
    assert {tuple(action[0]) for action in actions} == set(map(tuple, layout.intents.directions))


def noise_of(level: str) -> dict[str, Any]:
    return {"source": noise_source(make_decoder().spec), "level": level}


def test_what_a_played_episode_earned_ends_with_it() -> None:
    oracle = checks.play(IDS[0], checks.follow, 6, decoder=BoundDecoder("oracle", make_decoder()), **noise_of("easy"))
    assert oracle.right.all()
    assert not oracle.wrong.any()
    lured = checks.play(
        IDS[0], checks.follow, 12, decoder=BoundDecoder("oracle", make_decoder()), decoy=True, **noise_of("easy")
    )
    assert lured.wrong.any()
    assert lured.right.any()
    assert (lured.right ^ lured.wrong).all()
    assert (lured.rewards.sum(axis=0)[lured.wrong] < -1).all()
    assert len(np.unique(oracle.steps)) > 1
    for row, steps in enumerate(oracle.steps):
        assert (oracle.rewards[steps:, row] == 0).all()
        assert oracle.rewards[steps - 1, row] > 0.9  # the selection
        assert oracle.returns(1.0)[row] == pytest.approx(oracle.rewards[:, row].sum())
    assert oracle.returns(0.5)[0] == pytest.approx(oracle.rewards[:40, 0] @ 0.5 ** np.arange(40), abs=1e-9)
    half = oracle.only(oracle.steps > np.median(oracle.steps))
    assert half.returns(1.0) == pytest.approx(oracle.returns(1.0)[oracle.steps > np.median(oracle.steps)])


def test_policies_that_earn_the_same_are_not_ranked() -> None:
    still = checks.play(IDS[0], checks.stand_still, 2, **noise(level="easy"))
    with pytest.raises(NeuroMotionError, match="at discount"):
        checks.check_ranking({"one": still, "the other": still}, still)


def test_goals_that_are_always_the_same_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = PostureTask.reset

    def fixed(task: PostureTask, rows: np.ndarray, generators: Any, goals: Any = None) -> np.ndarray:
        return inner(task, rows, generators, np.full((len(rows), len(task.axes)), 0.6))

    monkeypatch.setattr(PostureTask, "reset", fixed)
    with pytest.raises(NeuroMotionError, match="eight resets have the same goal"):
        checks.check_seeds(IDS[0], **noise())


def test_goals_on_other_axes_are_other_goals() -> None:
    checks.check_seeds(IDS[0], level="easy")


def test_a_goal_in_one_part_of_a_dictionary_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def leaking(loop: ClosedLoop) -> dict[str, np.ndarray]:
        seen = inner(loop)
        seen["limb"][:, 0] += 0.001 * loop.goal[:, 0]
        return seen

    monkeypatch.setattr(ClosedLoop, "observation", leaking)
    with pytest.raises(NeuroMotionError, match="depends on the goal"):
        checks.check_goal_is_hidden(IDS[0], **noise(observe="signal"))


@pytest.mark.parametrize(("difference", "found"), [(0.9e-6, False), (1.2e-6, True)])
def test_rows_may_differ_by_rounding_alone(difference: float, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def rounded(loop: ClosedLoop) -> np.ndarray:
        return inner(loop).astype(float) + (difference if loop.num_rows > 1 else 0)

    monkeypatch.setattr(ClosedLoop, "observation", rounded)
    if not found:
        checks.check_rows(IDS[0], steps=5, **noise())
        return
    with pytest.raises(NeuroMotionError, match="its observation"):
        checks.check_rows(IDS[0], steps=5, **noise())
