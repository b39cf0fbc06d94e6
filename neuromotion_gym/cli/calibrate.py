"""``neuromotion calibrate``: a decoder for one wearer, from a labelled recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuromotion_gym.cli.facts import FactOption, facts_from
from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DecoderArgument
from neuromotion_gym.cli.reading import (
    ChannelsOption,
    LabelsOption,
    RateOption,
    ReadingOption,
    UnitOption,
    reading_from,
)


def calibrate(
    decoder: DecoderArgument,
    recording: Annotated[
        list[Path],
        typer.Argument(help="Your labelled recordings: files or folders; docs/recordings.md has the formats."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the calibrated decoder to.")],
    fact: FactOption = None,
    labels: LabelsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    channels: ChannelsOption = None,
    reading: ReadingOption = None,
    arrangement_only: Annotated[
        bool, typer.Option("--arrangement-only", help="Only find how the band is worn, turned or mirrored.")
    ] = False,
) -> None:
    """Fit a decoder to one wearer, in seconds: its last layer, and how the band of electrodes is worn."""
    from neuromotion_gym.decoders.zoo import load_decoder
    from neuromotion_gym.training.calibrate import fit_to_wearer

    said = reading_from(labels, unit, rate, channels, reading)
    loaded = load_decoder(decoder, **facts_from(fact))
    fit = fit_to_wearer(loaded, recording, said, arrangement_only=arrangement_only)
    folder = fit.write(out)
    for line in fit.findings:
        say(line)
    say(f"Decoder written to {folder}")
