"""What holds for every environment, asked by the library's own checks; and that each of them can fail.

The cases come from the registry: every id with its default decoder on every level, and with oracles of all others.
`tests/decoders/test_every_decoder.py` lets every decoder drive a limb.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.envs import NeuroEnv, checks
from neuromotion_gym.envs import interface_checks as interface
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.stream import Stream
from neuromotion_gym.envs.vector_env import NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import environments_for
from neuromotion_gym.limbs import Limb
from neuromotion_gym.registration import ENVIRONMENTS, environment
from neuromotion_gym.tasks.box_and_blocks import BoxAndBlocksTask
from neuromotion_gym.tasks.posture import PostureTask

from .conftest import make_decoder, noise_source

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = sorted(ENVIRONMENTS)
MANY_BODIES = 60
"""From this many degrees of freedom of the physics on, a step costs several times as much as that of a limb alone."""


def is_costly(env_id: str) -> bool:
    row = environment(env_id)
    return bool(Limb.load(row.limb, row.scene).model.nv >= MANY_BODIES)


COSTLY = [env_id for env_id in IDS if is_costly(env_id)]
"""Ids with fewer steps here; `benchmarks/bounds.py` plays whole episodes on all their levels."""
RANKED = [(env_id, checks.levels(env_id)[0]) for env_id in IDS if env_id not in COSTLY]
"""Ids on their easiest level; that rewards rank as success does there says so of the same terms on the others."""


def differing() -> list[tuple[str, str]]:
    """Decoders with every id that takes them, one of those with the same labels and times; without defaults.

    An oracle depends on nothing else of a decoder. `benchmarks/bounds.py` measures all of them on all levels.
    """
    found: dict[tuple[object, ...], tuple[str, str]] = {}
    specs = {name: load_decoder(name).spec for name in list_decoders()}
    for env_id in IDS:
        default = environment(env_id).decoder
        for name, spec in sorted(specs.items(), key=lambda each: each[0] != default):
            if spec.classifies and env_id in environments_for(spec.labels):
                times = spec.pacing, spec.epoch_s, spec.window_s, spec.hop_s
                found.setdefault((env_id, frozenset(spec.labels), times), (env_id, name))
    return [(env_id, name) for env_id, name in found.values() if name != environment(env_id).decoder]


def name_of(check: Any) -> str:
    return getattr(check, "__name__", None) or "_".join([check.func.__name__, *check.keywords.values()])


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("check", interface.INTERFACE, ids=name_of)
def test_an_environment_passes(check: Callable[..., None], env_id: str) -> None:
    few: dict[str, int] = {}
    if check is interface.check_extremes:  # `checks.check_environment` plays 10,000
        few = {"steps": 500 if env_id in COSTLY else 3000}
    check(env_id, **few)


@pytest.mark.parametrize("env_id", IDS)
def test_a_drive_says_of_many_labels_at_once_what_it_says_of_each_alone(env_id: str) -> None:
    env = NeuroVectorEnv(env_id, 3)
    env.reset(seed=0)
    drive = env.loop.parts.drive
    for step in range(10):
        env.loop.step(np.random.default_rng(step).uniform(-1, 1, (3, drive.action_size)))
    sensors = env.loop.physics.sensors
    labels = np.arange(len(env.loop.layout.intents.labels))
    together = drive.effect(np.tile(labels[:, None], (1, 3)), sensors)
    alone = np.stack([drive.effect(np.full(3, label), sensors) for label in labels])
    env.close()
    assert together.any()
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("env_id", COSTLY)
def test_the_oracle_of_a_costly_environment_succeeds(env_id: str) -> None:
    level = checks.levels(env_id)[0]
    oracle = checks.check_oracle(env_id, 2, level=level)
    assert oracle.only(oracle.right).returns(1.0).min() >= 0.8


@pytest.mark.parametrize(("env_id", "level"), [*RANKED, (IDS[0], checks.levels(IDS[0])[-1])])
def test_the_reward_ranks_policies_as_success_does(env_id: str, level: str) -> None:
    checks.check_policies(env_id, level=level)


@pytest.mark.parametrize(("env_id", "name"), differing())
def test_the_oracle_of_every_decoder_succeeds_on_the_hardest_level_and_a_slow_one_on_the_easiest(
    env_id: str, name: str
) -> None:
    costly = env_id in COSTLY
    few = costly or load_decoder(name).spec.pacing == "trial"  # whole trials: episodes of minutes
    checks.check_oracle(env_id, 2 if few else 20, decoder=name, level=checks.levels(env_id)[0 if few else -1])


def test_the_decoder_earns_more_than_standing_still_where_it_succeeds_more_often_than_not() -> None:
    oracle = checks.check_oracle(IDS[0], 12, level="easy")  # the decoder may be as good
    driven = checks.play(IDS[0], checks.follow, 12, level="easy")
    assert driven.right.mean() > 0.5
    still = checks.play(IDS[0], checks.stand_still, 4, decoder=f"oracle:{environment(IDS[0]).decoder}", level="easy")
    checks.check_ranking({"the decoder": driven, "standing still": still}, oracle)


def noise(**changes: Any) -> dict[str, Any]:
    decoder = make_decoder()
    return {"decoder": decoder, "source": noise_source(decoder.spec), "level": "easy", **changes}


@pytest.mark.parametrize(
    "check",
    [
        interface.check_spaces,
        interface.check_seeds,
        interface.check_memory,
        interface.check_threads,
        *(partial(interface.check_rows, mode=mode) for mode in ("NextStep", "SameStep")),
        interface.check_goal_is_hidden,
        interface.check_copies,
        interface.check_info,
    ],
    ids=name_of,
)
def test_raw_signals_of_a_source_of_one_s_own_pass(check: Callable[..., None]) -> None:
    check(IDS[0], **noise(observe="signal"))


# -- each check can fail --------------------------------------------------------------------------------------------


def test_a_goal_in_the_observation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def leaking(loop: ClosedLoop) -> np.ndarray:
        seen = inner(loop)
        seen[:, 0] += 0.001 * loop.goal[:, 0]
        return seen

    monkeypatch.setattr(ClosedLoop, "observation", leaking)
    with pytest.raises(NeuroMotionError, match="depends on the goal"):
        interface.check_goal_is_hidden(IDS[0], **noise())


def test_a_goal_that_shows_only_late_in_an_episode_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def leaking(loop: ClosedLoop) -> np.ndarray:
        seen = inner(loop)
        seen[:, 0] += 0.001 * loop.goal[:, 0] * (loop.info_of(0)["time"] > 3)
        return seen

    monkeypatch.setattr(ClosedLoop, "observation", leaking)
    with pytest.raises(NeuroMotionError, match="depends on the goal"):
        interface.check_goal_is_hidden(IDS[0], **noise())


def test_an_observation_that_is_not_copied_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = np.zeros((1, 5), np.float32)
    inner = ClosedLoop.observation

    def reused(loop: ClosedLoop) -> np.ndarray:
        kept[:] = inner(loop)
        return kept

    monkeypatch.setattr(ClosedLoop, "observation", reused)
    with pytest.raises(NeuroMotionError, match="after it was handed out"):
        interface.check_memory(IDS[0], **noise())


def test_a_source_of_random_numbers_outside_the_seed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, rng = ClosedLoop.observation, np.random.default_rng()
    monkeypatch.setattr(ClosedLoop, "observation", lambda loop: inner(loop) + rng.uniform(0, 1e-3, 5).astype("f4"))
    with pytest.raises(NeuroMotionError, match="another trajectory"):
        interface.check_seeds(IDS[0], **noise())
    with pytest.raises(NeuroMotionError, match="differs from a single environment"):
        interface.check_rows(IDS[0], **noise())


def test_an_observation_outside_its_space_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation
    monkeypatch.setattr(ClosedLoop, "observation", lambda loop: inner(loop) - 3)
    with pytest.raises(NeuroMotionError, match="stated space"):
        interface.check_spaces(IDS[0], **noise())


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
    monkeypatch.setattr("neuromotion_gym.tasks.holding.TIME_COST", 0.0)
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
        interface.check_seeds(IDS[0], **noise())


def test_later_goals_that_are_always_the_same_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = BoxAndBlocksTask.reset

    def fixed(task: BoxAndBlocksTask, rows: np.ndarray, generators: Any, goals: Any = None) -> np.ndarray:
        return inner(task, rows, generators, np.ones((len(rows), 1)))

    monkeypatch.setattr(BoxAndBlocksTask, "reset", fixed)
    with pytest.raises(NeuroMotionError, match="eight resets have the same goal"):
        interface.check_seeds("NeuroGrasp-v0", steps=1)


def test_goals_on_other_axes_are_other_goals() -> None:
    interface.check_seeds(IDS[0], level="easy")


def test_a_goal_in_one_part_of_a_dictionary_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def leaking(loop: ClosedLoop) -> dict[str, np.ndarray]:
        seen = inner(loop)
        seen["limb"][:, 0] += 0.001 * loop.goal[:, 0]
        return seen

    monkeypatch.setattr(ClosedLoop, "observation", leaking)
    with pytest.raises(NeuroMotionError, match="depends on the goal"):
        interface.check_goal_is_hidden(IDS[0], **noise(observe="signal"))


@pytest.mark.parametrize(("difference", "found"), [(0.9e-6, False), (1.2e-6, True)])
def test_rows_may_differ_by_rounding_alone(difference: float, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def rounded(loop: ClosedLoop) -> np.ndarray:
        return inner(loop).astype(float) + (difference if loop.num_rows > 1 else 0)

    monkeypatch.setattr(ClosedLoop, "observation", rounded)
    if not found:
        interface.check_rows(IDS[0], steps=5, **noise())
        return
    with pytest.raises(NeuroMotionError, match="its observation"):
        interface.check_rows(IDS[0], steps=5, **noise())


@pytest.mark.parametrize("way", ["blind", "decoy"])
def test_a_goal_that_one_bound_alone_shows_is_found(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation

    def leaking(loop: ClosedLoop) -> np.ndarray:
        seen = inner(loop)
        about = loop.about()
        if about["bound"] == way or about["decoy"] is (way == "decoy") is True:
            seen[:, 0] += 0.001 * loop.goal[:, 0]
        return seen

    monkeypatch.setattr(ClosedLoop, "observation", leaking)
    with pytest.raises(NeuroMotionError, match=f"under '{way}' an observation depends on the goal"):
        interface.check_goal_is_hidden(IDS[0], **noise())


def test_a_last_observation_that_is_the_next_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from neuromotion_gym.envs import vector_env

    inner = vector_env.observations_of
    monkeypatch.setattr(vector_env, "observations_of", lambda seen, rows: inner(np.zeros_like(seen), rows))
    with pytest.raises(NeuroMotionError, match=r"SameStep\): its last observation"):
        interface.check_rows(IDS[0], limit=10, mode="SameStep", **noise())


def test_a_next_episode_that_keeps_a_reward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = NeuroVectorEnv.step

    def paid(env: NeuroVectorEnv, actions: np.ndarray) -> Any:
        ended = env._ended.copy()
        seen, reward, *rest = inner(env, actions)
        return seen, reward + ended, *rest

    monkeypatch.setattr(NeuroVectorEnv, "step", paid)
    with pytest.raises(NeuroMotionError, match=r"step 11 \(NextStep\): its reward or end"):
        interface.check_rows(IDS[0], limit=10, **noise())


def test_a_batch_that_depends_on_its_threads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation
    shift = 1e-4
    monkeypatch.setattr(
        ClosedLoop, "observation", lambda loop: inner(loop) + np.float32(shift * (loop._aside is not None))
    )
    with pytest.raises(NeuroMotionError, match="two threads give another trajectory"):
        interface.check_threads(IDS[0], **noise())


def test_what_a_checker_finds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = ClosedLoop.observation
    monkeypatch.setattr(ClosedLoop, "observation", lambda loop: inner(loop).astype(float))
    with pytest.raises(NeuroMotionError, match="Gymnasium's checker says"):
        interface.check_checkers(IDS[0], **noise())


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (
            lambda loop, result: setattr(loop, "_motion", (np.full_like(loop._motion[0], np.nan), loop._motion[1])),
            "outside its space",
        ),
        (lambda loop, result: result.reward.__setitem__(0, np.inf), "a reward is not finite"),
        (lambda loop, result: setattr(loop, "unstable", np.ones(loop.num_rows, bool)), "physics became unstable"),
    ],
)
def test_numbers_that_are_none_are_found(
    spoil: Callable[..., None], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = ClosedLoop.step

    def spoilt(loop: ClosedLoop, *args: Any) -> Any:
        result = inner(loop, *args)
        if loop.steps[0] == 20:
            spoil(loop, result)
        return result

    monkeypatch.setattr(ClosedLoop, "step", spoilt)
    with pytest.raises(NeuroMotionError, match=fault):
        interface.check_extremes(IDS[0], 100, 4, **noise())


def test_a_copy_that_shares_a_counter_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    inner, shared = ClosedLoop.observation, [0]

    def counting(loop: ClosedLoop) -> np.ndarray:
        shared[0] += 1
        return inner(loop) + np.float32(1e-4 * shared[0])

    monkeypatch.setattr(ClosedLoop, "observation", counting)
    with pytest.raises(NeuroMotionError, match="a copy has another future"):
        interface.check_copies(IDS[0], **noise())


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        (lambda step, limit: (False, step > limit), "goes on after its time limit"),
        (lambda step, limit: (step == limit, step == limit), "both terminated and truncated"),
        (lambda step, limit: (False, step == limit - 1), "truncated after"),
    ],
)
def test_an_end_at_another_time_or_of_two_kinds_is_found(
    end: Callable[[int, int], tuple[bool, bool]], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = NeuroEnv.step

    def ending(env: NeuroEnv, action: np.ndarray) -> Any:
        seen, reward, _, _, info = inner(env, action)
        return seen, reward, *end(int(env.loop.steps[0]), env.loop.max_steps), info

    monkeypatch.setattr(NeuroEnv, "step", ending)
    with pytest.raises(NeuroMotionError, match=fault):
        interface.check_end(IDS[0], **noise())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda info: info.pop("trials"), "the keys of a reset's info are"),
        (lambda info: info.update(step=1), "step"),
        (lambda info: info.update(time=np.zeros(1)), "not plain: time"),
    ],
)
def test_an_info_of_another_shape_is_found(
    change: Callable[[dict[str, Any]], None], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = ClosedLoop.info_of

    def changed(loop: ClosedLoop, row: int) -> dict[str, Any]:
        info = inner(loop, row)
        change(info)
        return info

    monkeypatch.setattr(ClosedLoop, "info_of", changed)
    with pytest.raises(NeuroMotionError, match=fault):
        interface.check_info(IDS[0], **noise())


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (np.zeros((240, 288, 3), np.uint8), "is empty"),
        (np.zeros((288, 240, 3), np.uint8), r"has shape \(288, 240, 3\)"),
        (np.ones((240, 288, 3)), "has type float64"),
    ],
)
def test_a_picture_of_nothing_is_found(frame: np.ndarray, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuromotion_gym.rendering.why_not", lambda: None)
    monkeypatch.setattr(NeuroEnv, "render", lambda _: frame)
    with pytest.raises(NeuroMotionError, match=fault):
        interface.check_pictures(IDS[0], **noise())


def test_an_environment_that_goes_on_after_it_was_closed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClosedLoop, "close", lambda _: None)
    with pytest.raises(NeuroMotionError, match="can be reset after it was closed"):
        interface.check_closed(IDS[0], **noise())
