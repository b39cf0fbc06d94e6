"""Recordings of one's own: what is said in a reading holds, and what does not fit a decoder is refused."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.readers import arrays
from neuromotion_gym.signals.reading import Reading, read_recordings
from neuromotion_gym.signals.recording import Trial


@dataclass
class Wanted:
    name: str = "decoder"
    modality: str = "eeg"
    labels: tuple[str, ...] = ("left", "right")
    channels: tuple[str, ...] = ("noise", "where")
    rate_hz: float = 100.0
    unit: str = "V"
    window: int = 100
    scale: float | None = None


def test_a_recording_in_memory_is_taken_as_it_is(make_recording) -> None:
    recording = make_recording()
    (found,) = read_recordings(recording)
    assert found is recording


def test_lists_keep_their_order_and_runs_that_nothing_tells_apart_are_numbered(make_recording) -> None:
    one, two, other = make_recording(run="0"), make_recording(run="0", offset=5.0), make_recording(run="0", subject="B")
    found = read_recordings([one, [two, other]])
    assert [(each.subject, each.run) for each in found] == [("S1", "1"), ("S1", "2"), ("B", "0")]
    assert [each.samples[0, 0] for each in found] == [0, 5, 0]
    assert [each.run for each in read_recordings([make_recording(run="a")] * 2)] == ["a (1)", "a (2)"]


def test_recordings_of_one_name_may_be_of_several_people_unless_each_has_labels_of_its_own(make_recording) -> None:
    first, second = make_recording(), make_recording(offset=5.0)
    with pytest.warns(NeuroMotionWarning, match=r"2 recordings are called .* taken for runs of one person"):
        read_recordings([first, second])
    labels = sorted({trial.label for trial in first.trials})
    assert len(labels) > 1
    files = [replace(first, trials=tuple(one for one in first.trials if one.label == label)) for label in labels]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_recordings(files)
        read_recordings([first, replace(second, subject="B")])


def test_channels_unit_and_rate_are_made_to_fit_the_decoder(make_recording) -> None:
    recording = make_recording()
    with pytest.warns(NeuroMotionWarning, match=r"is resampled from 100 Hz to 50 Hz"):
        (found,) = read_recordings(recording, {"resample": True}, Wanted(unit="uV", rate_hz=50.0))
    assert (found.spec.channels, found.spec.unit, found.spec.rate_hz) == (("noise", "where"), "µV", 50.0)
    assert found.trials[1].start == recording.trials[1].start // 2
    middle = found.samples[1, 1000]
    assert middle == pytest.approx(recording.samples[0, 2000] * 1e6, rel=1e-3)


def test_a_map_gives_the_decoders_names(make_recording) -> None:
    recording = make_recording()
    (found,) = read_recordings(recording, {"channels": {"label": "C3", "where": "C4"}}, Wanted(channels=("C4", "C3")))
    assert found.spec.channels == ("C4", "C3")
    assert np.array_equal(found.samples, recording.samples[[0, 1]])


def test_a_list_of_channels_finds_other_spellings_and_says_so(make_recording) -> None:
    with pytest.warns(NeuroMotionWarning, match="matched by name: noise is NOISE"):
        (found,) = read_recordings(make_recording(), {"channels": ["NOISE", "where"]})
    assert found.spec.channels == ("NOISE", "where")
    assert found.samples[1, 7] == 7
    with pytest.raises(NeuroMotionError, match="lacks channels C3; it has where, label, noise"):
        read_recordings(make_recording(), {"channels": ["C3"]})


def test_other_usual_names_of_the_decoders_labels_are_said_and_replaced(make_recording) -> None:
    recording = make_recording(labels=("Fist", "my own"))
    with pytest.warns(NeuroMotionWarning, match="matched by name: Fist = hand_close"):
        (found,) = read_recordings(recording, None, Wanted(labels=("hand_close", "hand_open")))
    assert [one.label for one in found.trials] == ["hand_close", "my own"]
    (same,) = read_recordings(recording, None, Wanted(labels=("Fist", "hand_open")))
    assert [one.label for one in same.trials] == ["Fist", "my own"]


def test_channels_of_the_eyes_keep_all_channels(make_recording) -> None:
    (found,) = read_recordings(make_recording(), {"ocular_channels": ["label"]}, Wanted())
    assert found.spec.channels == ("noise", "where", "label")


def test_channels_of_the_eyes_are_found_under_other_spellings(make_recording) -> None:
    recording = make_recording()
    given = replace(recording, spec=replace(recording.spec, channels=("where", "Label..", "noise")))
    (found,) = read_recordings(given, {"ocular_channels": ["label"]}, Wanted())
    assert found.spec.channels == ("noise", "where", "label")


def test_a_map_names_channels_of_the_eyes_too(make_recording) -> None:
    reading = {"channels": {"label": "Fp1"}, "ocular_channels": ["Fp1"]}
    (found,) = read_recordings(make_recording(), reading, Wanted())
    assert found.spec.channels == ("noise", "where", "Fp1")


def test_a_reading_says_unit_labels_names_and_onsets(make_recording) -> None:
    reading = Reading(unit="mV", labels={"rest": None, "left_fist": "go"}, subject="me", has_onset=False, dataset="own")
    recording = make_recording(("rest", "left_fist"))
    (found,) = read_recordings(recording, reading)
    assert (found.spec.unit, found.subject, found.dataset) == ("mV", "me", "own")
    assert [(trial.label, trial.start, trial.has_onset) for trial in found.trials] == [("go", 400, False)]
    assert np.array_equal(found.samples, recording.samples)


@pytest.mark.parametrize("form", ["object", "archive", "MNE"])
def test_delay_label_and_rate_hold_for_what_says_its_trials_itself(tmp_path, make_recording, form) -> None:
    recording = replace(make_recording(("rest", "go"), trial=100), as_recorded=False)
    what = replace(recording, samples=1e-9 * recording.samples)
    if form == "archive":
        arrays.write(what, tmp_path / "a.npz")
        what = tmp_path / "a.npz"
    if form == "MNE":
        mne = pytest.importorskip("mne")
        raw = mne.io.RawArray(what.samples, mne.create_info(3, 100, "eeg"), verbose="ERROR")
        what = raw.set_annotations(mne.Annotations([0, 1], [1, 1], ["rest", "go"]))
    says = {"modality": "eeg", "has_onset": True}
    (found,) = read_recordings(what, {**says, "delay_s": 0.25, "rate_hz": 100})
    assert found.trials == (Trial("rest", 25, 100), Trial("go", 125, 200))
    (found,) = read_recordings(what, {**says, "label": "fist", "labels": {"fist": "grip"}})
    assert found.trials == (Trial("grip", 0, 200),)
    with pytest.raises(NeuroMotionError, match="has 100 samples per second, but rate_hz=250 was said"):
        read_recordings(what, {**says, "rate_hz": 250})


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"trial_s": 1}, r"trial_s= is not used for a Recording; it is for \.edf"),
        ({"event_id": {"a": 1}}, "event_id= is not used for a Recording"),
        ({"events": [[1, 0, 1]]}, "events= is not used for a Recording"),
        ({"stream": "amp"}, r"stream= is not used for a Recording; it is for \.xdf\. Leave it out"),
        ({"task": "mi"}, "task= is not used for a Recording; it is for a BIDS data set"),
    ],
)
def test_what_nothing_uses_is_refused(tmp_path, make_recording, reading, message) -> None:
    recording = make_recording()
    arrays.write(recording, tmp_path / "a.npz")
    for what in (recording, [recording], tmp_path / "a.npz", tmp_path):
        with pytest.raises(NeuroMotionError, match=message):
            read_recordings(what, reading)


def test_what_one_of_several_uses_is_not_refused(tmp_path, make_recording) -> None:
    (tmp_path / "a.csv").write_text("x,label\n" + "1,a\n2,a\n" * 50)
    reading = {"modality": "eeg", "unit": "V", "rate_hz": 100, "columns": {"label": "label"}}
    with pytest.warns(NeuroMotionWarning):
        found = read_recordings([make_recording(), tmp_path / "a.csv"], reading)
    assert [one.spec.channels for one in found] == [("where", "label", "noise"), ("x",)]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"modality": "emg"}, r"modality 'eeg' instead of 'emg'"),
        ({"channels": ("C3", "noise")}, r"no channel C3 \(it has where, label, noise\)"),
        ({"rate_hz": 128.0}, r"rate_hz 100\.0 instead of 128\.0\. resample=True converts the rate"),
        ({"unit": "count"}, r"unit 'V' instead of 'count'"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_values(make_recording, wanted, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read_recordings(make_recording(), None, Wanted(**wanted))


def test_folders_and_names_say_whose_a_file_is(tmp_path, make_recording) -> None:
    mne = pytest.importorskip("mne")
    raw = mne.io.RawArray(1e-5 * np.random.default_rng(0).standard_normal((1, 300)), mne.create_info(1, 100, "eeg"))
    raw.set_annotations(mne.Annotations([0, 1], [1, 1], ["a", "b"]))
    for name in ("anna/2/run10_raw.fif", "anna/2/run9_raw.fif", "bob/x_raw.fif", "sub-07_ses-1_run-3_eeg_raw.fif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        raw.save(tmp_path / name, verbose="ERROR")
    found = read_recordings(tmp_path, {"modality": "eeg"})
    assert [(one.subject, one.session, one.run) for one in found] == [
        ("anna", "2", "run9_raw"),
        ("anna", "2", "run10_raw"),
        ("bob", "0", "x_raw"),
        ("07", "1", "3"),
    ]
    (found,) = read_recordings(
        tmp_path / "anna" / "2" / "run9_raw.fif", {"modality": "eeg", "names": "{subject}/*/run{run}_*"}
    )
    assert (found.subject, found.session, found.run) == ("anna", "0", "9")
    with pytest.raises(NeuroMotionError, match="does not fit the pattern"):
        read_recordings(tmp_path, {"modality": "eeg", "names": "{subject}-{run}.fif"})


def test_an_archive_says_itself_whose_it_is(tmp_path, make_recording) -> None:
    recording = replace(make_recording(subject="p", session="x", run="7"), as_recorded=False)
    arrays.write(replace(recording, samples=1e-9 * recording.samples), tmp_path / "a.npz")
    (found,) = read_recordings(str(tmp_path))
    assert (found.subject, found.session, found.run) == ("p", "x", "7")


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"unti": "V"}, r"'unti' is not known \(known: .*unit"),
        ({"names": "run1.csv"}, r"a pattern of file names holds some of \{subject\}"),
        ({"names": "{person}.csv"}, r"holds some of \{subject\}, \{session\}, \{run\}, \{label\}"),
        ({"trial_s": -1}, "'trial_s' is -1"),
        ({"calibration": {"person": "1"}}, "calibration.person"),
        (["a"], r"reading: expected a table of names and values"),
    ],
)
def test_a_wrong_reading_is_one_error(make_recording, reading, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read_recordings(make_recording(), reading)


@pytest.mark.parametrize("what", [3, None, [], b"file.csv", "nowhere", {"a": 1}])
def test_what_cannot_be_read_is_one_error(what) -> None:
    with pytest.raises(NeuroMotionError, match=r"Recording, an MNE Raw or Epochs, the path|nowhere does not exist"):
        read_recordings(what)


@pytest.mark.parametrize("path", ["a" * 5000, "a\0b", ""])
def test_a_path_that_cannot_be_is_one_error(path) -> None:
    with pytest.raises(
        NeuroMotionError, match=r"cannot be read: File name too long|does not exist|no file that can be read"
    ):
        read_recordings(path + ".csv" if path else "no such folder/")


def test_events_belong_to_one_recording(make_recording) -> None:
    mne = pytest.importorskip("mne")
    raw = mne.io.RawArray(1e-5 * np.random.default_rng(0).standard_normal((1, 300)), mne.create_info(1, 100, "eeg"))
    reading = {"events": np.array([[50, 0, 1], [150, 0, 2]]), "event_id": {"a": 1, "b": 2}, "trial_s": 0.5}
    (found,) = read_recordings(raw, reading)
    assert [(trial.label, trial.start, trial.stop) for trial in found.trials] == [("a", 50, 100), ("b", 150, 200)]
    with pytest.raises(NeuroMotionError, match="events= belong to one recording, but 2 are read"):
        read_recordings([raw, raw], reading)


def test_a_file_of_unknown_kind_and_an_empty_folder_list_the_endings(tmp_path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"1")
    for path in (tmp_path, tmp_path / "a.xyz"):
        with pytest.raises(NeuroMotionError, match=r"\.edf, .*\.npz"):
            read_recordings(path)


def test_a_reading_is_a_value() -> None:
    one, other = ({"labels": {1: "a"}, "calibration": {"run": 1}, "channels": names} for names in (["x"], ["y"]))
    assert hash(Reading(**one)) == hash(Reading(**one))
    assert Reading(**one) != Reading(**other)
    assert Reading(**one).labels == {"1": "a"}
    assert Reading(**one).calibration == {"run": ("1",)}
    assert Reading.of(Reading(**one).model_dump(mode="json")) == Reading(**one)
