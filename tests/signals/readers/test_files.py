"""Each format of files: what was written in the published format is what is read, by its ending alone."""

from __future__ import annotations

import struct
from pathlib import Path

import mne
import numpy as np
import pytest
from scipy.io import savemat

from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.signals.reading import read_recordings
from neuromotion_gym.signals.recording import Trial

RATE = 100
CODES = np.random.default_rng(0).integers(-1000, 1000, (2, 8 * RATE))  # microvolts
TRIALS = (Trial("left", 100, 300), Trial("right", 400, 600))
MARKS = ((1.0, "left"), (4.0, "right"))


def raw() -> mne.io.RawArray:
    made = mne.io.RawArray(CODES * 1e-6, mne.create_info(["C3", "C4"], RATE, "eeg"), verbose="ERROR")
    return made.set_annotations(mne.Annotations([1, 4], [2, 2], ["left", "right"]))


def edf(path: Path, edf_bytes) -> None:
    path.write_bytes(edf_bytes(CODES, ["C3", "C4"], RATE, [(1, 2, "left"), (4, 2, "right")]))


def bdf(path: Path, _) -> None:
    """24 bits a sample, the last signal holds the annotations."""
    labels, size = ["C3", "C4", "BDF Annotations"], 60
    fields = [
        [name.ljust(16) for name in labels], [" " * 80] * 3, [unit.ljust(8) for unit in ("uV", "uV", "")],
        [text.ljust(8) for text in ("-8388608", "-8388608", "-1")],
        [text.ljust(8) for text in ("8388607", "8388607", "1")],
        ["-8388608"] * 3, ["8388607".ljust(8)] * 3, [" " * 80] * 3, [str(n).ljust(8) for n in (RATE, RATE, size)],
        [" " * 32] * 3,
    ]  # fmt: skip
    head = (
        b"\xffBIOSEMI" + b"X X X X".ljust(80) + b"Startdate 01-JAN-2020 X X X".ljust(80) + b"01.01.2000.00.00"
        + str(256 * 4).ljust(8).encode() + b"BDF+C".ljust(44) + b"8".ljust(8) + b"1".ljust(8) + b"3".ljust(4)
        + "".join("".join(field) for field in fields).encode()
    )  # fmt: skip
    body = b""
    for second in range(8):
        text = f"+{second}\x14\x14\0" + "".join(f"+{at:g}\x152\x14{name}\x14\0" for at, name in MARKS if at == second)
        for row in CODES[:, second * RATE : (second + 1) * RATE]:
            body += b"".join(int(code).to_bytes(3, "little", signed=True) for code in row)
        body += text.encode().ljust(3 * size, b"\0")
    path.write_bytes(head + body)


def brainvision(path: Path, _) -> None:
    stem = path.with_suffix("")
    channels = "".join(f"Ch{index + 1}={name},,1,µV\n" for index, name in enumerate(("C3", "C4")))
    path.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={stem.name}.eeg\nMarkerFile={stem.name}.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels=2\nSamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\n{channels}",
        encoding="utf-8",
    )
    marks = "".join(f"Mk{i + 1}=Stimulus,{name},{round(at * RATE) + 1},1,0\n" for i, (at, name) in enumerate(MARKS))
    stem.with_suffix(".vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={stem.name}.eeg\n[Marker Infos]\n{marks}"
    )
    stem.with_suffix(".eeg").write_bytes(CODES.T.astype("<i2").tobytes())


def eeglab_content(data: np.ndarray, trials: int) -> dict[str, object]:
    sites = np.array([(name,) for name in ("C3", "C4")], dtype=[("labels", object)])
    events = np.array(
        [(name, at * RATE + 1.0, 2.0 * RATE, index + 1) for index, (at, name) in enumerate(MARKS)],
        dtype=[("type", object), ("latency", object), ("duration", object), ("epoch", object)],
    )
    epochs = np.array([(name, 0.0) for _, name in MARKS], dtype=[("eventtype", object), ("eventlatency", object)])
    return {
        "data": data.astype(np.float32), "setname": "small", "nbchan": 2.0, "trials": float(trials), "srate": 100.0,
        "pnts": float(data.shape[1]), "xmin": 0.0, "xmax": (data.shape[1] - 1) / RATE, "chanlocs": sites,
        "event": events, "epoch": epochs if trials > 1 else [], "icawinv": [], "icasphere": [], "icaweights": [],
        "chaninfo": {"plotrad": 0.5}, "ref": "common", "comments": "",
    }  # fmt: skip


def eeglab(path: Path, _) -> None:
    savemat(path, {"EEG": eeglab_content(CODES, 1)}, appendmat=False)


def gdf(path: Path, _) -> None:
    """Version 1.25: 16 bits a sample, a table of events after the records."""
    head = b"GDF 1.25" + b"X".ljust(80) + b"X".ljust(80) + b"2020010100000000" + struct.pack("<q", 256 * 3)
    head += bytes(8 * 3 + 20) + struct.pack("<q", 8) + struct.pack("<II", 1, 1) + struct.pack("<I", 2)
    head += b"".join(name.ljust(16) for name in (b"C3", b"C4")) + bytes(80 * 2) + b"uV".ljust(8) * 2
    head += struct.pack("<2d", -32768, -32768) + struct.pack("<2d", 32767, 32767)
    head += struct.pack("<2q", -32768, -32768) + struct.pack("<2q", 32767, 32767) + bytes(80 * 2)
    head += struct.pack("<2I", RATE, RATE) + struct.pack("<2I", 3, 3) + bytes(32 * 2)
    body = b"".join(CODES[:, at : at + RATE].astype("<i2").tobytes() for at in range(0, 8 * RATE, RATE))
    table = b"\x01" + int(RATE).to_bytes(3, "little") + struct.pack("<I", 2)
    table += struct.pack("<2I", 101, 401) + struct.pack("<2H", 769, 770)
    path.write_bytes(head + body + table)


def fif(path: Path, _) -> None:
    raw().save(path, verbose="ERROR")


WRITERS = {
    "a.edf": edf, "a.bdf": bdf, "a_raw.fif": fif, "a.vhdr": brainvision, "a.set": eeglab, "a.gdf": gdf, "A.EDF": edf,
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_written_is_read(tmp_path, edf_bytes, name) -> None:
    WRITERS[name](tmp_path / name, edf_bytes)
    said = {"labels": {"769": "left", "770": "right"}, "trial_s": 2} if name == "a.gdf" else {}
    if name == "a.vhdr":
        said = {"labels": {"Stimulus/left": "left", "Stimulus/right": "right"}, "trial_s": 2}
    (found,) = read_recordings(tmp_path / name, {"modality": "eeg", **said})
    assert found.samples == pytest.approx(CODES * 1e-6, abs=2e-8)
    assert (found.spec.channels, found.spec.rate_hz, found.spec.unit) == (("C3", "C4"), 100.0, "V")
    assert found.trials == TRIALS


@pytest.mark.parametrize("name", ["a.edf", "a.bdf", "a_raw.fif", "a.vhdr", "a.set", "a.gdf"])
def test_the_unit_of_the_numbers_in_a_file_can_be_said(tmp_path, edf_bytes, name) -> None:
    WRITERS[name](tmp_path / name, edf_bytes)
    says = {"modality": "eeg", "labels": {}}
    unit, other = ("V", "V") if name == "a_raw.fif" else ("uV", "mV")
    (found,) = read_recordings(tmp_path / name, {**says, "unit": unit})
    assert found.in_unit("V").samples == pytest.approx(CODES * 1e-6, abs=2e-8)
    if name in ("a.vhdr", "a.set", "a.gdf"):
        with pytest.raises(NeuroMotionError, match=rf"{name}: unit= says mV, but the file has C3 in µV, C4 in µV"):
            read_recordings(tmp_path / name, {**says, "unit": other})


@pytest.mark.parametrize("name", WRITERS)
def test_a_cut_file_and_junk_are_one_error(tmp_path, edf_bytes, name) -> None:
    WRITERS[name](tmp_path / name, edf_bytes)
    whole = (tmp_path / name).read_bytes()
    for content in (b"", whole[:100], bytes(range(256)) * 8):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NeuroMotionError, match=name):
            read_recordings(tmp_path / name, {"modality": "eeg"})


@pytest.mark.parametrize("ending", [".edf", ".set", ".csv", ".parquet", ".mat", ".npz", ".xdf"])
def test_a_folder_that_is_called_like_a_file_is_a_folder(tmp_path, ending) -> None:
    (tmp_path / f"a{ending}").mkdir()
    with pytest.raises(NeuroMotionError, match="holds no file that can be read"):
        read_recordings(tmp_path / f"a{ending}")


def test_epochs_are_trials(tmp_path) -> None:
    events = np.array([[100, 0, 1], [400, 0, 2]])
    epochs = mne.Epochs(raw(), events, {"left": 1, "right": 2}, 0, 1.99, baseline=None, preload=True, verbose="ERROR")
    epochs.save(tmp_path / "a-epo.fif", verbose="ERROR")
    blocks = np.stack([CODES[:, 100:300], CODES[:, 400:600]], axis=2)
    savemat(tmp_path / "a.set", {"EEG": eeglab_content(blocks, 2)}, appendmat=False)
    for name in ("a-epo.fif", "a.set"):
        (found,) = read_recordings(tmp_path / name, {"modality": "eeg"})
        assert found.trials == (Trial("left", 0, 200), Trial("right", 200, 400))
        assert found.samples == pytest.approx(CODES[:, [*range(100, 300), *range(400, 600)]] * 1e-6, abs=2e-8)
    (found,) = read_recordings(tmp_path / "a.set", {"modality": "eeg", "unit": "uV"})
    assert found.in_unit("uV").samples[:, :200] == pytest.approx(CODES[:, 100:300], abs=2e-2)


def test_trials_without_onset_are_said(tmp_path, edf_bytes) -> None:
    edf(tmp_path / "a.edf", edf_bytes)
    (found,) = read_recordings(tmp_path / "a.edf", {"modality": "eeg", "has_onset": False})
    assert [trial.has_onset for trial in found.trials] == [False, False]


def test_the_name_of_a_file_can_be_the_label_of_all_of_it(tmp_path, edf_bytes) -> None:
    for name in ("anna_fist_1", "anna_open_1", "anna_fist_2"):
        edf(tmp_path / f"{name}.edf", edf_bytes)
    reading = {"modality": "eeg", "names": "{subject}_{label}_{run}", "labels": {"fist": "grip", "open": "open"}}
    found = read_recordings(tmp_path, reading)
    assert [(one.run, one.trials) for one in found] == [
        ("1 (1)", (Trial("grip", 0, 800, has_onset=False),)),
        ("2", (Trial("grip", 0, 800, has_onset=False),)),
        ("1 (2)", (Trial("open", 0, 800, has_onset=False),)),
    ]


def test_a_flat_folder_says_that_its_files_are_taken_for_one_person(tmp_path, edf_bytes) -> None:
    for name in ("anna", "bob"):
        edf(tmp_path / f"{name}.edf", edf_bytes)
    with pytest.warns(NeuroMotionWarning, match=r"2 files of .* are taken for runs of one person; names= .*subject="):
        found = read_recordings(tmp_path, {"modality": "eeg"})
    assert [(one.subject, one.run) for one in found] == [("0", "anna"), ("0", "bob")]
    named = read_recordings(tmp_path, {"modality": "eeg", "names": "{subject}.edf"})
    assert [(one.subject, one.run) for one in named] == [("anna", "0"), ("bob", "0")]
    chosen = read_recordings(tmp_path, {"modality": "eeg", "names": "{subject}.edf", "only": {"subject": "bob"}})
    assert [one.subject for one in chosen] == ["bob"]
    with pytest.raises(NeuroMotionError, match=r"no recordings of \{'subject': \('carl',\)\}"):
        read_recordings(tmp_path, {"modality": "eeg", "names": "{subject}.edf", "only": {"subject": "carl"}})


def test_a_compressed_bomb_of_eeglab_is_refused(tmp_path) -> None:
    content = eeglab_content(np.zeros((2, 2**18)), 1)
    savemat(tmp_path / "a.set", {"EEG": content}, do_compression=True, appendmat=False)
    assert (tmp_path / "a.set").stat().st_size < 20_000
    with pytest.raises(NeuroMotionError, match=r"a\.set would need 0\.0019[56] GB of memory, more than the limit"):
        read_recordings(tmp_path / "a.set", {"modality": "eeg", "limit_gb": 1e-3})


@pytest.mark.parametrize(
    ("naming", "first", "second"),
    [("neuromag", "a_raw", "a_raw-1"), ("bids", "a_split-01_raw", "a_split-02_raw")],
)
def test_the_parts_of_a_split_file_are_read_once(tmp_path, naming, first, second) -> None:
    long = mne.io.RawArray(np.tile(CODES, 180) * 1e-6, mne.create_info(["C3", "C4"], RATE, "eeg"), verbose="ERROR")
    long.set_annotations(mne.Annotations([1], [2], ["left"]))
    options = {"split_size": "1.1MB", "split_naming": naming, "buffer_size_sec": 1}
    long.save(tmp_path / "a_raw.fif", **options, verbose="ERROR")
    raw().save(tmp_path / "b_raw.fif", verbose="ERROR")
    raw().save(tmp_path / "b_raw-1.fif", verbose="ERROR")  # a recording of its own that has such a name
    assert {f"{first}.fif", f"{second}.fif"} <= {path.name for path in tmp_path.iterdir()}
    found = read_recordings(tmp_path, {"modality": "eeg", "subject": "anna"})
    assert {one.run: one.samples.shape[1] for one in found} == {first: 144_000, "b_raw": 800, "b_raw-1": 800}


def test_the_parts_of_split_epochs_are_read_once(tmp_path) -> None:
    samples = np.tile(CODES, (10, 1, 20))[:, :, :15_000] * 1e-6
    events = np.array([[20_000 * index, 0, 1] for index in range(10)])
    made = mne.EpochsArray(
        samples, mne.create_info(["C3", "C4"], RATE, "eeg"), events, event_id={"go": 1}, verbose="ERROR"
    )
    made.save(tmp_path / "a-epo.fif", split_size="1.6MB", verbose="ERROR")
    assert (tmp_path / "a-epo-1.fif").is_file()
    (found,) = read_recordings(tmp_path, {"modality": "eeg"})
    assert len(found.trials) == 10
