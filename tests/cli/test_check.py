"""``neuromotion check``: one table with all that is wrong, exit code 1 if there is anything."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from neuromotion_gym.cli.facts import facts_from
from neuromotion_gym.cli.main import app
from neuromotion_gym.errors import NeuroMotionError

GIVEN = ["modality=emg", "labels=[left, right]", "channels=[a, b]", "rate_hz=100", "unit=mV"]


@pytest.fixture
def model(tmp_path):
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x", "time"], ["mean"], keepdims=0),
            helper.make_node("Softmax", ["mean"], ["y"], axis=1),
        ],
        "means",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor("time", TensorProto.INT64, [1], [2])],
    )
    path = tmp_path / "means.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    )
    return path


@pytest.fixture
def recording(tmp_path):
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(2, 320)).astype(np.float32)
    for index in range(8):
        samples[index % 2, 40 * index : 40 * index + 40] += 4
    starts = 40 * np.arange(8)
    path = tmp_path / "mine.npz"
    np.savez(
        path,
        samples=samples,
        channels=np.array(["a", "b"]),
        rate_hz=100.0,
        unit="mV",
        modality="emg",
        labels=np.array(["left", "right"] * 4),
        starts=starts,
        stops=starts + 40,
    )
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def facts(*given):
    return [part for fact in given for part in ("--fact", fact)]


def test_a_good_decoder_on_a_good_recording(model, recording):
    result = run(model, *facts(*GIVEN), "--recording", recording)
    assert result.exit_code == 0, result.output
    assert "EMG, 2 channels at 100 Hz in mV" in result.output
    assert "of 64 windows are right" in result.output
    assert "8 of 8 trials" in result.output
    assert "Nothing wrong was found." in result.output


def test_all_missing_facts_are_rows_of_one_table(model):
    result = run(model, *facts("modality=emg", "unit=mV"))
    assert result.exit_code == 1
    for name in ("labels", "channels", "rate_hz", "window"):
        assert f"{name} " in result.output
    assert "what would be right" in result.output
    assert "decoder_facts=dict(labels=…" in result.output


def test_faults_on_the_recording_are_listed_with_exit_code_1(model, recording):
    other = [fact.replace("left, right", "right, left") for fact in GIVEN]
    result = run(model, *facts(*other), "--recording", recording)
    assert result.exit_code == 1
    assert "order of labels" in result.output
    result = run(model, *facts(*GIVEN[:-1], "unit=count"), "--recording", recording)
    assert result.exit_code == 1
    assert "unit 'mV' instead of 'count'" in result.output


def test_a_softmax_called_logits_is_a_row(model):
    result = run(model, *facts(*GIVEN, "output=logits"))
    assert result.exit_code == 1
    assert "output: probabilities" in result.output


def test_facts_are_yaml_and_given_once():
    assert facts_from(["labels=[a, b]", "rate_hz=160", "unit=mV"]) == {
        "labels": ["a", "b"],
        "rate_hz": 160,
        "unit": "mV",
    }
    assert facts_from(None) == {}
    for wrong, named in ((["rate_hz"], "a name and a value"), (["a=1", "a=2"], "twice"), (["a=["], "not YAML")):
        with pytest.raises(NeuroMotionError, match=named):
            facts_from(wrong)
