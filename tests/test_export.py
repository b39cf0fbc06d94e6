"""`to_onnx`: what is written gives the same results as the object, or nothing is written."""

from __future__ import annotations

import sys

import gymnasium as gym
import numpy as np
import pytest

import neuromotion_gym.export as exporting
from neuromotion_gym.decoders import DecoderSpec, OnnxDecoder, check_decoder, load_decoder
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.export import to_onnx

torch = pytest.importorskip("torch")

FACTS = {"name": "mine", "modality": "emg", "channels": ["a", "b"], "rate_hz": 100.0, "unit": "count", "window": 4}
THREE = {**FACTS, "labels": ["left", "right", "rest"]}
FLAT = {**FACTS, "layout": "(n, channels * samples)"}


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = [
        torch.nn.Conv1d(2, 3, 3),
        torch.nn.BatchNorm1d(3),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Flatten(),
    ]
    return torch.nn.Sequential(*layers, torch.nn.Linear(6, 3)).eval()


def windows(rows: int = 5) -> np.ndarray:
    return (10 * np.random.default_rng(3).normal(size=(rows, 2, 4))).astype(np.float32)


def classifier(labels=("left", "right", "rest"), **steps):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(0)
    truth = np.arange(90) % 3
    rows = 10 * generator.normal(size=(90, 8)) + 8 * np.repeat(np.eye(3), [3, 3, 2], axis=1)[truth]
    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(**steps)).fit(rows, np.array(labels)[truth])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Folder of `network`."""
    return to_onnx(network(), THREE, tmp_path_factory.mktemp("export") / "mine")


def test_a_network_is_written_as_a_folder_that_gives_the_same(exported):
    net, folder = network(), exported
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "model.pt", "recipe.yaml"]
    decoder = load_decoder(folder)
    check_decoder(decoder)
    assert decoder.spec == load_decoder(net, **THREE).spec
    with torch.no_grad():
        expected = torch.softmax(net(torch.from_numpy(windows())), dim=1).numpy()
    assert decoder.predict_proba(windows()) == pytest.approx(expected, abs=1e-5)
    again = network()
    again.load_state_dict(torch.load(folder / "model.pt", weights_only=True))


def test_a_network_of_double_precision_in_training_mode_with_axes_of_its_own(tmp_path):
    class TimeFirst(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, given):
            return torch.softmax(self.inner(given.transpose(1, 2)), dim=1)

    net = TimeFirst().double().train()
    spec = DecoderSpec(**FACTS, labels=("a", "b", "c"), layout="(n, samples, channels)", output="probabilities")
    with pytest.warns(NeuroMotionWarning, match="training mode"):
        folder = to_onnx(net, spec, tmp_path / "mine")
    assert net.training
    net.eval()
    with torch.no_grad():
        expected = net(torch.from_numpy(windows().astype(float)).transpose(1, 2)).numpy()
    assert load_decoder(folder).predict_proba(windows()) == pytest.approx(expected, abs=1e-5)


def test_a_classifier_is_written_with_its_columns_in_the_order_of_the_labels(tmp_path):
    pytest.importorskip("skl2onnx")
    model = classifier()
    assert model.classes_.tolist() == ["left", "rest", "right"]
    folder = to_onnx(model, {**FLAT, "labels": ["rest", "left", "right"]}, tmp_path / "mine")
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "recipe.yaml"]
    decoder = OnnxDecoder(folder)
    check_decoder(decoder)
    expected = model.predict_proba(windows().reshape(5, 8))[:, [1, 0, 2]]
    assert decoder.predict_proba(windows()) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected.argmax(axis=1))) > 1


def test_a_classifier_over_a_network_leaves_no_weights_of_the_network(tmp_path):
    pytest.importorskip("skl2onnx")
    (tmp_path / "model.pt").write_bytes(b"of a network")
    folder = to_onnx(classifier(), {**FLAT, "labels": ["rest", "left", "right"]}, tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "recipe.yaml"]


def test_an_exported_classifier_of_numbered_classes_moves_the_arm(tmp_path):
    pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier

    shipped = load_decoder("emg_armband").spec
    generator = np.random.default_rng(0)
    model = RandomForestClassifier(5, random_state=0)
    model.fit(generator.normal(size=(70, 8 * 40)), np.arange(70) % 7)
    facts = {name: getattr(shipped, name) for name in ("modality", "dataset", "channels", "rate_hz", "unit", "hop_s")}
    facts |= {"name": "forest", "window": 40, "layout": "(n, channels * samples)"}
    folder = to_onnx(model, {**facts, "labels": dict(enumerate(shipped.labels))}, tmp_path / "forest")
    env = gym.make("NeuroArm-v0", decoder=folder, level="easy")
    _, info = env.reset(seed=0)
    assert info["decoded"] in shipped.labels
    assert env.unwrapped.loop.about()["decoder"] == "forest"
    env.close()


def test_nothing_is_written_if_the_results_differ(exported, tmp_path, monkeypatch):
    other = network()
    with torch.no_grad():
        other[-1].bias += torch.tensor([0.01, 0.0, 0.0])
    monkeypatch.setattr(exporting, "_graph", lambda original: (exported / "model.onnx").read_bytes())
    with pytest.raises(NeuroMotionError, match=r"differ by 0\.00.* in a batch of 1; at most 0\.0001"):
        to_onnx(other, THREE, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_decoder_that_was_written_before_is_replaced_and_other_files_are_never_mixed_in(
    exported, tmp_path, monkeypatch
):
    content = (exported / "model.onnx").read_bytes()
    monkeypatch.setattr(exporting, "_graph", lambda original: content)
    folder = to_onnx(network(), THREE, tmp_path / "mine")
    assert to_onnx(network(), {**THREE, "name": "new"}, folder) == folder
    assert load_decoder(folder).spec.name == "new"
    (folder / "adaptation.npy").write_bytes(b"")
    with pytest.raises(NeuroMotionError, match=r"holds adaptation\.npy; choose an empty or a new folder"):
        to_onnx(network(), THREE, folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(NeuroMotionError, match="is a file"):
        to_onnx(network(), THREE, tmp_path / "file")


def test_what_cannot_be_exported_is_refused_with_the_reason(tmp_path):
    pytest.importorskip("skl2onnx")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.svm import LinearSVC

    labels = {"labels": ["left", "right", "rest"]}
    with pytest.raises(NeuroMotionError, match="features of windows"):
        to_onnx(
            classifier(), {**FACTS, **labels, "features": lambda given: given.reshape(len(given), 8)}, tmp_path / "x"
        )
    own = make_pipeline(FunctionTransformer(np.abs), classifier())
    with pytest.raises(NeuroMotionError, match="Pipeline cannot be exported to ONNX"):
        to_onnx(own, {**FLAT, **labels}, tmp_path / "x")
    only_predicts = LinearSVC().fit(np.random.default_rng(0).normal(size=(9, 8)), ["left", "right", "rest"] * 3)
    with pytest.raises(NeuroMotionError, match="exported with predict_proba"):
        to_onnx(only_predicts, {**FLAT, **labels}, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(NeuroMotionError, match=r"pip install 'neuromotion-gym\[export\]'"):
        to_onnx(classifier(), {**FLAT, "labels": ["left", "right", "rest"]}, tmp_path / "x")
