"""Laws of the loop: what may depend on the goal, and that a row does not depend on the rest of its batch."""

from __future__ import annotations

import gc
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from neuromotion_gym.controllers import make_controller
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.envs import NeuroEnv, NeuroVectorEnv
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.tasks.posture import LEVELS

from .conftest import SIX, THREE, make_decoder, noise_source

if TYPE_CHECKING:
    from pathlib import Path

Options = "Callable[..., dict[str, object]]"


def play(env: NeuroVectorEnv, controller: str, seed: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Play one episode in every row; return success and wrong selection of each."""
    policy = make_controller(controller, env.layout)
    observation, _ = env.reset(seed=seed)
    state, rows = None, env.num_envs
    success, wrong, ended = np.zeros(rows, bool), np.zeros(rows, bool), np.zeros(rows, bool)
    start = np.ones(rows, bool)
    while not ended.all():  # the time limit ends every episode
        action, state = policy.predict(observation, state, start)
        start = np.zeros(rows, bool)
        observation, _, terminated, truncated, info = env.step(action)
        success |= info["is_success"] & ~ended
        wrong |= info["wrong_selection"] & ~ended
        ended |= terminated | truncated
    return success, wrong


@pytest.mark.parametrize(("labels", "level"), [(SIX, LEVELS[-1]), (THREE[1:], LEVELS[0])], ids=["six", "two"])
def test_the_oracle_succeeds_without_a_label_that_rests(level: str, labels: tuple[str, ...]) -> None:
    bound = BoundDecoder("oracle", make_decoder(labels))
    env = NeuroVectorEnv(num_envs=40, decoder=bound, source=noise_source(bound.spec), level=level)
    success, _ = play(env, "argmax")
    assert success.mean() >= 0.93  # three standard errors below 0.97 for 40 episodes would be 0.89


@pytest.mark.parametrize(
    ("bound", "controller", "level"),
    [
        ("shuffled", "argmax", "easy"),
        ("shuffled", "bayes", "standard"),
        ("decoy", "argmax", "standard"),
        ("decoy", "bayes", "easy"),
        ("blind", "bayes", "easy"),
    ],
)
def test_no_controller_finds_a_goal_that_it_is_not_told(
    options: Options, bound: str, controller: str, level: str
) -> None:
    decoder = make_decoder()
    kind = {} if bound == "decoy" else {"decoder": BoundDecoder(bound, decoder)}
    env = NeuroVectorEnv(num_envs=48, **{**options(decoder, level=level, decoy=bound == "decoy"), **kind})
    success, _ = play(env, controller)
    chance = env.loop.parts.task.facts.chance
    assert success.mean() <= chance + 3 * np.sqrt(chance * (1 - chance) / 48)


def roll(env: NeuroEnv, goal: list[float], steps: int = 120, seed: int = 3) -> list[np.ndarray]:
    """Observations of a run whose actions are drawn beforehand."""
    rng = np.random.default_rng(0)
    observation, _ = env.reset(seed=seed, options={"goal": goal})
    seen = [observation]
    for _ in range(steps):
        seen.append(env.step(0.2 * rng.uniform(-1, 1, env.action_space.shape).astype(np.float32))[0])
    return seen


def test_under_shuffled_the_signal_is_the_same_whatever_the_goal(options: Options) -> None:
    decoder = make_decoder()
    build = {**options(decoder, level="hard"), "decoder": BoundDecoder("shuffled", decoder)}
    env = NeuroEnv(observe="signal", **build)
    one, other = roll(env, [0.5]), roll(env, [-0.8])
    for left, right in zip(one, other, strict=True):
        assert (left["signal"] == right["signal"]).all()
        assert (left["limb"] == right["limb"]).all()


def test_the_goal_reaches_the_agent_through_the_signal_alone(options: Options) -> None:
    decoder = make_decoder()
    env = NeuroEnv(**{**options(decoder, level="hard"), "decoder": BoundDecoder("shuffled", decoder)})
    for left, right in zip(roll(env, [0.5]), roll(env, [-0.8]), strict=True):
        assert (left == right).all()


def test_in_the_open_loop_labels_do_not_depend_on_the_limb(options: Options) -> None:
    decoder = make_decoder()
    asked: dict[str, list[list[str]]] = {}
    for kind in ("open_loop", "closed"):
        bound = {"decoder": BoundDecoder("open_loop", decoder)} if kind == "open_loop" else {}
        env = NeuroEnv(**{**options(decoder, level="hard"), **bound})
        for way in (1.0, -1.0):
            _, info = env.reset(seed=3)
            assert info["about"]["bound"] == ("open_loop" if bound else None)
            asked.setdefault(kind, []).append([env.step(np.full(1, way))[-1]["intent"] for _ in range(90)])
    assert asked["open_loop"][0] == asked["open_loop"][1]
    assert len(set(asked["open_loop"][0])) > 1
    assert asked["closed"][0] != asked["closed"][1]


def test_with_a_decoder_the_goal_changes_the_observations(options: Options) -> None:
    env = NeuroEnv(**options(level="hard"))
    assert any((left != right).any() for left, right in zip(roll(env, [0.5]), roll(env, [-0.8]), strict=True))


@pytest.mark.parametrize(("labels", "rate_hz"), [(THREE, 250.0), (SIX, 160.0)], ids=["three", "six"])
def test_a_row_of_a_batch_is_a_single_environment(labels: tuple[str, ...], rate_hz: float) -> None:
    decoder = make_decoder(labels, rate_hz)
    rows, steps = 3, 700
    batch = NeuroVectorEnv(num_envs=rows, decoder=decoder, source=noise_source(decoder.spec), level="easy", threads=2)
    singles = [NeuroEnv(decoder=decoder, source=noise_source(decoder.spec), level="easy") for _ in range(rows)]
    seen, _ = batch.reset(seed=11)
    for row, env in enumerate(singles):
        assert (env.reset(seed=11 + row)[0] == seen[row]).all()
    policy = make_controller("argmax", batch.layout)
    ended, episodes = np.zeros(rows, bool), 0
    for _ in range(steps):
        action, _ = policy.predict(seen, None)
        seen, reward, terminated, truncated, info = batch.step(action)
        for row, env in enumerate(singles):
            if ended[row]:
                assert (env.reset()[0] == seen[row]).all()
                assert reward[row] == 0
                continue
            alone, worth, done, cut, facts = env.step(action[row])
            assert np.abs(alone - seen[row]).max() <= 1e-6
            assert (worth, done, cut) == (reward[row], terminated[row], truncated[row])
            for key in ("is_success", "wrong_selection", "intent", "decoded", "time", "subject"):
                assert facts[key] == info[key][row]
            assert (facts["goal"] == info["goal"][row]).all()
        ended = terminated | truncated
        episodes += int(ended.sum())
    assert episodes >= rows


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.25])
def test_threads_do_not_change_a_bit(options: Options, delay_s: float) -> None:
    """With two threads signals are generated while the limbs move, unless the operator sees them at once."""
    results = []
    for threads in (1, 2):
        env = NeuroVectorEnv(num_envs=4, threads=threads, operator={"delay_s": delay_s}, **options())
        env.reset(seed=0)
        rng = np.random.default_rng(1)
        results.append([env.step(rng.uniform(-1, 1, (4, 1)))[0] for _ in range(90)])
    assert all((a == b).all() for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("threads", [1, 2])
def test_signals_are_generated_and_decoded_on_one_thread_of_blas(options: Options, threads: int) -> None:
    """More threads would compete with the physics, and sum in another order."""
    loaded = ThreadpoolController().select(user_api="blas").lib_controllers
    numpy_s = [library for library in loaded if "numpy" in library.filepath.lower()]
    if not numpy_s:
        pytest.skip("NumPy was built with a BLAS that threadpoolctl does not know")
    decoder, seen = make_decoder(), []
    predict = decoder.model.predict_proba

    def watched(windows: np.ndarray) -> np.ndarray:
        seen.append((numpy_s[0].get_num_threads(), threading.current_thread().name))
        return predict(windows)

    decoder.model.predict_proba = watched
    with threadpool_limits(2, user_api="blas"):
        env = NeuroVectorEnv(num_envs=4, threads=threads, **options(decoder))
        env.reset(seed=0)
        for _ in range(3):
            env.step(np.zeros((4, 1)))
    assert {count for count, _ in seen} == {1}
    assert {name for _, name in seen[1:]} == ({"signals"} if threads == 2 else {"MainThread"})


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_the_decoder_reaches_the_caller(options: Options, threads: int) -> None:
    decoder = make_decoder()
    env = NeuroVectorEnv(num_envs=4, threads=threads, **options(decoder))
    env.reset(seed=0)
    decoder.model.predict_proba = lambda windows: np.full((len(windows), 3), np.nan)
    with pytest.raises(NeuroMotionError, match="NaN"):
        env.step(np.zeros((4, 1)))


def test_unstable_physics_ends_the_episode_without_nan(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = NeuroEnv(**options())
    env.reset(seed=0)
    env.loop.physics.state[0, 1 + env.loop.parts.limb.model.nq :] = 1e9
    observation, reward, terminated, _, info = env.step(np.zeros(1, np.float32))
    assert terminated
    assert info["unstable"]
    assert not info["is_success"]
    assert np.isfinite(observation).all()
    assert np.isfinite(reward)
    assert np.isfinite(env.reset()[0]).all()
    assert not list(tmp_path.iterdir())  # MuJoCo wrote no log


def test_one_unstable_limb_does_not_change_the_others_of_its_batch(options: Options) -> None:
    env, sound = (NeuroVectorEnv(num_envs=3, threads=2, **options()) for _ in range(2))
    for each in (env, sound):
        each.reset(seed=0)
    env.loop.physics.state[1, 1 + env.loop.parts.limb.model.nq :] = 1e9
    observation, reward, terminated, _, info = env.step(np.zeros((3, 1)))
    expected = sound.step(np.zeros((3, 1)))
    assert terminated.tolist() == info["unstable"].tolist() == [False, True, False]
    assert not info["is_success"].any()
    assert np.isfinite(observation).all()
    assert np.isfinite(reward).all()
    np.testing.assert_array_equal(observation[[0, 2]], expected[0][[0, 2]])
    observation, *_ = env.step(np.zeros((3, 1)))  # begins anew
    assert np.isfinite(observation).all()
    assert env.loop.steps.tolist() == [2, 0, 2]


def test_a_deleted_loop_ends_its_thread(options: Options) -> None:
    before = set(threading.enumerate())
    env = NeuroVectorEnv(num_envs=2, threads=2, **options())
    env.reset(seed=0)
    env.step(np.zeros((2, 1)))
    (own,) = [thread for thread in threading.enumerate() if thread not in before and thread.name == "signals"]
    del env
    deadline = time.monotonic() + 10
    while own.is_alive() and time.monotonic() < deadline:
        gc.collect()
        own.join(0.05)
    assert not own.is_alive()


def test_a_loop_that_was_not_reset_has_no_outcome_yet(options: Options) -> None:
    env = NeuroVectorEnv(num_envs=3, **options())
    loop = env.loop
    for values in (loop.steps, loop.success, loop.wrong, loop.unstable, loop.over):
        assert values.shape == (3,)
        assert not values.any()
    assert loop.goal.shape == (3, 1)
    assert not loop.goal.any()
    assert env.metadata["render_fps"] == 20  # a frame in every control step
    env.close()


@pytest.mark.parametrize("decoy", [False, True])
def test_the_position_of_a_loop_is_where_the_limb_is(decoy: bool) -> None:
    env = NeuroVectorEnv(num_envs=4, decoder="oracle:emg_armband", level="easy", decoy=decoy)
    seen, _ = env.reset(seed=0)
    loop, layout = env.loop, env.layout
    for step in range(30):
        places = loop.parts.limb.positions(loop.physics.sensors, loop.parts.task.axes)
        np.testing.assert_allclose(loop.position, places, atol=1e-12)
        np.testing.assert_allclose(seen[:, layout.position], loop.position, atol=1e-6)
        seen, *_ = env.step(np.random.default_rng(step).uniform(-1, 1, (4, 3)))
    assert np.abs(loop.position).max() > 0.1
    env.close()


def test_with_assist_the_decoded_action_is_added_to_that_of_the_agent() -> None:
    alone, helped = (
        NeuroVectorEnv(num_envs=4, decoder="oracle:emg_armband", level="easy", assist=assist)
        for assist in (False, True)
    )
    seen, _ = alone.reset(seed=0)
    assisted, info = helped.reset(seed=0)
    assert [about["assist"] for about in info["about"]] == [True] * 4
    extra = np.full((4, 3), 0.25)
    for step in range(30):
        decoded = alone.layout.intents.directions[seen[:, alone.layout.posterior].argmax(axis=1)]
        seen, *_ = alone.step(np.clip(decoded + extra, -1, 1))
        assisted, *_ = helped.step(extra)
        np.testing.assert_array_equal(assisted, seen, err_msg=f"step {step}")
    alone.close()
    helped.close()


def test_after_a_tie_assist_adds_nothing() -> None:
    env = NeuroVectorEnv("NeuroLeg-v0", 2, decoder="blind:leg_muscles", level="easy", assist=True)  # no label rests
    env.reset(seed=0)
    before = env.loop.position
    for _ in range(10):
        env.step(np.zeros((2, 4)))
    np.testing.assert_allclose(env.loop.position, before, atol=1e-3)
    env.close()


def test_an_agent_that_asks_for_no_excitation_does_not_cancel_the_muscle_that_is_decoded() -> None:
    found = []
    for agent in (0.0, -1.0):
        env = NeuroVectorEnv("NeuroLeg-v0", 1, decoder="oracle:leg_muscles", level="easy", assist=True)
        env.reset(seed=0)
        for _ in range(60):
            env.step(np.full((1, 4), agent))
        found.append(env.loop.position)
        env.close()
    np.testing.assert_array_equal(found[1], found[0])
    assert np.abs(found[0]).max() > 0.25  # the decoder alone moves the leg


def test_a_reset_clears_the_outcome_of_its_rows_and_of_no_other(options: Options) -> None:
    env = NeuroVectorEnv(num_envs=3, autoreset_mode="Disabled", **options())
    env.reset(seed=0)
    loop = env.loop
    for name in ("success", "wrong", "unstable", "over"):
        setattr(loop, name, np.array([True, True, False]))
    loop.steps[:] = 7
    loop.reset(np.array([0]), [np.random.default_rng(0)])
    for values in (loop.success, loop.wrong, loop.unstable, loop.over):
        assert values.tolist() == [False, True, False]
    assert loop.steps.tolist() == [0, 7, 7]
    env.close()


def test_an_episode_lasts_to_its_time_limit_and_is_then_truncated(options: Options) -> None:
    env = NeuroEnv(**options(level="easy"))
    env.reset(seed=0)
    ends = []
    while not ends or ends[-1] == (False, False):
        _, _, terminated, truncated, info = env.step(np.zeros(1, np.float32))
        ends.append((terminated, truncated))
    assert ends[-1] == (False, True)
    assert len(ends) == round(env.layout.time_limit_s / env.layout.control_s)
    assert info["time"] == pytest.approx(env.layout.time_limit_s)


def test_an_episode_that_is_selected_is_not_truncated_too(options: Options) -> None:
    env = NeuroEnv(decoder="oracle:emg_armband", level="easy")
    env.reset(seed=0)
    terminated = False
    while not terminated:
        away = env.loop.goal[0] - env.loop.position[0]
        _, _, terminated, truncated, info = env.step(np.clip(10 * away, -1, 1).astype(np.float32))
        assert truncated is False
    assert info["is_success"]
    assert info["time"] < env.layout.time_limit_s
    env.close()


@pytest.mark.parametrize(
    ("bound", "observe", "samples"),
    [
        ("oracle", "posterior", False),
        ("blind", "posterior", False),
        ("oracle", "signal", True),
        (None, "posterior", True),
    ],
)
def test_samples_are_generated_only_if_somebody_reads_them(
    options: Options, bound: str | None, observe: str, samples: bool
) -> None:
    told = options()
    if bound:
        told["decoder"] = BoundDecoder(bound, told["decoder"])
    env = NeuroVectorEnv(num_envs=2, observe=observe, **told)
    assert env.loop.stream.makes_samples is samples
    env.close()
