"""Wearers who gave labels in an earlier session: the band lies otherwise now, gestures have changed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.decoders.adaptation import (
    AdaptationOptions,
    adaptation_in_use,
    labelled_wearer_of,
    reads_earlier_labels,
)
from neuromotion_gym.decoders.arrangement import Arrangement
from neuromotion_gym.decoders.bounds import BoundDecoder
from neuromotion_gym.decoders.changes import Expected, likelihoods, moved, unlikely
from neuromotion_gym.decoders.population import FIELDS, POPULATION
from neuromotion_gym.decoders.returning import Returning, read_wearers
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.decoders.starts import OWN_FIELDS, Starts
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

if TYPE_CHECKING:
    from pathlib import Path

COUNT, LABELS, WINDOW, SPREAD = 8, ("rest", "a", "b", "c"), 20, 0.2
CHANNELS = tuple(f"e{number}" for number in range(COUNT))
SPEC = DecoderSpec(
    name="returns",
    modality="emg",
    labels=LABELS,
    channels=CHANNELS,
    ring=True,
    rate_hz=200,
    unit="count",
    window=WINDOW,
    hop_s=0.05,
    output="logits",
    adaptation={"kind": "wearer", "shape": (len(LABELS), COUNT + 1)},
)
LOUD = np.log([[1, 1, 1, 1, 1, 1, 1, 1], [9, 5, 1, 1, 2, 1, 1, 1], [1, 1, 7, 9, 1, 1, 1, 1], [2, 1, 1, 1, 1, 9, 1, 2]])
OWN = LOUD[[0, 2, 3, 1]]
"""A wearer whose gestures are other people's other gestures: without labels nobody can know."""
BEFORE, NOW = Arrangement(3), Arrangement(6, mirrored=True)


def people(kept: float = 0.9) -> Returning:
    """People who differ a little, and stay as they are from session to session."""
    generator = np.random.default_rng(0)
    means = (LOUD + 0.2 * generator.normal(size=(12, *LOUD.shape))) / SPREAD
    common = means.mean(axis=0)
    even = np.full(2 * COUNT, -np.log(2 * COUNT))
    return Returning(
        common,
        np.eye(COUNT) / SPREAD,
        (means - common) / np.sqrt(len(means) - 1),
        0.5,
        0.5,
        COUNT,
        True,
        means,
        even,
        np.full(COUNT, kept),
        np.eye(len(LABELS)) + 0.2,
        np.full(COUNT, 0.5),
        even,
        1.0,
    )  # fmt: skip


class Returns:
    """A decoder whose features are log amplitudes."""

    spec = SPEC

    def __init__(self) -> None:
        self.population = people()

    def features(self, windows: np.ndarray) -> np.ndarray:
        return np.log(windows.std(axis=2) + 1e-3).astype(np.float32)

    def decided(self, windows: np.ndarray, head: np.ndarray) -> np.ndarray:
        return (self.features(windows) @ head[:, :-1].T + head[:, -1]).argmax(axis=1)


def worn(arrangement: Arrangement, seed: int, turns: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Windows of the wearer, 1 s of each label in turn, and their labels; sessions change the gestures a little."""
    generator = np.random.default_rng(seed)
    truth = np.repeat(np.tile(np.arange(len(LABELS)), turns), 20)
    own = OWN + 0.1 * generator.normal(size=OWN.shape)
    windows = np.empty((len(truth), COUNT, WINDOW), np.float32)
    windows[:, arrangement.order(COUNT)] = generator.normal(size=windows.shape) * np.exp(own[truth])[..., None]
    return windows, truth


def recorded(
    arrangement: Arrangement, seed: int, session: str = "s1", dataset: str = "user", *, onset: bool = False
) -> Recording:
    """The same as a labelled recording."""
    windows, truth = worn(arrangement, seed)
    edges = np.arange(0, len(truth) + 1, 20)
    trials = tuple(
        Trial(LABELS[truth[a]], int(a * WINDOW), int(b * WINDOW), has_onset=onset) for a, b in pairwise(edges)
    )
    samples = windows.transpose(1, 0, 2).reshape(COUNT, -1)
    return Recording(samples, SignalSpec("emg", CHANNELS, 200.0, "count"), trials, dataset, "P", session)


def right(options: AdaptationOptions, earlier: list[Recording], now: Arrangement = NOW) -> float:
    """Share of the second half of a new session that is decided rightly, each window before it is gone on with."""
    decoder, (windows, truth) = Returns(), worn(now, 9)
    adapted = adaptation_in_use(decoder, options, 1)
    adapted.begin(0, 0, lambda: earlier)
    found = []
    for one in windows:
        found.append(int(decoder.decided(one[None], adapted.values[0])[0]))
        adapted.update(np.zeros(1, int), one[None])
    late = slice(len(truth) // 2, None)
    return float((np.array(found) == truth)[late].mean())


def test_labels_of_a_session_in_which_the_band_lay_otherwise_tell_the_gestures_of_the_new_one() -> None:
    earlier = [recorded(BEFORE, 1)]
    assert right(AdaptationOptions(start="labels"), earlier) > 0.97
    assert right(AdaptationOptions(), earlier) < 0.5
    assert right(AdaptationOptions(start="labels", update=False), earlier) < 0.7
    assert right(AdaptationOptions(start="labels", update=False), earlier, BEFORE) > 0.95


def test_the_labels_are_those_of_the_earlier_session_and_each_episode_begins_with_them() -> None:
    run = recorded(BEFORE, 1)
    names = {"a": "b", "b": "a"}
    exchanged = replace(run, trials=tuple(replace(t, label=names.get(t.label, t.label)) for t in run.trials))
    assert right(AdaptationOptions(start="labels"), [exchanged]) < 0.6
    adapted = adaptation_in_use(Returns(), AdaptationOptions(start="labels"), 1)
    adapted.begin(0, 0, lambda: [run])
    before = adapted.values.copy()
    for one in worn(NOW, 9)[0]:
        adapted.update(np.zeros(1, int), one[None])
    assert not np.array_equal(adapted.values, before)
    adapted.begin(0, 0, list)
    np.testing.assert_array_equal(adapted.values, before)


def test_the_first_candidate_is_how_the_band_lay_in_the_latest_session() -> None:
    decoder, sessions = Returns(), [recorded(NOW, 1, "s1"), recorded(BEFORE, 2, "s2")]
    windows, truth = worn(BEFORE, 9)
    head = labelled_wearer_of(decoder, sessions).head
    assert (decoder.decided(windows, head) == truth).mean() > 0.95
    means = [OWN[:, np.argsort(way.order(COUNT))] for way in (NOW, BEFORE)]
    known = decoder.population.known(means)
    assert known._lies[0] == known.before
    assert sorted(known._lies.tolist()) == list(range(2 * COUNT))
    later, wanted = worn(NOW, 9)
    found = known.fit(decoder.features(later).astype(float), np.arange(2 * COUNT))
    best = int(found.score.argmax())
    assert (decoder.decided(later, known.head(found.means[best], best)) == wanted).mean() > 0.97
    assert known.before == decoder.population.known(means[1:]).before
    # What lies otherwise now lies as it did before the session before
    assert known._lies[best] == decoder.population.known(means[::-1]).before


@pytest.mark.parametrize("before", [BEFORE, NOW])
def test_candidates_say_how_the_band_lies_compared_with_the_session_before(before: Arrangement) -> None:
    model = people()
    known = model.known([LOUD[:, np.argsort(before.order(COUNT))]])
    chunks = np.random.default_rng(0).normal(size=(3, COUNT))
    for candidate, way in enumerate(model.arrangements):
        now = chunks[:, np.argsort(way.order(COUNT))]  # read in this way, it is what was read in the session before
        np.testing.assert_allclose(model.worn(now, int(known._lies[candidate])), model.worn(chunks, known.before))


@pytest.mark.parametrize("count", [1, 2])
def test_one_session_is_drawn_towards_all_people_and_two_sessions_less(count: int) -> None:
    model = people(0.6)
    own = LOUD + 0.5 * np.random.default_rng(3).normal(size=LOUD.shape)
    known = model.known([own] * count)
    # A person's sessions are the person, variance 0.6, and the session, 0.4
    share = 0.6 / (0.6 + 0.4 / count)
    np.testing.assert_allclose(known.centre, model.means + share * (own / SPREAD - model.means))
    left = 0.6 * (1 - share) + 0.4
    np.testing.assert_allclose(known.expected.variances, model.variances * left / (0.6 * 0.4 + 0.4))


def test_of_two_arrangements_that_explain_the_same_the_usual_change_is_taken() -> None:
    model = people()
    usual = np.log(np.r_[0.7, np.full(15, 0.02)])
    chunks = np.log(Returns().features(worn(BEFORE, 9)[0])[::8].astype(float) ** 2 + 1)
    scores = [
        replace(model, again=again).known([OWN]).fit(chunks, np.arange(16)).score for again in (model.again, usual)
    ]
    np.testing.assert_allclose(scores[1] - scores[0], usual - model.again, atol=1e-6)


def test_the_score_is_the_log_posterior_of_the_means() -> None:
    generator = np.random.default_rng(0)
    read, spread = generator.normal(size=(30, 5)).astype(np.float32), np.eye(3) + 0.3
    expected = Expected(generator.normal(size=(1, 3, 5)), spread[None], generator.uniform(0.5, 2, 5))
    square = 0.5 * (read**2).sum(axis=1)
    means, shares = moved(read, square, expected, expected.centres, (1.0,) * 40, 0.3, 1e9)
    np.testing.assert_allclose(np.exp(shares), 1 / 3, rtol=1e-6)
    prior = np.linalg.inv(np.kron(spread, np.diag(expected.variances)))

    def posterior(values: np.ndarray) -> float:
        _, log = likelihoods(read, square, values, shares, 1.0)
        return float(0.3 * log.sum() - unlikely(expected, np.linalg.inv(expected.spreads), values)[0])

    off = (means - expected.centres).ravel()
    np.testing.assert_allclose(unlikely(expected, np.linalg.inv(expected.spreads), means)[0], 0.5 * off @ prior @ off)
    best = posterior(means)
    assert all(posterior(means + 0.05 * generator.normal(size=means.shape)) < best for _ in range(20))


def test_trials_are_read_from_when_people_follow_the_cue(monkeypatch: pytest.MonkeyPatch) -> None:
    from neuromotion_gym.decoders import adaptation

    read: list[tuple[Trial, ...]] = []
    plain = adaptation.calibration_windows
    monkeypatch.setattr(
        adaptation, "calibration_windows", lambda runs, spec: (read.append(runs[0].trials), plain(runs, spec))[1]
    )
    monkeypatch.setattr(adaptation.registry, "is_known", lambda name: name == "cued")
    monkeypatch.setattr(adaptation.registry, "dataset", lambda _: type("Facts", (), {"skip_cue_s": 0.25}))
    for onset, dataset, late in ((True, "cued", 50), (False, "cued", 0), (True, "user", 0)):
        run = recorded(BEFORE, 1, dataset=dataset, onset=onset)
        labelled_wearer_of(Returns(), [run])
        assert [one.start - other.start for one, other in zip(read[-1], run.trials, strict=True)] == [late] * 16


def test_earlier_labels_are_read_by_it_and_its_bounds_alone() -> None:
    labels = AdaptationOptions(start="labels")
    decoder = Returns()
    assert reads_earlier_labels(decoder, labels)
    assert reads_earlier_labels(BoundDecoder("shuffled", decoder), labels)
    assert not reads_earlier_labels(decoder, AdaptationOptions(start="calibration"))
    decoder.population = Starts(**{n: getattr(people(), n) for n in (*FIELDS, *OWN_FIELDS, "channels", "ring")})
    assert not reads_earlier_labels(decoder, labels)


def test_it_is_read_as_it_was_written_and_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    model, shape = people(), (4, COUNT + 1)
    model.write(tmp_path)
    read = read_wearers(tmp_path, shape, COUNT, ring=True)
    assert isinstance(read, Returning)
    np.testing.assert_array_equal(read.known([OWN]).head(), model.known([OWN]).head())
    for broken in (
        {"kept": np.ones(COUNT)},
        {"variances": np.zeros(COUNT)},
        {"again": model.again[:3]},
        {"spread": np.ones((4, 4))},
        {"again_sharpness": -1.0},
    ):
        replace(model, **broken).write(tmp_path)
        with pytest.raises(NeuroMotionError, match=r"shares below 1 and variances above 0: train the decoder again"):
            read_wearers(tmp_path, shape, COUNT, ring=True)
    with np.load(tmp_path / POPULATION) as stored:
        np.savez(tmp_path / POPULATION, **{name: stored[name] for name in (*FIELDS, *OWN_FIELDS)})
    assert type(read_wearers(tmp_path, shape, COUNT, ring=True)) is Starts
