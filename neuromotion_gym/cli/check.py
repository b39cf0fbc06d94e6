"""``neuromotion check``: all that is wrong with a decoder, alone and on a labelled recording, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuromotion_gym.cli.facts import FactOption, facts_from
from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.reading import (
    WITHOUT_RECORDING,
    ChannelsOption,
    LabelsOption,
    RateOption,
    ReadingOption,
    UnitOption,
    reading_from,
)
from neuromotion_gym.cli.tables import print_table
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.decoders.faults import Fault


def check(
    decoder: Annotated[str, typer.Argument(help="Name or folder of a decoder, or an ONNX file.")],
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Your labelled recording, a file or a folder; docs/recordings.md has the formats."),
    ] = None,
    fact: FactOption = None,
    labels: LabelsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    channels: ChannelsOption = None,
    reading: ReadingOption = None,
) -> None:
    """List all that is wrong with a decoder, and with how it fits a recording; exit code 1 if there is anything."""
    from neuromotion_gym.decoders.checks import find_faults
    from neuromotion_gym.decoders.described import facts_of
    from neuromotion_gym.decoders.faults import FaultyDecoderError
    from neuromotion_gym.decoders.recording_checks import check_recordings
    from neuromotion_gym.decoders.zoo import load_decoder
    from neuromotion_gym.signals.reading import Reading, read_recordings

    said = reading_from(labels, unit, rate, channels, reading)
    if not recording and said != Reading():
        raise NeuroMotionError(WITHOUT_RECORDING)
    try:
        loaded: Decoder = load_decoder(decoder, **facts_from(fact))
    except FaultyDecoderError as error:
        _print(error.faults, error.where)
        if error.advice:
            say(error.advice)
        raise typer.Exit(1) from None
    spec = loaded.spec
    faults = find_faults(loaded)
    agreement = None
    if recording and not faults:
        if said.modality is None:
            said = said.model_copy(update={"modality": spec.modality})
        found = check_recordings(loaded, read_recordings(recording, said), said)
        faults, agreement = found.faults, found.agreement
    print_table(("", spec.name), [(name, text) for name, text in facts_of(spec).items()])
    if agreement is not None:
        say(f"On the recording, {agreement}.")
    if faults:
        _print(faults, f"Decoder {spec.name!r}")
        raise typer.Exit(1)
    say("Nothing wrong was found.")


def _print(faults: Sequence[Fault], title: str) -> None:
    rows = [(fault.what, fault.found, fault.right) for fault in faults]
    print_table(("what", "found", "what would be right"), rows, title=title)
