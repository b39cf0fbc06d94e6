"""``neuromotion audit``: asks what a decoder's figure rests on, such as shared samples, eyes, or time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DATA
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
    from neuromotion_gym.audit.asking import Audit
    from neuromotion_gym.audit.material import Material
    from neuromotion_gym.signals.reading import Reading


def audit(
    decoder: Annotated[
        str | None, typer.Argument(help="Name or folder of a decoder; without it, recordings or windows alone.")
    ] = None,
    part: Annotated[
        Literal["tune", "test"] | None, typer.Option(help="Part of its data set.", show_default="test")
    ] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Only this person; several may be given.")] = None,
    recording: Annotated[
        list[Path] | None, typer.Option(help="Your labelled recording: a file, a folder, or several.")
    ] = None,
    windows: Annotated[
        Path | None, typer.Option(help="File .npz with windows, labels, groups and a split; see docs/audit.md.")
    ] = None,
    claim: Annotated[
        Literal["trial", "session", "subject"] | None,
        typer.Option(help="What the figure is said to hold for: other trials, other sessions, other people."),
    ] = None,
    rest: Annotated[str | None, typer.Option(help="Label for rest, of recordings or windows.")] = None,
    eyes: Annotated[str | None, typer.Option(help="Channels that record the eyes, with commas between them.")] = None,
    question: Annotated[
        list[str] | None, typer.Option(help="Only this question; several may be given.", show_default="all")
    ] = None,
    permutations: Annotated[int, typer.Option(min=99, help="Permutations of each test.")] = 1999,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, report.md and audit.json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    labels: LabelsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    channels: ChannelsOption = None,
    reading: ReadingOption = None,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Ask what a figure rests on; exit code 1 if there is a finding."""
    import json

    from rich.console import Console
    from rich.text import Text

    from neuromotion_gym.audit.answer import Options
    from neuromotion_gym.audit.asking import audit
    from neuromotion_gym.audit.registry import chosen_questions
    from neuromotion_gym.audit.report import write_report
    from neuromotion_gym.files import check_folder
    from neuromotion_gym.signals.reading import Reading

    chosen_questions(question or None)
    if out is not None:
        check_folder(out)
    said = reading_from(labels, unit, rate, channels, reading)
    facts = {
        "rest_label": rest,
        "eyes": None if eyes is None else tuple(name.strip() for name in eyes.split(",") if name.strip()),
    }
    told = {name: value for name, value in facts.items() if value is not None}
    if not recording and said != Reading():
        raise NeuroMotionError(WITHOUT_RECORDING)
    with Console(stderr=True).status("Reading") as status:
        material = _material(decoder, part, subject, recording, windows, claim, told, said, data)
        found = audit(
            material,
            questions=question or None,
            options=Options(permutations=permutations),
            progress=lambda words: status.update(Text(words)),
        )
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        _print(found)
    if out is not None:
        page = write_report(found, out)
        if not as_json:
            say(f"Report: {page}")
    if found.findings:
        raise typer.Exit(1)


def _material(
    decoder: str | None,
    part: Literal["tune", "test"] | None,
    subject: list[str] | None,
    recording: list[Path] | None,
    windows: Path | None,
    claim: Literal["trial", "session", "subject"] | None,
    facts: dict[str, Any],
    said: Reading,
    data: Path | None,
) -> Material:
    """What the options say is audited."""
    from neuromotion_gym.audit import reading as materials

    if windows is not None:
        if decoder is not None or recording or subject or part is not None:
            raise NeuroMotionError(
                "--windows is audited alone: leave out the decoder, --recording, --part and --subject."
            )
        return materials.of_file(windows, claim=claim, **facts)
    if recording:
        if subject or part is not None:
            raise NeuroMotionError("--part and --subject belong to a data set, not to --recording.")
        what: Any = recording[0] if len(recording) == 1 else recording
        return materials.of_recordings(what, said, decoder=decoder, claim=claim, **facts)
    if decoder is None:
        raise NeuroMotionError("Name a decoder, or give --recording or --windows: there is nothing to audit.")
    if facts:
        raise NeuroMotionError("--rest and --eyes are facts of the data set; they belong to --recording or --windows.")
    return materials.of_decoder(decoder, part or "test", subjects=subject or None, claim=claim, root=data)


def _print(found: Audit) -> None:
    """Print all answers, and what was found in words."""
    from neuromotion_gym.audit.report import HEADER, sections

    found_section, answers = sections(found)
    print_table(
        HEADER, answers.rows, title=found.name, bold=[i for i, row in enumerate(answers.rows) if row[-1] == "yes"]
    )
    for name, reason in found.not_asked.items():
        say(f"Not asked: {found.asks[name]} {reason[0].upper() + reason[1:]}.")
    if not found_section.rows:
        say("Nothing was found.")
    for question, sentence, advice in found_section.rows:
        say(f"\n{question}: {sentence}", style="bold")
        say(advice)
