"""`calibrate`: fits a decoder's last layer to one wearer and writes a decoder folder of its own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets.fingerprints import fingerprints_of
from neuromotion_gym.decoders.fitted_on import FittedOn, fitted_on, write_fitted_on
from neuromotion_gym.decoders.onnx_decoder import FIXED_ADAPTATION, MODEL, OnnxDecoder
from neuromotion_gym.decoders.recipe import RECIPE
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import filling
from neuromotion_gym.signals.recording import Recording
from neuromotion_gym.training.fitted_on import fitted_on_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def calibrate(decoder: OnnxDecoder | str | Path, recording: Recording | Sequence[Recording], out: str | Path) -> Path:
    """Fit a decoder's last layer to one wearer and write a decoder folder that needs no further calibration.

    Parameters
    ----------
    decoder : OnnxDecoder, or name or folder of one
        Its ``adaptation.kind`` has to be "head".
    recording : Recording, or several
        Labelled recordings that hold every label of the decoder.
    out : path
        Folder to write: ``recipe.yaml``, ``model.onnx``, ``adaptation.npy`` and ``fitted_on.json``.

    Returns
    -------
    path
        The folder.

    Raises
    ------
    NeuroMotionError
        If the decoder cannot be calibrated, or the recording does not fit.
    """
    if not isinstance(decoder, OnnxDecoder):
        decoder = load_decoder(decoder)
    if decoder.spec.adaptation.kind != "head":
        raise NeuroMotionError(
            f"Decoder {decoder.spec.name!r} has no last layer to calibrate (its adaptation.kind is "
            f"{decoder.spec.adaptation.kind!r}, not 'head')."
        )
    recordings = [recording] if isinstance(recording, Recording) else list(recording)
    head = decoder.adapt(recordings)
    assert head is not None
    folder, source = Path(out), decoder.path.parent
    if folder.resolve() == source.resolve():
        raise NeuroMotionError(f"{folder} is the decoder's own folder; choose another to write to.")
    with filling(folder) as temporary:
        shutil.copyfile(decoder.path, temporary / MODEL)
        shutil.copyfile(source / RECIPE, temporary / RECIPE)
        np.save(temporary / FIXED_ADAPTATION, head, allow_pickle=False)
        write_fitted_on(temporary, _with_calibration(fitted_on(source), recordings))
    return folder


def _with_calibration(before: FittedOn | None, recordings: Sequence[Recording]) -> FittedOn:
    """The record of what the decoder was fitted on, with the wearer's calibration run added."""
    # A user's recordings may all have the same name, but fingerprints are stored by name
    numbered = [replace(one, run=f"{one.run} ({number})") for number, one in enumerate(recordings)]
    found = {"fingerprints": fingerprints_of(numbered).to_json(), "wearer": True}
    calibration = fitted_on_of(recordings).model_copy(update=found)
    if before is None:
        return calibration.model_copy(update={"complete": False})
    return before.model_copy(update={"also": (*before.also, calibration)})
