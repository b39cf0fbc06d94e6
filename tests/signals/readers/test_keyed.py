"""MAT files (v5, v7.3) and archives with keys of their own: axes, labels, cells and structures as they are written."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Trial

SAYS = {"modality": "emg", "unit": "mV", "rate_hz": 100}
SAMPLES = np.random.default_rng(0).standard_normal((4, 300))
CODES = np.repeat([0, 1, 0, 2, 0], 60)
TRIALS = tuple(Trial(str(code), 60 * index, 60 * index + 60) for index, code in enumerate([0, 1, 0, 2, 0]))
NAMES = ["a", "b", "c", "d"]


def cells(*values: Any) -> np.ndarray:
    found = np.empty((1, len(values)), object)
    found[0, :] = values
    return found


def as_hdf5(path: Path, content: dict[str, Any]) -> None:
    """MAT file of version 7.3 as MATLAB writes it: axes reversed, texts as codes, cells as references."""
    h5py = pytest.importorskip("h5py")

    def put(group, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for key, one in value.items():
                put(made, key, one)
        elif isinstance(value, list) and value and isinstance(value[0], dict):  # an array of structures
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for key in value[0]:
                made[key] = np.array([[put(refs, f"{key}{id(one)}", one[key]).ref] for one in value], h5py.ref_dtype)
        elif isinstance(value, str):
            made = group.create_dataset(name, data=np.array([[ord(one)] for one in value], np.uint16))
            made.attrs["MATLAB_class"] = np.bytes_("char")
        elif isinstance(value, np.ndarray) and value.dtype == object:
            held = [
                [put(refs, f"{name}{row}{column}", value[row, column]).ref for row in range(value.shape[0])]
                for column in range(value.shape[1])
            ]
            made = group.create_dataset(name, data=np.array(held, h5py.ref_dtype))
            made.attrs["MATLAB_class"] = np.bytes_("cell")
        else:
            made = group.create_dataset(name, data=np.atleast_2d(value).T)
            made.attrs["MATLAB_class"] = np.bytes_("double")
        return made

    with h5py.File(path, "w", userblock_size=512) as file:
        refs = file.create_group("#refs#")
        for key, value in content.items():
            put(file, key, value)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


@pytest.fixture(params=["v5", "v5 compressed", "v7.3", "npz"])
def write(request, tmp_path):
    def put(**content: Any) -> Path:
        if request.param == "npz":
            np.savez(tmp_path / "a.npz", **content)
            return tmp_path / "a.npz"
        if request.param == "v7.3":
            as_hdf5(tmp_path / "a.mat", content)
        else:
            savemat(tmp_path / "a.mat", content, do_compression="compressed" in request.param)
        return tmp_path / "a.mat"

    return put


@pytest.fixture(params=["v5", "v7.3"])
def write_mat(request, tmp_path):
    def put(**content: Any) -> Path:
        path = tmp_path / "a.mat"
        if request.param == "v7.3":
            as_hdf5(path, content)
        else:
            savemat(path, content)
        return path

    return put


def read(path: Path, keys: dict[str, Any], **reading: Any):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_recordings(path, {**SAYS, "keys": keys, **reading})


@pytest.mark.parametrize("transposed", [False, True])
def test_samples_with_a_label_each(write, transposed) -> None:
    path = write(emg=SAMPLES.T if transposed else SAMPLES, restimulus=CODES[:, None])
    (found,) = read(path, {"samples": "emg", "label": "restimulus"})
    assert np.array_equal(found.samples, SAMPLES.astype(np.float32))
    assert found.trials == TRIALS
    assert found.spec.channels == ("channel_1", "channel_2", "channel_3", "channel_4")
    (named,) = read(path, {"samples": "emg", "label": "restimulus"}, channels=NAMES, labels={0: None, 1: "x", 2: "y"})
    assert named.spec.channels == tuple(NAMES)
    assert [(one.label, one.start) for one in named.trials] == [("x", 60), ("y", 180)]


def test_matlab_counts_from_one_and_numpy_from_zero(write) -> None:
    path = write(x=SAMPLES, cue=np.array([[11, 101, 191]]), y=np.array([[1, 2, 1]]), fs=np.array([[100.0]]))
    keys = {"samples": "x", "starts": "cue", "label": "y", "rate": "fs"}
    (found,) = read(path, keys, rate_hz=None, trial_s=0.5)
    first = 11 if path.suffix == ".npz" else 10
    assert found.spec.rate_hz == 100
    assert [(one.label, one.start, one.stop) for one in found.trials] == [
        (label, first + 90 * index, first + 90 * index + 50) for index, label in enumerate("121")
    ]
    (counted,) = read(path, {**keys, "first_index": 0}, rate_hz=None, trial_s=0.3, delay_s=0.2)
    assert [(one.start, one.stop) for one in counted.trials] == [(31, 61), (121, 151), (211, 241)]


def test_trials_stacked_in_one_array(write) -> None:
    trials = SAMPLES[:, :270].reshape(4, 3, 90).transpose(1, 0, 2)
    path = write(X=trials, y=np.array([[1, 2, 1]]))
    (found,) = read(path, {"samples": "X", "label": "y"}, channels=NAMES)
    assert np.array_equal(found.samples, SAMPLES[:, :270].astype(np.float32))
    assert [(one.label, one.start, one.stop) for one in found.trials] == [("1", 0, 90), ("2", 90, 180), ("1", 180, 270)]
    assert found.bad_spans == ((90, 90), (180, 180))  # neighbouring trials are not neighbours in time
    moved = write(X=trials.transpose(2, 0, 1), y=np.array([[1, 2, 1]]))
    (same,) = read(moved, {"samples": "X", "label": "y", "axes": ["samples", "trials", "channels"]})
    assert np.array_equal(same.samples, found.samples)


@pytest.mark.parametrize(
    ("shape", "labels", "channels", "message"),
    [
        ((4, 4), 4, NAMES, r"\(4, 4\), and it is not clear which axis is which \(4 channels, 4 samples is known\)"),
        ((40, 60), None, None, r"shape \(40, 60\).*nothing is known.*axes=\('channels', 'samples'\)"),
        ((5, 60), None, NAMES, r"shape \(5, 60\).*4 channels is known"),
        ((6, 6, 90), 6, None, r"shape \(6, 6, 90\)"),
        ((6, 4, 90), 6, None, r"shape \(6, 4, 90\).*6 trials is known"),
        ((2, 3, 4, 5), 2, None, r"samples has 4 axes"),
    ],
)  # fmt: skip
def test_axes_are_never_guessed(tmp_path, shape, labels, channels, message) -> None:
    content = {"X": np.random.default_rng(0).standard_normal(shape)}
    keys = {"samples": "X"}
    if labels:
        content["y"] = np.arange(labels)
        keys["label"] = "y"
    savemat(tmp_path / "a.mat", content)
    with pytest.raises(NeuroMotionError, match=message):
        read(tmp_path / "a.mat", keys, channels=channels)


def test_cells_hold_runs_or_trials(write_mat) -> None:
    halves = cells(SAMPLES[:, :120], SAMPLES[:, 120:])
    path = write_mat(x=halves, code=cells(CODES[:120, None], CODES[120:, None]))
    one, two = read(path, {"samples": "x", "label": "code"})
    assert (one.run, two.run) == ("a (1)", "a (2)")
    assert np.array_equal(two.samples, SAMPLES[:, 120:].astype(np.float32))
    assert [(each.label, each.start) for each in two.trials] == [("0", 0), ("2", 60), ("0", 120)]
    path = write_mat(x=halves, code=cells("fist", "open"))
    (found,) = read(path, {"samples": "x", "label": "code"})
    assert found.trials == (Trial("fist", 0, 120), Trial("open", 120, 300))
    assert found.bad_spans == ((120, 120),)


def test_cells_of_structures_as_bci_competitions_have_them(write_mat) -> None:
    runs = [
        {
            "X": SAMPLES[:, at : at + 100].T,
            "trial": np.array([[1, 51]]),
            "y": np.array([[1, 2]]),
            "fs": np.array([[100]]),
        }
        for at in (0, 100, 200)
    ]
    keys = {"samples": "data.X", "starts": "data.trial", "label": "data.y", "rate": "data.fs"}
    found = read(write_mat(data=cells(*runs)), keys, rate_hz=None, trial_s=0.5)
    assert [one.run for one in found] == ["a (1)", "a (2)", "a (3)"]
    assert np.array_equal(found[2].samples, SAMPLES[:, 200:].astype(np.float32))
    assert [(each.label, each.start, each.stop) for each in found[2].trials] == [("1", 0, 50), ("2", 50, 100)]


def test_arrays_of_structures(tmp_path) -> None:
    runs = [{"X": SAMPLES[:, :150], "y": CODES[:150, None]}, {"X": SAMPLES[:, 150:], "y": CODES[150:, None]}]
    as_hdf5(tmp_path / "new.mat", {"s": runs})
    array = np.empty((1, 2), dtype=[("X", object), ("y", object)])
    for at, run in enumerate(runs):
        array[0, at] = (run["X"], run["y"])
    savemat(tmp_path / "old.mat", {"s": array})
    for name in ("new.mat", "old.mat"):
        one, two = read(tmp_path / name, {"samples": "s.X", "label": "s.y"})
        assert np.array_equal(one.samples, SAMPLES[:, :150].astype(np.float32))
        assert [(each.label, each.start) for each in two.trials] == [("0", 0), ("2", 30), ("0", 90)]


def test_tables_of_cells_and_structures_are_read_column_by_column(write_mat, tmp_path) -> None:
    blocks = [SAMPLES[:, at : at + 75] for at in (0, 75, 150, 225)]
    square = np.empty((2, 2), object)
    names = np.empty((2, 2), object)
    for number in range(4):  # MATLAB counts down the columns
        square[number % 2, number // 2], names[number % 2, number // 2] = blocks[number], f"move {number}"
    (found,) = read(write_mat(x=square, name=names), {"samples": "x", "label": "name"}, channels=NAMES)
    assert [trial.label for trial in found.trials] == ["move 0", "move 1", "move 2", "move 3"]
    assert np.array_equal(found.samples, SAMPLES.astype(np.float32))
    array = np.empty((2, 2), dtype=[("X", object)])
    for number in range(4):
        array[number % 2, number // 2] = (blocks[number],)
    savemat(tmp_path / "s.mat", {"s": array})
    runs = read(tmp_path / "s.mat", {"samples": "s.X"}, labels={}, channels=NAMES)
    assert [run.samples[0, 0] for run in runs] == [np.float32(block[0, 0]) for block in blocks]


def test_names_of_channels_and_repetitions_are_keys(write_mat) -> None:
    repetition = np.repeat([1, 2, 1], 100)[:, None]
    names = cells("fl", "ex", "br", "tr")
    path = write_mat(emg=SAMPLES.T, stimulus=CODES[:, None], repetition=repetition, names=names, subject="p7")
    keys = {"samples": "emg", "label": "stimulus", "run": "repetition", "channels": "names", "subject": "subject"}
    one, two = read(path, keys)
    assert one.spec.channels == ("fl", "ex", "br", "tr")
    assert [(each.subject, each.run, each.samples.shape[1]) for each in (one, two)] == [
        ("p7", "1", 200),
        ("p7", "2", 100),
    ]
    assert one.bad_spans == ((100, 100),)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"samples": "emg"}, r"there is no emg; there are x, y, s, t"),
        ({"samples": "s.q"}, r"there is no 's\.q'; there are X"),
        ({"samples": "x.q"}, r"there is no 'x\.q': 'q' is asked of float64 of shape \(4, 300\), which has no fields"),
        ({"samples": "t"}, "samples is a text; it has to be numbers"),
        ({"samples": "s"}, "samples is a structure; it has to be numbers"),
        ({"samples": "x", "label": "x"}, "shape.*1200 samples is known"),
        ({"samples": "x", "label": "y", "axes": ["channels", "samples"]}, "label has 3 values, but samples has 300"),
        ({"samples": "x", "label": "y", "starts": "x"}, "there are 1200 starts, but 3 labels"),
        ({"samples": "x", "label": "y", "starts": "y"}, "starts without stops need trial_s="),
        ({"samples": "x", "axes": ["trials", "channels", "samples"]}, "samples has 2 axes"),
        ({"samples": "x", "rate": "x"}, "rate has 1200 values; it has to be one"),
        ({"label": "y"}, "in 'keys', Keys: 'samples' is missing"),
        ({"samples": "x", "axes": ["channels", "time"]}, "in 'keys', Keys: 'axes.1' is 'time'"),
        ({"samples": "x", "axes": ["channels", "channels"]}, "axes are 'channels' and 'samples', or"),
        ({"samples": "x", "stops": "y"}, "stops belong to starts"),
        ({"samples": "x", "starts": "y"}, "label is missing"),
    ],
)
def test_keys_that_are_wrong_are_one_error(tmp_path, keys, message) -> None:
    savemat(tmp_path / "a.mat", {"x": SAMPLES, "y": np.array([1, 2, 3]), "s": {"X": SAMPLES}, "t": "text"})
    with pytest.raises(NeuroMotionError, match=message):
        read(tmp_path / "a.mat", keys)


def test_without_keys_the_variables_are_listed(write_mat) -> None:
    with pytest.raises(NeuroMotionError, match=r"keys=\{'samples': .*emg \(300 × 4 double\), label \(5 × 1 double\)"):
        read_recordings(write_mat(emg=SAMPLES.T, label=np.ones((5, 1))), SAYS)


def bomb_npz(path: Path) -> None:
    """128 MB of zeros in 0.5 MB, member by member."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(8):
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (4, 2**20)})
            archive.writestr(f"{number}.npy", header.getvalue() + bytes(2**24))


def bomb_v5(path: Path) -> None:
    """A header that states 4 GB, in 1 KB."""
    squeezed = zlib.compress((14).to_bytes(4, "little") + (0xFFFF_FFF0).to_bytes(4, "little") + bytes(10**6))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    path.write_bytes(head + (15).to_bytes(4, "little") + len(squeezed).to_bytes(4, "little") + squeezed)


def bomb_v73(path: Path) -> None:
    """A compressed data set of 8 GB of which nothing is stored."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("x", (2**30, 1), "f8", chunks=(2**20, 1), compression="gzip")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize(
    ("make", "name", "keys", "size"),
    [
        (bomb_npz, "a.npz", None, "0.125 GB"),
        (bomb_npz, "a.npz", {"samples": "0"}, "0.125 GB"),
        (bomb_v5, "a.mat", {"samples": "x"}, "4 GB"),
        (bomb_v73, "a.mat", {"samples": "x"}, "8 GB"),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, make, name, keys, size) -> None:
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 2**20
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # nothing is unpacked
    monkeypatch.setattr("scipy.io.loadmat", None)
    with pytest.raises(NeuroMotionError, match=rf"would need {size} of memory, more than the limit of 0.1 GB"):
        read_recordings(tmp_path / name, {**SAYS, "keys": keys, "limit_gb": 0.1})


def test_the_limit_can_be_raised(tmp_path, make_recording) -> None:
    from neuromotion_gym.signals.readers import arrays

    arrays.write(make_recording(), tmp_path / "a.npz")
    with pytest.raises(NeuroMotionError, match="more than the limit"):
        arrays.read(tmp_path / "a.npz", limit_bytes=70_000)
    assert arrays.read(tmp_path / "a.npz", limit_bytes=90_000).samples.shape == (3, 6400)


def test_nothing_is_unpickled(tmp_path) -> None:
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    np.savez(tmp_path / "a.npz", x=np.array([Trap()], object))
    with pytest.raises(NeuroMotionError, match="allow_pickle=False"):
        read(tmp_path / "a.npz", {"samples": "x"})
    assert not (tmp_path / "sprung").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    savemat(folder / "v5.mat", {"x": SAMPLES[:, :60], "y": CODES[:60]}, do_compression=True)
    as_hdf5(folder / "v73.mat", {"x": SAMPLES[:, :60], "y": CODES[:60][:, None]})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["v5.mat", "v73.mat"])
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused_with_one_error(tmp_path, whole, name, data) -> None:
    content = bytearray(whole[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
    content = content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
    (tmp_path / "a.mat").write_bytes(bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroMotionWarning)
        try:
            found = read_recordings(tmp_path / "a.mat", {**SAYS, "keys": {"samples": "x", "label": "y"}})
        except NeuroMotionError:
            return
    assert all(np.isfinite(one.samples).all() for one in found)


def test_a_cell_that_all_runs_share_is_not_cut_into_runs(tmp_path) -> None:
    names = [f"e{number}" for number in range(1, 9)]
    runs = [np.random.default_rng(seed).standard_normal((8, 300)) for seed in range(3)]
    savemat(tmp_path / "a.mat", {"X": cells(*runs), "y": cells(*[CODES] * 3), "names": cells(*names)})
    keys = {"samples": "X", "label": "y", "channels": "names"}
    found = read_recordings(tmp_path / "a.mat", {**SAYS, "keys": keys})
    assert [one.spec.channels for one in found] == [tuple(names)] * 3
    assert [one.trials for one in found] == [TRIALS] * 3


@pytest.mark.parametrize(("starts", "stops"), [([1.0, 1.5], [1.8, 2.5]), ([100.0, 200.0], [150.0, 250.5])])
def test_starts_in_seconds_are_refused(tmp_path, starts, stops) -> None:
    np.savez(tmp_path / "a.npz", x=SAMPLES, starts=starts, stops=stops, y=["a", "b"])
    reading = {**SAYS, "keys": {"samples": "x", "label": "y", "starts": "starts", "stops": "stops"}}
    wrong = "starts has 1.5" if starts[0] == 1 else "stops has 250.5"
    with pytest.raises(NeuroMotionError, match=f"{wrong}; starts and stops count samples"):
        read_recordings(tmp_path / "a.npz", reading)
