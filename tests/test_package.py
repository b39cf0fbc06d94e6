"""The package as a whole: what is installed, what may import what, and that every part has tests."""

from __future__ import annotations

import ast
import configparser
import importlib
import subprocess
import sys
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "neuromotion_gym"
TESTS = ROOT / "tests"
HEAVY = ("torch", "mne", "matplotlib", "stable_baselines3", "typer", "lightning", "sklearn", "pandas", "rich")
TRAINING_ONLY = ("torch", "lightning", "stable_baselines3", "sb3_contrib", "mne", "onnx", "sklearn", "pyriemann")

# The boxes of the loop, from the leaf up: a box imports its own modules and boxes of lower levels.
LEVELS = {
    "errors": 0,
    "process_wide": 1,
    "schema": 1,
    "statistics": 1,
    "intents": 1,
    "signals": 2,
    "limbs": 2,
    "decoders": 3,
    "tasks": 3,
    "operators": 3,
    "envs": 4,
    "rendering": 4,
    "controllers": 5,
    "benchmark": 6,
    "demo": 7,
    "surrogate_commands": 7,
    "cli": 8,
}
# A picture of the loop takes both of these.
SIDEWAYS = {("envs", "rendering"), ("rendering", "envs")}


def subpackages() -> list[str]:
    return sorted(
        ".".join(folder.relative_to(ROOT).parts)
        for folder in [LIBRARY, *LIBRARY.rglob("*")]
        if folder.is_dir() and any(folder.glob("*.py"))
    )


def modules() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, at_import: bool) -> set[str]:
    """Dotted names that a module imports; with ``at_import`` only those that importing it runs."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if at_import and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            walk(child)

    walk(ast.parse(path.read_text(encoding="utf-8")))
    return found


def test_setup_cfg_lists_every_subpackage():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = config["options"]["packages"].split()
    assert sorted(listed) == sorted([*subpackages(), "neuromotion_gym.assets", "neuromotion_gym.classifiers"])


@pytest.mark.parametrize("name", subpackages())
def test_every_folder_of_modules_is_a_package(name):
    assert (ROOT / Path(*name.split(".")) / "__init__.py").is_file()


@pytest.mark.parametrize(("package", "folder"), [("assets", "assets"), ("classifiers", "classifiers")])
def test_package_data_names_every_committed_file(package, folder):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    suffixes = {Path(glob).suffix for glob in config["options.package_data"][f"neuromotion_gym.{package}"].split()}
    listing = subprocess.run(
        ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False
    )  # outside a checkout the list is empty, and nothing is asked
    left_out = {name for name in listing.stdout.split() if Path(name).suffix not in {*suffixes, ".py"}}
    assert not left_out


@pytest.mark.parametrize("package", ["neuromotion_gym.assets", "neuromotion_gym.classifiers"])
def test_assets_and_classifiers_are_found_as_package_resources(package):
    folder = {"neuromotion_gym.assets": "assets", "neuromotion_gym.classifiers": "classifiers"}[package]
    found = files(package).joinpath("__init__.py")
    assert found.is_file()
    assert Path(str(found)).read_bytes() == (ROOT / folder / "__init__.py").read_bytes()


def test_version_is_the_installed_one():
    import neuromotion_gym

    assert neuromotion_gym.__version__ == metadata.version("neuromotion-gym")


def test_import_of_the_library_is_light():
    code = f"import sys, neuromotion_gym; print([name for name in {HEAVY!r} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_training_packages_are_imported_where_they_are_used(path):
    """Running a shipped decoder needs none of them; networks/, training.py and sb3.py are made for them throughout."""
    if "networks" in path.parts or path.name in ("training.py", "sb3.py"):
        return
    top = {name.split(".")[0] for name in imports(path, at_import=True)}
    assert not top & set(TRAINING_ONLY)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_arrows_point_one_way(path):
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    own = parts[0]
    if own in {"__init__", "registration"}:
        return
    assert own in LEVELS, f"give {own} its level in LEVELS"
    for name in imports(path, at_import=False):
        split = name.split(".")
        if split[0] != "neuromotion_gym" or len(split) < 2 or split[1] not in LEVELS or split[1] == own:
            continue
        assert LEVELS[split[1]] < LEVELS[own] or (own, split[1]) in SIDEWAYS, f"{own} must not import {split[1]}"


@pytest.mark.parametrize("name", [name for name in subpackages() if name != "neuromotion_gym"])
def test_every_subpackage_has_tests(name):
    mirror = TESTS.joinpath(*name.split(".")[1:])
    found = [*mirror.glob("test_*.py"), *mirror.parent.glob(f"test_{mirror.name}*.py")]
    assert found, (
        f"{name} has no tests: neither {mirror.relative_to(ROOT)}/ nor {mirror.parent.name}/test_{mirror.name}*"
    )


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_names_in_all_exist(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__" for node in tree.body):
        return
    module = importlib.import_module(dotted(path))
    assert not [name for name in module.__all__ if not hasattr(module, name)]
    assert len(set(module.__all__)) == len(module.__all__)
