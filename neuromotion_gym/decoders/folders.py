"""Names and folders of decoders: the shipped ones, found by walking, and those that other packages register."""

from __future__ import annotations

import hashlib
from pathlib import Path

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.resources import classifiers_root

RECIPE, MODEL = "recipe.yaml", "model.onnx"
"""Files of a decoder's folder; one that holds only a recipe can be trained."""

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
        One of `list_decoders`, or a folder. A bare name is that of a listed decoder, if there is one; a folder of the
        same name is meant by a `pathlib.Path` or by a text with a separator, such as ``./name``.

    Warns
    -----
    NeuroMotionWarning
        If there are a listed decoder and a file or folder of the same name.

    Raises
    ------
    NeuroMotionError
        If there is no decoder of this name; the message lists all names.
    """
    if isinstance(name, str) and not name.strip():
        raise NeuroMotionError("A decoder is a name, a folder or an ONNX file, not an empty text.")
    if isinstance(name, str) and name in list_decoders() + list(_REGISTERED):
        if Path(name).exists():
            what = "folder" if Path(name).is_dir() else "file"
            warn(
                f"{name!r} is a decoder that is installed, and a {what} in the working directory; the installed one "
                f"is taken. Write './{name}' for the {what}."
            )
        return _REGISTERED.get(name) or classifiers_root() / name
    if exists(name) and Path(name).is_dir():
        return Path(name)
    raise NeuroMotionError(
        f"No decoder is called {str(name)!r}. Decoders: {', '.join(list_decoders()) or 'none'}; "
        f"a folder with {RECIPE} and {MODEL}, or a file that ends with .onnx, is taken too."
    )


def model_digest(folder: Path) -> str | None:
    """Digest of the ONNX file that the other files of a decoder's folder are about, 16 hexadecimal digits.

    It is ``model.onnx``, or else the only one; None if there is no such file.
    """
    named = folder / MODEL
    files = [named] if named.is_file() else sorted(folder.glob("*.onnx"))
    return hashlib.sha256(files[0].read_bytes()).hexdigest()[:16] if len(files) == 1 else None


def exists(name: str | Path) -> bool:
    """Whether there is such a file or folder; names that no file can have do not raise an error."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _shipped() -> set[str]:
    return {path.name for path in classifiers_root().iterdir() if _is_decoder(path)}


def _is_decoder(folder: Path) -> bool:
    return (folder / RECIPE).is_file() and (folder / MODEL).is_file()
