from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Targets, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = SignalSpec("eeg", ("a", "b"), 100.0, "V")


def _samples(channels: int = 2, length: int = 1000) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((channels, length)).astype(np.float32)


def _recording(**changes: object) -> Recording:
    options = {"samples": _samples(), "spec": SPEC, "trials": (Trial("rest", 0, 500),), "dataset": "d", "subject": "s"}
    return Recording(**{**options, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": _samples().astype(np.float64)}, r"float64 of shape \(2, 1000\).*float32"),
        ({"samples": _samples()[0]}, r"float32 of shape \(1000,\)"),
        ({"samples": [[1.0]]}, "list.*float32"),
        ({"samples": _samples(3)}, "3 rows, but 2 channels"),
        ({"samples": _samples(2, 0), "trials": ()}, "no samples"),
        ({"trials": (Trial("rest", 0, 1001),)}, "'rest'.*0 to 1001.*has 1000"),
        ({"trials": (Trial("rest", -1, 10),)}, "-1 to 10"),
        ({"trials": (Trial("rest", 10, 10),)}, "10 to 10"),
    ],
)
def test_recording_refuses_what_cannot_be_one(changes: dict, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        _recording(**changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("eeg", ("a",), 0.0, "V"), "rate"),
        (("eeg", ("a",), float("nan"), "V"), "rate"),
        (("eeg", (), 1.0, "V"), "at least one"),
        (("eeg", ("a", ""), 1.0, "V"), "needs a name"),
        (("eeg", ("a", "b", "a"), 1.0, "V"), "a is there more than once"),
        (("meg", ("a",), 1.0, "V"), "'meg'"),
    ],
)
def test_spec_refuses_what_cannot_be_one(options: tuple, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        SignalSpec(*options)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_broken_samples_are_named_by_channel(bad: float) -> None:
    samples = _samples()
    samples[1, 3] = bad
    with pytest.raises(NeuroMotionError, match="NaN or infinite samples in channel b;"):
        _recording(samples=samples)


def test_flat_channel_is_refused_as_recorded_and_accepted_once_channels_were_mixed() -> None:
    samples = _samples()
    samples[0] = 3
    with pytest.raises(NeuroMotionError, match="flat in channel a:"):
        _recording(samples=samples)
    emptied = _recording().transformed(np.diag([0.0, 1.0]))
    assert not emptied.samples[0].any()
    assert not emptied.as_recorded
    assert not emptied.pick(["a"]).as_recorded


def test_pick_keeps_order_and_names_what_is_missing() -> None:
    recording = _recording()
    turned = recording.pick(["b", "a"])
    assert turned.spec.channels == ("b", "a")
    np.testing.assert_array_equal(turned.samples, recording.samples[::-1])
    with pytest.raises(NeuroMotionError, match="lacks channels c; it has a, b"):
        recording.pick(["a", "c"])


def test_resampled_keeps_the_signal_and_moves_the_trials() -> None:
    time = np.arange(1280) / 128
    tone = np.sin(2 * np.pi * 5 * time).astype(np.float32)
    recording = _recording(
        samples=np.stack([tone, -tone]), spec=replace(SPEC, rate_hz=128.0), trials=(Trial("x", 128, 640),)
    )
    resampled = recording.resampled(160)
    assert resampled.spec.rate_hz == 160
    assert resampled.trials == (Trial("x", 160, 800),)
    expected = np.sin(2 * np.pi * 5 * np.arange(1600) / 160)
    np.testing.assert_allclose(resampled.samples[0, 100:-100], expected[100:-100], atol=0.01)
    assert recording.resampled(128.0) is recording
    with pytest.raises(NeuroMotionError, match="0 Hz"):
        recording.resampled(0)


def test_trial_samples_are_the_trials() -> None:
    recording = _recording(trials=(Trial("rest", 10, 30), Trial("go", 30, 90)))
    found = list(recording.trial_samples())
    assert [trial.label for trial, _ in found] == ["rest", "go"]
    np.testing.assert_array_equal(found[1][1], recording.samples[:, 30:90])


def test_transformed_refuses_a_matrix_that_does_not_fit() -> None:
    with pytest.raises(NeuroMotionError, match=r"2 channels; a matrix of shape \(3, 3\)"):
        _recording().transformed(np.eye(3))


class TestFromMne:
    @pytest.fixture
    def raw(self):
        mne = pytest.importorskip("mne")
        info = mne.create_info(["C3", "C4", "STI"], 100.0, ["eeg", "eeg", "stim"])
        raw = mne.io.RawArray(np.vstack([_samples(), np.zeros(1000)]), info, verbose="ERROR")
        raw.set_annotations(mne.Annotations([1.0, 3.0, 5.0], [1.5, 1.5, 0.5], ["left", "right", "BAD blink"]))
        return raw

    def test_raw_gives_a_trial_an_annotation(self, raw) -> None:
        recording = Recording.from_mne(raw, modality="eeg", subject="p", session="x", run="2")
        assert recording.spec == SignalSpec("eeg", ("C3", "C4"), 100.0, "V")
        assert recording.trials == (Trial("left", 100, 250), Trial("right", 300, 450))
        np.testing.assert_array_equal(recording.samples, _samples())
        assert (recording.subject, recording.session, recording.run) == ("p", "x", "2")

    def test_labels_rename_and_leave_out(self, raw) -> None:
        recording = Recording.from_mne(raw, modality="eeg", labels={"left": "left_hand", "right": None})
        assert recording.trials == (Trial("left_hand", 100, 250),)

    def test_unknown_labels_are_named(self, raw) -> None:
        with pytest.raises(NeuroMotionError, match=r"Unknown labels 'right'.*the label map has 'left'"):
            Recording.from_mne(raw, modality="eeg", labels={"left": "left_hand"})

    def test_no_annotations(self, raw) -> None:
        raw.set_annotations(None)
        with pytest.raises(NeuroMotionError, match="no annotations"):
            Recording.from_mne(raw, modality="eeg")

    def test_all_left_out(self, raw) -> None:
        with pytest.raises(NeuroMotionError, match="it has left, right, all mapped to None"):
            Recording.from_mne(raw, modality="eeg", labels={"left": None, "right": None})

    def test_trials_follow_a_crop(self, raw) -> None:
        raw.set_meas_date(0)
        raw.crop(2.0, None)
        recording = Recording.from_mne(raw, modality="eeg", labels={"left": None, "right": "right"})
        assert recording.trials == (Trial("right", 100, 250),)

    def test_annotations_without_duration_need_a_length(self, raw) -> None:
        import mne

        raw.set_annotations(mne.Annotations([1.0], [0.0], ["go"]))
        with pytest.raises(NeuroMotionError, match="'go' has no duration; pass trial_s="):
            Recording.from_mne(raw, modality="eeg")
        assert Recording.from_mne(raw, modality="eeg", trial_s=2.0).trials == (Trial("go", 100, 300),)

    @pytest.mark.parametrize(("tmin", "start", "has_onset"), [(-0.5, 50, True), (0.0, 0, True), (0.5, 0, False)])
    def test_epochs_are_trials_from_their_onset(self, raw, tmin: float, start: int, has_onset: bool) -> None:
        import mne

        events, codes = mne.events_from_annotations(raw, regexp="left|right", verbose="ERROR")
        epochs = mne.Epochs(raw, events, codes, tmin, 1.0, baseline=None, preload=True, verbose="ERROR")
        recording = Recording.from_mne(epochs, modality="eeg", labels={"left": "l", "right": "r"})
        length = len(epochs.times)
        assert recording.trials == (
            Trial("l", start, length, has_onset),
            Trial("r", length + start, 2 * length, has_onset),
        )
        assert Recording.from_mne(epochs, modality="eeg", labels={}).trials == ()
        first = 100 + round(tmin * 100)
        np.testing.assert_array_equal(recording.samples[:, :length], _samples()[:, first : first + length])

    def test_channels_are_picked_by_name_or_by_a_map(self, raw) -> None:
        with pytest.warns(NeuroMotionWarning, match=r"Channels of user 0.*are matched by name: C4 is c4\."):
            recording = Recording.from_mne(raw, modality="eeg", channels=["c4", "C3"])
        assert recording.spec.channels == ("c4", "C3")
        np.testing.assert_array_equal(recording.samples, _samples()[::-1])
        mapped = Recording.from_mne(raw, modality="emg", channels={"C4": "biceps", "C3": "triceps"})
        assert mapped.spec.channels == ("biceps", "triceps")
        np.testing.assert_array_equal(mapped.samples, _samples()[::-1])

    @pytest.mark.parametrize(
        ("channels", "message"),
        [
            (["C3", "Cz"], "channels Cz are missing; there are C3, C4, STI"),
            ("C3", "is the text 'C3'; it has to be a list or a map"),
            ([], "at least one name is needed"),
            ({"C3": "a", "C4": "a"}, "one name to two channels"),
        ],
    )
    def test_wrong_channels(self, raw, channels, message: str) -> None:
        with pytest.raises(NeuroMotionError, match=message):
            Recording.from_mne(raw, modality="eeg", channels=channels)

    def test_anything_else_is_refused(self) -> None:
        pytest.importorskip("mne")
        with pytest.raises(NeuroMotionError, match="not from ndarray"):
            Recording.from_mne(_samples(), modality="eeg")


class TestRepr:
    def test_recording_in_one_line(self) -> None:
        recording = _recording(trials=(Trial("rest", 0, 400), Trial("rest", 400, 500), Trial("go", 600, 700)))
        told = "<Recording d s, session 0, run 0: EEG, 2 channels at 100 Hz in V, 10.0 s, 3 trials (rest 2, go 1)>"
        assert repr(recording) == told
        marked = _recording(bad_spans=((600, 700), (800, 800)))
        assert "10.0 s, 1.0 s of them bad, 1 gap, 1 trial (rest 1)>" in repr(marked)

    def test_session_in_one_line(self) -> None:
        run, other = _recording(run="1"), _recording(run="2", trials=())
        session = Session("d", "s", "x", (run,), (other,))
        assert repr(session) == (
            "<Session d s, session x: 1 recording (run 1), 10.0 s, 1 trial (rest 1), "
            "calibration apart: 1 recording (run 2), 10.0 s, 0 trials>"
        )

    def test_tables_are_short_and_escaped(self) -> None:
        spec = replace(SPEC, channels=tuple(f"E{i}" for i in range(64)))
        recording = _recording(samples=_samples(64), spec=spec, subject="<b>", trials=(Trial("a&b", 0, 9),))
        html = recording._repr_html_()
        assert "&lt;b&gt;" in html
        assert "a&amp;b 1" in html
        assert "E7 and 56 more" in html
        assert len(html) < 1500
        assert "1 recording (run 0)" in Session("d", "s", "0", (recording,))._repr_html_()


@settings(max_examples=30, deadline=None)
@given(
    rates=st.sampled_from([(128, 160), (160, 128), (512, 200), (1000, 250), (250, 256), (2048, 160), (200, 160)]),
    start=st.integers(100, 700),
    length=st.integers(1, 200),
)
@example((128, 160), 128, 1)
def test_resampled_trials_begin_and_end_where_the_signal_does(rates, start, length) -> None:
    """A step at the start of a trial, and back at its end, stays there."""
    given_rate, rate = rates
    samples = np.full((2, 1000), -1.0)
    samples[:, start : start + length] = 1.0
    samples[1] *= -1
    trial = Trial("go", start, start + length)
    recording = _recording(
        samples=samples.astype(np.float32), spec=replace(SPEC, rate_hz=float(given_rate)), trials=(trial,)
    ).resampled(float(rate))
    (moved,) = recording.trials
    assert abs(moved.start / rate - start / given_rate) <= 0.5 / rate + 1e-9
    assert abs(moved.stop / rate - (start + length) / given_rate) <= 1.5 / rate  # at least one sample is kept
    if length / given_rate > 6 / rate and length > 6:  # long enough to be seen in both
        inside = np.zeros(recording.samples.shape[1], bool)
        inside[moved.start + 2 : moved.stop - 2] = True
        assert (recording.samples[0][inside] > 0).all()
        outside = np.ones_like(inside)
        outside[max(0, moved.start - 2) : moved.stop + 2] = False
        assert (recording.samples[0][outside] < 0).mean() > 0.98


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Trial(1, 0, 100), "label of a trial is 1; it has to be a text"),
        (lambda: Trial("a", 0.0, 100.0), "Trial 'a' is from 0.0 to 100.0; both are whole numbers"),
        (lambda: SignalSpec("eeg", "C3", 160, "V"), "Channels are 'C3'; they have to be a tuple"),
        (lambda: SignalSpec("eeg", None, 160, "V"), "Channels are None; they have to be a tuple"),
        (lambda: SignalSpec("eeg", (1, 2), 160, "V"), r"Channels are \(1, 2\); they have to be a tuple"),
        (lambda: SignalSpec("eeg", ("C3",), "160", "V"), "rate is '160'; it has to be a number"),
    ],
)
def test_values_of_another_type_are_refused_where_they_are_given(make, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        make()


def test_a_list_of_channels_becomes_a_tuple() -> None:
    spec = SignalSpec("eeg", ["C3", "C4"], np.float32(160), "V")
    assert spec.channels == ("C3", "C4")
    assert hash(spec) == hash(SignalSpec("eeg", ("C3", "C4"), 160.0, "V"))
    assert Trial("a", np.int64(0), np.int64(5)) == Trial("a", 0, 5)


def _ramp(length: int = 1000) -> Targets:
    return Targets(("joint",), np.linspace(-1, 1, length, dtype=np.float32)[None])


def test_targets_keep_to_the_samples_when_a_recording_is_resampled_or_picked() -> None:
    recording = _recording(targets=_ramp())
    half = recording.resampled(50.0)
    assert half.targets is not None
    np.testing.assert_allclose(half.targets.values, recording.targets.values[:, ::2], atol=1e-5)
    assert recording.pick(["b"]).targets is recording.targets


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: _recording(targets=_ramp(999)), "have 999 values each, but the recording has 1000 samples"),
        (lambda: Targets(("a", "a"), np.zeros((2, 5), np.float32)), "unique names"),
        (lambda: Targets((), np.zeros((0, 5), np.float32)), "unique names"),
        (lambda: Targets(("a",), np.zeros((2, 5), np.float32)), r"Values of 1 targets are float32 of shape \(2, 5\)"),
        (lambda: Targets(("a",), np.zeros((1, 5))), "are float64"),
        (lambda: Targets(("a",), np.full((1, 5), 1.1, np.float32)), "from -1 to 1"),
        (lambda: Targets(("a",), np.full((1, 5), np.nan, np.float32)), "from -1 to 1"),
    ],
)
def test_targets_that_cannot_be_are_refused(made: Callable[[], object], message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        made()
