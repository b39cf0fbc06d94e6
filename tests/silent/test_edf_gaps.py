"""EDF+D and BDF+D files with gaps: trials begin at their samples, and none crosses a gap."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.readers import arrays, mne_files
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.signals.sources.replay import ReplaySource

pytest.importorskip("mne")

RATE = 100
GAPPED = [10, 11, 12, 13, 20, 21, 22, 23, 24, 25]
"""Times of the records: 6 s are missing after the fourth."""


@pytest.fixture(params=["x.edf", "x.bdf"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.fixture
def signals(edf_noise):
    return [edf_noise("C3", len(GAPPED), RATE), edf_noise("C4", len(GAPPED), RATE)]


def test_trials_after_a_gap_are_not_late(path, signals, write_edf) -> None:
    marks = [(11.5, 1.0, "a"), (21.25, 1.5, "b"), (23.0, 2.0, "a")]
    write_edf(path, signals, marks, GAPPED)
    with pytest.warns(NeuroMotionWarning, match=r"gaps between records; no trial crosses them \(1: 6 s are missing"):
        recording = mne_files.read(path, modality="eeg")
    assert [(trial.label, trial.start, trial.stop) for trial in recording.trials] == [
        ("a", 150, 250),
        ("b", 525, 675),  # 1.25 s after the fifth record began
        ("a", 700, 900),
    ]
    assert recording.bad_spans == ((400, 400),)
    expected = np.concatenate(signals[0].codes) * 1e-6
    np.testing.assert_allclose(recording.samples[0], expected, atol=1e-9)


def test_what_crosses_a_gap_or_lies_in_it_is_left_out_and_named(path, signals, write_edf) -> None:
    marks = [(11.5, 1.0, "a"), (13.5, 7.0, "over"), (13.8, 0.4, "into"), (15.0, 1.0, "lost"), (22.0, 1.0, "b")]
    write_edf(path, signals, marks, GAPPED)
    with pytest.warns(NeuroMotionWarning) as caught:
        recording = mne_files.read(path, modality="eeg")
    assert [(trial.label, trial.start) for trial in recording.trials] == [("a", 150), ("b", 600)]
    (text,) = [str(one.message) for one in caught]
    assert "annotations in gaps or outside the recording are left out (1: lost at 15 s)" in text
    assert "trials in bad spans or across gaps are left out (2: into at sample 380, over at sample 350)" in text or (
        "trials in bad spans or across gaps are left out (2: over at sample 350, into at sample 380)" in text
    )
    with pytest.raises(NeuroMotionError, match="gaps between records"):
        mne_files.read(path, modality="eeg", strict=True)


def test_records_without_a_gap_are_no_matter(path, signals, write_edf, recwarn) -> None:
    write_edf(path, signals, [(11.5, 1.0, "a")], range(10, 20))
    recording = mne_files.read(path, modality="eeg")
    assert recording.trials[0].start == 150
    assert not recording.bad_spans
    assert not recwarn.list


def test_times_that_fall_are_refused(path, signals, write_edf) -> None:
    write_edf(path, signals, [], [10, 11, 9, 13, 14, 15, 16, 17, 18, 19])
    with pytest.raises(NeuroMotionError, match="overlap or fall"):
        mne_files.read(path, modality="eeg", labels={})


def test_the_gap_survives_archives_and_resampling_and_no_piece_crosses_it(tmp_path, signals, write_edf) -> None:
    path = write_edf(tmp_path / "x.edf", signals, [(11.0, 2.0, "a"), (13.0, 0.9, "b"), (21, 2.0, "b")], GAPPED)
    with pytest.warns(NeuroMotionWarning):
        recording = mne_files.read(path, modality="eeg")
    arrays.write(recording, tmp_path / "x.npz")
    assert arrays.read(tmp_path / "x.npz").bad_spans == ((400, 400),)
    assert recording.resampled(50).bad_spans == ((200, 200),)
    assert recording.resampled(50).trials[2].start == 250
    # An epoch may continue after its trial, but not into the next part: the trial before the gap cannot be played
    session = Session("user", "0", "0", (recording,))
    source = ReplaySource([session], ("a", "b"), pacing="trial", epoch_s=(0.0, 0.9), fade_s=0.01)
    assert [key.start for key in source.trials] == [100, 500]
