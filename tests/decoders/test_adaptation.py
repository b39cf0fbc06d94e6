"""A last layer that follows its wearer: without labels, the same alone and in a batch, and harmless."""

from __future__ import annotations

import pickle
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neuromotion_gym.decoders.adaptation import (
    AdaptationOptions,
    adaptation_in_use,
    adaptation_options,
    labelled_wearer_of,
    wearer_of,
)
from neuromotion_gym.decoders.arrangement import PLAIN, Arrangement
from neuromotion_gym.decoders.population import Population, read_population
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec, Trial

COUNT, LABELS, WINDOW, HOP = 8, ("rest", "a", "b", "c", "d"), 20, 10
CHANNELS = tuple(f"e{number}" for number in range(COUNT))
SPEC = DecoderSpec(
    name="follows",
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
LOUD = np.log([[1, 1, 1, 1, 1, 1, 1, 1], [9, 5, 1, 1, 2, 1, 1, 1], [1, 1, 7, 9, 1, 1, 1, 1],
               [2, 1, 1, 1, 1, 9, 1, 2], [5, 6, 6, 5, 5, 7, 5, 5]])  # fmt: skip
"""Log amplitudes of each label; no arrangement of them but one is the same."""
SPREAD = 0.2
"""Standard deviation of log amplitudes of windows."""


def population(seed: int = 0, people: int = 12) -> Population:
    """People who differ in the strength of their signal and a little in everything else."""
    generator = np.random.default_rng(seed)
    means = LOUD + 0.4 * generator.normal(size=(people, 1, 1)) + 0.2 * generator.normal(size=(people, *LOUD.shape))
    differences = (means - means.mean(axis=0)) / SPREAD / np.sqrt(people - 1)
    return Population(means.mean(axis=0) / SPREAD, np.eye(COUNT) / SPREAD, differences, 0.5, 0.5, COUNT, ring=True)


class Follows:
    """A decoder of kind "wearer" whose features are log amplitudes."""

    spec = SPEC

    def __init__(self) -> None:
        self.population = population()

    def features(self, windows: np.ndarray) -> np.ndarray:
        return np.log(windows.std(axis=2) + 1e-3).astype(np.float32)

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray) -> np.ndarray:
        logits = np.einsum("nlf,nf->nl", adaptation[..., :-1], self.features(windows)) + adaptation[..., -1]
        values = np.exp(logits - logits.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)


def worn(
    labels: list[int], *, arrangement: Arrangement = PLAIN, gain: float = 1.0, seed: int = 0, seconds: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a wearer who makes ``labels`` in turn, and the label of each window."""
    generator = np.random.default_rng(seed)
    each = round(seconds * 20)
    own = LOUD + 0.2 * np.random.default_rng(99).normal(size=LOUD.shape)
    windows = np.empty((len(labels) * each, COUNT, WINDOW), np.float32)
    truth = np.repeat(labels, each)
    plain = generator.normal(size=windows.shape) * np.exp(own[truth])[..., None]
    windows[:, arrangement.order(COUNT)] = gain * plain
    return windows, truth


def used(windows: np.ndarray, options: AdaptationOptions | None = None) -> np.ndarray:
    """Posterior of each window, decided before the adaptation goes on with it."""
    decoder = Follows()
    adapted = adaptation_in_use(decoder, options or AdaptationOptions(), 1)
    adapted.begin(0, 0, tuple)
    found = []
    for index in range(len(windows)):
        found.append(decoder.predict_proba(windows[index : index + 1], adapted.values)[0])
        adapted.update(np.zeros(1, int), windows[index : index + 1])
    return np.array(found)


WITHOUT = AdaptationOptions(update=False)
ALL = [0, 1, 3, 2, 4, 0, 3, 1, 4, 2, 0, 2]


@pytest.mark.parametrize("arrangement", [Arrangement(6, mirrored=True), Arrangement(1), Arrangement(5)])
def test_a_mirrored_and_a_turned_wearer_come_out_as_the_plain_one(arrangement: Arrangement) -> None:
    plain, truth = worn(ALL)
    other, _ = worn(ALL, arrangement=arrangement)
    late = slice(len(truth) // 2, None)
    right = used(plain)[late].argmax(axis=1) == truth[late]
    assert right.mean() > 0.97
    assert (used(other)[late].argmax(axis=1) == truth[late]).mean() > right.mean() - 0.02
    assert (used(other, WITHOUT)[late].argmax(axis=1) == truth[late]).mean() < 0.7


def test_a_weak_wearer_comes_out_as_the_plain_one() -> None:
    windows, truth = worn(ALL, gain=0.3)
    late = slice(len(truth) // 2, None)
    assert (used(windows)[late].argmax(axis=1) == truth[late]).mean() > 0.95
    assert (used(windows, WITHOUT)[late].argmax(axis=1) == truth[late]).mean() < 0.9


@pytest.mark.parametrize("labels", [[0], [0, 1], [0, 3, 4], [2]])
def test_a_wearer_of_few_gestures_is_not_harmed(labels: list[int]) -> None:
    windows, truth = worn((labels * 12)[:12])
    before = (used(windows, WITHOUT).argmax(axis=1) == truth).mean()
    assert (used(windows).argmax(axis=1) == truth).mean() > before - 0.02
    every, wanted = worn(ALL, seed=5)  # and whatever comes afterwards is still known
    decoded = used(np.concatenate([windows, every]))[len(windows) :].argmax(axis=1)
    assert (decoded == wanted).mean() > (used(every, WITHOUT).argmax(axis=1) == wanted).mean() - 0.02


def test_what_is_asked_for_later_changes_nothing_that_was_given() -> None:
    windows, _ = worn(ALL)
    other, _ = worn(ALL[:6] + ALL[:5:-1])
    half = len(windows) // 2
    np.testing.assert_array_equal(windows[:half], other[:half])
    np.testing.assert_array_equal(used(windows)[:half], used(other)[:half])
    assert not np.array_equal(used(windows), used(other))


def test_a_row_of_a_batch_has_the_bits_of_a_batch_of_one() -> None:
    streams = [worn(ALL, seed=seed)[0] for seed in range(3)]
    decoder = Follows()
    batch = adaptation_in_use(decoder, AdaptationOptions(), 3)
    alone = [adaptation_in_use(decoder, AdaptationOptions(), 1) for _ in streams]
    for row, single in enumerate(alone):
        batch.begin(row, 0, tuple)
        single.begin(0, 0, tuple)
    for index in range(len(streams[0])):
        rows = np.array([0, 1, 2] if index % 5 == 0 else [0, 2])  # the second row decides less often
        batch.update(rows, np.stack([streams[row][index] for row in rows.tolist()]))
        for row in rows.tolist():
            alone[row].update(np.zeros(1, int), streams[row][index : index + 1])
            np.testing.assert_array_equal(batch.values[row], alone[row].values[0])
    assert not np.array_equal(batch.values[0], decoder.population.head())


def test_what_was_learned_is_cleared_with_the_episode_or_kept_for_the_session() -> None:
    windows, _ = worn(ALL)
    for keep in ("episode", "session"):
        adapted = adaptation_in_use(Follows(), AdaptationOptions(keep=keep), 2)
        adapted.begin(0, 3, tuple)
        for one in windows:
            adapted.update(np.zeros(1, int), one[None])
        learned = adapted.values[0].copy()
        assert not np.array_equal(learned, Follows().population.head())
        adapted.begin(0, 4, tuple)  # somebody else
        np.testing.assert_array_equal(adapted.values[0], Follows().population.head())
        adapted.begin(1, 3, tuple)  # the same person in another row
        np.testing.assert_array_equal(adapted.values[1], Follows().population.head())
        adapted.begin(0, 3, tuple)
        kept = learned if keep == "session" else Follows().population.head()
        np.testing.assert_array_equal(adapted.values[0], kept)
        adapted.forget(np.array([0]))
        adapted.begin(0, 3, tuple)
        np.testing.assert_array_equal(adapted.values[0], Follows().population.head())


def test_it_may_start_from_a_calibration_run_whose_labels_are_not_read() -> None:
    windows, _ = worn(ALL, arrangement=Arrangement(6, mirrored=True))
    samples = windows.transpose(1, 0, 2).reshape(COUNT, -1)
    run = Recording(samples, SignalSpec("emg", CHANNELS, 200.0, "count"), (), "user", "P")
    assert wearer_of(Follows(), [run]).candidate == 14
    adapted = adaptation_in_use(Follows(), AdaptationOptions(start="calibration", update=False), 1)
    adapted.begin(0, 0, lambda: [run])
    later, wanted = worn(ALL, arrangement=Arrangement(6, mirrored=True), seed=7)
    rows = np.broadcast_to(adapted.values[0], (len(later), *adapted.values.shape[1:]))
    assert (Follows().predict_proba(later, rows).argmax(axis=1) == wanted).mean() > 0.97
    before = adapted.values.copy()
    for one in later:
        adapted.update(np.zeros(1, int), one[None])
    np.testing.assert_array_equal(adapted.values, before)  # update=False


def labelled(each_s: float = 1.0, **options: Any) -> Recording:
    """A calibration run with a trial of each label."""
    windows, truth = worn(list(range(len(LABELS))), seconds=each_s, **options)
    samples, edges = windows.transpose(1, 0, 2).reshape(COUNT, -1), np.arange(len(LABELS) + 1) * round(each_s * 20)
    trials = tuple(
        Trial(LABELS[truth[start]], int(start * WINDOW), int(stop * WINDOW), has_onset=False)
        for start, stop in pairwise(edges)
    )
    return Recording(samples, SignalSpec("emg", CHANNELS, 200.0, "count"), trials, "user", "P")


@pytest.mark.parametrize("arrangement", [PLAIN, Arrangement(6, mirrored=True)])
def test_labels_of_a_calibration_run_tell_what_the_signal_alone_does_not(arrangement: Arrangement) -> None:
    exchanged = np.array([0, 2, 1, 3, 4])  # a wearer whose gestures a and b are those of everybody's b and a
    run = labelled(arrangement=arrangement)
    names = [LABELS[exchanged[LABELS.index(trial.label)]] for trial in run.trials]
    run = replace(run, trials=tuple(replace(t, label=name) for t, name in zip(run.trials, names, strict=True)))
    windows, truth = worn(ALL, arrangement=arrangement, seed=7)
    share = {}
    for start in ("labels", "calibration"):
        adapted = adaptation_in_use(Follows(), AdaptationOptions(start=start), 1)
        adapted.begin(0, 0, lambda: [run])
        found = []
        for one in windows:
            found.append(int(Follows().predict_proba(one[None], adapted.values)[0].argmax()))
            adapted.update(np.zeros(1, int), one[None])
        share[start] = (np.array(found) == exchanged[truth]).mean()
    assert share["labels"] > 0.88
    assert share["calibration"] < 0.8


def test_labelled_chunks_are_kept_and_each_episode_begins_with_them() -> None:
    adapted = adaptation_in_use(Follows(), AdaptationOptions(start="labels"), 1)
    adapted.begin(0, 0, lambda: [labelled()])
    before = adapted.values.copy()
    assert not np.array_equal(before[0], Follows().population.head())
    for one in worn(ALL, seed=7)[0]:
        adapted.update(np.zeros(1, int), one[None])
    assert not np.array_equal(adapted.values, before)
    adapted.begin(0, 0, list)
    np.testing.assert_array_equal(adapted.values, before)


def test_labels_are_read_only_where_they_can_be() -> None:
    with pytest.raises(
        NeuroMotionError, match=r"a trial of 0.45 s or more of every label; too short: rest, a, b, c, d"
    ):
        labelled_wearer_of(Follows(), [labelled(0.2)])
    day = DecoderSpec(**{**SPEC.model_dump(), "adaptation": {"kind": "day", "shape": (5, 9)}})
    with pytest.raises(NeuroMotionError, match=r"start 'labels' is for the kind 'wearer'; 'follows' is of kind 'day'"):
        adaptation_options({"start": "labels"}, day)
    assert adaptation_options({"start": "labels"}, SPEC).start == "labels"


def test_a_copy_goes_on_by_itself() -> None:
    windows, _ = worn(ALL)
    adapted = adaptation_in_use(Follows(), AdaptationOptions(), 1)
    adapted.begin(0, 0, tuple)
    for one in windows[:150]:
        adapted.update(np.zeros(1, int), one[None])
    for copy in (deepcopy(adapted), pickle.loads(pickle.dumps(adapted))):  # noqa: S301 -- made here
        before = adapted.values.copy()
        for one in windows[150:200]:
            copy.update(np.zeros(1, int), one[None])
        assert not np.array_equal(copy.values, before)
        np.testing.assert_array_equal(adapted.values, before)


def test_options_that_do_not_apply_are_refused() -> None:
    plain = DecoderSpec(**{**SPEC.model_dump(), "adaptation": {}})
    with pytest.raises(NeuroMotionError, match="'follows' does not, its adaptation is of kind 'none'"):
        adaptation_options({"keep": "session"}, plain)
    with pytest.raises(NeuroMotionError, match=r"adaptation.*start"):
        adaptation_options({"start": "names"}, SPEC)
    with pytest.raises(NeuroMotionError, match="has no model of people"):
        adaptation_in_use(SimpleNamespace(spec=SPEC), AdaptationOptions(), 1)
    with pytest.raises(Exception, match=r"kind 'wearer' needs pacing 'sliding'.*shape \(5, 12\)"):
        DecoderSpec(**{**SPEC.model_dump(), "adaptation": {"kind": "wearer", "shape": (5, 12)}})


def test_a_population_is_written_and_read(tmp_path) -> None:
    one = population()
    one.write(tmp_path)
    again = read_population(tmp_path, (5, 9), COUNT, ring=True)
    np.testing.assert_array_equal(again.head(), one.head())
    chunks = np.random.default_rng(0).normal(size=(20, COUNT))
    np.testing.assert_array_equal(again.fit(chunks, np.arange(16)).score, one.fit(chunks, np.arange(16)).score)
    with pytest.raises(NeuroMotionError, match="does not belong to this decoder"):
        read_population(tmp_path, (4, 9), COUNT, ring=True)
    (tmp_path / "population.npz").write_bytes(b"PK")
    with pytest.raises(NeuroMotionError, match=r"population\.npz cannot be read"):
        read_population(tmp_path, (5, 9), COUNT, ring=True)
