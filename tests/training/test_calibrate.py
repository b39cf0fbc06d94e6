"""A decoder folder calibrated to one wearer."""

from __future__ import annotations

import pytest

from neuromotion_gym.decoders import BoundDecoder, check_decoder, fitted_on, load_decoder, worn_by
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Session
from neuromotion_gym.training.calibrate import calibrate
from neuromotion_gym.training.evaluation import accuracy_by_person, decide


def session(recording, calibration=()):
    return Session("nowhere", recording.subject, "0", (recording,), tuple(calibration))


def test_calibrated_folder_is_a_decoder_of_its_own(tiny, head_folder, tmp_path):
    calibration, played = tiny.recording(2, offset=10.0), tiny.recording(1, offset=10.0)
    folder = calibrate(head_folder, calibration, tmp_path / "mine")
    mine = load_decoder(folder)
    check_decoder(mine)
    assert mine.spec.adaptation.kind == "none"
    assert accuracy_by_person(decide(mine, [session(played)]))["P1"] > 0.95
    assert sorted(path.name for path in folder.iterdir()) == [
        "adaptation.npy",
        "card.md",
        "fitted_on.json",
        "model.onnx",
        "recipe.yaml",
    ]


def test_calibration_says_what_it_lacks(tiny, head_folder, tiny_folder, tmp_path):
    with pytest.raises(NeuroMotionError, match="missing: right"):
        calibrate(head_folder, tiny.recording(0, labels=("left",)), tmp_path / "x")
    with pytest.raises(NeuroMotionError, match="not 'head'"):
        calibrate(tiny_folder, tiny.recording(), tmp_path / "x")
    with pytest.raises(NeuroMotionError, match="own folder"):
        calibrate(head_folder, tiny.recording(), head_folder)
    assert not (tmp_path / "x").exists()


def test_calibrated_folder_says_whose_run_it_was_fitted_on_and_that_more_is_not_known(tiny, head_folder, tmp_path):
    record = fitted_on(calibrate(head_folder, tiny.recording(2), tmp_path / "mine"))
    assert record.runs == {"P2": ("0",)}
    assert not record.complete
    two = fitted_on(calibrate(head_folder, [tiny.recording(2), tiny.recording(2)], tmp_path / "two"))
    assert len(two.fingerprints["landmarks"]) == 2  # though both have the same name


def test_calibrated_decoder_says_who_wears_it(tiny, head_folder, tmp_path):
    folder = calibrate(head_folder, tiny.recording(2), tmp_path / "mine")
    mine = load_decoder(folder)
    for what in (folder, str(folder), mine, BoundDecoder("shuffled", mine)):
        assert worn_by(what).people == ("P2",)
    assert worn_by(calibrate(head_folder, tiny.recording(3), tmp_path / "mine")).people == ("P3",)
    for nobody in (head_folder, load_decoder(head_folder), load_decoder("emg_armband"), object()):
        assert worn_by(nobody) is None


def test_calibrating_anew_in_the_same_folder_changes_the_digest(tiny, head_folder, tmp_path):
    first = load_decoder(calibrate(head_folder, tiny.recording(2), tmp_path / "mine")).digest()
    again = load_decoder(calibrate(head_folder, tiny.recording(2), tmp_path / "mine")).digest()
    other = load_decoder(calibrate(head_folder, tiny.recording(3, offset=5.0), tmp_path / "mine")).digest()
    assert first == again
    assert first != other
