"""Windows as arrays: each lies inside one trial and has its label, its samples in the decoder's unit, and its group."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym import windows
from neuromotion_gym.decoders import load_decoder
from neuromotion_gym.decoders.spec import DecoderSpec
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.recording import Session

SPEC = DecoderSpec(
    name="mine",
    modality="eeg",
    dataset="user",
    labels=("a", "b"),
    channels=("noise", "where"),
    rate_hz=100,
    unit="V",
    window=10,
    hop_s=0.05,
    split="trial",
    licence="none",
)


@pytest.fixture
def recording(make_recording):
    return make_recording(("a", "b", "a"), lengths=(30, 12, 10))


def test_windows_lie_inside_their_trials(recording) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, labels, groups = windows([recording], SPEC)
    assert (found.shape, found.dtype) == ((7, 2, 10), np.float32)
    assert found[:, 1, 0].tolist() == [0, 5, 10, 15, 20, 30, 42]  # channel "where" counts the samples
    assert found[:, 1, 9].tolist() == [9, 14, 19, 24, 29, 39, 51]
    assert np.array_equal(found[0, 0], recording.samples[2, :10])
    assert labels.tolist() == ["a"] * 5 + ["b", "a"]
    assert groups.tolist() == ["S1/0/1/0"] * 5 + ["S1/0/1/30", "S1/0/1/42"]


def test_hop_and_skipped_seconds_are_options(recording) -> None:
    with pytest.warns(NeuroMotionWarning, match="Left out: 2 trials shorter than its windows"):
        found, _, _ = windows([recording], SPEC, hop_s=0.1, skip_s=0.04)
    assert found[:, 1, 0].tolist() == [4, 14]


def test_units_and_names_are_those_of_the_decoder(recording) -> None:
    spec = SPEC.model_copy(update={"unit": "µV", "channels": ("Noise",)})
    with pytest.warns(NeuroMotionWarning, match="noise is Noise"):
        found, _, _ = windows([recording], spec)
    assert found[0, 0] == pytest.approx(recording.samples[2, :10] * 1e6)


def test_sessions_keep_their_calibration_out_and_groups_can_be_wider(make_recording) -> None:
    parts = [make_recording(("a", "b"), trial=10, run=str(run), offset=100.0 * run) for run in range(3)]
    session = Session("mock", "S1", "0", tuple(parts[1:]), (parts[0],))
    found, _, groups = windows([session], SPEC, group="run")
    assert found[:, 1, 0].tolist() == [100, 110, 200, 210]
    assert groups.tolist() == ["S1/0/1"] * 2 + ["S1/0/2"] * 2
    assert windows(session, SPEC, group="subject")[2].tolist() == ["S1"] * 4
    other = replace(parts[0], dataset="other")
    assert sorted(set(windows([session, other], SPEC, group="subject")[2])) == ["mock/S1", "other/S1"]


def test_no_fold_shares_a_sample_with_its_training_part(make_recording) -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    found, labels, groups = windows([make_recording(("a", "b") * 4, trial=40)], SPEC)
    for train, test in selection.GroupKFold(4).split(found, labels, groups):
        assert not set(found[train, 1].ravel()) & set(found[test, 1].ravel())


def test_whole_epochs_are_cut_where_the_decoder_waits_for_them(make_recording) -> None:
    spec = SPEC.model_copy(update={"pacing": "trial", "epoch_s": (0.5, 0.6)})
    with pytest.warns(NeuroMotionWarning, match="Left out: 1 trials shorter"):
        found, _, _ = windows([make_recording(("a", "b", "a"), lengths=(60, 59, 80))], spec)
    assert found[:, 1, 0].tolist() == [50, 169]


def test_an_epoch_with_both_ends_may_be_one_sample_longer_than_its_trial(make_recording) -> None:
    spec = SPEC.model_copy(update={"pacing": "trial", "epoch_s": (0.5, 0.59)})
    with pytest.warns(NeuroMotionWarning, match="Left out: 1 trials shorter"):
        found, labels, _ = windows([make_recording(("a", "a", "b"), lengths=(58, 59, 59))], spec)
    assert found[:, 1, 0].tolist() == [108, 166], "the last one begins a sample earlier, where the recording ends"
    assert labels.tolist() == ["a", "b"]


@pytest.mark.parametrize("option", ["hop_s", "skip_s"])
def test_a_decoder_of_whole_trials_has_no_windows_to_move(make_recording, option) -> None:
    spec = SPEC.model_copy(update={"pacing": "trial", "epoch_s": (0.5, 0.6)})
    with pytest.raises(NeuroMotionError, match=rf"{option} is for decoders .* reads one window of each trial"):
        windows([make_recording(("a", "b"), lengths=(80, 80))], spec, **{option: 0.1})


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (("a", "b"), {"group": "window"}, "group is 'window'; it has to be one of trial, run, session, subject"),
        (("a", "b"), {"hop_s": 0}, "hop_s is 0"),
        (("a", "b"), {"hop_s": "0.1"}, "hop_s is '0.1'; it has to be a number of seconds, above 0"),
        (("a", "b"), {"skip_s": float("nan")}, "skip_s is nan"),
        (("a", "b"), {"skip_s": -1}, "skip_s is -1; it has to be a number of seconds, 0 or more"),
        (("c", "d"), {}, r"No window .* lies inside a trial; there are trials with labels .* \(c, d\)"),
        (("a", "b"), {"skip_s": 9}, r"No window .*; there are 2 trials shorter than its windows \(0\.1 s\)"),
    ],
)
def test_nonsense_is_one_error(make_recording, labels, options, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        windows([make_recording(labels)], SPEC, **options)


def test_what_is_missing_is_said(make_recording) -> None:
    with pytest.warns(NeuroMotionWarning) as caught:
        windows([make_recording(("a", "c"))], SPEC)
    assert [str(one.message) for one in caught] == [
        "Left out: trials with labels that the decoder does not have (c).",
        "No window has the label b.",
    ]


def test_a_data_set_gives_the_windows_that_its_decoder_reads(small_armband: Path) -> None:
    from neuromotion_gym.datasets.sessions import load_sessions

    spec = load_decoder("emg_armband").spec
    sessions = load_sessions("myo_armband", "test", root=small_armband)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroMotionWarning)  # invented amplitudes
        found, labels, groups = windows(sessions, spec)
    assert found.shape[1:] == (8, spec.window)
    assert set(labels) == set(spec.labels)
    trials = sum(len(recording.trials) for session in sessions for recording in session.recordings)
    assert len(set(groups)) == trials
