"""From wanted labels to posteriors: which samples a decoder is given, whose adaptation, and when none are generated."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.wrapped import ProbabilityDecoder
from neuromotion_gym.envs import NeuroVectorEnv
from neuromotion_gym.envs.checks import follow, play
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.sources.replay import ReplaySource

from .conftest import THREE, Loudness, make_decoder, noise_sessions, noise_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording

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
def test_bounds_that_read_labels_alone_are_given_no_samples(kind: str, changes: dict) -> None:
    silent, used, env = run(kind, changes=changes)
    heard, read, _ = run(kind, changes=changes, silent=False)
    assert (used.reads, read.passes) == (0, 0)
    assert used.passes == read.reads > 300
    for one, other in zip(silent, heard, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)
    with pytest.raises(NeuroMotionError, match=f"No samples are generated for the bound '{kind}'"):
        env.loop.stream.window()


@pytest.mark.parametrize("options", [{"observe": "signal"}, {"render_mode": "overlay"}])
def test_samples_are_generated_where_an_agent_or_a_person_sees_them(options: dict) -> None:
    _, used, env = run("oracle", steps=30, **options)
    assert (used.reads > 30, used.passes) == (True, 0)
    assert env.loop.stream.window().any()


def test_a_decoder_is_given_its_samples() -> None:
    _, used, _ = run("shuffled", steps=30)
    assert (used.reads > 30, used.passes) == (True, 0)


@pytest.mark.parametrize("rate_hz", [200.0, 250.5])
def test_a_trial_paced_decoder_is_given_its_epoch_after_onset_bit_for_bit(rate_hz: float) -> None:
    epoch_s, rows = (0.5, 0.7), 3
    changes = {"pacing": "trial", "epoch_s": epoch_s, "window": round(0.2 * rate_hz), "modality": "eeg"}
    decoder = make_decoder(rate_hz=rate_hz, **changes)
    given: list[np.ndarray] = []
    predict = decoder.model.predict_proba

    def watched(windows: np.ndarray) -> np.ndarray:
        given.extend(windows.copy())
        return predict(windows)

    decoder.model.predict_proba = watched
    env = NeuroVectorEnv(num_envs=rows, decoder=decoder, source=noise_source(decoder.spec), level="easy")
    env.reset(seed=4)
    decisions, before = 0, env.loop.stream.posterior.copy()
    for _ in range(200):
        env.step(np.zeros((rows, 1)))
        decisions += int((env.loop.stream.posterior != before).any(axis=1).sum())
        before = env.loop.stream.posterior.copy()
    env.close()
    assert len(given) > 20
    assert decisions > 5
    recordings = [session.recordings[0] for session in noise_sessions(decoder.spec)]
    for window in given:
        (found,) = [
            (recording, int(place))
            for recording in recordings
            for place in np.flatnonzero(recording.samples[0] == window[0, 0])
        ]
        recording, place = found
        np.testing.assert_array_equal(window, recording.samples[:, place : place + window.shape[1]])
        (trial,) = [trial for trial in recording.trials if trial.start <= place < trial.stop]
        assert place - trial.start == round(epoch_s[0] * rate_hz)


class Personal:
    """A decoder that is adapted to people: its adaptation holds the number of the person."""

    def __init__(self, spec: DecoderSpec) -> None:
        self.spec = spec
        self.given: list[np.ndarray] = []

    def adapt(self, calibration: Sequence[Recording]) -> np.ndarray:
        (run,) = calibration
        return np.full(self.spec.adaptation.shape, int(run.subject.removeprefix("P")), dtype=np.float32)

    def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple[np.ndarray, None]:
        assert adaptation is not None
        self.given.append(adaptation.copy())
        return np.full((len(windows), len(self.spec.labels)), 1 / len(self.spec.labels), dtype=np.float32), None


def test_everybody_gets_the_adaptation_to_their_own_calibration_run() -> None:
    plain = make_decoder().spec
    decoder = Personal(DecoderSpec(**{**plain.model_dump(), "adaptation": {"kind": "head", "shape": (3, 2)}}))
    source, rows = noise_source(decoder.spec, people=4), 8
    env = NeuroVectorEnv(num_envs=rows, decoder=decoder, source=source, level="easy", observe="signal")
    seen, _ = env.reset(options={"session": np.arange(rows) % 4})
    for _ in range(2):
        decoder.given.clear()
        seen, *_ = env.step(np.zeros((rows, 1)))
        expected = np.broadcast_to((np.arange(rows) % 4)[:, None, None], (rows, 3, 2))
        np.testing.assert_array_equal(decoder.given[-1], expected)
        np.testing.assert_array_equal(seen["adaptation"], expected)


def test_a_source_belongs_to_one_environment_until_that_is_closed_or_gone() -> None:
    decoder = make_decoder()
    source = noise_source(decoder.spec)
    first = NeuroVectorEnv(num_envs=2, decoder=decoder, source=source)
    with pytest.raises(NeuroMotionError, match="Another environment plays this source"):
        NeuroVectorEnv(num_envs=1, decoder=decoder, source=source)
    first.reset(seed=0)
    first.close()
    second = NeuroVectorEnv(num_envs=3, decoder=decoder, source=source, threads=2)
    with pytest.raises(NeuroMotionError, match="was closed"):
        first.reset(seed=0)
    second.reset(seed=0)
    first.close()  # once more, which takes nothing from the second
    second.reset(seed=0)
    del second
    NeuroVectorEnv(num_envs=1, decoder=decoder, source=source).reset(seed=0)


@pytest.mark.parametrize("kind", ["oracle", "decoder"])
def test_a_source_may_have_its_labels_in_another_order_and_more_of_them(kind: str) -> None:
    everything = ("both_feet", *THREE[::-1])
    sessions = noise_sessions(make_decoder(everything).spec)
    source = ReplaySource(sessions, everything)
    loudness = Loudness(len(THREE))
    loudness._levels = np.array([1.0 + everything.index(label) for label in THREE])
    decoder = ProbabilityDecoder(loudness, make_decoder(THREE).spec)
    told = BoundDecoder("oracle", decoder) if kind == "oracle" else decoder
    played = play("NeuroArm-v0", follow, 20, decoder=told, source=source, level="easy")
    assert played.right.mean() >= 0.95


def test_shuffled_labels_change_at_their_own_clock_and_stay_at_the_last() -> None:
    bound = BoundDecoder("shuffled", make_decoder())
    source = Counting(noise_source(bound.spec))
    env = NeuroVectorEnv(num_envs=2, decoder=bound, source=source, level="easy")
    env.reset(seed=0)
    stream, asked = env.loop.stream, []
    read = source.read
    source.read = lambda labels, *rest: asked.append(np.array(labels)) or read(labels, *rest)
    for _ in range(400):
        env.loop.step(np.zeros((2, 1)))
    env.close()
    asked = np.array(asked)
    changes = np.flatnonzero((asked[1:] != asked[:-1]).any(axis=1)) + 1
    hold = stream.shuffled_hold_s / env.layout.control_s
    assert len(changes) > 5
    assert np.abs(changes / hold - np.round(changes / hold)).max() * hold < 1
    assert set(np.unique(asked)) == {0, 1, 2}


@pytest.mark.parametrize("hop_s", [0.05, 0.1, 0.12, 0.25])
def test_a_decision_is_made_once_a_hop(hop_s: float) -> None:
    calls = []
    decoder = make_decoder(hop_s=hop_s)
    inner = type(decoder).decode

    class Noted(type(decoder)):
        def decode(self, windows: np.ndarray, adaptation: np.ndarray | None = None) -> tuple:
            calls.append(env.loop.steps[0] + 1 if env is not None else 0)
            return inner(self, windows, adaptation)

    env = None
    noted = Noted(decoder.model, decoder.spec)
    env = NeuroVectorEnv(num_envs=1, decoder=noted, source=noise_source(decoder.spec), level="easy")
    env.reset(seed=0)
    calls.clear()
    for _ in range(100):
        env.loop.step(np.zeros((1, 1)))
    env.close()
    due = [step for step in range(1, 101) if int(step * 0.05 / hop_s + 1e-6) > int((step - 1) * 0.05 / hop_s + 1e-6)]
    assert calls == due
    assert len(due) == int(5 / hop_s + 1e-6)


def test_before_its_first_decision_a_trial_paced_decoder_says_nothing() -> None:
    decoder = make_decoder(**TRIAL)
    env = NeuroVectorEnv(num_envs=2, decoder=decoder, source=noise_source(decoder.spec), level="easy")
    for seed in (0, 1):
        env.reset(seed=seed)
        np.testing.assert_allclose(env.loop.stream.posterior, 1 / 3)
        for _ in range(60):
            env.loop.step(np.zeros((2, 1)))
        assert (env.loop.stream.posterior.max(axis=1) > 0.9).all()
    env.close()


def test_the_oracle_judges_the_labels_of_its_window_or_the_trial_that_plays() -> None:
    for changes, steps in (({}, 4), (TRIAL, None)):
        bound = BoundDecoder("oracle", make_decoder(**changes))
        env = NeuroVectorEnv(num_envs=5, decoder=bound, source=noise_source(bound.spec), level="easy")
        env.reset(seed=3)
        stream, played, late = env.loop.stream, [], 0
        for step in range(300):
            before = stream.posterior.copy()
            env.loop.step(np.random.default_rng(step).uniform(-1, 1, (5, 1)))
            played.append(stream.source.playing.copy())
            if steps is not None and step >= steps:
                window = np.array(played[-steps:]).T
                np.testing.assert_array_equal(stream.posterior, bound.decode_labels(window))
                late += (stream.posterior.argmax(axis=1) != played[-1]).sum()
            elif steps is None:
                changed = (stream.posterior != before).any(axis=1)
                np.testing.assert_array_equal(stream.posterior[changed].argmax(axis=1), played[-1][changed])
        assert late > 0 or steps is None  # a window holds what played before
        env.close()


def test_an_episode_begins_with_a_decision_about_rest() -> None:
    decoder = make_decoder()
    env = NeuroVectorEnv(num_envs=6, decoder=decoder, source=noise_source(decoder.spec), level="easy")
    for seed in (0, 1):
        seen, info = env.reset(seed=seed)
        assert (info["decoded"] == "rest").all()
        np.testing.assert_array_equal(env.loop.stream.posterior, decoder.decode(env.loop.stream.window())[0])
        np.testing.assert_allclose(seen[:, env.layout.posterior], env.loop.stream.posterior, atol=1e-6)
        for step in range(80):
            env.step(np.random.default_rng(step).uniform(-1, 1, (6, 1)))
    env.close()


@pytest.mark.parametrize(("kind", "effort"), [("oracle", 1.0), ("blind", 0.5)])
def test_without_a_label_for_rest_an_oracle_contracts_fully_and_the_blind_by_half(kind: str, effort: float) -> None:
    inner = make_decoder(THREE[1:])
    inner.spec = inner.spec.model_copy(update={"effort": True})
    env = NeuroVectorEnv(num_envs=2, decoder=BoundDecoder(kind, inner), source=noise_source(inner.spec), level="easy")
    env.reset(seed=0)
    for _ in range(20):
        env.loop.step(np.zeros((2, 1)))
    assert env.loop.stream.effort.tolist() == [effort, effort]
    env.close()


def test_a_source_is_free_once_nobody_can_close_its_environment_any_more() -> None:
    decoder = make_decoder()
    source = noise_source(decoder.spec)
    gc.disable()
    try:
        first = NeuroVectorEnv(num_envs=1, decoder=decoder, source=source, level="easy")
        first.itself = first  # a cycle, which only the garbage collector finds
        del first
        NeuroVectorEnv(num_envs=1, decoder=decoder, source=source, level="easy").close()
    finally:
        gc.enable()
