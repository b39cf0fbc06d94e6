"""MNE and BIDS: a decoder fitted to a Raw drives the arm on a BIDS data set, as the page shows."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.client
pytest.importorskip("mne_bids", reason="mne-bids is not installed")

NAMES, LABELS = ["C3", "Cz", "C4"], ("T0", "T1", "T0", "T2")


def codes(seed: int) -> np.ndarray:
    """64 seconds; each label is strong in a channel of its own."""
    found = np.random.default_rng(seed).standard_normal((3, 64 * 160)) * 10
    for trial in range(16):
        channel = ("T1", "T0", "T2").index(LABELS[trial % 4])
        found[channel, 640 * trial : 640 * (trial + 1)] *= 5
    return found.astype(int)


def test_the_page_runs_and_the_decoder_reads_volts_as_microvolts(tmp_path, edf_bytes, monkeypatch, run_page) -> None:
    import neuromotion_gym as ng

    marks = [(4.0 * trial, 4.0, LABELS[trial % 4]) for trial in range(16)]
    (tmp_path / "monday.edf").write_bytes(edf_bytes(codes(0), NAMES, 160, marks))
    folder = tmp_path / "bids" / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "bids" / "dataset_description.json").write_text('{"Name": "small", "BIDSVersion": "1.9.0"}')
    (tmp_path / "bids" / "participants.tsv").write_text("participant_id\nsub-01\n")
    (folder / "sub-01_task-fists_eeg.edf").write_bytes(edf_bytes(codes(1), NAMES, 160, []))
    rows = "".join(f"{name}\tEEG\tuV\tgood\n" for name in NAMES)
    (folder / "sub-01_task-fists_channels.tsv").write_text(f"name\ttype\tunits\tstatus\n{rows}")
    rows = "".join(f"{onset}\t{length}\t{name}\n" for onset, length, name in marks)
    (folder / "sub-01_task-fists_events.tsv").write_text(f"onset\tduration\ttrial_type\n{rows}")
    monkeypatch.chdir(tmp_path)
    names = run_page("mne_and_bids")
    assert names["X"].std() == pytest.approx(codes(0).std(), rel=0.05)
    spec = names["env"].unwrapped.loop.parts.decoder.spec
    windows, labels, _ = ng.windows(ng.read_recordings("bids", names["reading"], spec), spec, hop_s=0.5)
    found = names["env"].unwrapped.loop.parts.decoder.predict_proba(windows).argmax(axis=1)
    assert np.mean([spec.labels[index] for index in found] == labels) > 0.95
    names["env"].reset(seed=0)
    for _ in range(40):
        *_, info = names["env"].step(names["env"].action_space.sample())
    assert info["decoded"] in spec.labels
    names["env"].close()
