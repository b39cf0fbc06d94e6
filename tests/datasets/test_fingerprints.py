"""Fingerprints find samples again whatever was done to them, and nothing else."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.fingerprints import Fingerprints, fingerprints_of
from neuromotion_gym.errors import NeuroMotionError

EEG_PEOPLE = ("S001", "S006", "S031", "S036", "S037", "S042", "S043")
EEG_RUNS = ("4", "8", "12")


def read_all(name, people, runs, root):
    facts = registry.dataset(name)
    return [facts.read(person, run, root) for person in people for run in runs]


@pytest.fixture(scope="module")
def eeg(data_root):
    return read_all("eegmmidb", EEG_PEOPLE, EEG_RUNS, data_root)


@pytest.fixture(scope="module")
def emg(data_root):
    table = registry.dataset("myo_armband").table
    return read_all("myo_armband", table.people, ("training0", "Test0", "Test1"), data_root)


@pytest.fixture(scope="module")
def known(eeg, emg):
    return {"eeg": (eeg, fingerprints_of(eeg)), "emg": (emg, fingerprints_of(emg))}


def changed(recording, samples, rate_hz=None, channels=None, unit="V"):
    """The recording as somebody else would hand it over: other samples, another name, no trials."""
    spec = replace(
        recording.spec,
        rate_hz=rate_hz or recording.spec.rate_hz,
        channels=channels or recording.spec.channels,
        unit=unit,
    )
    return replace(
        recording, samples=samples.astype(np.float32), spec=spec, trials=(), dataset="found", as_recorded=False
    )


def in_other_units(recording):
    return changed(recording, 1e6 * recording.samples + 3.0, unit="uV")


def in_double_precision_and_back(recording):
    return changed(recording, recording.samples.astype(np.float64) / 7.0)


def first_third_cut_off(recording):
    return changed(recording, recording.samples[:, int(0.3 * recording.samples.shape[1]) :])


def middle_third(recording):
    n = recording.samples.shape[1]
    return changed(recording, recording.samples[:, int(0.35 * n) : int(0.65 * n)])


def band_passed(low, high):
    def change(recording):
        sos = signal.butter(4, [low, high], "bandpass", fs=recording.spec.rate_hz, output="sos")
        return changed(recording, signal.sosfilt(sos, recording.samples, axis=1))

    return change


def without_mains(recording):
    b, a = signal.iirnotch(50.0, 30.0, fs=recording.spec.rate_hz)
    return changed(recording, signal.lfilter(b, a, recording.samples, axis=1))


def at(rate_hz):
    def change(recording):
        new = recording.resampled(rate_hz)
        return changed(recording, new.samples, rate_hz)

    return change


def channels(*indices):
    def change(recording):
        names = tuple(recording.spec.channels[index] for index in indices)
        return changed(recording, recording.samples[list(indices)], channels=names)

    return change


def one_after_the_other(*changes):
    def change(recording):
        for each in changes:
            recording = each(recording)
        return recording

    return change


CHANGES = {
    "units": (in_other_units, "eeg emg"),
    "precision": (in_double_precision_and_back, "eeg emg"),
    "crop": (first_third_cut_off, "eeg emg"),
    "short crop": (middle_third, "eeg emg"),
    "0.5-40 Hz": (band_passed(0.5, 40), "eeg"),
    "8-30 Hz": (band_passed(8, 30), "eeg"),
    "20-95 Hz": (band_passed(20, 95), "emg"),
    "notch": (without_mains, "eeg emg"),
    "128 Hz": (at(128.0), "eeg"),
    "250 Hz": (at(250.0), "eeg emg"),
    "1000 Hz": (at(1000.0), "emg"),
    "three channels": (channels(12, 8, 10), "eeg"),
    "two channels": (channels(5, 2), "emg"),
    "all, EEG": (
        one_after_the_other(
            band_passed(0.5, 40), middle_third, at(128.0), channels(8, 9, 10, 11, 12, 20, 50, 30), in_other_units
        ),
        "eeg",
    ),
    "most, EMG": (
        one_after_the_other(at(250.0), band_passed(20, 95), channels(7, 6, 5, 4, 3, 2), in_other_units),
        "emg",
    ),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for name, (_, of) in CHANGES.items() for kind in of.split()])
def test_samples_are_found_again_in_their_own_recording_alone(known, kind, name):
    recordings, prints = known[kind]
    for recording in recordings[:: len(recordings) // 5]:
        found = fingerprints_of([CHANGES[name][0](recording)]).shared_with(prints)
        assert [other for _, other in found] == [recording.name]


@pytest.mark.parametrize("kind", ["eeg", "emg"])
def test_other_people_and_other_runs_are_never_found(known, kind):
    """No false alarm among 210 pairs of EEG runs and 435 pairs of armband rounds of real recordings.

    On 237 EEG runs of 79 people (27,966 pairs) there was none either.
    """
    recordings, prints = known[kind]
    assert prints.shared_with(prints) == [(recording.name, recording.name) for recording in sorted_by_name(recordings)]


def sorted_by_name(recordings):
    return sorted(recordings, key=lambda recording: recording.name)


def test_fingerprints_are_small_and_survive_a_file(known):
    for kind, most in (("eeg", 25_000), ("emg", 5_000)):
        recordings, prints = known[kind]
        text = json.dumps(prints.to_json())
        assert len(text) < most * len(recordings)
        again = Fingerprints.from_json(json.loads(text))
        assert again.shared_with(prints) == prints.shared_with(again) != []


def test_what_is_no_fingerprint_is_refused():
    for content, message in (
        ([], "no fingerprints"),
        ({"version": 0, "landmarks": {}}, "version 0"),
        ({"version": 1, "landmarks": {"a": ["!", "!"]}}, "damaged"),
        ({"version": 1, "landmarks": {"a": 3}}, "damaged"),
    ):
        with pytest.raises(NeuroMotionError, match=message):
            Fingerprints.from_json(content)


def test_recordings_without_structure_share_nothing(make_recording):
    """Short, constant and periodic signals have no landmarks that could be mistaken for somebody else's."""
    first = make_recording(labels=("rest", "left_fist"), trial=50)
    time_s = np.arange(20_000) / 100.0
    hum = np.stack([np.sin(2 * np.pi * 12 * time_s), np.zeros_like(time_s), np.sin(2 * np.pi * 1.7 * time_s)])
    beat = hum[:1] * (1 + 0.5 * np.sin(2 * np.pi * 2 * time_s))
    prints = fingerprints_of(
        [
            first,
            replace(changed(first, hum), run="hum"),
            replace(changed(first, np.concatenate([beat, beat, hum[1:2]])), run="beat"),
        ]
    )
    assert [pair for pair in prints.shared_with(prints) if pair[0] != pair[1]] == []


def test_names_have_to_differ(make_recording):
    with pytest.raises(NeuroMotionError, match="Two recordings"):
        fingerprints_of([make_recording(), make_recording()])
    assert Fingerprints({}).shared_with(Fingerprints({})) == []


@pytest.mark.slow
def test_a_data_set_takes_seconds(known):
    recordings, prints = known["eeg"]
    begin = time.process_time()
    fingerprints_of(recordings)
    prints.shared_with(prints)
    assert time.process_time() - begin < 1.0 * len(recordings)
