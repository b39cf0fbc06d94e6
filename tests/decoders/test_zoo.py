"""Decoders by name, folder and file. What holds for every shipped one is asked in `test_every_decoder`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuromotion_gym.decoders import check_decoder, folders, list_decoders, load_decoder
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import classifiers_root
from neuromotion_gym.training.evaluation import milliseconds_per_decision

DECODERS = list_decoders()


def test_armband_decoders_are_shipped():
    assert {"emg_armband", "emg_armband_calibrated"} <= set(DECODERS)


@pytest.mark.parametrize("name", [name for name in DECODERS if "armband" in name])
def test_armband_decision_is_quick(name):
    # 0.01 ms measured; the bound leaves room for a busy machine
    assert milliseconds_per_decision(load_decoder(name)) < 0.06


def test_effort_is_nothing_at_rest_and_rises_with_amplitude():
    decoder = load_decoder("emg_armband")
    noise = np.random.default_rng(0).normal(size=(1, 8, 40))
    efforts = [float(decoder.decode(amplitude * noise)[1][0]) for amplitude in (0.0, 1.0, 10.0, 20.0, 100.0)]
    assert efforts[:2] == [0.0, 0.0]
    assert efforts == sorted(efforts)
    assert 0 < efforts[2] < efforts[3] <= efforts[4] == 1


def test_unknown_name_lists_all_there_are():
    with pytest.raises(NeuroMotionError, match="emg_armband") as caught:
        load_decoder("emg_armbnd")
    assert all(name in str(caught.value) for name in DECODERS)


def test_name_folder_and_file_give_the_same_decoder():
    by_name = load_decoder("emg_armband")
    folder = classifiers_root() / "emg_armband"
    windows = 10 * np.random.default_rng(0).normal(size=(3, 8, 40))
    for way in (folder, str(folder), folder / "model.onnx"):
        assert np.array_equal(load_decoder(way).predict_proba(windows), by_name.predict_proba(windows))


def test_decoder_of_another_package_is_found_by_its_name(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_REGISTERED", {})
    folder = tiny.write(tmp_path / "folder", tiny.graph())
    folders.register_decoder("of_another_package", folder)
    folders.register_decoder("of_another_package", folder)  # the same again
    assert "of_another_package" in list_decoders()
    assert decoder_folder("of_another_package") == folder
    check_decoder(load_decoder("of_another_package"))
    with pytest.raises(NeuroMotionError, match="already is a decoder 'of_another_package'"):
        folders.register_decoder("of_another_package", tiny.write(tmp_path / "other", tiny.graph()))
    with pytest.raises(NeuroMotionError, match="already is a decoder 'emg_armband'"):
        folders.register_decoder("emg_armband", folder)
    with pytest.raises(NeuroMotionError, match=r"lacks recipe\.yaml"):
        folders.register_decoder("empty", tmp_path)
    (folder / "model.onnx").unlink()
    assert "of_another_package" not in list_decoders()  # not trained yet
    assert decoder_folder("of_another_package") == folder


def test_an_empty_text_is_no_decoder_even_where_one_lies_in_the_working_directory(head_folder, monkeypatch):
    monkeypatch.chdir(head_folder)
    for text in ("", " "):
        with pytest.raises(NeuroMotionError, match="not an empty text"):
            load_decoder(text)
        with pytest.raises(NeuroMotionError, match="not an empty text"):
            decoder_folder(text)
    assert load_decoder(".").spec.name == "tiny"


def test_the_graph_of_a_calibrated_folder_is_loaded_with_its_adaptation(tiny, head_folder):
    np.save(head_folder / "adaptation.npy", np.array([[1, 0, 1.5], [0, 1, 0]], np.float32))
    windows = np.random.default_rng(0).normal(size=(3, 2, 4))
    by_file, by_folder = load_decoder(head_folder / "model.onnx"), load_decoder(head_folder)
    assert np.array_equal(by_file.predict_proba(windows), by_folder.predict_proba(windows))


def test_real_recordings_are_decoded_as_the_card_says(data_root):
    from neuromotion_gym.datasets.sessions import load_sessions
    from neuromotion_gym.training.evaluation import accuracy_by_person, decide

    figures = json.loads((decoder_folder("emg_armband") / "metrics.json").read_text(encoding="utf-8"))
    sessions = load_sessions("myo_armband", "test", root=data_root, subjects=["Male0"])
    found = accuracy_by_person(decide(load_decoder("emg_armband"), sessions))
    assert found["Male0"] == pytest.approx(figures["parts"]["test"]["per_window"]["by_person"]["Male0"], abs=2e-4)
