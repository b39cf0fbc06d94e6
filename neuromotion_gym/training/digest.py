"""`training_digest`: a hash over everything that the weights of a trained decoder depend on.

The names of work folders and of the folders of folds hold it. So interrupted training is resumed, and a fold is taken
from the cache, only if recipe, recordings, code and libraries are the same.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import neuromotion_gym
from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.checksums import files_checksum
from neuromotion_gym.decoders.recipe import recipe_digest
from neuromotion_gym.resources import data_root
from neuromotion_gym.training.architectures import registered_network
from neuromotion_gym.training.data import people_of
from neuromotion_gym.training.fine_tuning import weights_file
from neuromotion_gym.training.preparations import registered_preparation

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from neuromotion_gym.decoders.recipe import Recipe

BOXES = ("training", "decoders", "datasets", "signals")
"""Folders of the library with the code that weights depend on."""
LIBRARIES = ("torch", "lightning", "numpy", "scipy", "scikit-learn", "mne")


def training_digest(
    recipe: Recipe, part: str, exclude: Sequence[str] = (), root: str | os.PathLike[str] | None = None
) -> str:
    """Digest of recipe, recordings, code, versions of libraries and the weights that training starts from.

    It has 16 hexadecimal digits.

    Parameters
    ----------
    recipe : Recipe
    part : str
        Part of the data set that is trained on.
    exclude : sequence of str
        People left out, besides those that the recipe leaves out.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.

    Raises
    ------
    NeuroMotionError
        If recordings are missing.
    """
    data, network, training = recipe.trainable()
    recordings = [recordings_checksum(recipe, part, (*data.exclude, *exclude), root)]
    recordings += [further_checksum(name, root) for name in data.also]
    if data.tune is not None and training.method == "gradient":
        recordings.append(recordings_checksum(recipe, data.tune, data.exclude, root))
    if training.start_from is not None:
        recordings.append(files_checksum((weights_file(training.start_from),)))
    return recipe_digest(
        recipe,
        part,
        sorted(exclude),
        recordings,
        library_code(),
        _own_code(registered_network(network.name)),
        _own_code(registered_preparation(data.preparation)),
        {name: _version(name) for name in LIBRARIES},
    )


def recordings_checksum(recipe: Recipe, part: str, exclude: Sequence[str], root: str | os.PathLike[str] | None) -> str:
    """Checksum of all files that a part of the recipe's data set is read from, calibration runs included."""
    facts = registry.dataset(recipe.decoder.dataset)
    folder = data_root(root)
    calibration = facts.table.kind(recipe.data.session_kind if recipe.data is not None else None).calibration
    digest = hashlib.sha256()
    for person, runs in people_of(recipe, part, exclude).items():
        for run in dict.fromkeys((*calibration, *runs)):
            digest.update(f"{person}\0{run}\0{files_checksum(facts.files(person, run, folder))}\n".encode())
    return digest.hexdigest()


def further_checksum(name: str, root: str | os.PathLike[str] | None) -> str:
    """Checksum of all files that the train part of a further data set is read from."""
    facts, folder = registry.dataset(name), data_root(root)
    runs = facts.table.runs("train").items()
    return files_checksum([path for person, own in runs for run in own for path in facts.files(person, run, folder)])


@cache
def library_code() -> str:
    """Digest of the library's code that turns recordings into weights, and of its tables of parts."""
    root = Path(neuromotion_gym.__file__).parent
    digest = hashlib.sha256()
    for box in BOXES:
        for path in sorted((root / box).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(f"{path.relative_to(root).as_posix()}\0{_content(path)}\n".encode())
    return digest.hexdigest()


def _content(path: Path) -> str:
    """Text of a file; Python code without its comments and docstrings, since these do not change the weights."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def _own_code(function: Callable[..., object] | None) -> str:
    """Digest of the file that defines a registered function; empty if there is none (a function of the library)."""
    if function is None:
        return ""
    path = inspect.getsourcefile(inspect.unwrap(function))
    return "" if path is None else hashlib.sha256(_content(Path(path)).encode()).hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
