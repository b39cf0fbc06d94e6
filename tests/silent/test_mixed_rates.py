"""Signals of several rates in one file: those that are asked for set the rate, and resampling is said."""

from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.readers import mne_files
from neuromotion_gym.signals.reading import read_recordings

pytest.importorskip("mne")

MARKS = [(1.0, 1.0, "go")]


@pytest.fixture(params=["x.edf", "x.bdf"])
def path(request, tmp_path, edf_noise, write_edf):
    """EEG at 128 Hz beside a fast trigger at 512 Hz and a slow temperature at 2 Hz."""
    signals = [edf_noise("EEG C3-REF", 4, 128), edf_noise("C4", 4, 128), edf_noise("Mic", 4, 512)]
    return write_edf(tmp_path / request.param, [*signals, edf_noise("Slow", 4, 2)], MARKS)


def test_channels_that_are_asked_for_keep_their_rate_and_samples(path, edf_noise) -> None:
    with pytest.warns(NeuroMotionWarning) as said:
        recording = mne_files.read(path, modality="eeg", channels=["C3", "C4"])
    assert recording.spec.rate_hz == 128
    assert recording.spec.channels == ("C3", "C4")
    assert (recording.trials[0].start, recording.trials[0].stop) == (128, 256)
    expected = np.concatenate(edf_noise("EEG C3-REF", 4, 128).codes) * 1e-6
    np.testing.assert_allclose(recording.samples[0], expected, atol=1e-9)
    (text,) = [str(one.message) for one in said]
    assert "EEG C3-REF is C3" in text
    assert "resampled" not in text


def test_resampling_is_said(path) -> None:
    match = r"resampled to the highest rate of those that are read \(1: C4 from 128 Hz to 512 Hz\)"
    with pytest.warns(NeuroMotionWarning, match=match):
        recording = mne_files.read(path, modality="eeg", channels=["C4", "Mic"])
    assert recording.spec.rate_hz == 512
    assert recording.trials[0].start == 512
    with pytest.warns(NeuroMotionWarning, match=r"\(3: EEG C3-REF from 128 Hz to 512 Hz, .*Slow from 2 Hz to 512 Hz"):
        assert mne_files.read(path, modality="eeg").spec.rate_hz == 512
    with pytest.raises(NeuroMotionError, match="resampled to the highest rate"):
        mne_files.read(path, modality="eeg", channels=["C4", "Mic"], strict=True)


@pytest.mark.parametrize("unit", ["", "uV", "mv"])
def test_a_stim_channel_beside_them_is_read_too(tmp_path, edf_noise, write_edf, unit) -> None:
    codes = np.zeros((4, 128), int)
    codes[1, 64:96], codes[2, 32:64] = 3, 5
    stim = edf_noise("TRIG", 4, 128)._replace(codes=codes, unit=unit)
    signals = [edf_noise("C3", 4, 128), stim, edf_noise("Mic", 4, 512)]
    path = write_edf(tmp_path / "x.edf", signals)
    recording = mne_files.read(path, modality="eeg", channels=["C3"], stim_channel="TRIG", trial_s=0.5)
    assert [(trial.label, trial.start) for trial in recording.trials] == [("3", 192), ("5", 288)]
    assert recording.spec.rate_hz == 128


def test_rates_and_units_of_a_file_in_bids_are_said_and_converted_too(tmp_path, edf_noise, write_edf) -> None:
    pytest.importorskip("mne_bids")
    folder = tmp_path / "sub-1" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.9.0", "DatasetType": "raw"}')
    signals = [edf_noise("C3", 4, 128, unit="uv"), edf_noise("C4", 4, 512)]
    write_edf(folder / "sub-1_task-mi_eeg.edf", signals)
    (folder / "sub-1_task-mi_eeg.json").write_text('{"TaskName": "mi", "SamplingFrequency": 512}')
    (folder / "sub-1_task-mi_events.tsv").write_text("onset\tduration\ttrial_type\n1.0\t1.0\tgo\n")
    rows = "".join(f"{name}\tEEG\tuV\tgood\n" for name in ("C3", "C4"))
    (folder / "sub-1_task-mi_channels.tsv").write_text(f"name\ttype\tunits\tstatus\n{rows}")
    with pytest.warns(NeuroMotionWarning, match=r"\(1: C3 from 128 Hz to 512 Hz\)"):
        (recording,) = read_recordings(tmp_path)
    assert recording.trials[0].start == 512
    deviations = recording.samples.std(axis=1)
    assert deviations == pytest.approx([1e-4, 1e-4], rel=0.2)
