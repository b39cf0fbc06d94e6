from __future__ import annotations

import numpy as np
import pytest

from neuromotion_gym.datasets.eegmmidb.reader import channel_names, read_file, read_run, run_meaning
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Trial

pytest.importorskip("mne")


def test_run_gives_trials_in_volts_with_mended_names(tmp_path, write_eegmmidb) -> None:
    write_eegmmidb(tmp_path, "S001", 4)
    recording = read_run("S001", 4, root=tmp_path)
    assert recording.samples.shape == (64, 24 * 160)
    assert recording.spec.channels == channel_names()
    assert (recording.spec.rate_hz, recording.spec.unit, recording.spec.modality) == (160.0, "V", "eeg")
    assert (recording.dataset, recording.subject, recording.session, recording.run) == (
        "eegmmidb",
        "S001",
        "imagined",
        "4",
    )
    assert recording.trials[:4] == (
        Trial("rest", 0, 640),
        Trial("left_fist", 640, 1280),
        Trial("rest", 1280, 1920),
        Trial("right_fist", 1920, 2560),
    )
    codes = np.random.default_rng([0, 1, 4]).integers(-100, 100, (64, 24 * 160))
    np.testing.assert_allclose(recording.samples, codes * 1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("run", "session", "first", "second"),
    [
        (1, "baseline", None, None),
        (3, "real", "left_fist", "right_fist"),
        (8, "imagined", "left_fist", "right_fist"),
        (9, "real", "both_fists", "both_feet"),
        (11, "real", "left_fist", "right_fist"),
        (14, "imagined", "both_fists", "both_feet"),
    ],
)
def test_runs_mean_what_the_data_set_says(run: int, session: str, first: str | None, second: str | None) -> None:
    found, labels = run_meaning(run)
    assert found == session
    assert (labels["T0"], labels.get("T1"), labels.get("T2")) == ("rest", first, second)


def test_there_is_no_run_15() -> None:
    with pytest.raises(NeuroMotionError, match="1 to 14, not 15"):
        run_meaning(15)


def test_zeros_that_fill_up_the_last_record_are_no_samples(tmp_path, write_eegmmidb) -> None:
    recording = read_file(write_eegmmidb(tmp_path, padding=80))
    assert recording.samples.shape[1] == 24 * 160 - 80
    assert recording.trials[-1].stop == 24 * 160 - 80


def test_another_rate_is_refused_with_the_way_out(tmp_path, write_eegmmidb) -> None:
    path = write_eegmmidb(tmp_path, "S088", rate=128)
    with pytest.raises(NeuroMotionError, match=r"S088R04.edf is recorded at 128 Hz, not at 160 Hz.*resample_hz=160"):
        read_file(path)
    recording = read_file(path, resample_hz=160)
    assert recording.spec.rate_hz == 160
    assert recording.samples.shape == (64, 24 * 160)
    assert recording.trials[1] == Trial("left_fist", 640, 1280)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drop": ["Cz", "F7"]}, "62 channels, not the 64 of EEGMMIDB; missing: Cz, F7"),
        ({"flat": ["Oz"]}, "S001R04.edf: .* is flat in channel Oz"),
        ({"annotations": False}, "S001R04.edf: .*no annotations"),
    ],
)
def test_broken_recordings_give_one_clear_error(tmp_path, write_eegmmidb, options: dict, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        read_file(write_eegmmidb(tmp_path, **options))


def test_truncated_file_is_refused(tmp_path, write_eegmmidb) -> None:
    path = write_eegmmidb(tmp_path)
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(NeuroMotionError, match=r"truncated: its header promises 24 records of 20600 bytes.*\(22 whole"):
        read_file(path)


def test_missing_run_and_misnamed_file(tmp_path) -> None:
    with pytest.raises(NeuroMotionError, match=r"has no S002/S002R08.edf of EEGMMIDB"):
        read_run("S002", 8, root=tmp_path)
    with pytest.raises(NeuroMotionError, match="not named like"):
        read_file(tmp_path / "other.edf")


def test_real_run_is_the_one_described(data_root) -> None:
    recording = read_run("S001", 3, root=data_root)
    assert recording.session == "real"
    assert recording.samples.shape == (64, 19920)  # 125 records of a second, the last half filled
    assert [trial.label for trial in recording.trials].count("rest") == 15
    assert {trial.stop - trial.start for trial in recording.trials} == {656, 672}
    assert recording.trials[-1].stop == 19920
    assert 1e-5 < recording.samples.std() < 1e-3
