"""Results are taken up again only where all that they depend on is the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import neuromotion_gym
from neuromotion_gym import intents, registration
from neuromotion_gym.benchmark import digests
from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.digests import environment_digest, library_digest, policy_digest
from neuromotion_gym.benchmark.plan import plan
from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.decoders.onnx_decoder import FIXED_ADAPTATION
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.signals.surrogate import parameters

PACKAGE = Path(neuromotion_gym.__file__).parent


def keys(decoder="emg_armband", root=None, **changes):
    grids = [{"decoders": [str(decoder)], "controllers": ["argmax"], "levels": ["easy"]}]
    fields = {"name": "x", "source": "replay", "part": "test", "subjects": ("Male6",), "grids": grids}
    _, units = plan(BenchmarkConfig(**{**fields, **changes}), root)
    return [unit.digest for unit in units]


@pytest.fixture
def copy(tmp_path):
    """A copy of the package and of its assets."""
    shutil.copytree(PACKAGE, tmp_path / "library", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "assets", tmp_path / "assets", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    "file",
    [
        "library/decoders/alignment.py",
        "library/decoders/calibration.py",
        "library/decoders/bounds.py",
        "library/decoders/onnx_decoder.py",
        "library/controllers/smoothing.py",
        "library/registration.py",
        "library/schema.py",
        "library/tasks/posture.py",
        "library/benchmark/metrics.py",
        "library/datasets/eegmmidb/parts.yaml",
        "assets/arm/arm.xml",
        "assets/arm/intents.yaml",
    ],
)
def test_an_edit_anywhere_in_the_library_changes_every_key(copy, file):
    def digest():
        library_digest.cache_clear()
        return library_digest(copy / "library", copy / "assets")

    before = digest()
    assert digest() == before
    path = copy / file
    path.write_bytes(path.read_bytes() + b"\n")
    assert digest() != before
    library_digest.cache_clear()


@pytest.mark.parametrize("library", ["mujoco", "onnxruntime", "numpy", "scipy", "mne", "gymnasium"])
def test_another_version_of_a_library_changes_every_key(monkeypatch, library):
    library_digest.cache_clear()
    before = keys(source="surrogate", part="tune", subjects=("Male0",))
    version = metadata.version
    monkeypatch.setattr(digests.metadata, "version", lambda name: "99" if name == library else version(name))
    library_digest.cache_clear()
    assert keys(source="surrogate", part="tune", subjects=("Male0",)) != before
    library_digest.cache_clear()


def test_the_key_of_a_cell_holds_the_library_environment_and_policy(monkeypatch):
    from neuromotion_gym.benchmark import plan as module

    before = keys(source="surrogate", part="tune", subjects=("Male0",))
    for name in ("library_digest", "environment_digest", "policy_digest"):
        with monkeypatch.context() as changed:
            changed.setattr(module, name, lambda *_: "another")
            assert keys(source="surrogate", part="tune", subjects=("Male0",)) != before
    assert keys(source="surrogate", part="tune", subjects=("Male0",)) == before


def test_a_new_calibration_in_the_same_folder_is_another_decoder(tmp_path, small_armband):
    folder = tmp_path / "mine"
    shutil.copytree(decoder_folder("emg_armband_calibrated"), folder)
    shape = load_decoder(folder).spec.adaptation.shape
    np.save(folder / FIXED_ADAPTATION, np.zeros(shape, np.float32))
    before = keys(folder, small_armband)
    assert keys(folder, small_armband) == before
    np.save(folder / FIXED_ADAPTATION, np.ones(shape, np.float32))
    assert keys(folder, small_armband) != before


def test_another_recipe_or_model_is_another_decoder(trial_paced, tmp_path):
    eeg = {"source": "surrogate", "part": "tune", "subjects": ("S031",)}
    folder = tmp_path / "mine"
    shutil.copytree(trial_paced, folder)
    before = keys(folder, **eeg)
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("output: logits", "output: log_probabilities"))
    assert keys(folder, **eeg) != before
    shutil.copy(trial_paced / "recipe.yaml", recipe)
    content = (folder / "model.onnx").read_bytes()
    gain = np.float32(1e6).tobytes()
    assert content.count(gain) == 1
    (folder / "model.onnx").write_bytes(content.replace(gain, np.float32(2e6).tobytes()))
    assert keys(folder, **eeg) != before


def test_other_data_and_another_table_of_parts_change_the_key(small_armband, tmp_path, monkeypatch):
    before = keys(root=small_armband)
    other = tmp_path / "data"
    shutil.copytree(small_armband, other)
    assert keys(root=other) == before
    file = other / "EvaluationDataset" / "Male6" / "Test0" / "classe_0.dat"
    half = file.stat().st_size // 4 * 2
    file.write_bytes(file.read_bytes()[half:] + file.read_bytes()[:half])
    assert keys(root=other) != before
    facts = registry.dataset("myo_armband")
    table = tmp_path / "parts.yaml"
    table.write_bytes(facts.parts.read_bytes() + b"# another\n")
    fields = {name: getattr(facts, name) for name in facts.__dataclass_fields__}
    changed = type(facts)(**{**fields, "parts": table})
    monkeypatch.setattr(registry, "dataset", lambda _: changed)
    assert keys(root=small_armband) != before


def test_another_surrogate_changes_the_key(tmp_path, monkeypatch):
    from neuromotion_gym.datasets import checksums

    options = {"source": "surrogate", "part": "tune", "subjects": ("Male0",)}
    before = keys(**options)
    shipped = parameters.shipped_surrogates()
    path = tmp_path / "other.npz"
    path.write_bytes(shipped["myo_armband_tune"].read_bytes() + b"\0")
    monkeypatch.setattr(checksums, "shipped_surrogates", lambda: {**shipped, "myo_armband_tune": path})
    assert keys(**options) != before


def test_code_of_another_package_changes_the_key_of_its_environment(tmp_path, monkeypatch):
    import importlib.util

    before = environment_digest("NeuroArm-v0", "myo_armband")
    file = tmp_path / "theirs.py"
    found = set()
    for text in ("class Task:\n    pass\n", "class Task:\n    rule = 1\n"):
        file.write_text(text)
        specification = importlib.util.spec_from_file_location("theirs", file)
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(__import__("sys").modules, "theirs", module)
        specification.loader.exec_module(module)
        monkeypatch.setattr(digests, "task_class", lambda _, found=module.Task: found)
        found.add(environment_digest("NeuroArm-v0", "myo_armband"))
    assert len(found | {before}) == 3


def test_what_a_label_means_and_the_table_that_says_so_change_the_key(monkeypatch):
    monkeypatch.setattr(intents, "_ADDED", {})
    before = digests.environment_digest("NeuroArm-v0", "eegmmidb")
    intents.register_intents("arm", {"thumb_up": intents.Intent("grip", 1)})
    assert digests.environment_digest("NeuroArm-v0", "eegmmidb") != before
    intents.register_intents("arm", {"fin_up": intents.Intent("grip", 1)}, table="point")
    after = digests.environment_digest("NeuroArm-v0", "eegmmidb")
    row = replace(registration.ENVIRONMENTS["NeuroArm-v0"], intents="point")
    monkeypatch.setitem(registration.ENVIRONMENTS, "NeuroArm-v0", row)
    assert digests.environment_digest("NeuroArm-v0", "eegmmidb") != after


def test_a_learned_controller_counts_with_its_file(tmp_path):
    shipped = PACKAGE.parent / "assets" / "controllers"
    assert policy_digest("argmax") == ""
    first = policy_digest("learned:eeg_easy_0")
    assert first != policy_digest("learned:eeg_easy_1")
    shutil.copy(shipped / "eeg_easy_1.onnx", tmp_path / "mine.onnx")
    mine = policy_digest(f"learned:{tmp_path / 'mine.onnx'}")
    shutil.copy(shipped / "eeg_easy_0.onnx", tmp_path / "mine.onnx")
    assert policy_digest(f"learned:{tmp_path / 'mine.onnx'}") != mine


def test_code_of_controllers_and_perturbations_of_other_packages_counts(tmp_path, monkeypatch):
    import importlib.util

    from neuromotion_gym.controllers.registry import CONTROLLERS
    from neuromotion_gym.signals.sources import perturbed

    played = {"source": "surrogate", "part": "tune", "subjects": ("Male0",)}
    conditions = [{"perturbations": [{"name": "theirs"}]}]
    cells = {
        "controller": {"decoders": ["emg_armband"], "controllers": ["theirs"], "levels": ["easy"]},
        "perturbation": {
            "decoders": ["emg_armband"], "controllers": ["argmax"], "levels": ["easy"], "conditions": conditions
        },
    }  # fmt: skip
    file = tmp_path / "theirs.py"
    found = {name: set() for name in cells}
    code = "class Control:\n    def __init__(self, layout):\n        pass\n\ndef change(inner):\n    return inner\n"
    for text in (code, code + "# another\n"):
        file.write_text(text)
        specification = importlib.util.spec_from_file_location("theirs", file)
        module = importlib.util.module_from_spec(specification)
        monkeypatch.setitem(__import__("sys").modules, "theirs", module)
        specification.loader.exec_module(module)
        monkeypatch.setitem(CONTROLLERS, "theirs", module.Control)
        monkeypatch.setitem(perturbed._KNOWN, "theirs", module.change)
        for name, grid in cells.items():
            found[name] |= set(keys(grids=[grid], **played))
    assert {name: len(digests) for name, digests in found.items()} == {"controller": 2, "perturbation": 2}
