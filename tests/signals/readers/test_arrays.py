from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers import arrays
from neuromotion_gym.signals.recording import Targets


def _same(one, other) -> bool:
    return (
        np.array_equal(one.samples, other.samples)
        and one.spec == other.spec
        and one.trials == other.trials
        and (one.dataset, one.subject, one.session, one.run) == (other.dataset, other.subject, other.session, other.run)
    )


@pytest.fixture
def contents(tmp_path, make_recording) -> dict[str, np.ndarray]:
    arrays.write(make_recording(has_onset=False), tmp_path / "good.npz")
    with np.load(tmp_path / "good.npz") as file:
        return dict(file)


@pytest.mark.parametrize("labels", [("rest", "go", "rest"), ()])
def test_what_is_written_is_read(tmp_path, make_recording, labels: tuple[str, ...]) -> None:
    recording = make_recording(labels or ("rest", "go"), has_onset=False, subject="p", session="x", run="7")
    if not labels:
        recording = replace(recording, trials=())
    arrays.write(recording, tmp_path / "a.npz")
    assert _same(arrays.read(tmp_path / "a.npz"), recording)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_targets_are_written_and_read(tmp_path, make_recording) -> None:
    recording = make_recording()
    values = np.random.default_rng(0).uniform(-1, 1, (2, recording.samples.shape[1])).astype(np.float32)
    arrays.write(replace(recording, targets=Targets(("thumb", "index"), values)), tmp_path / "a.npz")
    found = arrays.read(tmp_path / "a.npz").targets
    assert found.names == ("thumb", "index")
    assert np.array_equal(found.values, values)


def test_channels_that_a_regression_emptied_are_written_and_read(tmp_path, make_recording) -> None:
    recording = make_recording().transformed(np.diag([1.0, 0.0, 1.0]))
    arrays.write(recording, tmp_path / "a.npz")
    assert _same(arrays.read(tmp_path / "a.npz"), recording)


def test_required_keys_are_enough(tmp_path, contents) -> None:
    np.savez(tmp_path / "a.npz", **{key: contents[key] for key in arrays.REQUIRED})
    recording = arrays.read(tmp_path / "a.npz")
    assert all(trial.has_onset for trial in recording.trials)
    assert (recording.dataset, recording.subject, recording.session, recording.run) == ("user", "0", "0", "0")


@pytest.mark.parametrize("key", arrays.REQUIRED)
def test_missing_keys_are_named(tmp_path, contents, key: str) -> None:
    del contents[key]
    np.savez(tmp_path / "a.npz", **contents)
    with pytest.raises(NeuroMotionError, match=f"lacks {key};"):
        arrays.read(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": np.zeros(5)}, r"samples are float64 of shape \(5,\)"),
        ({"samples": np.array([["a"]])}, "samples are <U1"),
        ({"samples": np.full((3, 9000), np.nan)}, "NaN or infinite"),
        ({"samples": np.full((3, 9000), 1e300)}, "NaN or infinite"),
        ({"samples": np.ones((3, 9000))}, "flat in channel where, label, noise"),
        ({"rate_hz": np.array(-1.0)}, "above 0"),
        ({"rate_hz": np.array("fast")}, "could not convert"),
        ({"rate_hz": np.ones(3)}, "is no recording"),
        ({"modality": np.array("meg")}, "'meg'"),
        ({"unit": np.array([1, 2])}, "A single string"),
        ({"channels": np.array(["a", "b"])}, "3 rows, but 2 channels"),
        ({"starts": np.arange(3)}, "have to be equal"),
        ({"starts": np.full(16, 0.5)}, "integers"),
        ({"stops": np.full(16, 10**9)}, "but the recording has"),
        ({"labels": np.arange(16)}, "labels have to be strings"),
        ({"labels": np.array(["x"] * 16, dtype=object)}, "allow_pickle=False"),
        ({"has_onset": np.ones(3, bool)}, "is no recording"),
    ],
)
def test_wrong_contents_give_one_clear_error(tmp_path, contents, changes: dict, message: str) -> None:
    np.savez(tmp_path / "a.npz", **{**contents, **changes})
    with pytest.raises(NeuroMotionError, match=message):
        arrays.read(tmp_path / "a.npz")


def test_unknown_labels_are_named(tmp_path, make_recording) -> None:
    arrays.write(make_recording(("rest", "go", "stay")), tmp_path / "a.npz")
    with pytest.raises(NeuroMotionError, match="unknown labels go, stay; known: rest"):
        arrays.read(tmp_path / "a.npz", labels=["rest"])


def test_missing_file(tmp_path) -> None:
    with pytest.raises(NeuroMotionError, match="does not exist"):
        arrays.read(tmp_path / "none.npz")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_corrupt_bytes_raise_nothing_but_our_own_error(tmp_path, make_recording, data) -> None:
    good = tmp_path / "good.npz"
    if not good.exists():
        arrays.write(make_recording(("rest", "go"), trial=40), good)
    content = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    bad = tmp_path / "bad.npz"
    bad.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
    try:
        recording = arrays.read(bad)
    except NeuroMotionError:
        return
    assert np.isfinite(recording.samples).all()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from([*arrays.REQUIRED, "has_onset", "as_recorded", "subject"]),
    dtype=st.sampled_from(["f8", "i8", "u1", "U3", "S2", "?", "c16", "M8[s]"]),
    shape=st.lists(st.integers(0, 3), max_size=3),
)
def test_odd_arrays_raise_nothing_but_our_own_error(tmp_path, contents, key: str, dtype: str, shape: list) -> None:
    np.savez(tmp_path / "odd.npz", **{**contents, key: np.zeros(shape, dtype)})
    try:
        arrays.read(tmp_path / "odd.npz")
    except NeuroMotionError:
        return
