"""A last layer that follows the day: without labels, for people who are known or not, the same alone and in a batch."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders.adaptation import AdaptationOptions, adaptation_in_use, wearer_of
from neuromotion_gym.decoders.changes import posterior_means
from neuromotion_gym.decoders.days import DAYS, Days, read_days
from neuromotion_gym.decoders.described import facts_of
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, SignalSpec

CHANNELS, LABELS, WINDOW = ("a", "b", "c", "d"), ("rest", "one", "two", "three"), 20
SPEC = DecoderSpec(
    name="days",
    modality="emg",
    labels=LABELS,
    channels=CHANNELS,
    rate_hz=200,
    unit="count",
    window=WINDOW,
    hop_s=0.05,
    output="logits",
    adaptation={"kind": "day", "shape": (4, 5)},
)
LOUD = np.log([[1, 1, 1, 1], [9, 4, 3, 4], [4, 9, 4, 3], [3, 4, 9, 6]])
"""Log amplitudes of each label in everybody's usual way."""
SPREAD = 0.2
"""Standard deviation of log amplitudes of windows."""
PEOPLE = np.random.default_rng(3).normal(size=(3, *LOUD.shape)) * np.array([0, 0.5, 0.5, 0.5])[:, None]
"""How three people differ; nobody differs at rest."""


def model() -> Days:
    """Somebody unknown, and three people whose gestures change together from day to day."""
    centres = LOUD + np.concatenate([PEOPLE.mean(axis=0)[None], PEOPLE])
    together = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
    spreads = np.stack([4.0 * together, *[together] * 3])
    variances = np.full(4, 0.5**2 / SPREAD**2)
    return Days(centres / SPREAD, spreads, variances, np.eye(4) / SPREAD, 0.5, 0)


class Follows:
    """A decoder of kind "day" whose features are log amplitudes."""

    spec = SPEC

    def __init__(self) -> None:
        self.population = model()

    def features(self, windows: np.ndarray) -> np.ndarray:
        return np.log(windows.std(axis=2) + 1e-3).astype(np.float32)

    def predict_proba(self, windows: np.ndarray, adaptation: np.ndarray) -> np.ndarray:
        logits = np.einsum("nlf,nf->nl", adaptation[..., :-1], self.features(windows)) + adaptation[..., -1]
        values = np.exp(logits - logits.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)


DAY = np.array([0.9, -0.8, 0.7, -0.9])
"""Change of log amplitude of each channel on a new day, the same for all labels."""
TURNS = [0, 1, 2, 3, 0, 2, 1, 3, 0, 3, 2, 1]


def day(
    labels: list[int], *, person: int = 1, change: np.ndarray = DAY, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a day on which a person makes ``labels`` in turn, 2 s each, and the label of each window."""
    truth = np.repeat(labels, 40)
    noise = np.random.default_rng(seed).normal(size=(len(truth), 4, WINDOW))
    return (noise * np.exp(LOUD + PEOPLE[person] + change)[truth][..., None]).astype(np.float32), truth


def run_of(windows: np.ndarray) -> Recording:
    """The windows one after another as an unlabelled recording."""
    samples = np.ascontiguousarray(windows.transpose(1, 0, 2).reshape(4, -1))
    return Recording(samples, SignalSpec("emg", CHANNELS, 200.0, "count"), (), "user", "P")


def used(windows: np.ndarray, options: AdaptationOptions, before: tuple[Recording, ...] = ()) -> np.ndarray:
    """Label of each window, decided before the adaptation goes on with it."""
    decoder = Follows()
    adapted = adaptation_in_use(decoder, options, 1)
    assert adapted is not None
    adapted.begin(0, 0, lambda: before)
    found = []
    for index in range(len(windows)):
        found.append(decoder.predict_proba(windows[index : index + 1], adapted.values)[0].argmax())
        adapted.update(np.zeros(1, int), windows[index : index + 1])
    return np.array(found)


EARLIER = tuple(run_of(day(TURNS, change=0.3 * DAY * sign, seed=5)[0]) for sign in (1, -1))
KNOWN, WITHOUT = AdaptationOptions(start="calibration"), AdaptationOptions(start="calibration", update=False)


def test_earlier_days_tell_who_the_wearer_is_and_nothing_of_today() -> None:
    for person in range(3):
        earlier = [run_of(day(TURNS, person=person, change=sign * DAY, seed=7)[0]) for sign in (0.3, -0.3)]
        wearer = wearer_of(Follows(), earlier)
        assert wearer.candidate == 1 + person
        np.testing.assert_array_equal(wearer.head, model().head(candidate=1 + person))
    assert wearer_of(Follows(), []).candidate == 0


def test_a_new_day_is_followed_without_labels() -> None:
    windows, truth = day(TURNS)
    late = slice(len(truth) // 2, None)
    assert (used(windows, WITHOUT, EARLIER)[late] == truth[late]).mean() < 0.75
    assert (used(windows, KNOWN, EARLIER)[late] == truth[late]).mean() > 0.97
    # Somebody who does not say who it is, too
    assert (used(windows, AdaptationOptions())[late] == truth[late]).mean() > 0.9


def test_an_ordinary_day_of_few_gestures_is_not_harmed() -> None:
    for labels in ([0], [0, 1], [2, 3]):
        windows, truth = day((labels * 12)[:12], change=0.2 * DAY)
        before = (used(windows, WITHOUT, EARLIER) == truth).mean()
        assert (used(windows, KNOWN, EARLIER) == truth).mean() > before - 0.02
        every, wanted = day(TURNS, change=0.2 * DAY, seed=9)  # and what was not made is still known
        after = used(np.concatenate([windows, every]), KNOWN, EARLIER)[len(windows) :]
        assert (after == wanted).mean() > 0.95


def test_two_gestures_that_were_taken_for_each_other_are_exchanged() -> None:
    known = model()
    windows, _ = day(TURNS)
    chunks = Follows().features(windows).astype(np.float64).reshape(-1, 8, 4).mean(axis=1)
    read = (chunks @ known.whitening).astype(np.float32)
    candidate = np.array([2])
    right = known.fit(chunks, candidate)
    square = 0.5 * (read**2).sum(axis=1)
    wrong, score = known._settled(read, square, candidate, right.means[:, [0, 2, 1, 3]], (1.0,))
    assert score[0] < right.score[0]
    means, better = known._exchanged(read, square, 2, wrong[0], float(score[0]))
    assert better == pytest.approx(right.score[0], abs=0.5)
    np.testing.assert_allclose(means, right.means[0], atol=0.5)


def test_a_row_of_a_batch_has_the_bits_of_a_batch_of_one() -> None:
    streams = [day(TURNS, person=person)[0] for person in (0, 2)]
    both = adaptation_in_use(Follows(), KNOWN, 2)
    assert both is not None
    for row in (0, 1):
        both.begin(row, 0, lambda: EARLIER)
    for one in zip(*streams, strict=True):
        both.update(np.arange(2), np.stack(one))
    for row, own in enumerate(streams):
        alone = adaptation_in_use(Follows(), KNOWN, 1)
        assert alone is not None
        alone.begin(0, 0, lambda: EARLIER)
        for one in own:
            alone.update(np.zeros(1, int), one[None])
        np.testing.assert_array_equal(both.values[row], alone.values[0])
        assert not np.array_equal(alone.values[0], model().head(candidate=2))


def test_the_means_are_the_posterior_ones_of_the_whole_covariance() -> None:
    known, generator = model(), np.random.default_rng(0)
    weight, seen = generator.uniform(0.1, 30, 4), generator.normal(size=(4, 4)) * 5
    prior = np.linalg.inv(np.kron(known.spreads[1], np.diag(known.variances)))
    told = np.repeat(weight, 4)
    wanted = np.linalg.solve(prior + np.diag(told), prior @ known.centres[1].ravel() + told * seen.ravel())
    found = posterior_means(known._expected(np.array([1])), weight[None], seen[None])
    np.testing.assert_allclose(found[0].ravel(), wanted, rtol=1e-9)


def test_a_model_is_written_and_read(tmp_path) -> None:
    one = model()
    one.write(tmp_path)
    again = read_days(tmp_path, (4, 5))
    np.testing.assert_array_equal(again.head(candidate=2), one.head(candidate=2))
    chunks = np.random.default_rng(0).normal(size=(20, 4))
    np.testing.assert_array_equal(again.fit(chunks, np.arange(4)).score, one.fit(chunks, np.arange(4)).score)
    with pytest.raises(NeuroMotionError, match="does not belong to this decoder"):
        read_days(tmp_path, (4, 6))
    (tmp_path / DAYS).write_bytes(b"PK")
    with pytest.raises(NeuroMotionError, match=r"days\.npz cannot be read"):
        read_days(tmp_path, (4, 5))


def test_the_kind_is_told_and_its_shape_checked() -> None:
    assert facts_of(SPEC)["adaptation"] == "follows the day, without labels"
    wearer = DecoderSpec(**{**SPEC.model_dump(), "adaptation": {"kind": "wearer", "shape": (4, 5)}})
    assert facts_of(wearer)["adaptation"] == "follows the wearer, without labels"
    with pytest.raises(Exception, match=r"kind 'day' needs pacing 'sliding' and a shape"):
        DecoderSpec(**{**SPEC.model_dump(), "adaptation": {"kind": "day", "shape": (4, 1)}})
