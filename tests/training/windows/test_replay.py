"""Training windows as a running loop sees them: joins, labels of what plays, one stream a session."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.decoders.recipe import Recipe
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
from neuromotion_gym.training.preparations import prepared_windows

CHANNELS = ("Fp1", "Fp2", "O1")
LABELS = ("rest", "left_fist", "right_fist")


def recipe(options: dict | None = None, adaptation: dict | None = None, **data) -> Recipe:
    return Recipe(
        decoder={
            "name": "small",
            "modality": "eeg",
            "dataset": "nowhere",
            "labels": LABELS,
            "channels": CHANNELS[:2],
            "rate_hz": 160,
            "unit": "V",
            "window": 320,
            "hop_s": 0.25,
            "output": "logits",
            "split": "subject",
            "licence": "CC0-1.0",
            **({"adaptation": adaptation} if adaptation else {}),
        },
        data={"preparation": "replay", "stride_s": 0.25, "options": {"seconds": 60, **(options or {})}, **data},
        network={"name": "slow_bins"},
        training={},
    )


def session(subject: str) -> Session:
    """Every sample says which label plays (first channel) and how long since its onset (second)."""
    trials, samples = [], np.full((3, 20_000), -1, np.float32)
    for number, start in enumerate(range(0, 19_000, 656)):
        trials.append(Trial(LABELS[number % 3], start, start + 656))
        samples[0, start : start + 656] = number % 3
        samples[1, start : start + 656] = np.arange(656) / 160
        samples[2, start : start + 656] = int(subject[1:])
    recording = Recording(samples, SignalSpec("eeg", CHANNELS, 160.0, "V"), tuple(trials), "nowhere", subject, run="1")
    return Session("nowhere", subject, "0", (recording,), (recording,))


def test_windows_have_the_label_that_plays_for_most_of_their_end() -> None:
    data = prepared_windows(recipe(), [session("P1"), session("P2")])
    rows = np.arange(len(data.labels))
    windows = data.windows(rows)
    assert windows.shape == (2 * 233, 2, 320)
    end = np.rint(windows[:, 0, -240:])
    counts = np.stack([(end == label).sum(axis=1) for label in range(3)], axis=1)
    settled = np.sort(counts, axis=1)[:, -1] - np.sort(counts, axis=1)[:, -2] > 50  # a cross-fade decides nothing
    assert settled.mean() > 0.7
    np.testing.assert_array_equal(data.labels[settled], counts.argmax(axis=1)[settled])
    assert set(data.labels) == {0, 1, 2}
    straddling = np.mean([len(np.unique(np.rint(row))) > 1 for row in windows[:, 0]])
    assert 0.3 < straddling < 0.95


def test_start_s_is_the_cue_left_out() -> None:
    plain = prepared_windows(recipe(), [session("P1")])
    late = prepared_windows(recipe(start_s=2.0), [session("P1")])
    assert plain.windows(np.arange(100))[:, 1].min() < 0.1
    assert late.windows(np.arange(100))[:, 1].min() >= 2.0


def test_people_streams_and_adaptation_go_together() -> None:
    sessions = [session("P3"), session("P1")]
    adaptation = {"kind": "euclidean", "band_hz": [8, 30], "shape": [2, 2]}
    data = prepared_windows(recipe(adaptation=adaptation), sessions)
    np.testing.assert_array_equal(np.unique(data.people[data.trials == 0]), [1])
    np.testing.assert_array_equal(np.unique(data.people[data.trials == 1]), [0])
    rows = np.flatnonzero(data.trials == 1)[:3]
    adapted = data.adaptation(rows)
    assert adapted is not None
    assert adapted.shape == (3, 2, 2)


def test_the_same_seed_gives_the_same_windows_and_another_other_ones() -> None:
    first, again, other = (prepared_windows(recipe({"seed": seed}), [session("P1")]) for seed in (1, 1, 2))
    rows = np.arange(50)
    np.testing.assert_array_equal(first.windows(rows), again.windows(rows))
    assert (first.windows(rows) != other.windows(rows)).any()


@pytest.mark.parametrize(
    "options", [{"nothing": 1}, {"seconds": 1}, {"hold_s": 3}, {"hold_s": (2, 1)}, {"label_s": 0}, {"seed": "x"}]
)
def test_bad_options_are_named(options: dict) -> None:
    with pytest.raises(NeuroMotionError, match=next(iter(options))):
        prepared_windows(recipe(options), [session("P1")])


def test_stop_s_is_refused() -> None:
    with pytest.raises(NeuroMotionError, match="stop_s"):
        prepared_windows(recipe(stop_s=3.0), [session("P1")])
