"""A decoder of continuous targets drives the joints of the hand: source, bounds, postures of the wearer, refusals."""

from __future__ import annotations

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers import make_controller
from neuromotion_gym.decoders import BoundDecoder, ProbabilityDecoder
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.envs.closed_loop import ClosedLoop
from neuromotion_gym.envs.options import assemble
from neuromotion_gym.envs.view import View
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.end_postures import end_postures
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Targets, Trial
from neuromotion_gym.signals.sources import ReplaySource

LABELS = ("rest", "index_flexion", "middle_flexion", "index_extension")
JOINTS = ("index_mcp", "index_ip", "middle_ip")
ENDS = {
    "P1": [[0, 0, 0], [0.6, 0.8, 0.1], [0, 0.1, 0.8], [-0.6, -0.3, 0]],
    "P2": [[0, 0, 0], [0.2, 0.4, 0.1], [0.3, 0, 0.5], [-0.5, 0, -0.1]],
}
"""Of every person where the joints end, in the order of the labels."""
SPEC = SignalSpec("emg", ("a", "b", "c"), 100.0, "V")
LENGTH = 250


def recording(person: str, run: str, seed: int) -> Recording:
    """Each movement goes to its posture within 0.4 s; the signal of a channel is the joint, ten times as large."""
    generator = np.random.default_rng(seed)
    values = []
    for place in ENDS[person]:
        way = np.minimum(np.arange(LENGTH) / 40, 1)
        end = np.array(place) + generator.normal(0, 0.03, 3)
        values.append(end[:, None] * way)
    joints = np.concatenate(values, axis=1)
    samples = 10 * joints + generator.normal(0, 0.5, joints.shape)
    marks = tuple(Trial(label, i * LENGTH, (i + 1) * LENGTH, False) for i, label in enumerate(LABELS))
    targets = Targets(JOINTS, joints.astype(np.float32))
    return Recording(samples.astype(np.float32), SPEC, marks, "toy", person, run=run, targets=targets)


def session(person: str) -> Session:
    played = tuple(recording(person, f"played {number}", number) for number in range(3))
    return Session("toy", person, "0", played, (recording(person, "calibration", 9),))


class Mean:
    """The mean of every channel."""

    def predict(self, windows: np.ndarray) -> np.ndarray:
        return windows.mean(axis=2) / 10


def decoder(**changes: object) -> ProbabilityDecoder:
    facts = {"name": "joints", "modality": "emg", "labels": LABELS, "targets": JOINTS, "channels": SPEC.channels}
    facts |= {"rate_hz": 100, "unit": "V", "window": 20, "hop_s": 0.05, "output": "targets", "dataset": "toy"}
    facts |= {"split": "trial", "licence": "none"}
    return ProbabilityDecoder(Mean(), DecoderSpec.model_validate(facts | changes))


def source(**options: object) -> ReplaySource:
    return ReplaySource([session("P1"), session("P2")], LABELS, **options)


def loop(kind: str | None = None, rows: int = 8, **options: object) -> ClosedLoop:
    inner = decoder()
    chosen = BoundDecoder(kind, inner) if kind else inner
    return ClosedLoop(assemble("NeuroHand-v0", decoder=chosen, source=source()), rows, **options)


def success(kind: str | None, **options: object) -> float:
    made = loop(kind, 10, **options)
    episodes, _ = play(made, make_controller("follow", made.layout), episode_keys(made.parts.source.sessions, 5), 0)
    made.close()
    return float(np.mean([episode["success"] for episode in episodes]))


def followed(made: ClosedLoop, seeds: list[int], steps: int, goal: int | None = None) -> list[np.ndarray]:
    """Observations of some steps in which the joints follow, and the samples that were played."""
    rows, found = np.arange(len(seeds)), []
    goals = None if goal is None else np.eye(3)[[goal] * len(seeds)]
    made.reset(rows, [np.random.default_rng(seed) for seed in seeds], sessions=rows % 2, goals=goals)
    controller, state = make_controller("follow", made.layout), None
    for _ in range(steps):
        found.append(np.concatenate([made.observation(), made.stream.window().reshape(len(rows), -1)], axis=1))
        action, state = controller.predict(made.observation(), state)
        made.step(action)
    made.close()
    return found


@pytest.mark.parametrize(
    ("kind", "options", "low", "high"),
    [
        ("oracle", {}, 0.95, 1),
        (None, {}, 0.9, 1),
        ("shuffled", {}, 0, 0.4),
        (None, {"decoy": True}, 0, 0.7),
    ],
)
def test_joints_follow_the_decoder_to_the_wearers_posture_and_back(
    kind: str | None, options: dict[str, object], low: float, high: float
) -> None:
    assert low <= success(kind, **options) <= high


def test_a_blind_bound_says_that_the_joints_rest() -> None:
    made = loop("blind", 2)
    made.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)])
    for _ in range(40):
        made.step(np.zeros((2, 3)))
        assert (made.stream.posterior == 0).all()
    made.close()


def test_the_oracle_gives_what_the_person_did_in_the_window() -> None:
    made = loop("oracle", 2, keep_s=1.0)
    made.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)], sessions=np.arange(2))
    for _ in range(100):
        made.step(np.zeros((2, 3)))
        signal = made.stream.window().mean(axis=2) / 10
        np.testing.assert_allclose(made.stream.posterior, signal, atol=0.15)
    made.close()


def test_a_row_of_a_batch_is_a_batch_of_one() -> None:
    batch = followed(loop(None, 3), [5, 6, 7], 60)
    alone = followed(loop(None, 1), [5], 60)
    for many, one in zip(batch, alone, strict=True):
        np.testing.assert_array_equal(many[:1], one)


def test_what_is_played_and_seen_under_shuffled_does_not_depend_on_the_goal() -> None:
    first, second = (followed(loop("shuffled", 2), [1, 2], 60, goal) for goal in (0, 2))
    np.testing.assert_array_equal(first, second)


def test_postures_are_those_of_the_wearers_calibration_run() -> None:
    made = loop(None, 2)
    made.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)], sessions=np.array([1, 0]))
    expected = [end_postures(session(person).calibration, LABELS[1:], JOINTS) for person in ("P2", "P1")]
    np.testing.assert_array_equal(made.parts.drive.postures.places, expected)
    assert abs(expected[0] - expected[1]).max() > 0.3
    # A later episode of the same row is another person's
    made.reset(np.array([0]), [np.random.default_rng(2)], sessions=np.array([0]))
    np.testing.assert_array_equal(made.parts.drive.postures.places[0], expected[1])
    made.close()


def test_gym_make_takes_such_a_decoder() -> None:
    env = gym.make("NeuroHand-v0", decoder=decoder(), source=source(), level="easy")
    observation, info = env.reset(seed=0)
    assert env.action_space.shape == (3,)
    for _ in range(30):
        assert env.observation_space.contains(observation)
        observation, *_, info = env.step(env.action_space.sample())
    assert observation.shape == (9,)
    np.testing.assert_array_equal(info["decoded"], observation[6:])
    assert info["intent"] in LABELS
    shown = View(env.unwrapped.loop).snapshot(0)
    shown.check()
    assert (shown.labels, shown.decoded, shown.intended) == (JOINTS, "", info["intent"])
    env.close()


def test_targets_played_are_those_of_the_samples_through_every_cross_fade() -> None:
    plain = [
        replace(one, samples=10 * one.targets.values)
        for one in (recording("P1", f"{number}", number) for number in range(3))
    ]
    played = ReplaySource([Session("toy", "P1", "0", tuple(plain), ())], LABELS, pieces_s=(0.2, 0.4), fade_s=0.1)
    played.start(4)
    played.reset(np.arange(4), [np.random.default_rng(seed) for seed in range(4)])
    assert (played.target == 0).all()
    wanted = np.random.default_rng(0).integers(len(LABELS), size=(4, 20)).repeat(10, axis=1)
    for labels in wanted.T:
        samples = played.read(labels, 3)
        np.testing.assert_allclose(10 * played.target, samples[:, :, -1], atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    made = source()
    with pytest.raises(NeuroMotionError, match=r"NeuroArm-v0 needs a decoder with a posterior.*NeuroHand-v0"):
        assemble("NeuroArm-v0", decoder=decoder(), source=made)
    with pytest.raises(NeuroMotionError, match="its labels have to say besides which movements"):
        assemble("NeuroHand-v0", decoder=decoder(labels=()), source=made)
    with pytest.raises(NeuroMotionError, match="has no degree of freedom 'elbow'"):
        assemble("NeuroHand-v0", decoder=decoder(targets=(*JOINTS[:2], "elbow")), source=made)
    silent = replace(session("P1"), recordings=tuple(replace(one, targets=None) for one in session("P1").recordings))
    with pytest.raises(NeuroMotionError, match=r"cannot play index_mcp, index_ip, middle_ip \(it plays labels alone\)"):
        ClosedLoop(assemble("NeuroHand-v0", decoder=decoder(), source=ReplaySource([silent], LABELS)))
    with pytest.raises(NeuroMotionError, match="needs the same targets everywhere"):
        ReplaySource([session("P1"), silent], LABELS)
    fitting = assemble("NeuroHand-v0", decoder=decoder(), source=made)
    for name in ("argmax", "bayes", "kalman"):
        with pytest.raises(NeuroMotionError, match="reads a posterior, but the decoder gives the targets"):
            make_controller(name, fitting.layout)
    with pytest.raises(NeuroMotionError, match="decoder gives a posterior and the limb has"):
        make_controller("follow", assemble("NeuroHand-v0", decoder="oracle:emg_armband").layout)
    for options in ({"smooth_s": -1}, {"gain": 0}):
        with pytest.raises(NeuroMotionError, match="0 s or more|above zero"):
            make_controller("follow", fitting.layout, **options)


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ((), "which is missing, has no trial of index_flexion"),
        ((replace(recording("P1", "c", 9), targets=None),), "has no target index_mcp, index_ip, middle_ip"),
        ((replace(recording("P1", "c", 9), trials=recording("P1", "c", 9).trials[:2]),), "has no trial of middle"),
    ],
)
def test_a_wearer_whose_postures_are_not_known_is_refused(calibration: tuple[Recording, ...], message: str) -> None:
    played = ReplaySource([replace(session("P1"), calibration=calibration)], LABELS)
    made = ClosedLoop(assemble("NeuroHand-v0", decoder=decoder(), source=played))
    with pytest.raises(NeuroMotionError, match=message):
        made.reset(np.array([0]), [np.random.default_rng(0)])
    made.close()


def test_a_movement_that_leaves_every_joint_at_rest_is_refused() -> None:
    still = [replace(one, targets=Targets(JOINTS, 0 * one.targets.values)) for one in session("P1").calibration]
    made = ClosedLoop(
        assemble(
            "NeuroHand-v0",
            decoder=decoder(),
            source=ReplaySource([replace(session("P1"), calibration=tuple(still))], LABELS),
        )
    )
    with pytest.raises(NeuroMotionError, match="posture 'index_flexion' is 0.000 half ranges from rest"):
        made.reset(np.array([0]), [np.random.default_rng(0)])
    made.close()


def test_a_movement_ends_in_the_second_half_of_its_trials() -> None:
    values = np.concatenate([np.zeros((1, 50)), np.full((1, 50), 0.5), np.full((1, 60), -0.4)], axis=1)
    samples = np.random.default_rng(0).normal(size=(3, 160)).astype(np.float32)
    marks = (Trial("index_flexion", 0, 100, False), Trial("index_flexion", 100, 160, False))
    one = Recording(samples, SPEC, marks, "toy", "P1", targets=Targets(("index_ip",), values.astype(np.float32)))
    assert end_postures([one], ["index_flexion"], ["index_ip"]) == pytest.approx(np.array([[0.05]]))


def test_time_is_left_to_leave_a_posture_that_was_taken_by_mistake() -> None:
    layout = assemble("NeuroHand-v0", decoder=decoder(), source=source(pieces_s=(0.4, 0.6))).layout
    assert layout.lag_s == pytest.approx(0.25 + 0.1 + 0.025)
    assert layout.dwell_s == pytest.approx(1.5)  # 0.6 s for the operator, 0.5 s for the joints, rounded
    assert layout.facts.chance == pytest.approx(1 / 3)


def test_follow_goes_to_its_target_times_its_gain_with_its_time_constant() -> None:
    layout = assemble("NeuroHand-v0", decoder=decoder(), source=source()).layout
    observation = np.zeros((1, layout.size), np.float32)
    observation[0, layout.decoded] = [0.02, -0.01, 0.9]
    stride = 2 * layout.speed * layout.control_s
    at_once, _ = make_controller("follow", layout, smooth_s=0, gain=2.0).predict(observation)
    np.testing.assert_allclose(at_once[0], [0.04 / stride, -0.02 / stride, 1.0], rtol=1e-5)
    controller, state = make_controller("follow", layout, smooth_s=0.5), None
    for _ in range(10):
        action, state = controller.predict(observation, state)
    np.testing.assert_allclose(action[0, 0], (1 - np.exp(-1)) * 0.02 / stride, rtol=1e-5)


def test_a_place_belongs_to_a_posture_from_half_of_the_way_on() -> None:
    made = loop("blind", 2)
    made.reset(np.arange(2), [np.random.default_rng(seed) for seed in (0, 1)])
    task, drive = made.parts.task, made.parts.drive
    for share, place in ((0.45, 3), (0.55, 1)):
        state = drive.reset(np.arange(2), np.tile([0, share, 0], (2, 1)))
        made.physics.reset(np.arange(2), state)
        assert task._place(made.physics.sensors).tolist() == [place, place]
    goal = np.eye(3)[1]
    made.reset(np.array([0]), [np.random.default_rng(0)], goals=goal[None])
    ghost = made.parts.limb.qpos_at(drive.postures.places[:1, 1], JOINTS)[0]
    np.testing.assert_array_equal(task.ghost(0), ghost)
    made.close()
