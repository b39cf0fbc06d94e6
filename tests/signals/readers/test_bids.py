"""BIDS: people, sessions and runs as its names say, trials from ``events.tsv``, files in the published layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Trial

pytest.importorskip("mne_bids")

RATE = 100
EVENTS = "onset\tduration\ttrial_type\n1.0\t2.0\tleft\n4.0\t2.0\tright\n"
NAMES = ("C3", "C4", "EOG1")


def codes(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-100, 100, (3, 8 * RATE))


@pytest.fixture
def write(tmp_path, edf_bytes):
    """A BIDS data set with a run in each of ``runs``: (subject, session, task, run)."""

    def put(runs: list[tuple[str, str | None, str, str | None]], kind: str = "eeg", events: str = EVENTS) -> Path:
        described = {"Name": "small", "BIDSVersion": "1.9.0", "DatasetType": "raw"}
        (tmp_path / "dataset_description.json").write_text(json.dumps(described))
        people = "".join(f"sub-{one}\tn/a\n" for one in sorted({run[0] for run in runs}))
        (tmp_path / "participants.tsv").write_text(f"participant_id\tage\n{people}")
        for seed, (subject, session, task, run) in enumerate(runs):
            folder = tmp_path / f"sub-{subject}" / (f"ses-{session}" if session else "") / kind
            folder.mkdir(parents=True, exist_ok=True)
            stem = f"sub-{subject}{f'_ses-{session}' if session else ''}_task-{task}{f'_run-{run}' if run else ''}"
            (folder / f"{stem}_{kind}.edf").write_bytes(edf_bytes(codes(seed), NAMES, RATE, []))
            sidecar = {"TaskName": task, "SamplingFrequency": RATE, "PowerLineFrequency": 50}
            (folder / f"{stem}_{kind}.json").write_text(json.dumps(sidecar))
            (folder / f"{stem}_events.tsv").write_text(events)
            rows = "".join(f"{name}\t{'EOG' if 'EOG' in name else kind.upper()}\tuV\tgood\n" for name in NAMES)
            (folder / f"{stem}_channels.tsv").write_text(f"name\ttype\tunits\tstatus\n{rows}")
        return tmp_path

    return put


def test_the_unit_that_the_files_say_can_be_said_again(write) -> None:
    root = write([("01", "a", "mi", "1")])
    (plain,), (found,) = read_recordings(root), read_recordings(root, {"unit": "uV"})
    assert found.spec.unit == "µV"
    assert found.in_unit("V").samples == pytest.approx(plain.samples, rel=1e-5)


def test_a_label_of_all_makes_each_run_one_trial(write) -> None:
    (found,) = read_recordings(write([("01", "a", "mi", "1")]), {"label": "rest"})
    assert found.trials == (Trial("rest", 0, found.samples.shape[1], has_onset=False),)


def key(recording) -> tuple[str, str, str]:
    return recording.subject, recording.session, recording.run


@pytest.mark.parametrize("kind", ["eeg", "emg"])
def test_names_and_trials_are_those_of_bids(write, kind) -> None:
    root = write([("02", "b", "mi", "1"), ("01", "a", "mi", "2"), ("01", "a", "mi", "1")], kind)
    found = read_recordings(root)
    assert [key(one) for one in found] == [("01", "a", "1"), ("01", "a", "2"), ("02", "b", "1")]
    first = found[0]
    assert (first.spec.modality, first.spec.channels, first.spec.unit) == (kind, ("C3", "C4"), "V")
    assert first.samples == pytest.approx(codes(2)[:2] * 1e-6, abs=1e-9)
    assert first.trials == (Trial("left", 100, 300), Trial("right", 400, 600))


def test_people_sessions_and_tasks_are_chosen(write) -> None:
    root = write([("01", "a", "mi", None), ("01", "b", "mi", None), ("01", "b", "rest", None), ("02", "a", "mi", None)])
    assert [key(one) for one in read_recordings(root)] == [
        ("01", "a", "mi"), ("01", "b", "mi"), ("01", "b", "rest"), ("02", "a", "mi"),
    ]  # fmt: skip
    chosen = read_recordings(root, {"only": {"subject": "01", "session": ["b"]}, "task": "mi"})
    assert [key(one) for one in chosen] == [("01", "b", "mi")]
    assert [key(one) for one in read_recordings(root, {"only": {"run": "rest"}})] == [("01", "b", "rest")]
    with pytest.raises(NeuroMotionError, match=r"no BIDS recordings of eeg or emg with task walk"):
        read_recordings(root, {"task": "walk"})


def test_the_task_is_part_of_the_run_where_there_are_several(write) -> None:
    root = write([("01", None, "mi", "1"), ("01", None, "rest", "1")])
    assert [key(one) for one in read_recordings(root)] == [("01", "0", "mi_1"), ("01", "0", "rest_1")]
    assert [key(one) for one in read_recordings(root, {"task": "mi"})] == [("01", "0", "1")]


def test_files_that_are_not_asked_for_are_not_opened(write) -> None:
    root = write([("01", None, "mi", "1"), ("01", None, "mi", "2")])
    (root / "sub-01" / "eeg" / "sub-01_task-mi_run-1_eeg.edf").write_bytes(b"junk")
    assert [key(one) for one in read_recordings(root, {"only": {"run": "2"}})] == [("01", "0", "2")]


def test_channels_of_a_decoder_are_enough(write) -> None:
    (found,) = read_recordings(write([("01", None, "mi", None)]), {"channels": ["EOG1", "C3"], "modality": "eeg"})
    assert (found.spec.channels, found.session) == (("EOG1", "C3"), "0")
    assert found.samples == pytest.approx(codes(0)[[2, 0]] * 1e-6, abs=1e-9)


def test_events_without_duration_need_their_length(write) -> None:
    root = write([("01", None, "mi", None)], events=EVENTS.replace("2.0", "n/a"))
    with pytest.raises(NeuroMotionError, match=r"sub-01_task-mi_eeg\.edf: Annotation 'left' has no duration"):
        read_recordings(root)
    (found,) = read_recordings(root, {"trial_s": 1, "delay_s": 0.5})
    assert found.trials == (Trial("left", 150, 250), Trial("right", 450, 550))


def test_two_kinds_of_data_and_none_are_said(write) -> None:
    root = write([("01", None, "mi", None)], "emg")
    with pytest.raises(NeuroMotionError, match="no BIDS recordings of eeg"):
        read_recordings(root, {"modality": "eeg"})
    write([("01", None, "mi", None)], "eeg")
    with pytest.raises(NeuroMotionError, match=r"holds eeg and emg; say with modality="):
        read_recordings(root)
    assert read_recordings(root, {"modality": "emg"})[0].spec.modality == "emg"


def test_a_cut_file_and_one_with_gaps_are_refused(write) -> None:
    root = write([("01", None, "mi", None)])
    file = root / "sub-01" / "eeg" / "sub-01_task-mi_eeg.edf"
    whole = file.read_bytes()
    file.write_bytes(whole[:-2000])
    with pytest.raises(NeuroMotionError, match=r"sub-01_task-mi_eeg\.edf is truncated"):
        read_recordings(root)
    later = whole.replace(b"EDF+C", b"EDF+D")
    for second in (7, 6):  # the last two records are two seconds late
        later = later.replace(b"+%d\x14\x14" % second, b"+%d\x14\x14" % (second + 2))
    file.write_bytes(later)
    with pytest.raises(NeuroMotionError, match="has gaps between its records"):
        read_recordings(root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sub-01_task-mi_eeg.edf", b""),
        ("sub-01_task-mi_eeg.edf", b"\0" * 3000),
        ("sub-01_task-mi_channels.tsv", b"\xff\xfe\0junk"),
        ("sub-01_task-mi_events.tsv", b"onset\tduration\nx\ty\n"),
    ],
)
@pytest.mark.filterwarnings("ignore::neuromotion_gym.errors.NeuroMotionWarning")
def test_a_damaged_file_is_one_error_that_names_it(write, name, content) -> None:
    root = write([("01", None, "mi", None)])
    (root / "sub-01" / "eeg" / name).write_bytes(content)
    with pytest.raises(NeuroMotionError, match=r"sub-01_task-mi"):
        read_recordings(root)


def test_what_mne_bids_warns_of_is_shown(write) -> None:
    root = write([("01", None, "mi", None)])
    (root / "sub-01" / "eeg" / "sub-01_task-mi_channels.tsv").unlink()
    with pytest.warns(NeuroMotionWarning, match="MNE warns .*channels.tsv"):
        read_recordings(root, {"modality": "eeg"})


def test_run_2_comes_before_run_10(write) -> None:
    root = write([("01", None, "mi", run) for run in ("10", "9")])
    assert [one.run for one in read_recordings(root)] == ["9", "10"]
