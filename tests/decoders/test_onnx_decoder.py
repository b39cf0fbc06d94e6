from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuromotion_gym.decoders import OnnxDecoder, check_decoder
from neuromotion_gym.errors import NeuroMotionError


def test_logits_become_the_softmax(tiny_folder):
    decoder = OnnxDecoder(tiny_folder)
    check_decoder(decoder)
    posterior, effort = decoder.decode(np.stack([np.full((1, 4), 2.0), np.full((1, 4), 1.0)], axis=1))
    assert posterior[0] == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))], abs=1e-6)
    assert effort is None


def test_effort_is_clipped_and_may_be_none_of_the_spec(tiny, tmp_path):
    decoder = OnnxDecoder(tiny.write(tmp_path / "x", tiny.graph(effort=True), effort=True))
    check_decoder(decoder)
    windows = np.repeat(np.array([-3.0, 0.4, 7.0])[:, None, None], 4, axis=2).repeat(2, axis=1)
    assert decoder.decode(windows)[1] == pytest.approx([0, 0.4, 1])
    silent = OnnxDecoder(tiny.write(tmp_path / "y", tiny.graph(effort=True)))
    assert silent.decode(windows)[1] is None


def test_no_windows_give_no_rows(tiny_folder):
    assert OnnxDecoder(tiny_folder).predict_proba(np.empty((0, 2, 4))).shape == (0, 2)


def test_file_alone_needs_a_specification(tiny, tiny_folder):
    (tiny_folder / "recipe.yaml").unlink()
    with pytest.raises(NeuroMotionError, match="modality: missing.*labels: missing"):
        OnnxDecoder(tiny_folder / "model.onnx")
    assert OnnxDecoder(tiny_folder / "model.onnx", tiny.spec()).spec.name == "tiny"


@pytest.mark.parametrize(
    ("graph", "changes", "named"),
    [
        ({"channels": 3}, {}, r"shape \(n, 3, 4\).*\(n, 2, 4\)"),
        ({"samples": 5}, {}, r"shape \(n, 2, 5\).*\(n, 2, 4\).*resample_to=5"),
        ({"kind": 6}, {}, r"tensor\(int32\).*tensor\(float\)"),
        ({}, {"labels": ["a", "b", "c"]}, "2 classes.*3: a, b, c"),
        ({}, {"effort": True}, "lacks the output effort"),
        ({}, {"adaptation": {"kind": "head", "shape": [2, 3]}}, "inputs: window .*one called adaptation"),
    ],
)
def test_graph_that_differs_from_its_specification_is_refused(tiny, tmp_path, graph, changes, named):
    with pytest.raises(NeuroMotionError, match=named):
        OnnxDecoder(tiny.write(tmp_path / "x", tiny.graph(**graph), **changes))


def test_missing_model_is_named(tiny_folder):
    (tiny_folder / "model.onnx").unlink()
    with pytest.raises(NeuroMotionError, match=r"model\.onnx"):
        OnnxDecoder(tiny_folder)


def test_adaptation_is_asked_for_and_its_shape_checked(head_folder):
    decoder = OnnxDecoder(head_folder)
    check_decoder(decoder)
    windows = np.zeros((2, 2, 4), np.float32)
    with pytest.raises(NeuroMotionError, match="pass adaptation"):
        decoder.decode(windows)
    with pytest.raises(NeuroMotionError, match=r"\(2, 2, 3\)"):
        decoder.decode(windows, np.zeros((2, 3, 3), np.float32))
    with pytest.raises(NeuroMotionError, match="no calibration run"):
        decoder.adapt(())


def test_adaptation_is_refused_by_a_decoder_without_one(tiny_folder):
    with pytest.raises(NeuroMotionError, match="takes no adaptation"):
        OnnxDecoder(tiny_folder).decode(np.zeros((1, 2, 4)), np.zeros((1, 2, 3)))


def test_decoder_with_a_fixed_adaptation_takes_none(head_folder):
    head = np.array([[1, 0, 1.5], [0, 1, 0]], np.float32)
    free = OnnxDecoder(head_folder)
    np.save(head_folder / "adaptation.npy", head)
    fixed = OnnxDecoder(head_folder)
    check_decoder(fixed)
    assert fixed.spec.adaptation.kind == "none"
    windows = np.random.default_rng(0).normal(size=(3, 2, 4))
    assert np.array_equal(fixed.predict_proba(windows), free.predict_proba(windows, np.tile(head, (3, 1, 1))))


@pytest.mark.parametrize("broken", [b"", b"not an array", None, "shape", "nan"])
def test_broken_fixed_adaptation_is_refused(head_folder, broken):
    path = head_folder / "adaptation.npy"
    if broken is None:
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif broken == "shape":
        np.save(path, np.zeros((3, 3)))
    elif broken == "nan":
        np.save(path, np.full((2, 3), np.nan))
    else:
        path.write_bytes(broken)
    with pytest.raises(NeuroMotionError, match=r"adaptation\.npy"):
        OnnxDecoder(head_folder)


def test_decoder_can_be_copied_to_another_process(tiny_folder):
    decoder = OnnxDecoder(tiny_folder)
    windows = np.random.default_rng(0).normal(size=(3, 2, 4))
    # A copy takes the way of a pickle: without the session, which is opened anew
    assert np.array_equal(copy.deepcopy(decoder).predict_proba(windows), decoder.predict_proba(windows))


def test_digest_covers_graph_specification_and_adaptation(tiny, head_folder):
    head = np.array([[1, 0, 1.5], [0, 1, 0]], np.float32)
    digests = [OnnxDecoder(head_folder).digest()]
    assert OnnxDecoder(head_folder).digest() == digests[0]
    np.save(head_folder / "adaptation.npy", head)
    digests.append(OnnxDecoder(head_folder).digest())
    np.save(head_folder / "adaptation.npy", 2 * head)
    digests.append(OnnxDecoder(head_folder).digest())
    recipe = (head_folder / "recipe.yaml").read_text()
    (head_folder / "recipe.yaml").write_text(recipe.replace("hop_s: 0.05", "hop_s: 0.1"))
    digests.append(OnnxDecoder(head_folder).digest())
    (head_folder / "model.onnx").write_bytes(tiny.graph(head=True, batch="m"))
    digests.append(OnnxDecoder(head_folder).digest())
    assert len(set(digests)) == 5
    (head_folder / "card.md").write_text("words")
    assert OnnxDecoder(head_folder).digest() == digests[-1]


def test_weights_in_a_file_of_their_own_are_found_and_counted(tiny, tiny_folder):
    import onnx

    model = onnx.load(tiny_folder / "model.onnx")
    gain = onnx.numpy_helper.from_array(np.full(2, 3.0, np.float32), "gain")
    model.graph.initializer.append(gain)
    model.graph.node[-1].CopyFrom(onnx.helper.make_node("Mul", ["mean", "gain"], ["logits"]))
    onnx.save(model, tiny_folder / "model.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    decoder = OnnxDecoder(tiny_folder)
    windows = np.stack([np.full(4, 1.0), np.zeros(4)])[None]
    assert decoder.predict_proba(windows)[0, 0] == pytest.approx(1 / (1 + np.exp(-3)))
    before = decoder.digest()
    content = (tiny_folder / "weights").read_bytes()
    (tiny_folder / "weights").write_bytes(content.replace(np.float32(3).tobytes(), np.float32(4).tobytes()))
    assert OnnxDecoder(tiny_folder).digest() != before


def test_the_digest_is_of_the_graph_that_decodes_also_where_the_file_is_another_one_by_now(tiny, tiny_folder):
    decoder = OnnxDecoder(tiny_folder)
    digest, windows = decoder.digest(), np.ones((1, 2, 4), np.float32)
    posterior, stored = decoder.predict_proba(windows), pickle.dumps(decoder)
    (tiny_folder / "model.onnx").write_bytes(tiny.graph(batch="m"))
    np.testing.assert_array_equal(decoder.predict_proba(windows), posterior)
    assert decoder.digest() == digest != OnnxDecoder(tiny_folder).digest()
    with pytest.raises(NeuroMotionError, match="has changed since decoder 'tiny' was loaded"):
        pickle.loads(stored)  # noqa: S301 -- our own bytes


@pytest.fixture(scope="module")
def mutated(tiny, tmp_path_factory):
    folder = tiny.write(tmp_path_factory.mktemp("mutated"), tiny.graph(effort=True), effort=True)
    return folder, (folder / "model.onnx").read_bytes()


@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_graph_gives_one_error_or_a_posterior(mutated, data):
    folder, content = mutated
    damaged = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        damaged[place] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else damaged
    (folder / "model.onnx").write_bytes(bytes(damaged))
    try:
        posterior, _ = OnnxDecoder(folder).decode(np.ones((2, 2, 4), np.float32))
    except NeuroMotionError:
        return
    assert np.isfinite(posterior).all()
    assert posterior.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "features", [np.zeros(3), np.zeros((3, 2, 1)), np.zeros((2, 2)), np.array([[0, 1], [np.nan, 1], [0, 1]])]
)
def test_features_that_are_not_one_row_a_window_are_refused(head_folder, monkeypatch, features):
    decoder = OnnxDecoder(head_folder)
    windows = np.zeros((3, 2, 4), np.float32)
    assert decoder.features(windows).shape == (3, 2)
    monkeypatch.setattr(
        "neuromotion_gym.decoders.onnx_decoder.run_session", lambda _, names, *__: [features] * len(names)
    )
    with pytest.raises(NeuroMotionError, match="one row of finite numbers per window"):
        decoder.features(windows)
