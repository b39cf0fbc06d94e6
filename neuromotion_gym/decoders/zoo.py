"""Names of the shipped decoders, taken from the folders themselves: one folder, one decoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neuromotion_gym.decoders.recipe import RECIPE
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import classifiers_root

if TYPE_CHECKING:
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder

MODEL = "model.onnx"


def list_decoders() -> list[str]:
    """Names of all shipped decoders that can be run, sorted."""
    return sorted(
        path.name for path in classifiers_root().iterdir() if (path / RECIPE).is_file() and (path / MODEL).is_file()
    )


def decoder_folder(name: str) -> Path:
    """Folder of a shipped decoder.

    Raises
    ------
    NeuroMotionError
        If there is none of that name; the message lists all there are.
    """
    names = list_decoders()
    if name not in names:
        raise NeuroMotionError(
            f"No decoder is called {name!r}. Shipped decoders: {', '.join(names) or 'none'}; "
            f"a folder with {RECIPE} and {MODEL} is taken too."
        )
    return classifiers_root() / name


def load_decoder(name: str | Path, *, threads: int = 1) -> OnnxDecoder:
    """A shipped decoder by its name, or the one in a folder.

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
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.decoders.recipe import load_spec

    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        return OnnxDecoder(path, load_spec(path.parent), threads=threads)
    if isinstance(name, str) and path.name == name and name in list_decoders():
        return OnnxDecoder(decoder_folder(name), threads=threads)
    if path.is_dir():
        return OnnxDecoder(path, threads=threads)
    return OnnxDecoder(decoder_folder(str(name)), threads=threads)
