"""Decoders by name: the shipped folders, found by walking them, and those that other packages register."""

from __future__ import annotations

from pathlib import Path

from neuromotion_gym.decoders.onnx_decoder import MODEL, OnnxDecoder
from neuromotion_gym.decoders.recipe import RECIPE, load_spec
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import classifiers_root

_REGISTERED: dict[str, Path] = {}


def register_decoder(name: str, folder: str | Path) -> None:
    """Make the decoder in a folder of another package known by name; the same folder again changes nothing.

    A folder with a recipe alone may be registered, too; it is listed once it is trained.

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
        One of `list_decoders`, or the folder itself. A name comes before a folder of the same name in the working
        directory.

    Raises
    ------
    NeuroMotionError
        If there is none of that name; the message lists all there are.
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


def load_decoder(name: str | Path, *, threads: int = 1) -> OnnxDecoder:
    """A decoder by its name, or the one in a folder.

    Parameters
    ----------
    name : str or path
        One of `list_decoders`, a folder with ``recipe.yaml`` and ``model.onnx``, or a ``.onnx`` file in such a folder.
    threads : int
        Threads of one decoding call.

    Raises
    ------
    NeuroMotionError
        If there is no such decoder, or its files are corrupt.
    """
    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        if path.name == MODEL:  # the folder's own graph, with the adaptation that may lie beside it
            return OnnxDecoder(path.parent, threads=threads)
        return OnnxDecoder(path, load_spec(path.parent), threads=threads)
    return OnnxDecoder(decoder_folder(name), threads=threads)


def _shipped() -> set[str]:
    return {path.name for path in classifiers_root().iterdir() if _is_decoder(path)}


def _is_decoder(folder: Path) -> bool:
    return (folder / RECIPE).is_file() and (folder / MODEL).is_file()
