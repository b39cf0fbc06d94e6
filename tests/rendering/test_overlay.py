"""The overlay says what the snapshot holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.rendering import Snapshot, compose, window
from neuromotion_gym.rendering.overlay import above_caption, caption
from neuromotion_gym.rendering.panels import (
    GREEN,
    INK,
    RED,
    TARGET,
    envelope,
    in_words,
    nice_above,
    pick_channels,
    shortened_to,
    text_width,
)

LABELS = ("neutral", "hand_close", "hand_open")


@pytest.fixture
def frame() -> np.ndarray:
    return np.full((720, 1280, 3), 235, dtype=np.uint8)


@pytest.fixture
def snapshot() -> Snapshot:
    signal = np.random.default_rng(0).normal(size=(10, 400))
    return Snapshot(
        signal=signal,
        rate_hz=200.0,
        unit="V",
        channels=[f"EMG {i}" for i in range(10)],
        labels=LABELS,
        posterior=np.array([0.1, 0.8, 0.1]),
        intended="hand_close",
        decoded="hand_close",
        time_s=3.0,
        time_limit_s=20.0,
        success=None,
        wrong=False,
        title="NeuroArm-v0",
        subtitle="somebody",
        axes=("grip",),
        positions=np.array([0.2]),
        goals=np.array([0.6]),
    )


def count(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).max(axis=-1) < 24).sum())


def changed(one: np.ndarray, other: np.ndarray) -> float:
    return float((one != other).any(axis=-1).mean())


def test_frame_is_not_changed_and_size_is_kept(frame, snapshot):
    before = frame.copy()
    picture = compose(frame, snapshot)
    assert picture.shape == frame.shape
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(frame, before)


def test_window_stays_free(frame, snapshot):
    left, top, right, bottom = window()
    picture = compose(frame, snapshot)
    np.testing.assert_array_equal(picture[top + 30 : bottom, left:right], frame[top + 30 : bottom, left:right])


def test_right_is_green_and_wrong_is_vermilion(frame, snapshot):
    right = compose(frame, snapshot)
    wrong = compose(frame, replace(snapshot, decoded="hand_open", posterior=np.array([0.1, 0.1, 0.8])))
    assert count(right, GREEN) > 300 > count(right, RED)
    assert count(wrong, RED) > 300 > count(wrong, GREEN)


@pytest.mark.parametrize(
    "change",
    [
        {"signal": np.zeros((10, 400))},
        {"posterior": np.array([0.1, 0.5, 0.4])},
        {"intended": "neutral"},
        {"decoded": "neutral"},
        {"time_s": 12.0},
        {"positions": np.array([-0.7])},
        {"goals": np.array([-0.6])},
        {"goals": None},
        {"effort": 0.7},
        {"title": "other"},
        {"subtitle": "other"},
        {"success": True},
        {"success": False, "wrong": True},
        {"success": False},
        {"gauges": "Muscles"},
        {"goal": "block"},
        {"lowest": 0.0},
        {"shown_first": ("EMG 9",)},
    ],
)
def test_every_part_of_the_snapshot_shows(frame, snapshot, change):
    assert changed(compose(frame, snapshot), compose(frame, replace(snapshot, **change))) > 1e-5


def test_a_long_title_is_written_smaller_and_leaves_the_clock_alone(frame, snapshot):
    titles = ["", "NeuroArm-v0", "a long title · " * 12]
    plain, short, long = (compose(frame, replace(snapshot, title=title)) for title in titles)
    clock = slice(20, 44), slice(1155, 1280)
    np.testing.assert_array_equal(long[clock], plain[clock])
    wide = [np.flatnonzero((picture != plain).any(axis=(0, 2))).max() for picture in (short, long)]
    assert wide[0] < 300 < 1050 < wide[1] < 1155


def test_the_three_outcomes_look_different(frame, snapshot):
    ends = [{"success": True}, {"success": False, "wrong": True}, {"success": False}]
    pictures = [compose(frame, replace(snapshot, **end)) for end in ends]
    for one in range(3):
        for other in range(one):
            assert changed(pictures[one], pictures[other]) > 0.005


def test_bar_length_follows_the_posterior(frame, snapshot):
    shares = [0.2, 0.5, 0.9]
    areas = [
        count(compose(frame, replace(snapshot, posterior=np.array([0.0, p, 0.0]), goals=None)), GREEN) for p in shares
    ]
    assert areas == sorted(areas)
    assert areas[2] - areas[0] > 300


def test_goal_is_drawn_in_the_colour_of_the_ghost(frame, snapshot):
    assert count(compose(frame, snapshot), TARGET) > 200 > count(compose(frame, replace(snapshot, goals=None)), TARGET)


@pytest.mark.parametrize("size", [(360, 640), (1080, 1920)])
def test_other_sizes_are_scaled(snapshot, size):
    frame = np.full((*size, 3), 235, dtype=np.uint8)
    assert changed(compose(frame, snapshot), frame) > 0.2


def test_narrow_pictures_are_refused(snapshot):
    with pytest.raises(NeuroMotionError, match="not 640 x 720"):
        compose(np.zeros((720, 640, 3), dtype=np.uint8), snapshot)


@pytest.mark.parametrize(
    ("part", "value"),
    [("posterior", np.ones(2)), ("channels", ["a"]), ("positions", np.zeros(2)), ("goals", np.zeros(2))],
)
def test_parts_that_do_not_fit_are_named(frame, snapshot, part, value):
    with pytest.raises(NeuroMotionError, match="snapshot names"):
        compose(frame, replace(snapshot, **{part: value}))


@pytest.mark.parametrize(
    "signal", [np.zeros((10, 400)), np.full((10, 400), np.nan), np.full((10, 1), 3.0), np.full((10, 400), 1e12)]
)
def test_odd_signals_do_not_stop_the_video(frame, snapshot, signal):
    compose(frame, replace(snapshot, signal=signal))


def test_at_most_eight_channels_are_shown_and_those_named_by_the_data_set_first():
    names = ["Fp1", "Fp2", *(f"X{i}" for i in range(40)), "Cz", "C4", "C3"]
    chosen = [names[i] for i in pick_channels(names, ("C3", "CZ", "C4", "T9"))]
    assert chosen[:3] == ["C3", "Cz", "C4"]
    assert len(set(chosen)) == 8
    assert chosen[3] == "Fp1", "the others are spread over all channels"
    many = [f"X{i}" for i in range(64)]
    assert pick_channels(many, many[:20]) == list(range(8))
    assert len(set(pick_channels(many))) == 8
    assert pick_channels(["a", "b"], ("b",)) == [0, 1]


def test_the_words_for_the_end_are_those_of_the_task(frame, snapshot):
    going_on = replace(snapshot, outcome="Block taken")
    assert going_on.verdict == ""
    won = replace(snapshot, success=True)
    assert (won.verdict, replace(won, outcome="Block taken").verdict) == ("Success", "Block taken")
    assert changed(compose(frame, won), compose(frame, replace(won, outcome="Block taken"))) > 1e-4


def test_a_caption_tells_labels_and_outcome_and_leaves_the_rest_free(snapshot):
    frame = np.full((360, 640, 3), 235, dtype=np.uint8)
    left, top, right, bottom = above_caption(640, 360)
    drawn = caption(frame, snapshot)
    np.testing.assert_array_equal(drawn[top:bottom, left:right], frame[top:bottom, left:right])
    for change in ({"intended": "a"}, {"decoded": "b"}, {"success": True}):
        assert changed(drawn, caption(frame, replace(snapshot, **change))) > 1e-3


@pytest.mark.parametrize("channels", [1, 4, 10])
def test_the_scale_bar_ends_inside_its_panel_however_few_channels_there_are(frame, snapshot, channels):
    few = replace(snapshot, signal=snapshot.signal[:channels], channels=snapshot.channels[:channels])
    drawn = compose(frame, few)[92:, 24 : 24 + 300]
    dark = np.argwhere(np.abs(drawn[520:, -30:-8].astype(int) - INK).max(axis=-1) < 60)[:, 0] + 520
    assert 534 <= dark.min() <= dark.max() <= 555
    assert np.ptp(dark) >= 5


def test_a_task_without_axes_has_no_gauges(frame, snapshot):
    free = compose(frame, replace(snapshot, axes=(), positions=np.zeros(0), goals=None))
    right = slice(1280 - 24 - 300, 1280 - 24)
    below = slice(92 + 52 + 30 * 3 + 14, 640)
    np.testing.assert_array_equal(free[below, right], frame[below, right])


@pytest.mark.parametrize(("labels", "axes"), [(7, 6), (27, 26)])
def test_panels_stay_inside_the_picture_however_many_labels_and_axes_there_are(frame, snapshot, labels, axes):
    names = [f"label_{number}" for number in range(labels)]
    goals, posterior = np.eye(axes)[-1], np.eye(labels)[-1]
    many = replace(snapshot, labels=names, posterior=posterior, intended=names[0], decoded=names[-1], effort=0.5)
    many = replace(many, axes=names[:axes], positions=np.zeros(axes), goals=goals)
    drawn = (compose(frame, many) != frame).any(axis=-1)
    assert not drawn[720 - 13 :, 1280 - 24 - 300 :].any()
    assert drawn[92 + 52 + 30 * min(labels, 11) + 14 + 60 :, 1280 - 24 - 300 :].any()
    for change in ({"intended": names[1]}, {"goals": 0.5 * goals}):  # what is told is never left out
        assert changed(compose(frame, many), compose(frame, replace(many, **change))) > 1e-5


@pytest.mark.parametrize(("words", "shown"), [("triceps", "triceps"), ("flexor carpi radialis", "flexor carp…")])
def test_names_of_channels_are_cut_only_where_they_are_wider_than_their_room(words, shown):
    room = text_width("flexor carp…", 11.0, 1.0)
    assert shortened_to(words, room, 11.0, 1.0) == shown


def test_envelope_keeps_the_highest_peak():
    values = np.zeros(10_000)
    values[4321] = 7.0
    x, y = envelope(values, 100)
    assert y.max() == 7.0
    assert x[y.argmax()] == pytest.approx(0.43, abs=0.02)


@pytest.mark.parametrize(("value", "nice"), [(0.0, 1), (1.0, 1), (1.01, 2), (3e-5, 5e-5), (70.0, 100), (np.nan, 1)])
def test_scale_steps_are_one_two_five(value, nice):
    assert nice_above(value) == pytest.approx(nice)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (5e-5, "V", "50 µV"),
        (2e-3, "V", "2 mV"),
        (50, "", "50"),
        (5, "a.u.", "5 a.u."),
        (25, "count", "25 counts"),
        (1, "count", "1 count"),
    ],
)
def test_values_are_given_in_readable_units(value, unit, words):
    assert in_words(value, unit) == words
