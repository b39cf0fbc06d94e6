"""One strict reader of YAML: every key once, no aliases, no nesting that takes minutes."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

import neuromotion_gym
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.plain_yaml import DEEPEST, parse_yaml, read_yaml

LIBRARY = Path(neuromotion_gym.__file__).parent


def test_values_are_read_as_they_stand():
    assert parse_yaml("a: {b: [1, 2.5, yes], c: x}\nd: null\n", "f") == {
        "a": {"b": [1, 2.5, True], "c": "x"},
        "d": None,
    }


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "{" * 20_000, "- " * 20_000, "a: [" * 20_000, "? " * 20_000, "[\n" * 20_000]
)
def test_thousands_of_brackets_are_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(NeuroMotionError, match="inside one another|not YAML"):
        parse_yaml(text, "recipe.yaml")
    assert time.process_time() - start < 1.0


def test_depth_is_bounded_and_the_bound_itself_is_allowed():
    assert parse_yaml("[" * DEEPEST + "]" * DEEPEST, "f") is not None
    with pytest.raises(NeuroMotionError, match=f"more than {DEEPEST}"):
        parse_yaml("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "f")
    assert parse_yaml("[[1], [2], [3]]\n", "f") == [[1], [2], [3]]


def test_lists_beside_one_another_do_not_count_as_depth():
    assert parse_yaml("- [1]\n" * 200, "f") == [[1]] * 200


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(NeuroMotionError, match=r"No recipe can be read from .*gone\.yaml"):
        read_yaml(tmp_path / "gone.yaml", "recipe")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NeuroMotionError, match=r"x\.yaml is not UTF-8"):
        read_yaml(tmp_path / "x.yaml", "recipe")


def test_no_other_module_reads_yaml():
    def reads(path: Path) -> bool:
        return any(
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "yaml"
            and node.attr in ("load", "safe_load", "load_all", "safe_load_all", "full_load", "unsafe_load")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )

    assert [path.name for path in LIBRARY.rglob("*.py") if reads(path)] == ["plain_yaml.py"]
