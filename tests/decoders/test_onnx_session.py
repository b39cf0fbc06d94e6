"""What a foreign runtime says becomes one short line."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import neuromotion_gym
from neuromotion_gym.decoders.onnx_session import first_line, run_session
from neuromotion_gym.errors import NeuroMotionError


def test_the_first_line_of_an_error_is_kept_and_cut():
    assert first_line(ValueError("\n one line \nanother")) == "one line "
    assert first_line(ValueError()) == "ValueError"
    assert first_line(ValueError("x" * 300)) == "x" * 200


def test_a_model_that_fails_is_named_by_its_file():
    class Failing:
        def run(self, outputs, feed):
            raise RuntimeError("out of memory\ntrace")

    with pytest.raises(NeuroMotionError, match=r"^a/model\.onnx failed while it ran: out of memory$"):
        run_session(Failing(), ["logits"], {}, "a/model.onnx")


def test_only_one_module_imports_the_runtime():
    library = Path(neuromotion_gym.__file__).parent
    imports = []
    for path in library.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imports += [path.name for name in names if name.split(".")[0] == "onnxruntime"]
    assert imports == ["onnx_session.py"]


@pytest.mark.parametrize(("given", "wanted"), [(None, "1"), ("0", "0")])
def test_its_telemetry_is_off_before_it_is_imported_unless_the_user_says_otherwise(tiny_folder, given, wanted):
    code = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime': print('seen', os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "from neuromotion_gym.decoders import load_decoder\n"
        f"load_decoder({str(tiny_folder)!r})\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    if given is not None:
        environment["ORT_DISABLE_TELEMETRY"] = given
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["seen", wanted]
