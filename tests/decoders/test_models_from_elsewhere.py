"""ONNX files as other programs export them: facts, names and axes of the input, kinds of output, batches, numbers."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import yaml

from neuromotion_gym.decoders import check_decoder, load_decoder, onnx_file
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning

WINDOWS = np.array([[[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 1.0, 1.0]], [[0.0] * 4, [3.0, 3.0, 3.0, 5.0]]], np.float32)
MEANS = WINDOWS.mean(axis=2)
RIGHT = 1 / (1 + np.exp(MEANS[:, 0] - MEANS[:, 1]))
"""Posterior of the second label, from the means of the two channels."""


@pytest.fixture
def write(tiny, tmp_path):
    def write(**graph):
        path = tmp_path / "mine.onnx"
        path.write_bytes(tiny.foreign(**graph))
        return path

    return write


def right_of(path, windows=WINDOWS, **facts):
    decoder = load_decoder(path, **facts)
    check_decoder(decoder)
    return decoder.predict_proba(windows)[:, 1]


def test_a_file_and_four_facts_are_a_decoder(tiny, write):
    path = write(ends={"out": "Softmax"}, name="input.1")
    decoder = load_decoder(path, **tiny.facts)
    assert decoder.predict_proba(WINDOWS)[:, 1] == pytest.approx(RIGHT, abs=1e-6)
    spec = decoder.spec
    assert (spec.name, spec.dataset, spec.split, spec.licence) == ("mine", "user", "unknown", "not stated")
    assert (spec.window, spec.hop_s, spec.output) == (4, 0.05, "probabilities")


def test_all_missing_facts_are_listed_at_once_with_an_example(write):
    path = write(shape=("n", 2, "t"))
    with pytest.raises(NeuroMotionError) as caught:
        load_decoder(path)
    message = str(caught.value)
    for name in ("modality", "labels", "channels", "rate_hz", "unit", "window"):
        assert f"{name}: missing" in message
    assert "load_decoder('mine.onnx', modality=…" in message
    assert "decoder_facts=dict(modality=…" in message
    with pytest.raises(NeuroMotionError) as caught:
        load_decoder(path, modality="emg", labels=["left", "right"], rate_hz=100)
    assert "labels: missing" not in str(caught.value)
    assert "unit: missing" in str(caught.value)


def test_facts_come_from_the_call_before_the_recipe_before_the_metadata(tiny, write):
    metadata = {"neuromotion": json.dumps({**tiny.facts, "unit": "mV", "rate_hz": 50}), "labels": "up, down"}
    path = write(ends={"out": "Softmax"}, metadata=metadata)
    spec = load_decoder(path).spec
    assert (spec.unit, spec.rate_hz, spec.labels) == ("mV", 50, ("left", "right"))
    path.with_name("recipe.yaml").write_text(yaml.safe_dump({"decoder": {"unit": "count", "hop_s": 0.2}}))
    spec = load_decoder(path).spec
    assert (spec.unit, spec.rate_hz, spec.hop_s) == ("count", 50, 0.2)
    assert load_decoder(path, unit="uv").spec.unit == "µV"
    assert load_decoder(path.parent).spec.hop_s == 0.2  # the folder with the one file
    path.with_name("recipe.yaml").write_text(yaml.safe_dump({"decoder": {"colour": "red"}}))
    with pytest.raises(NeuroMotionError, match=r"recipe\.yaml.*'colour' is not known"):
        load_decoder(path)


def test_what_a_call_says_otherwise_than_the_recipe_is_said_and_another_order_of_its_labels_is_refused(tiny, write):
    path = write(ends={"out": "Softmax"})
    path.with_name("recipe.yaml").write_text(yaml.safe_dump({"decoder": {"name": "mine", **tiny.facts}}))
    with pytest.warns(NeuroMotionWarning, match="as the call says, and not as its recipe or .* do: rate_hz 50, not"):
        load_decoder(path, rate_hz=50)
    with pytest.warns(NeuroMotionWarning, match="do: channels"):
        load_decoder(path, channels=tiny.facts["channels"][::-1])
    with pytest.raises(NeuroMotionError, match="columns are left, right, in this order, but labels has them in"):
        load_decoder(path, labels=["right", "left"])
    assert load_decoder(path, labels={0: "right", 1: "left"}).spec.labels == ("right", "left")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_decoder(path, **{**tiny.facts, "labels": ["up", "down"], "channels": tuple(tiny.facts["channels"])})


def test_metadata_under_the_names_of_the_fields(tiny, write):
    texts = {
        **{name: str(value) for name, value in tiny.facts.items()},
        "labels": "left, right",
        "channels": '["a","b"]',
    }
    spec = load_decoder(write(ends={"out": "Softmax"}, metadata={**texts, "author": "somebody"})).spec
    assert (spec.labels, spec.channels, spec.rate_hz) == (("left", "right"), ("a", "b"), 100)
    with pytest.raises(NeuroMotionError, match="is not JSON"):
        load_decoder(write(metadata={"neuromotion": "{"}))


def test_labels_may_be_a_map_of_columns_or_of_the_recipe_s_names(tiny, write):
    path = write(ends={"out": "Softmax"})
    facts = {**tiny.facts, "labels": {0: "up", 1: "down"}}
    assert load_decoder(path, **facts).spec.labels == ("up", "down")
    with pytest.raises(NeuroMotionError, match="there are none"):
        load_decoder(path, **{**tiny.facts, "labels": {"left": "up", "right": "down"}})
    path.with_name("recipe.yaml").write_text(yaml.safe_dump({"decoder": tiny.facts}))
    assert load_decoder(path, labels={"left": "up"}).spec.labels == ("up", "right")


@pytest.mark.parametrize(
    ("layout", "shape", "time_axes"),
    [
        ("(n, channels, samples)", ("n", 2, 4), (2,)),
        ("(n, 1, channels, samples)", ("n", 1, 2, 4), (1, 3)),
        ("(n, samples, channels)", ("n", 4, 2), (1,)),
        ("(n, 1, samples, channels)", ("n", 1, 4, 2), (1, 2)),
        ("(n, channels, samples, 1)", ("n", 2, 4, 1), (2, 3)),
        ("(n, samples, channels, 1)", ("n", 4, 2, 1), (1, 3)),
    ],
)
def test_axes_are_recognised_by_fixed_dimensions(tiny, write, layout, shape, time_axes):
    path = write(shape=shape, time_axes=time_axes)
    for facts in ({}, {"layout": layout}):
        assert right_of(path, output="logits", **tiny.facts, **facts) == pytest.approx(RIGHT, abs=1e-6)
    free = write(shape=("n", *("axis" if length != 1 else 1 for length in shape[1:])), time_axes=time_axes)
    with pytest.raises(NeuroMotionError, match="layout: .*fits .* and .*say which one it is"):
        load_decoder(free, window=4, output="logits", **tiny.facts)
    assert right_of(free, window=4, output="logits", layout=layout, **tiny.facts) == pytest.approx(RIGHT, abs=1e-6)


def test_one_fixed_dimension_is_enough_where_it_decides(tiny, write):
    path = write(shape=("n", "a", 2), time_axes=(1,))
    assert right_of(path, window=4, output="logits", **tiny.facts) == pytest.approx(RIGHT, abs=1e-6)


def test_as_many_samples_as_channels_are_never_tried_out(tiny, write):
    square = np.array([[[1.0, 2.0], [3.0, 5.0]]], np.float32)
    facts = {**tiny.facts, "output": "logits"}
    with pytest.raises(NeuroMotionError, match=r"fits \(n, channels, samples\) and \(n, samples, channels\)"):
        load_decoder(write(shape=("n", 2, 2)), **facts)
    over_samples = load_decoder(write(shape=("n", 2, 2)), layout="(n, channels, samples)", window=2, **facts)
    over_channels = load_decoder(write(shape=("n", 2, 2)), layout="(n, samples, channels)", window=2, **facts)
    assert over_samples.predict_proba(square)[0, 1] == pytest.approx(1 / (1 + np.exp(1.5 - 4)), abs=1e-6)
    assert over_channels.predict_proba(square)[0, 1] == pytest.approx(1 / (1 + np.exp(2 - 3.5)), abs=1e-6)


@pytest.mark.parametrize("shape", [("n", "c", "t"), ("n", 2, 2)])
def test_an_input_called_window_needs_a_layout_as_any_other(tiny, write, shape):
    path = write(shape=shape, name="window")
    facts = {**tiny.facts, "output": "logits", "window": 4 if "c" in shape else 2}
    with pytest.raises(NeuroMotionError, match=r"layout: .*'window' fits"):
        load_decoder(path, **facts)
    recipe = yaml.safe_dump({"decoder": facts})
    (path.parent / "recipe.yaml").write_text(recipe)
    load_decoder(path)  # a recipe describes a graph of the library


def test_of_two_outputs_the_first_is_not_taken_because_the_input_is_called_window(tiny, write):
    path = write(name="window", ends={"a": "Identity", "b": "Softmax"})
    with pytest.raises(NeuroMotionError, match=r"output_name: a, b fit"):
        load_decoder(path, output="logits", **tiny.facts)


def test_a_file_of_very_many_nodes_is_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "_MOST_PARTS", 100)
    nodes = b"\x0a\x00" * 60
    path = tmp_path / "many.onnx"
    for graphs, message in ((1, "is not an ONNX model that can be run"), (2, "more than 100 nodes, attributes")):
        path.write_bytes(b"\x08\x08" + graphs * (b"\x3a\x78" + nodes))
        with pytest.raises(NeuroMotionError, match=message):
            load_decoder(path)


def test_flat_windows_need_a_layout(tiny, tmp_path):
    from onnx import TensorProto, helper

    weights = np.zeros((8, 2), np.float32)
    weights[[2, 7], [0, 1]] = 1  # sample 2 of channel a, sample 3 of channel b, one channel after the other
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "flat",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [8, 2], weights.ravel())],
    )
    path = tmp_path / "flat.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    )
    with pytest.raises(NeuroMotionError, match=r"\(n, channels \* samples\) and \(n, samples \* channels\)"):
        load_decoder(path, **tiny.facts)
    decoder = load_decoder(path, layout="(n, channels * samples)", **tiny.facts)
    assert decoder.spec.output == "logits"  # the graph ends with a product
    assert decoder.predict_proba(WINDOWS[:1])[0, 1] == pytest.approx(1 / (1 + np.exp(3 - 1)), abs=1e-6)
    other = load_decoder(path, layout="(n, samples * channels)", **tiny.facts)
    assert other.predict_proba(WINDOWS[:1])[0, 1] == pytest.approx(1 / (1 + np.exp(2 - 1)), abs=1e-6)


@pytest.mark.parametrize(
    ("end", "facts"),
    [
        ("Identity", {"output": "logits"}),
        ("LogSoftmax", {}),
        ("Softmax", {}),
        ("Difference", {"positive": "right"}),
        ("Sigmoid", {"positive": "right"}),
    ],
)
def test_every_kind_of_output_gives_the_same_posterior(tiny, write, end, facts):
    assert right_of(write(ends={"out": end}), **tiny.facts, **facts) == pytest.approx(RIGHT, abs=1e-6)


def test_the_positive_label_may_be_the_first_and_has_to_be_named(tiny, write):
    path = write(ends={"out": "Difference"})
    assert right_of(path, positive="left", **tiny.facts) == pytest.approx(1 - RIGHT, abs=1e-6)
    with pytest.raises(NeuroMotionError, match="positive: missing"):
        load_decoder(path, **tiny.facts)
    with pytest.raises(NeuroMotionError, match="left or right, not 'up'"):
        load_decoder(path, positive="up", **tiny.facts)
    with pytest.raises(NeuroMotionError, match="tells two labels apart, not 3"):
        load_decoder(path, output="logit", positive="left", **{**tiny.facts, "labels": ["left", "right", "up"]})


def test_a_sigmoid_called_logit_and_a_logit_called_probability_are_refused(tiny, write):
    path = write(ends={"out": "Sigmoid"})
    with pytest.raises(NeuroMotionError, match=r"ends with a sigmoid \(right: output: probability\)"):
        load_decoder(path, output="logit", positive="right", **tiny.facts)
    path = write(ends={"out": "Difference"})
    with pytest.raises(NeuroMotionError, match=r"values leave 0\.\.1 \(right: output: logit\)"):
        load_decoder(path, output="probability", positive="right", **{**tiny.facts, "unit": "µV"})


@pytest.mark.parametrize("end", ["ArgMax", "Names"])
def test_a_class_becomes_a_posterior_of_ones(tiny, write, end):
    path = write(ends={"label": end})
    assert right_of(path, **tiny.facts).tolist() == [0.0, 1.0]


def test_an_output_is_chosen_by_its_name_or_because_it_alone_fits(tiny, write):
    path = write(ends={"label": "ArgMax", "probabilities": "Softmax", "scores": "Identity"})
    facts = dict(tiny.facts)
    with pytest.raises(NeuroMotionError, match="output_name: probabilities, scores fit output 'probabilities'"):
        load_decoder(path, output="probabilities", **facts)
    assert right_of(path, output_name="probabilities", **facts) == pytest.approx(RIGHT, abs=1e-6)
    assert right_of(path, output_name="scores", output="logits", **facts) == pytest.approx(RIGHT, abs=1e-6)
    assert right_of(path, output="class_index", **facts).tolist() == [0.0, 1.0]
    with pytest.raises(NeuroMotionError, match="no output is called 'odds' .*label, probabilities, scores"):
        load_decoder(path, output_name="odds", output="logits", **facts)


def test_labels_in_another_order_than_the_graph_s_classes_are_refused(tiny, write):
    path = write(ends={"label": "Names", "probabilities": "Softmax"})
    facts = {**tiny.facts, "output": "probabilities"}
    assert right_of(path, **facts) == pytest.approx(RIGHT, abs=1e-6)
    with pytest.raises(NeuroMotionError, match=r"labels: right, left \(right: left, right, the order of the graph's"):
        load_decoder(path, **{**facts, "labels": ["right", "left"]})
    assert load_decoder(path, **{**facts, "labels": ["up", "down"]}).spec.labels == ("up", "down")


def test_names_of_classes_in_the_graph_are_its_labels(tiny, write):
    path = write(ends={"label": "Names"})
    facts = {name: value for name, value in tiny.facts.items() if name != "labels"}
    assert right_of(path, **facts).tolist() == [0.0, 1.0]
    assert load_decoder(path, **facts).spec.labels == ("left", "right")
    renamed = load_decoder(path, labels={"left": "up", "right": "down"}, **facts)
    assert renamed.spec.labels == ("up", "down")
    assert renamed.predict_proba(WINDOWS)[:, 1].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("kind", "tolerance"), [("DOUBLE", 1e-7), ("FLOAT16", 2e-3)])
def test_numbers_of_64_and_16_bits(tiny, write, kind, tolerance):
    path = write(kind=kind, ends={"out": "Softmax"})
    posterior = load_decoder(path, **tiny.facts).predict_proba(WINDOWS)
    assert posterior[:, 1] == pytest.approx(RIGHT, abs=tolerance)
    assert posterior.dtype == np.float32


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_batch_is_run_in_a_loop_and_its_cost_is_said_once(tiny, write, batch):
    decoder = load_decoder(write(shape=(batch, 2, 4), ends={"out": "Softmax"}), **tiny.facts)
    many = np.concatenate([WINDOWS, WINDOWS[::-1], WINDOWS, WINDOWS[:1]])
    with pytest.warns(NeuroMotionWarning, match=rf"exactly {batch} windows? a call: 7 windows took .* ms a window"):
        posterior = decoder.predict_proba(many)
    assert posterior[:, 1] == pytest.approx(np.concatenate([RIGHT, RIGHT[::-1], RIGHT, RIGHT[:1]]), abs=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decoder.predict_proba(many).shape == (7, 2)
    quiet = load_decoder(write(shape=(batch, 2, 4), ends={"out": "Softmax"}), **tiny.facts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert quiet.predict_proba(WINDOWS[:1])[:, 1] == pytest.approx(RIGHT[:1], abs=1e-6)


def test_windows_are_resampled_as_scipy_does_it(tiny, tmp_path):
    from scipy.signal import resample

    path = tmp_path / "long.onnx"
    path.write_bytes(tiny.foreign(shape=("n", 2, 9), ends={"out": "Identity"}))
    facts = {**tiny.facts, "output": "logits", "window": 4}
    with pytest.raises(NeuroMotionError, match="resample_to=9 if windows of 4 samples have to be stretched to 9"):
        load_decoder(path, **facts)
    decoder = load_decoder(path, resample_to=9, **facts)
    check_decoder(decoder)
    means = resample(WINDOWS.astype(float), 9, axis=2).mean(axis=2)
    wanted = 1 / (1 + np.exp(means[:, 0] - means[:, 1]))
    assert decoder.predict_proba(WINDOWS)[:, 1] == pytest.approx(wanted, abs=1e-6)
    assert decoder.spec.window_s == pytest.approx(0.04)


def test_mappings_of_classes_are_read_by_name(tiny, tmp_path):
    from onnx import TensorProto, helper

    def write(**keys):
        nodes = [
            helper.make_node("ReduceMean", ["x", "time"], ["mean"], keepdims=0),
            helper.make_node("Softmax", ["mean"], ["p"], axis=1),
            helper.make_node("ZipMap", ["p"], ["output_probability"], domain="ai.onnx.ml", **keys),
        ]
        key = TensorProto.STRING if "classlabels_strings" in keys else TensorProto.INT64
        mapped = helper.make_map_type_proto(key, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        graph = helper.make_graph(
            nodes,
            "zipped",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 4])],
            [helper.make_value_info("output_probability", helper.make_sequence_type_proto(mapped))],
            [helper.make_tensor("time", TensorProto.INT64, [1], [2])],
        )
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
        path = tmp_path / "zipped.onnx"
        path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
        return path

    assert right_of(write(classlabels_strings=["right", "left"]), **tiny.facts) == pytest.approx(1 - RIGHT, abs=1e-6)
    assert right_of(write(classlabels_int64s=[0, 1]), **tiny.facts) == pytest.approx(RIGHT, abs=1e-6)
    # The first column is called "right" here, so that "up", the new name of "left", is the second one
    up = load_decoder(write(classlabels_strings=["right", "left"]), **{**tiny.facts, "labels": {"left": "up"}})
    assert up.spec.labels == ("right", "up")
    assert up.predict_proba(WINDOWS)[:, 1] == pytest.approx(RIGHT, abs=1e-6)
    with pytest.raises(NeuroMotionError, match="probabilities of down, up; its labels are left, right"):
        load_decoder(write(classlabels_strings=["up", "down"]), **tiny.facts)


def test_two_inputs_are_refused(tiny, tmp_path):
    from onnx import TensorProto, helper

    real = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "z"], ["y"])],
        "two",
        [helper.make_tensor_value_info(name, real, ["n", 2]) for name in ("x", "z")],
        [helper.make_tensor_value_info("y", real, ["n", 2])],
    )
    path = tmp_path / "two.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    )
    with pytest.raises(NeuroMotionError, match=r"inputs: x, z \(right: one input, for windows\)"):
        load_decoder(path, window=4, **tiny.facts)


@pytest.mark.parametrize("threads", [0, -1, "2", 1.0, float("nan"), None, True, 10_000])
def test_a_number_of_threads_is_a_whole_number(tiny_folder, threads):
    with pytest.raises(NeuroMotionError, match="threads is a whole number from 1 to 1024"):
        load_decoder(tiny_folder, threads=threads)


@pytest.mark.parametrize(
    ("fact", "value", "named"),
    [
        ("hop_s", 1e9, "hop_s.*60"),
        ("rate_hz", 1e12, "rate_hz"),
        ("rate_hz", True, "a number is needed, not True"),
        ("rate_hz", 1e-6, "lasts .* s; the longest window"),
        ("window", 10**9, "window"),
        ("unit", "", "unit of the samples is needed"),
        ("layout", "(n, time, channels)", r"'layout'.*\(n, samples, channels\)"),
        ("colour", "red", "'colour' is not known"),
        ("labels", ["only"], "two or more"),
    ],
)
def test_facts_that_cannot_be_are_refused_by_name(tiny, write, fact, value, named):
    with pytest.raises(NeuroMotionError, match=named):
        load_decoder(write(ends={"out": "Softmax"}), **{**tiny.facts, "window": 4, fact: value})


def test_a_decoder_says_what_it_is(tiny, write):
    decoder = load_decoder(write(ends={"out": "Softmax"}), name="a.b", **{**tiny.facts, "labels": ["<left>", "right"]})
    assert repr(decoder) == (
        "<OnnxDecoder 'a.b': EMG, 2 channels at 100 Hz in V, 0.04 s, every 0.05 s → <left>, right>"
    )
    assert "OnnxDecoder a.b" in decoder._repr_html_()
    assert "&lt;left&gt;, right" in decoder._repr_html_()


def test_the_recipe_beside_the_file_is_completed(tiny, write):
    path = write(ends={"out": "Softmax"})
    assert load_decoder(path, **tiny.facts).recipe().notes == ""
    path.with_name("recipe.yaml").write_text(yaml.safe_dump({"decoder": tiny.facts, "notes": "mine"}))
    recipe = load_decoder(path).recipe()
    assert (recipe.notes, recipe.decoder.name, recipe.decoder.window) == ("mine", "mine", 4)
    path.with_name("recipe.yaml").write_text(yaml.safe_dump({"decoder": tiny.facts, "training": {"epochs": 0}}))
    with pytest.raises(NeuroMotionError, match=r"recipe\.yaml.*epochs"):
        load_decoder(path)


@pytest.mark.parametrize("name", ["gone.onnx", "no/folder/gone.onnx", "nul\0.onnx"])
def test_a_file_that_is_not_there_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NeuroMotionError, match=r"There is no file .*\.onnx"):
        load_decoder(name)
