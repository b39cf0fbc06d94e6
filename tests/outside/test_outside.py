"""Another package brings a limb, a task, a data set, a network, a decoder, a controller and a perturbation.

It is built as a wheel, installed beside the library, found by its entry point, and passes the general suites in a
process of its own; not a line of the library knows of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .make_data import write_foot_set

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


def run(*arguments: str, **environment: str) -> str:
    """Output of a Python command that has to succeed."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which the package's wheel is installed."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(HERE / "neuromotion_outside", folder / "source" / "neuromotion_outside")
    shutil.copy(HERE / "pyproject.toml", folder / "source")
    quiet = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*quiet, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(folder / "source"))
    (wheel,) = folder.glob("*.whl")
    run(*quiet, "install", "--no-deps", "--target", str(folder / "site"), str(wheel))
    return folder / "site"


def test_another_package_passes_the_general_suites(site: Path, tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
        "NEUROMOTION_DATA": str(write_foot_set(tmp_path / "data")),
        "NEUROMOTION_CACHE": str(tmp_path / "cache"),
    }
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", str(HERE / "suite" / "pytest.ini"))
    out = run("-m", "pytest", *options, str(HERE / "suite"), **environment)
    assert "passed" in out


def test_the_library_knows_nothing_of_it(site: Path) -> None:
    names = "print('foot_set' in registry.dataset_names(), 'NeuroPedal-v0' in ENVIRONMENTS)"
    code = f"from neuromotion_gym import ENVIRONMENTS\nfrom neuromotion_gym.datasets import registry\n{names}"
    assert run("-c", code).split() == ["False", "False"]
    assert run("-c", code, PYTHONPATH=str(site)).split() == ["True", "True"]
