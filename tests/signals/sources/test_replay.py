"""Replay on mock recordings whose samples say where they come from: channel 0 is the sample's place, 1 the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.signals.sources.replay import ReplaySource

if TYPE_CHECKING:
    pass

LABELS = ("left_fist", "rest", "right_fist")  # sorted, so that channel 1 of the mock recordings is their index


def _generators(seeds) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def _begin(source: ReplaySource, seeds, sessions=None) -> None:
    source.start(len(seeds))
    source.reset(np.arange(len(seeds)), _generators(seeds), sessions)


def _play(source: ReplaySource, labels: np.ndarray, n_samples: int = 5) -> np.ndarray:
    """Read step by step; ``labels`` has shape (steps, rows)."""
    return np.concatenate([source.read(wanted, n_samples) for wanted in labels], axis=2)


def _random_labels(steps: int, rows: int, seed: int = 0) -> np.ndarray:
    return np.repeat(np.random.default_rng(seed).integers(0, 3, (steps // 20 + 1, rows)), 20, axis=0)[:steps]


def _joins(where: np.ndarray, fade: int) -> np.ndarray:
    """First samples of pieces within one row: there the place no longer goes up by one."""
    rough = np.flatnonzero(np.abs(np.diff(where) - 1) > 1e-3) + 1
    return rough[np.diff(rough, prepend=-fade - 2) > fade]


@pytest.fixture(scope="module")
def source(make_sessions) -> ReplaySource:
    return ReplaySource(make_sessions(4), LABELS)


@pytest.fixture(scope="module")
def steady(make_sessions) -> ReplaySource:
    return ReplaySource(make_sessions(4, modality="emg", has_onset=False), LABELS)


@pytest.mark.parametrize("kind", ["source", "steady"])
def test_row_of_a_batch_is_a_batch_of_one(kind: str, request) -> None:
    replay = request.getfixturevalue(kind)
    labels = _random_labels(300, 6)
    _begin(replay, range(0, 600, 100))
    together, sessions = _play(replay, labels), replay.session_index
    trials = [replay.trials_played(row) for row in range(6)]
    for row in range(6):
        _begin(replay, [100 * row])
        np.testing.assert_array_equal(_play(replay, labels[:, row : row + 1])[0], together[row])
        assert replay.session_index[0] == sessions[row]
        assert replay.trials_played(0) == trials[row]


@pytest.mark.parametrize("kind", ["source", "steady"])
def test_step_size_changes_nothing_while_the_label_stays(kind: str, request) -> None:
    replay = request.getfixturevalue(kind)
    found = []
    for n_samples in (1, 7, 60, 2100):
        _begin(replay, [3, 4])
        found.append(_play(replay, np.ones((2100 // n_samples, 2), int), n_samples))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_rows_can_be_read_and_reset_apart(source: ReplaySource) -> None:
    labels = _random_labels(100, 3)
    _begin(source, [0, 10, 20])
    together = _play(source, labels)
    _begin(source, [0, 10, 20])
    apart = np.empty_like(together)
    for step, wanted in enumerate(labels):
        place = slice(5 * step, 5 * step + 5)
        apart[1:2, :, place] = source.read(wanted[1:2], 5, np.array([1]))
        apart[[2, 0], :, place] = source.read(wanted[[2, 0]], 5, np.array([2, 0]))
    np.testing.assert_array_equal(apart, together)
    source.reset(np.array([1]), _generators([10]))
    again = _play(source, labels)
    np.testing.assert_array_equal(again[1], together[1])
    assert not np.array_equal(again[0], together[0])


@pytest.mark.parametrize("kind", ["source", "steady"])
def test_rows_that_are_passed_over_play_the_same_labels_and_trials(kind: str, request) -> None:
    replay, labels = request.getfixturevalue(kind), _random_labels(400, 3)
    _begin(replay, [0, 10, 20])
    heard = []
    for wanted in labels:
        replay.read(wanted, 5)
        heard.append((replay.playing, replay.since_onset, [replay.trials_played(row) for row in range(3)]))
    _begin(replay, [0, 10, 20])
    for wanted, (playing, since_onset, trials) in zip(labels, heard, strict=True):
        replay.pass_over(wanted[[1]], 5, np.array([1]))
        replay.pass_over(wanted[[2, 0]], 5, np.array([2, 0]))
        np.testing.assert_array_equal(replay.playing, playing)
        np.testing.assert_array_equal(replay.since_onset, since_onset)
        assert [replay.trials_played(row) for row in range(3)] == trials


def test_a_row_that_was_passed_over_is_read_after_its_next_reset(source: ReplaySource) -> None:
    labels = _random_labels(100, 2)
    _begin(source, [0, 10])
    together = _play(source, labels)
    _begin(source, [0, 10])
    source.pass_over(labels[0, :1], 5, np.array([0]))
    with pytest.raises(NeuroMotionError, match="passed over"):
        source.read(labels[0], 5)
    source.reset(np.array([0]), _generators([0]))
    np.testing.assert_array_equal(_play(source, labels), together)
    source.start(1)
    with pytest.raises(NeuroMotionError, match="reset"):
        source.pass_over(np.array([0]), 5)


@pytest.mark.parametrize("kind", ["source", "steady"])
def test_joins_do_not_depend_on_the_labels(kind: str, request) -> None:
    replay = request.getfixturevalue(kind)
    fade = round(replay.provenance["fade_s"] * 100)
    joins = []
    for seed in range(5):
        _begin(replay, [42])
        joins.append(_joins(_play(replay, _random_labels(600, 1, seed))[0, 0], fade).tolist())
    assert len(joins[0]) > 10
    assert all(other == joins[0] for other in joins)


def test_clock_keeps_to_its_bounds_and_its_mean(source: ReplaySource, steady: ReplaySource) -> None:
    for replay, (shortest, longest) in ((source, (100, 210)), (steady, (30, 70))):
        _begin(replay, [0])
        joins = _joins(_play(replay, np.ones((8000, 1), int))[0, 0], round(replay.provenance["fade_s"] * 100))
        pieces = np.diff(joins)
        assert pieces.min() == shortest
        assert pieces.max() == longest
        assert pieces.mean() / 100 == pytest.approx(replay.mean_piece_s(), rel=0.05)
        assert replay.mean_piece_s() == (shortest + longest) / 200


def test_a_changed_label_waits_for_the_next_restart(source: ReplaySource) -> None:
    _begin(source, [5])
    before = source.read(np.array([0]), 30)
    unchanged = source.read(np.array([0]), 300)
    _begin(source, [5])
    np.testing.assert_array_equal(source.read(np.array([0]), 30), before)
    changed = source.read(np.array([2]), 300)
    differs = np.flatnonzero((changed != unchanged).any(axis=(0, 1)))[0]
    assert differs + 30 == _joins(np.concatenate([before, unchanged], axis=2)[0, 0], 10)[0]
    np.testing.assert_array_equal(changed[0, 1, :differs], 0)
    assert changed[0, 1, -1] == 2


def test_pieces_begin_at_onset_plus_skip_cue(make_sessions) -> None:
    source = ReplaySource(make_sessions(1), LABELS, skip_cue=1.0)
    _begin(source, [0])
    where = _play(source, _random_labels(400, 1))[0, 0]
    starts = {(key.run, key.start) for key in source.trials}
    for join in (0, *_joins(where, 10)):
        first = where[join + 10 if join else 0] - (10 if join else 0)  # after the fade the place is exact
        run, place = divmod(first, 1e5)
        assert (str(int(run)), place - 100) in starts


def test_steady_state_begins_anywhere_in_the_trial(make_sessions) -> None:
    source = ReplaySource(make_sessions(1, modality="emg", has_onset=False), LABELS)
    _begin(source, [0])
    where = _play(source, np.ones((4000, 1), int))[0, 0]
    offsets = (where[_joins(where, 3) + 3] - 3) % 400
    assert offsets.min() < 15
    assert offsets.max() > 400 - 70 - 3 - 15
    assert offsets.max() <= 400 - 70 - 3


@pytest.mark.parametrize("kind", ["source", "steady"])
def test_every_restart_plays_another_trial(kind: str, request) -> None:
    replay = request.getfixturevalue(kind)
    _begin(replay, [9])
    where = _play(replay, np.zeros((3000, 1), int))[0, 0]
    fade = round(replay.provenance["fade_s"] * 100)
    trials = where[_joins(where, fade) + fade] // 400
    assert len(trials) > 50
    assert (np.diff(trials) != 0).all()
    assert len(set(trials)) == 8  # all there are: four of the label in either run
    assert len(replay.trials_played(0)) == 8


def test_cross_fade_leads_from_the_old_piece_going_on_to_the_head_of_the_new(source: ReplaySource) -> None:
    _begin(source, [1])
    where = _play(source, np.ones((100, 1), int))[0, 0].astype(float)
    join = _joins(where, 10)[0]
    weight = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 11) / 11)
    old = where[join - 1] + np.arange(1, 11)
    new = where[join + 10] - 10 + np.arange(10)
    np.testing.assert_allclose(where[join : join + 10], (1 - weight) * old + weight * new, rtol=1e-6)


def test_playing_since_onset_and_trials_say_what_is_heard(make_sessions) -> None:
    source = ReplaySource(make_sessions(2), LABELS, skip_cue=1.0)
    _begin(source, [0, 10])
    assert source.playing.tolist() == [-1, -1]
    seen: list[set[int]] = [set(), set()]
    for wanted in _random_labels(300, 2):
        samples = source.read(wanted, 5)
        for row in range(2):
            since, place = int(source.since_onset[row]), samples[row, 0, -1]
            if since - 100 > 10:  # past the fade
                seen[row] |= {i for i, key in enumerate(source.trials) if _holds(key, place, source, row)}
                assert samples[row, 1, -1] == source.playing[row]
                assert place % 400 == since - 1
    assert [source.trials_played(row) for row in range(2)] == seen


def _holds(key, place: float, source: ReplaySource, row: int) -> bool:
    """Whether the sample at ``place`` is of the trial."""
    run, at = divmod(place, 1e5)
    subject, _ = source.sessions[source.session_index[row]]
    return key.subject == subject and key.run == str(int(run) % 3) and key.start <= at < key.start + 400


def test_calibration_runs_are_handed_out_and_never_played(make_sessions) -> None:
    sessions = make_sessions(3)
    mixed = [  # as in a train part: the calibration run is among the recordings too
        Session(one.dataset, one.subject, one.session, (*one.recordings, *one.calibration), one.calibration)
        for one in sessions
    ]
    source = ReplaySource(mixed, LABELS)
    assert source.calibration(1) == sessions[1].calibration
    assert {key.run for key in source.trials} == {"1", "2"}
    _begin(source, range(0, 900, 100))
    where = _play(source, _random_labels(300, 9))[:, 0]
    calibration = [(3e5 * person, 3e5 * person + 6400) for person in range(3)]
    assert not any(((where >= start) & (where < stop)).any() for start, stop in calibration)


def test_sessions_are_drawn_evenly_or_taken_as_given(source: ReplaySource) -> None:
    seeds = range(0, 40_000, 100)
    _begin(source, seeds)
    assert np.bincount(source.session_index).min() > 60
    wanted = np.arange(400) % 4
    _begin(source, seeds, wanted)
    np.testing.assert_array_equal(source.session_index, wanted)


def test_a_session_given_and_the_same_drawn_play_the_same(source: ReplaySource) -> None:
    _begin(source, [7])
    drawn, session = _play(source, _random_labels(100, 1)), source.session_index
    _begin(source, [7], session)
    np.testing.assert_array_equal(_play(source, _random_labels(100, 1)), drawn)


def test_generators_are_left_for_others(source: ReplaySource) -> None:
    generator, twin = np.random.default_rng(1), np.random.default_rng(1)
    source.start(1)
    source.reset(np.array([0]), [generator])
    _play(source, np.zeros((500, 1), int), 50)
    assert generator.random() == twin.random()


@pytest.fixture(scope="module")
def trial_source(make_sessions) -> ReplaySource:
    return ReplaySource(make_sessions(2), LABELS, pacing="trial", epoch_s=(1.0, 4.0))


class TestTrialPacing:
    def test_every_epoch_is_met_whole(self, trial_source: ReplaySource) -> None:
        _begin(trial_source, [0, 100])
        end, window = 400, 301  # both ends of 1.0 to 4.0 s
        heard, epochs = np.empty((2, 3, 0)), 0
        for wanted in _random_labels(600, 2):
            heard = np.concatenate([heard, trial_source.read(wanted, 5)], axis=2)
            late = trial_source.since_onset - (end + 1)
            for row in np.flatnonzero((late >= 0) & (late < 5)):
                stop = heard.shape[2] - late[row]
                where = heard[row, 0, stop - window : stop]
                assert where[0] % 400 == 100
                np.testing.assert_array_equal(np.diff(where), 1)
                assert heard[row, 1, stop - window] == trial_source.playing[row]
                epochs += 1
        assert epochs == 2 * (3000 // 411)

    def test_trials_at_the_very_end_are_left_out(self, trial_source: ReplaySource) -> None:
        assert trial_source.provenance["trials_too_short"] == 4  # the last of each run
        assert trial_source.mean_piece_s() == 4.11

    @pytest.mark.parametrize("options", [{"pacing": "trial"}, {"epoch_s": (1.0, 4.0)}, {"pacing": "other"}])
    def test_pacing_and_epoch_belong_together(self, make_sessions, options: dict) -> None:
        with pytest.raises(NeuroMotionError, match="pacing"):
            ReplaySource(make_sessions(1), LABELS, **options)


def test_longest_piece_gives_way_to_skip_cue(make_sessions) -> None:
    source = ReplaySource(make_sessions(1), LABELS, skip_cue=2.5)
    assert source.provenance["pieces_s"] == (1.0, 1.4)
    assert source.provenance["skip_cue"] == 2.5
    with pytest.raises(NeuroMotionError, match=r"leave 0.90 s .* after 3 s of cue .* shortest piece lasts 1.00 s"):
        ReplaySource(make_sessions(1), LABELS, skip_cue=3.0)


def test_few_short_trials_are_left_out_rather_than_shorten_all(make_recording) -> None:
    labels = ("rest", "left_fist") * 16
    lengths = [400, 400] * 15 + [150, 400]
    session = Session("mock", "S1", "0", (make_recording(labels, lengths=lengths),))
    source = ReplaySource([session], ("left_fist", "rest"))
    assert source.provenance["pieces_s"] == (1.0, 2.1)
    assert (source.provenance["trials"], source.provenance["trials_too_short"]) == (31, 1)


def test_session_without_a_label_is_named(make_sessions, make_recording) -> None:
    lacking = Session("mock", "S9", "x", (make_recording(("rest", "left_fist") * 4, subject="S9"),))
    with pytest.raises(NeuroMotionError, match=r"some have none \(S9 x: right_fist\)"):
        ReplaySource([*make_sessions(1), lacking], LABELS)


def test_single_trial_of_a_label_may_come_again(make_recording) -> None:
    session = Session("mock", "S1", "0", (make_recording(("rest", "go")),))
    source = ReplaySource([session], ("go", "rest"))
    _begin(source, [0])
    _play(source, np.zeros((200, 1), int))
    assert source.trials_played(0) == {0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"skip_cue": -1.0}, "cannot be negative"),
        ({"pieces_s": (2.0, 1.0)}, "cannot be played"),
        ({"pieces_s": (0.05, 1.0)}, "has to hold the fade"),
    ],
)
def test_impossible_options_are_refused(make_sessions, options: dict, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        ReplaySource(make_sessions(1), LABELS, **options)


def test_nothing_to_play_and_mixed_recordings_are_refused(make_recording) -> None:
    with pytest.raises(NeuroMotionError, match="Nothing to replay"):
        ReplaySource([], LABELS)
    with pytest.raises(NeuroMotionError, match="one spec"):
        ReplaySource([Session("m", "S1", "0", (make_recording(), make_recording(rate=50.0)))], LABELS)
    with pytest.raises(NeuroMotionError, match="cannot be mixed"):
        ReplaySource([Session("m", "S1", "0", (make_recording(), make_recording(has_onset=False)))], LABELS)


def test_reading_before_reset_is_refused(source: ReplaySource) -> None:
    source.start(2)
    source.reset(np.array([0]), _generators([0]))
    with pytest.raises(NeuroMotionError, match="reset before read"):
        source.read(np.zeros(2, int), 5)


def test_what_is_read_shares_no_memory_with_the_bank(source: ReplaySource) -> None:
    _begin(source, [0])
    first = source.read(np.array([0]), 50)
    first[:] = np.nan
    _begin(source, [0])
    assert np.isfinite(source.read(np.array([0]), 50)).all()
