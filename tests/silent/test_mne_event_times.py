"""Trials of MNE objects and files begin at MNE's own events, whatever was cropped, dated or saved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers import mne_files
from neuromotion_gym.signals.recording import Recording

mne = pytest.importorskip("mne")

RATE = 100.0
SECONDS = 25


def _raw(first_samp: int, date: float | None, onsets: list[float], codes: list[int] = ()) -> object:
    samples = np.random.default_rng(0).normal(0, 1e-5, (2, round(SECONDS * RATE)))
    stim = np.zeros((1, samples.shape[1]))
    for index, code in enumerate(codes):
        stim[0, 500 + 400 * index : 520 + 400 * index] = code
    info = mne.create_info(["C3", "C4", "STI"], RATE, ["eeg", "eeg", "stim"])
    raw = mne.io.RawArray(np.vstack([samples, stim]), info, first_samp=first_samp, verbose="ERROR")
    raw.set_meas_date(date)
    raw.set_annotations(mne.Annotations(onsets, [1.5] * len(onsets), [f"go{i % 2}" for i in range(len(onsets))]))
    return raw


def _events(raw: object) -> list[int]:
    events, _ = mne.events_from_annotations(raw, verbose="ERROR")
    return sorted(int(sample) - raw.first_samp for sample in events[:, 0])


def test_a_crop_without_a_date_moves_the_trials() -> None:
    """The case of the report: trials at 1000, 2000, 3000 came out 1000 late."""
    raw = mne.io.RawArray(np.random.default_rng(0).normal(0, 1e-5, (1, 7000)), mne.create_info(1, RATE, "eeg"))
    raw.set_annotations(mne.Annotations([20.0, 30.0, 40.0], [2.0] * 3, ["go"] * 3))
    recording = Recording.from_mne(raw.crop(10, 60), modality="eeg")
    assert [trial.start for trial in recording.trials] == [1000, 2000, 3000]
    assert [trial.stop for trial in recording.trials] == [1200, 2200, 3200]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first_samp=st.sampled_from([0, 1, 12_345]),
    date=st.sampled_from([None, 0, 1_600_000_000.5]),
    crop=st.tuples(st.floats(0, 15), st.floats(20, SECONDS - 0.02)) | st.none(),
    saved=st.booleans(),
    onsets=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True).map(lambda n: [16 + 0.2517 * i for i in n]),
)
@example(0, None, (10.0, 24.0), False, [16.0, 18.0])
@example(12_345, None, None, True, [16.0, 18.0])
@example(12_345, 1_600_000_000.5, (10.003, 24.0), True, [16.005, 18.0])
@pytest.mark.filterwarnings("ignore::neuromotion_gym.errors.NeuroMotionWarning")
def test_trials_are_the_events_of_mne(tmp_path, first_samp, date, crop, saved, onsets) -> None:
    raw = _raw(first_samp, date, onsets)
    if crop is not None:
        raw.crop(*crop)
    if saved:
        path = tmp_path / "x_raw.fif"
        raw.save(path, overwrite=True, verbose="ERROR")
        raw = mne.io.read_raw_fif(path, preload=True, verbose="ERROR")
        found = mne_files.read(path, modality="eeg", event_id={"go0": 1, "go1": 2}).trials
    else:
        found = Recording.from_mne(raw, modality="eeg").trials
    assert [trial.start for trial in found] == _events(raw)
    assert all(abs(trial.stop - min(trial.start + 150, raw.n_times)) <= 1 for trial in found)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("crop", [None, (3.0, 22.0)])
def test_events_of_a_stim_channel_and_of_an_array(tmp_path, saved, crop) -> None:
    raw = _raw(777, None, [], [1, 2, 1])
    if crop:
        raw.crop(*crop)
    events = mne.find_events(raw, "STI", verbose="ERROR")
    expected = [int(sample) - raw.first_samp for sample in events[:, 0]]
    assert expected == [start - (300 if crop else 0) for start in (500, 900, 1300)]
    options = {"modality": "eeg", "trial_s": 2.0, "event_id": {"left": 1, "right": 2}}
    read = Recording.from_mne
    if saved:
        raw.save(tmp_path / "x_raw.fif", verbose="ERROR")
        raw, read = tmp_path / "x_raw.fif", mne_files.read
    for given_events in ({"stim_channel": "STI"}, {"events": events}):
        found = read(raw, **options, **given_events).trials
        assert [(trial.label, trial.start, trial.stop) for trial in found] == [
            (label, start, start + 200) for label, start in zip(("left", "right", "left"), expected, strict=True)
        ]
    only = read(raw, modality="eeg", trial_s=1.0, stim_channel="STI", event_id={"right": 2}).trials
    assert [(trial.label, trial.start) for trial in only] == [("right", expected[1])]
    named = read(raw, modality="eeg", trial_s=1.0, stim_channel="STI", labels={"1": None, "2": "go"}).trials
    assert [(trial.label, trial.start) for trial in named] == [("go", expected[1])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stim_channel": "TRIG"}, "no stim channel TRIG; stim channels: STI"),
        ({"stim_channel": "STI", "events": [[1, 0, 1]]}, "not from both"),
        ({"events": [[1, 2]]}, r"shape \(1, 2\); it has to be whole numbers of shape \(events, 3\)"),
        ({"events": np.zeros((0, 3), int)}, "holds no event"),
        ({"events": [[900, 0, 5]], "event_id": {"go": 1}}, r"in event_id \(go: 1\); its codes are 5"),
        ({"events": [[900, 0, 5]], "trial_s": None}, "pass trial_s="),
        ({"event_id": {"left": 1}}, r"No annotation is in event_id \(left\); there are go0"),
        ({"labels": {}, "stim_channel": "STI"}, None),
    ],
)
def test_wrong_events_give_one_clear_error(options, message) -> None:
    raw = _raw(0, None, [5.0], [1])
    options = {"trial_s": 1.0, **options}
    if message is None:
        assert Recording.from_mne(raw, modality="eeg", **options).trials == ()
        return
    with pytest.raises(NeuroMotionError, match=message):
        Recording.from_mne(raw, modality="eeg", **options)
