"""Loads decoders: by name, from a folder or a file, or from an object of another library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from neuromotion_gym.decoders.folders import decoder_folder, exists
from neuromotion_gym.decoders.objects import decoder_of
from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.decoders.decoder import Decoder


@overload
def load_decoder(what: str | Path, /, *, threads: int = 1, **facts: Any) -> OnnxDecoder: ...
@overload
def load_decoder(what: object, /, *, threads: int = 1, **facts: Any) -> Decoder: ...
def load_decoder(what: object, /, *, threads: int = 1, **facts: Any) -> Decoder:
    """Load a decoder by its name, from a folder or from an ONNX file, or make one of an object of another library.

    Parameters
    ----------
    what : str, path or object
        A name, see `neuromotion_gym.decoders.list_decoders`; a folder with ``recipe.yaml`` and ``model.onnx``; or an
        ``.onnx`` file as its exporter wrote it; see `decoder_folder` for names of both. Or an object, see
        `neuromotion_gym.decoders.objects.decoder_of`.
    threads : int
        Threads of one decoding call; an object has its own.
    **facts
        What the files do not say, as fields of `DecoderSpec`: ``labels``, ``rate_hz``, ``unit``, ``channels`` … They
        take precedence over those of a recipe beside the file and over its metadata. ``labels`` may be a map that
        renames.

    Raises
    ------
    NeuroMotionError
        If there is no such decoder, its files are corrupt, or facts are missing; the message lists all of them.

    Examples
    --------
    >>> load_decoder("model.onnx", modality="emg", labels=["rest", "fist"], rate_hz=200, unit="mV", channels=["1", "2"])
    """
    if not isinstance(what, str | Path):
        return decoder_of(what, facts)
    if Path(what).suffix == ".onnx" and not exists(what):
        raise NeuroMotionError(f"There is no file {str(what)!r}.")
    if Path(what).suffix == ".onnx" and Path(what).is_file():
        return OnnxDecoder(Path(what), facts, threads=threads)
    return OnnxDecoder(decoder_folder(what), facts, threads=threads)
