"""`docs/recordings.md`: its code runs, in a folder with the files that it names."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from xdf_bytes import xdf

from neuromotion_gym.errors import NeuroMotionWarning
from neuromotion_gym.signals.reading_options import Reading

PAGE = Path(__file__).resolve().parents[3] / "docs" / "recordings.md"


@pytest.fixture
def folder(tmp_path, edf_bytes, monkeypatch) -> Path:
    generator = np.random.default_rng(0)
    codes = generator.integers(-100, 100, (2, 4000))
    marks = [(4.0 * trial, 4.0, ("left", "right")[trial % 2]) for trial in range(10)]
    edf = edf_bytes(codes, ["C3", "C4"], 100, marks)
    (tmp_path / "monday.edf").write_bytes(edf)
    rows = "\n".join(f"{row / 200},{one},{one + 1},{row // 50}" for row, one in enumerate(codes[0, :400]))
    (tmp_path / "monday.csv").write_text("t,emg_1,emg_2,gesture\n" + rows)
    savemat(tmp_path / "ninapro.mat", {"emg": 1e-5 * generator.standard_normal((400, 4)), "restimulus": rows_of(400)})
    (tmp_path / "session.xdf").write_bytes(xdf({1000.5: "left"}))
    eeg = tmp_path / "bids" / "sub-01" / "eeg"
    eeg.mkdir(parents=True)
    description = {"Name": "small", "BIDSVersion": "1.9.0"}
    (tmp_path / "bids" / "dataset_description.json").write_text(json.dumps(description))
    (eeg / "sub-01_task-mi_eeg.edf").write_bytes(edf)
    (eeg / "sub-01_task-mi_events.tsv").write_text("onset\tduration\ttrial_type\n1.0\t2.0\tleft\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_of(length: int) -> np.ndarray:
    return (np.arange(length) // 100)[:, None]


def test_the_code_of_the_page_runs(folder) -> None:
    for module in ("h5py", "pyxdf", "mne_bids"):
        pytest.importorskip(module)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroMotionWarning)
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
            if "own_sessions" in block:  # the page goes on with people and runs of its own
                from dataclasses import replace

                (recording,) = names["recordings"]
                later = replace(recording, samples=recording.samples[:, ::-1].copy(), run="2", subject="anna")
                names["recordings"] = [replace(recording, run="1", subject="anna"), later]
            exec(compile(block, PAGE.name, "exec"), names)
    assert names["X"].shape[1:] == (2, 50)
    assert set(names["y"]) == {"left", "right"}
    assert all(name.startswith("anna/0/2/") for name in names["groups"])


def test_every_field_of_a_reading_that_the_page_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = {name for block in re.findall(r"`[^`\n]*`", text) for name in re.findall(r'^`"(\w+)": ', block)}
    assert named >= {"labels", "strict", "names", "subject"}
    assert named <= set(Reading.model_fields) | {"axes"}
