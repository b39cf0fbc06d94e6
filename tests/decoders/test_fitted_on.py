"""What a decoder was fitted on: kept in its folder, and compared with what is played."""

from __future__ import annotations

import shutil

import pytest

from neuromotion_gym.benchmark.report import offline_accuracy
from neuromotion_gym.decoders import FittedOn, fitted_on, load_decoder, worn_by
from neuromotion_gym.decoders.fitted_on_record import write_fitted_on
from neuromotion_gym.decoders.folders import decoder_folder, list_decoders, model_digest
from neuromotion_gym.decoders.seen import record_of
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

RECORD = FittedOn(dataset="here", part="train", people=("A", "B"), runs={"A": ("1", "2"), "B": ("1",)}, excluded=("C",))


def test_a_record_is_read_as_it_was_written(tmp_path):
    later = FittedOn(dataset="there", people=("A",), runs={"A": ("9",)})
    record = RECORD.model_copy(update={"also": (later,), "complete": False, "fingerprints": {"version": 1}})
    write_fitted_on(tmp_path, record)
    assert fitted_on(tmp_path) == record


def test_a_folder_that_does_not_say_is_not_known(tmp_path):
    assert fitted_on(tmp_path) is None


def test_a_record_is_about_the_model_of_its_folder_and_no_other_file(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    write_fitted_on(folder, RECORD.model_copy(update={"wearer": True}))
    shutil.copy(folder / "model.onnx", folder / "other.onnx")
    decoder, other = load_decoder(folder), load_decoder(folder / "other.onnx")
    assert (record_of(decoder).people, worn_by(decoder).people) == (("A", "B"), ("A", "B"))
    assert (record_of(other), worn_by(other)) == (None, None)
    (folder / "model.onnx").unlink()
    assert record_of(other).people == ("A", "B")  # the only one


def test_a_record_and_figures_of_a_model_that_was_replaced_say_nothing_of_the_new_one(tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband"), folder)
    assert record_of(folder).people[0] == "Female0"
    assert offline_accuracy(str(folder))["Female0"] > 0
    shutil.copy(decoder_folder("emg_cnn_lstm") / "model.onnx", folder)
    with pytest.warns(NeuroMotionWarning, match="is about another model than the one beside it"):
        assert record_of(folder) is None
    assert offline_accuracy(str(folder)) == {}


def test_every_shipped_record_is_of_the_model_beside_it():
    for name in list_decoders():
        record = fitted_on(decoder_folder(name))  # None, with a warning, if it is about another model
        assert record is not None, name
        assert record.model in (None, model_digest(decoder_folder(name))), name


def test_shared_runs_are_those_of_the_same_data_set_person_and_run():
    played = {"A": ("2", "3"), "B": ("2",), "C": ("1",)}
    assert RECORD.shared_with("here", played) == {"A": ("2",)}
    assert RECORD.shared_with("there", played) == {}
    later = FittedOn(dataset="here", people=("C",), runs={"C": ("1",)})
    both = FittedOn(dataset="here", people=("A",), runs={"A": ("1",)}, also=(later,))
    assert both.shared_with("here", played) == {"C": ("1",)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "is not JSON"),
        ("[]", "table of names and values"),
        ('{"dataset": "x", "people": ["A"], "runs": {}}', "have to be the same"),
        ('{"dataset": "x", "people": ["A"], "runs": {"A": ["1"]}, "excluded": ["A"]}', "A cannot be fitted on and"),
        ('{"dataset": "x", "people": [], "runs": {}, "colour": 1}', "'colour' is not known"),
    ],
)
def test_a_broken_record_is_refused_with_its_file(tmp_path, text, named):
    (tmp_path / "fitted_on.json").write_text(text)
    with pytest.raises(NeuroMotionError, match=f"fitted_on.json.*{named}"):
        fitted_on(tmp_path)
