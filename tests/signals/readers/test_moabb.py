"""Data set objects of MOABB: a small object with the same interface; `tests/clients` reads a real one."""

from __future__ import annotations

from typing import Any

import mne
import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Trial

RATE = 100
ONSETS = np.array([[200, 0, 1], [700, 0, 2]])


class DataSet:
    """Two people, a session, two runs; the cue is 0.5 s after the marker and the trial 2 s long."""

    code = "Small-Set"
    subject_list = (1, 2)
    event_id = {"left_hand": 1, "right_hand": 2}  # noqa: RUF012 - as MOABB has it
    interval = (0.5, 2.5)

    def __init__(self, markers: str = "stim", kind: str = "eeg", fault: Exception | None = None) -> None:
        self.markers, self.kind, self.fault = markers, kind, fault
        self.asked: list[Any] = []

    def get_data(self, subjects: list[int]) -> dict[int, dict[str, dict[str, Any]]]:
        self.asked.append(subjects)
        if self.fault is not None:
            raise self.fault
        return {subject: {"0train": {"0": self.raw(subject), "1": self.raw(subject + 10)}} for subject in subjects}

    def raw(self, seed: int) -> Any:
        samples = np.random.default_rng(seed).standard_normal((3, 1000)) * 1e-5
        info = mne.create_info(["C3", "C4", "STI"], RATE, [self.kind, self.kind, "stim"])
        samples[2] = 0
        if self.markers in ("stim", "both"):
            samples[2, ONSETS[:, 0]] = ONSETS[:, 2]
        raw = mne.io.RawArray(samples, info, verbose="ERROR")
        if self.markers == "points":
            raw.set_annotations(mne.annotations_from_events(ONSETS, RATE, {1: "left_hand", 2: "right_hand"}))
        if self.markers == "both":  # as MOABB sets them: from the cue on, as long as the interval
            names = ["left_hand", "right_hand", "BAD_ACQ_SKIP", "eyes open"]
            raw.set_annotations(mne.Annotations([2.5, 7.5, 5.5, 0.0], [2, 2, 0.1, 1], names))
        return raw


TRIALS = (Trial("left_hand", 250, 450), Trial("right_hand", 750, 950))


@pytest.mark.parametrize("markers", ["stim", "points", "both"])
def test_people_runs_and_trials_are_those_of_moabb(markers) -> None:
    dataset = DataSet(markers)
    found = read_recordings(dataset)
    assert [(one.dataset, one.subject, one.session, one.run) for one in found] == [
        ("Small-Set", subject, "0train", run) for subject in "12" for run in "01"
    ]
    assert all(one.trials == TRIALS for one in found)
    assert (found[0].spec.channels, found[0].spec.modality, found[0].spec.unit) == (("C3", "C4"), "eeg", "V")
    assert found[2].samples == pytest.approx(np.random.default_rng(2).standard_normal((3, 1000))[:2] * 1e-5)
    assert dataset.asked == [[1], [2]]  # one person at a time, so that they need not all be in memory


def test_only_the_people_asked_for_are_fetched_and_labels_are_mapped() -> None:
    dataset = DataSet()
    labels = {"left_hand": "left_fist", "right_hand": None}
    found = read_recordings(dataset, {"only": {"subject": 2, "run": "1"}, "labels": labels, "channels": ["C4"]})
    assert dataset.asked == [[2]]
    assert [(one.subject, one.run, one.trials) for one in found] == [("2", "1", (Trial("left_fist", 250, 450),))]
    with pytest.raises(NeuroMotionError, match="Small-Set has no subject 9; its subjects are 1, 2"):
        read_recordings(dataset, {"only": {"subject": "9"}})


@pytest.mark.parametrize(
    ("reading", "start", "stop"),
    [
        ({"trial_s": 1.0}, 50, 150),
        ({"delay_s": 0.0}, 0, 200),
        ({"delay_s": 1.0}, 100, 300),
        ({"delay_s": 0.25, "trial_s": 1.0}, 25, 125),
    ],
)
def test_the_length_of_trials_and_their_delay_can_be_said_each_alone(reading, start, stop) -> None:
    found = read_recordings(DataSet(), reading)
    assert found[0].trials == (
        Trial("left_hand", 200 + start, 200 + stop),
        Trial("right_hand", 700 + start, 700 + stop),
    )


@pytest.mark.parametrize("markers", ["stim", "points", "nothing"])
def test_a_label_of_all_makes_each_run_one_trial(markers) -> None:
    found = read_recordings(DataSet(markers), {"label": "rest"})
    assert all(one.trials == (Trial("rest", 0, 1000, has_onset=False),) for one in found)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (DataSet(fault=OSError("no network")), "Small-Set gives no data of subject 1: OSError: no network"),
        (DataSet(fault=KeyError("x")), "Small-Set gives no data of subject 1: KeyError"),
        (DataSet(kind="misc"), "kind of signal is not known; say it with modality="),
        (DataSet("nothing"), r"Small-Set, subject 1"),
    ],
)
def test_what_cannot_be_read_is_one_error(dataset, message) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read_recordings(dataset)


def test_a_run_that_is_no_raw_is_refused() -> None:
    class Arrays(DataSet):
        def raw(self, seed: int) -> Any:
            return np.zeros((3, 100))

    with pytest.raises(NeuroMotionError, match="gives ndarray instead of an MNE Raw"):
        read_recordings(Arrays())
