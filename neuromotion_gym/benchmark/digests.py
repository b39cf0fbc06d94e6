"""Digests of everything that a figure depends on: finished results are reused only if the digests are the same."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import neuromotion_gym
from neuromotion_gym.controllers.learned import PREFIX, policy_path, read_policy
from neuromotion_gym.controllers.registry import known_controllers
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checksums import files_checksum
from neuromotion_gym.intents import intent_table
from neuromotion_gym.registration import drive_class, environment, limb_file, resolve, scene_file, task_class
from neuromotion_gym.resources import assets_root
from neuromotion_gym.signals.sources.perturbed import checked_perturbation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuromotion_gym.datasets.playing import Perturbation

LIBRARIES = ("mujoco", "onnxruntime", "numpy", "scipy", "mne", "gymnasium")
APART = ("surrogates", "controllers")
"""Folders of assets that `library_digest` leaves out: a cell reads one file of them, which its own digest covers."""


@cache
def library_digest(root: Path | None = None, assets: Path | None = None) -> str:
    """Digest of the library: every ``.py`` and ``.yaml`` file of the package, assets, and versions of `LIBRARIES`.

    Parameters
    ----------
    root, assets : pathlib.Path, optional
        Folders of the package and of its assets; the installed ones if left out.
    """
    package = Path(neuromotion_gym.__file__).parent
    root, assets = root or package, assets or assets_root()
    files = [path for path in root.rglob("*") if path.suffix in (".py", ".yaml")]
    digest = hashlib.sha256(f"{neuromotion_gym.__version__}\n{versions()}\n{files_checksum(files)}\n".encode())
    shipped = [path for path in assets.rglob("*") if path.is_file() and path.relative_to(assets).parts[0] not in APART]
    shipped = [path for path in shipped if path.suffix != ".pyc"]
    if shipped:
        digest.update(files_checksum(shipped).encode())
    return digest.hexdigest()


def versions() -> str:
    """Versions of the libraries that figures depend on, such as ``numpy 2.0, scipy 1.14``."""
    return ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def environment_digest(env_id: str, dataset: str) -> str:
    """Digest of what other packages may have registered: the row, limb, labels, task, drive, reader of the data set.

    Parts that belong to the library are already covered by `library_digest`.
    """
    row = environment(env_id)
    limb = limb_file(row.limb)
    files = [path for path in limb.parent.rglob("*") if path.is_file()]
    digest = hashlib.sha256(files_checksum([*files, *([] if row.scene is None else [scene_file(row.scene)])]).encode())
    labels = sorted(intent_table(row.limb, row.intents).items())
    digest.update(f"{row}\n{labels}".encode())
    brought_by: list[Callable[..., object]] = [task_class(row.task), drive_class(row.drive)]
    if registry.is_known(dataset):  # recordings of one's own may name a data set that the library does not know
        brought_by.append(registry.dataset(dataset).read)
    for brought in brought_by:
        digest.update(_source_checksum(brought).encode())
    return digest.hexdigest()


def _source_checksum(brought: Callable[..., object]) -> str:
    """Checksum of the file in which a class or function is defined; empty if there is no such file."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(brought))
    except TypeError:
        file = None
    return "" if file is None else files_checksum([Path(file)])


def _brought_checksum(brought: Callable[..., object]) -> str:
    """`_source_checksum` of a class or function of another package; empty for the library's own."""
    package = neuromotion_gym.__name__
    return "" if inspect.unwrap(brought).__module__.split(".")[0] == package else _source_checksum(brought)


def perturbation_digest(perturbations: Sequence[Perturbation]) -> dict[str, str]:
    """Checksums of the code of those perturbations that other packages brought, by name."""
    found = {one.name: _brought_checksum(checked_perturbation(one.name, one.options)) for one in perturbations}
    return {f"perturbation {name}": checksum for name, checksum in found.items() if checksum}


def policy_digest(controller: str) -> str:
    """Checksum of the file of a learned controller, or of the code of one that another package brought."""
    if not controller.startswith(PREFIX):
        return _brought_checksum(resolve(known_controllers()[controller]))
    path = policy_path(controller.removeprefix(PREFIX))
    read_policy(path)  # raises if the file is damaged
    return files_checksum([path])
