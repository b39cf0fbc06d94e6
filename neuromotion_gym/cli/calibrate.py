"""``neuromotion calibrate``: a decoder for one wearer, from a labelled recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DecoderArgument


def calibrate(
    decoder: DecoderArgument,
    recording: Annotated[
        Path,
        typer.Argument(help="Your labelled recording: .npz, or a file that MNE reads, whose annotations are labels."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the calibrated decoder to.")],
) -> None:
    """Fit the last layer of a decoder to one wearer, in seconds."""
    from neuromotion_gym.decoders.zoo import load_decoder
    from neuromotion_gym.signals.readers import arrays, mne_files
    from neuromotion_gym.training.calibrate import calibrate

    spec = load_decoder(decoder).spec
    if recording.suffix == ".npz":
        read = arrays.read(recording)
    else:
        read = mne_files.read(recording, modality=spec.modality, channels=spec.channels)
    say(f"Decoder written to {calibrate(decoder, read, out)}")
