"""Decoders by name: the shipped ones, found by their folders, and those that other packages register."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuromotion_gym.decoders.onnx_decoder import MODEL, OnnxDecoder
from neuromotion_gym.decoders.recipe import RECIPE, load_spec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import classifiers_root

_REGISTERED: dict[str, Path] = {}


def register_decoder(name: str, folder: str | Path) -> None:
    """Register a decoder of another package by its folder; registering the same folder again has no effect.

    A folder that holds only a recipe may be registered too; the decoder is listed after it has been trained.

    Raises
    ------
    NeuroMotionError
        If another decoder has this name, or the folder lacks ``recipe.yaml``.
    """
    folder = Path(folder).resolve()
    if name in _shipped() or _REGISTERED.get(name, folder) != folder:
        raise NeuroMotionError(f"There already is a decoder {name!r}; choose another name.")
    if not (folder / RECIPE).is_file():
        raise NeuroMotionError(f"{folder} is no decoder's folder: it lacks {RECIPE}.")
    _REGISTERED[name] = folder


def list_decoders() -> list[str]:
    """Names of all decoders that can be run, sorted: shipped and registered ones."""
    return sorted({*_shipped(), *(name for name, folder in _REGISTERED.items() if _is_decoder(folder))})


def decoder_folder(name: str | Path) -> Path:
    """Folder of a decoder.

    Parameters
    ----------
    name : str or path
        One of `list_decoders`, or a folder. The name of a decoder takes precedence over a folder of the same name in
        the working directory.

    Raises
    ------
    NeuroMotionError
        If there is no decoder of this name; the message lists all names.
    """
    if isinstance(name, str) and name in _REGISTERED:
        return _REGISTERED[name]
    if isinstance(name, str) and name in _shipped():
        return classifiers_root() / name
    if Path(name).is_dir():
        return Path(name)
    raise NeuroMotionError(
        f"No decoder is called {str(name)!r}. Decoders: {', '.join(list_decoders()) or 'none'}; "
        f"a folder with {RECIPE} and {MODEL} is taken too."
    )


def load_decoder(name: str | Path, *, threads: int = 1, **facts: Any) -> OnnxDecoder:
    """Load a decoder by its name or from a folder.

    Parameters
    ----------
    name : str or path
        One of `list_decoders`, a folder with ``recipe.yaml`` and ``model.onnx``, or a ``.onnx`` file in such a folder.
    threads : int
        Threads of one decoding call.
    **facts
        What the files do not say, as fields of `DecoderSpec`; they take precedence over those of the recipe.

    Raises
    ------
    NeuroMotionError
        If there is no such decoder, or its files are corrupt.
    """
    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        spec = load_spec(path.parent, facts)
        # The file of a folder's decoder is loaded with adaptation.npy, if the folder has one
        return OnnxDecoder(path.parent if path.name == MODEL else path, spec, threads=threads)
    folder = decoder_folder(name)
    return OnnxDecoder(folder, load_spec(folder, facts), threads=threads)


def _shipped() -> set[str]:
    return {path.name for path in classifiers_root().iterdir() if _is_decoder(path)}


def _is_decoder(folder: Path) -> bool:
    return (folder / RECIPE).is_file() and (folder / MODEL).is_file()
