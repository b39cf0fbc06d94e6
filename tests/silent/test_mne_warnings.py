"""Warnings of MNE are shown: once, as the library's own, with the file's name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.readers import mne_files
from neuromotion_gym.signals.readers.mne_warnings import warnings_noted
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Recording
from neuromotion_gym.signals.stretches import Faults

mne = pytest.importorskip("mne")


@pytest.fixture
def path(tmp_path):
    """A FIF file with a name that MNE warns about."""
    raw = mne.io.RawArray(np.random.default_rng(0).normal(0, 1e-5, (1, 400)), mne.create_info(1, 100.0, "eeg"))
    raw.set_annotations(mne.Annotations([1.0], [1.0], ["go"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.save(tmp_path / "odd.fif", verbose="ERROR")
    return tmp_path / "odd.fif"


def test_a_warning_of_mne_is_shown_once_as_ours(path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mne_files.read(path, modality="eeg")
    (warning,) = caught
    assert warning.category is NeuroMotionWarning
    text = str(warning.message)
    assert text.startswith(f"{path}: MNE warns (1: This filename ({path}) does not conform to MNE naming conventions")
    assert "\n" not in text
    assert warning.filename == __file__  # the line that its reader wrote


def test_a_warning_while_events_are_found_is_shown_too() -> None:
    stim = np.zeros((1, 400))
    stim[0, 100:110] = -3
    samples = np.vstack([np.random.default_rng(0).normal(0, 1e-5, (1, 400)), stim])
    raw = mne.io.RawArray(samples, mne.create_info(["C3", "STI"], 100.0, ["eeg", "stim"]), verbose="ERROR")
    with pytest.warns(NeuroMotionWarning, match="user 0.*MNE warns .*negative values"):
        recording = Recording.from_mne(raw, modality="eeg", stim_channel="STI", trial_s=1.0)
    assert [(trial.label, trial.start) for trial in recording.trials] == [("3", 100)]


def test_the_same_warning_is_counted_once_and_warnings_of_code_are_not_of_the_recording() -> None:
    faults = Faults()
    with warnings_noted(faults):
        for _ in range(3):
            warnings.warn("odd\n  header", RuntimeWarning, stacklevel=1)
        warnings.warn("old name", FutureWarning, stacklevel=1)
    assert faults.text() == "MNE warns (1: odd header)"


def test_strict_refuses_what_mne_warns_of(path) -> None:
    with pytest.raises(NeuroMotionError, match="MNE warns"):
        mne_files.read(path, modality="eeg", strict=True)


def test_a_good_file_is_silent(tmp_path, edf_noise, write_edf, recwarn) -> None:
    mne_files.read(
        write_edf(tmp_path / "x.edf", [edf_noise("C3", 4, 100)], [(1, 1, "go")]), modality="eeg", strict=True
    )
    assert not recwarn.list


def test_warnings_about_files_of_epochs_are_shown(tmp_path, monkeypatch) -> None:
    samples = np.random.default_rng(0).normal(0, 1e-5, (4, 1, 100))
    events = np.array([[100 * index, 0, 1] for index in range(4)])
    epochs = mne.EpochsArray(
        samples, mne.create_info(["C3"], 100.0, "eeg"), events, event_id={"go": 1}, verbose="ERROR"
    )
    path = tmp_path / "a-epo.fif"
    epochs.save(path, verbose="ERROR")
    read = mne.read_epochs

    @mne.utils.verbose
    def warning(name, *, verbose=None):
        mne.utils.warn("an odd header")
        return read(name, verbose=verbose)

    monkeypatch.setattr(mne, "read_epochs", warning)
    with pytest.warns(NeuroMotionWarning, match=r"a-epo.fif: MNE warns \(1: an odd header\)"):
        (recording,) = read_recordings(path, {"modality": "eeg"})
    assert [trial.label for trial in recording.trials] == ["go"] * 4
    with pytest.raises(NeuroMotionError, match="an odd header"):
        read_recordings(path, {"modality": "eeg", "strict": True})
