from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers import mne_files
from neuromotion_gym.signals.recording import Trial

mne = pytest.importorskip("mne")

RATE = 50
MARKS = [(0.0, 2.0, "rest"), (2.0, 2.0, "go")]


@pytest.fixture(scope="module")
def content(edf_bytes) -> bytes:
    codes = np.random.default_rng(0).integers(-500, 500, (3, 4 * RATE))
    return edf_bytes(codes, ["a", "b", "c"], RATE, MARKS)


@pytest.fixture
def path(tmp_path, content: bytes):
    (tmp_path / "x.edf").write_bytes(content)
    return tmp_path / "x.edf"


def test_edf_is_read_with_its_annotations(path) -> None:
    recording = mne_files.read(path, modality="emg", labels={"rest": "neutral", "go": "hand_close"}, subject="me")
    assert recording.spec.channels == ("a", "b", "c")
    assert (recording.spec.modality, recording.spec.rate_hz, recording.subject) == ("emg", RATE, "me")
    assert recording.trials == (Trial("neutral", 0, 100), Trial("hand_close", 100, 200))
    codes = np.random.default_rng(0).integers(-500, 500, (3, 4 * RATE))
    np.testing.assert_allclose(recording.samples, codes * 1e-6, atol=1e-9)


def test_fif_is_read_too(tmp_path) -> None:
    raw = mne.io.RawArray(
        np.random.default_rng(0).standard_normal((2, 400)) * 1e-6, mne.create_info(2, 100.0, "eeg"), verbose="ERROR"
    )
    raw.set_annotations(mne.Annotations([1.0], [2.0], ["go"]))
    raw.save(tmp_path / "x_raw.fif", verbose="ERROR")
    recording = mne_files.read(tmp_path / "x_raw.fif", modality="eeg")
    assert recording.trials == (Trial("go", 100, 300),)
    np.testing.assert_allclose(recording.samples, raw.get_data(), atol=1e-12)


def test_channels_are_picked_before_they_are_judged(tmp_path, edf_bytes) -> None:
    codes = np.random.default_rng(0).integers(-500, 500, (3, 4 * RATE))
    codes[1] = 3
    (tmp_path / "x.edf").write_bytes(edf_bytes(codes, ["a", "b", "c"], RATE, MARKS))
    with pytest.raises(NeuroMotionError, match=r"x.edf: .*flat in channel b"):
        mne_files.read(tmp_path / "x.edf", modality="emg")
    recording = mne_files.read(tmp_path / "x.edf", modality="emg", channels=["c", "a"])
    assert recording.spec.channels == ("c", "a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ["a", "z"]}, r"x.edf: channels z are missing; there are a, b, c"),
        ({"labels": {"rest": "rest"}}, r"x.edf: Unknown labels 'go'"),
    ],
)
def test_wrong_wishes_give_one_clear_error(path, options: dict, message: str) -> None:
    with pytest.raises(NeuroMotionError, match=message):
        mne_files.read(path, modality="emg", **options)


def test_missing_and_unknown_files(tmp_path) -> None:
    with pytest.raises(NeuroMotionError, match="does not exist"):
        mne_files.read(tmp_path / "none.edf", modality="eeg")
    for name in ("x.xyz", "x.fif", "x.bdf", "x.gdf", "x.vhdr"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(NeuroMotionError, match=name):
            mne_files.read(tmp_path / name, modality="eeg")


@pytest.mark.parametrize("keep", [0, 100, 300, 1000, -1, -400])
def test_truncated_edf_is_refused(path, content: bytes, keep: int) -> None:
    path.write_bytes(content[:keep])
    with pytest.raises(NeuroMotionError, match=r"truncated|cut in its header|damaged header"):
        mne_files.read(path, modality="emg")


def test_header_that_promises_more_than_there_is(tmp_path, edf_bytes) -> None:
    codes = np.random.default_rng(0).integers(-500, 500, (3, 4 * RATE))
    (tmp_path / "x.edf").write_bytes(edf_bytes(codes, ["a", "b", "c"], RATE, MARKS, records=9))
    with pytest.raises(NeuroMotionError, match=r"promises 9 records of 420 bytes.*\(4 whole records\)"):
        mne_files.read(tmp_path / "x.edf", modality="emg")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_corrupt_edf_raises_nothing_but_our_own_error(tmp_path, content: bytes, data) -> None:
    changed = bytearray(content)
    header = 256 * 5
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, header - 1) | st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255) | st.sampled_from(b"0123456789-+. "))
    bad = tmp_path / "bad.edf"
    bad.write_bytes(changed)
    try:
        recording = mne_files.read(bad, modality="emg")
    except NeuroMotionError:
        return
    assert np.isfinite(recording.samples).all()
    assert recording.trials
