"""The package as a whole: what is installed, what may import what, and that every part has tests."""

from __future__ import annotations

import ast
import configparser
import importlib
import json
import re
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

LEAVES = {
    "errors",
    "files",
    "html_table",
    "intents",
    "plain_yaml",
    "opengl",
    "plugins",
    "process_wide",
    "registration",
    "resources",
    "schema",
    "statistics",
    "workers",
}
# What each box imports besides itself and the leaves, nearest first; what these import in turn is allowed, too.
ARROWS = {
    "signals": set(),
    "datasets": {"signals"},
    "decoders": {"datasets"},
    "limbs": set(),
    "tasks": {"limbs"},
    "operators": {"limbs"},
    "rendering": {"limbs", "tasks"},
    "training": {"decoders"},
    "export": {"training"},
    "envs": {"rendering", "operators", "decoders"},
    "controllers": {"envs", "training"},
    "benchmark": {"controllers"},
    "audit": {"benchmark"},
    "cli": {"audit"},
}
LEAF_ORDER = (
    "errors",
    "plugins",
    "resources",
    "workers",
    "opengl",
    "files",
    "html_table",
    "plain_yaml",
    "process_wide",
    "schema",
    "statistics",
    "registration",
    "intents",
)


def below(box: str) -> set[str]:
    """Everything that a box may import."""
    found = set(ARROWS[box])
    for other in ARROWS[box]:
        found |= below(other)
    return found


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


def imports(path: Path, *, at_import: bool, types: bool = False) -> set[str]:
    """Dotted names that a module imports; with ``at_import`` only those that importing it runs.

    With ``types`` those that are imported for annotations alone count, too.
    """
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if not types and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
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


def test_every_subpackage_is_installed():
    """Packages are found by setup.py; a folder that it misses is there in an editable install alone."""
    script = "import setuptools, json; setuptools.setup = lambda **k: print(json.dumps(k['packages'])); "
    script += "exec(open('setup.py').read())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = json.loads(done.stdout)
    assert sorted(listed) == sorted([*subpackages(), "neuromotion_gym.assets", "neuromotion_gym.classifiers"])


@pytest.mark.parametrize("name", subpackages())
def test_every_folder_of_modules_is_a_package(name):
    assert (ROOT / Path(*name.split(".")) / "__init__.py").is_file()


@pytest.mark.parametrize("folder", ["assets", "classifiers", "neuromotion_gym"])
def test_package_data_names_every_committed_file(folder):
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    package = folder if folder == "neuromotion_gym" else f"neuromotion_gym.{folder}"
    globs = config["options.package_data"][package].split()
    suffixes = {Path(glob).suffix or Path(glob).name for glob in globs}
    listing = subprocess.run(
        ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=False
    )  # outside a checkout the list is empty, and nothing is asked
    left_out = {
        name
        for name in listing.stdout.split()
        if Path(name).suffix not in {*suffixes, ".py"} and Path(name).name not in suffixes
    }
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
    """Running a shipped decoder needs none of them; networks, trainers and sb3.py are made for them throughout."""
    if "networks" in path.parts or path.name in ("train.py", "training.py", "sb3.py"):
        return
    top = {name.split(".")[0] for name in imports(path, at_import=True)}
    assert not top & set(TRAINING_ONLY)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_arrows_point_one_way(path):
    own = path.relative_to(LIBRARY).with_suffix("").parts[0]
    if own == "__init__":
        return
    assert own in ARROWS or own in LEAVES, f"give {own} its place in ARROWS"
    allowed = below(own) | LEAVES if own in ARROWS else set(LEAF_ORDER[: LEAF_ORDER.index(own)])
    for name in imports(path, at_import=False):
        split = name.split(".")
        if split[0] == "neuromotion_gym" and len(split) > 1 and split[1] in {*ARROWS, *LEAVES}:
            assert split[1] == own or split[1] in allowed, f"{own} must not import {split[1]}"


def test_no_two_files_import_each_other():
    """In a box or across boxes, in functions and for types alone too: what knows each other is one thing."""
    own = {dotted(path): path for path in modules()}
    arrows = {
        name: {
            target
            for found in imports(path, at_import=False, types=True)
            for target in (found, found.rpartition(".")[0])
            if target in own and target != name and own[target].name != "__init__.py"
        }
        for name, path in own.items()
        if path.name != "__init__.py"
    }
    circles = []
    for start in arrows:
        reached, todo = set(), list(arrows[start])
        while todo:
            name = todo.pop()
            if name not in reached:
                reached.add(name)
                todo += arrows.get(name, ())
        if start in reached:
            circles.append(start)
    assert not circles


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


def test_the_lowest_versions_that_ci_runs_are_those_that_may_be_installed():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    told = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    lowest = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?>=([\d.]+)$", "\n".join(told), flags=re.MULTILINE))
    pins = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8")
    taken = dict(re.findall(r"^([\w-]+)==([\d.]+)$", pins, flags=re.MULTILINE))
    needed = re.findall(r"^([\w-]+)", config["options"]["install_requires"], flags=re.MULTILINE)
    assert set(needed) <= set(taken) <= set(lowest)
    assert {name: version for name, version in taken.items() if f"{version}.".startswith(f"{lowest[name]}.")} == taken
