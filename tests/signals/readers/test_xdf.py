"""XDF: streams are chosen by type or name, markers begin trials on the samples' clock, gaps and odd rates show."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdf_bytes import RATE, SAMPLES, header, numbers, texts, xdf

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Trial

pytest.importorskip("pyxdf")


def read(path: Path, content: bytes, **reading):
    path.write_bytes(content)
    return read_recordings(path, {"trial_s": 1.0, **reading})


@pytest.mark.parametrize("clock", [0.0, 7.25, -500.0])
def test_markers_begin_trials_whatever_their_clock(tmp_path, clock) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = read(tmp_path / "a.xdf", xdf(clock=clock))
    assert np.array_equal(found.samples, SAMPLES)
    assert (found.spec.modality, found.spec.channels, found.spec.unit) == ("eeg", ("C3", "C4"), "µV")
    assert found.spec.rate_hz == 100
    assert found.trials == (Trial("left", 50, 150), Trial("right", 200, 300), Trial("left", 350, 450))


def test_streams_are_chosen_by_name_or_type(tmp_path) -> None:
    more = header(3, "other", "EEG", 2, RATE, "float32") + numbers(3, SAMPLES[::-1], 1000 + np.arange(500) / RATE)
    more += header(4, "buttons", "Keys", 1, 0, "string") + texts(4, {1001.0: "press"})
    content = xdf(more=more, others=(3, 4))
    with pytest.raises(
        NeuroMotionError, match=r"2 streams of samples; .* stream=.*'amp' \(type 'EEG', 2 channels, 100 Hz\)"
    ):
        read(tmp_path / "a.xdf", content)
    (found,) = read(tmp_path / "a.xdf", content, stream="amp", marker_stream="buttons")
    assert np.array_equal(found.samples, SAMPLES)
    assert found.trials == (Trial("press", 100, 200),)
    (other,) = read(tmp_path / "a.xdf", content, stream="other", unit="mV", channels=["x", "y"], labels={})
    assert (other.spec.channels, other.spec.unit, other.trials) == (("x", "y"), "mV", ())
    assert np.array_equal(other.samples, SAMPLES[::-1])
    with pytest.raises(NeuroMotionError, match="no stream of markers called 'nope'"):
        read(tmp_path / "a.xdf", content, stream="amp", marker_stream="nope")
    with pytest.raises(NeuroMotionError, match="0 streams of samples called 'emg'"):
        read(tmp_path / "a.xdf", content, modality="emg")


def test_a_gap_is_marked_and_trials_after_it_begin_where_their_marker_is(tmp_path) -> None:
    stamps = 1000 + np.arange(500) / RATE
    stamps[300:] += 2.5  # as long as the recorder had lost the stream
    marks = {1000.5: "left", 1002.5: "right", 1006.0: "left"}
    with pytest.warns(NeuroMotionWarning, match=r"across gaps are left out \(1: right at sample 250\)"):
        (found,) = read(tmp_path / "a.xdf", xdf(marks, stamps=stamps))
    assert found.bad_spans == ((300, 300),)
    assert found.trials == (Trial("left", 50, 150), Trial("left", 350, 450))


def test_markers_in_a_gap_are_left_out_and_counted(tmp_path) -> None:
    stamps = 1000 + np.arange(500) / RATE
    stamps[300:] += 2.5
    marks = {1000.5: "left", 1003.2: "right", 1005.2: "right", 1005.495: "left"}  # the last one half a sample early
    with pytest.warns(NeuroMotionWarning, match=r"markers in gaps are left out \(2: right at 3\.2 s, right at 5"):
        (found,) = read(tmp_path / "a.xdf", xdf(marks, stamps=stamps))
    assert found.trials == (Trial("left", 50, 150), Trial("left", 300, 400))


@pytest.mark.parametrize(
    ("content", "reading", "message"),
    [
        (xdf(rate=0), {}, "'amp' has an irregular rate"),
        (xdf(rate=128), {}, "states 128 Hz, but its time stamps give 100 Hz"),
        (xdf(), {"trial_s": None}, "marker 'left' has no duration; say with trial_s="),
        (xdf(unit=""), {}, "unit of the samples is not known"),
        (xdf(unit="apples"), {"channels": ["C9"]}, "lacks channels C9; it has C3, C4"),
        (xdf(kind="Gaze"), {}, r"0 streams of samples; say which with stream="),
        (xdf(kind="Gaze"), {"stream": "amp"}, "kind of signal is not known"),
        (xdf(labels=()), {"unit": "V", "channels": ["a"]}, "does not name its 2 channels; channels= has 1 names"),
        (xdf(), {"labels": {"left": "fist"}}, "Unknown labels 'right'"),
        (b"", {}, "a.xdf"),
        (b"XDF:", {}, "0 streams of samples"),
        (b"XDG:" + bytes(100), {}, "cannot be read as a recording"),
        (bytes(range(256)), {}, "cannot be read as a recording"),
    ],
)
def test_what_is_not_clear_is_one_error(tmp_path, content, reading, message) -> None:
    with pytest.raises(NeuroMotionError, match=message) as caught:
        read(tmp_path / "a.xdf", content, **reading)
    assert "a.xdf" in str(caught.value) or "run a" in str(caught.value)


def test_no_markers_and_markers_outside_are_said(tmp_path) -> None:
    with pytest.warns(NeuroMotionWarning, match="no markers, so there are no trials"):
        assert read(tmp_path / "a.xdf", xdf({}))[0].trials == ()
    with pytest.warns(
        NeuroMotionWarning, match=r"before the first sample .*left at sample -100.*after the last sample"
    ):
        (found,) = read(tmp_path / "a.xdf", xdf({999.0: "left", 1001.0: "left", 1009.0: "left"}))
    assert found.trials == (Trial("left", 100, 200),)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused_with_one_error(tmp_path, data) -> None:
    content = bytearray(xdf())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, 1500))
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    content = content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroMotionWarning)
        try:
            found = read(tmp_path / "a.xdf", bytes(content))
        except NeuroMotionError:
            return
    assert all(np.isfinite(one.samples).all() for one in found)
