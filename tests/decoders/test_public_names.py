"""Public names: those of earlier releases still load, are typed, and cost no heavy import."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

# Every import of decoders in README, pages and examples of release 0.1.0, and all names the package had then
EARLIER = {
    "neuromotion_gym.decoders": (
        "AdaptationSpec",
        "BoundDecoder",
        "Decoder",
        "DecoderSpec",
        "IntentPolicy",
        "OnnxDecoder",
        "ProbabilityDecoder",
        "check_decoder",
        "list_decoders",
        "load_decoder",
        "parse_decoder_name",
    ),
    "neuromotion_gym.decoders.zoo": ("load_decoder",),
}
HEAVY = ("torch", "lightning", "mne", "matplotlib", "onnxruntime", "onnx", "sklearn", "scipy")


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in EARLIER.items() for name in names])
def test_an_earlier_import_still_works(module, name):
    assert hasattr(import_module(module), name)


def test_type_checkers_see_every_name_although_it_is_imported_when_it_is_first_used():
    module = import_module("neuromotion_gym.decoders")
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: (line.module, alias.name) for line in block.body for alias in line.names}
    assert set(seen) == set(module.__all__) == {name for name in dir(module) if not name.startswith("_")}
    for name, (place, attribute) in seen.items():
        assert getattr(module, name) is getattr(import_module(place), attribute)


def test_import_of_decoders_is_light():
    code = f"import sys, neuromotion_gym.decoders; print([name for name in {HEAVY!r} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
