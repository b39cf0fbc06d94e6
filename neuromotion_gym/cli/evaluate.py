"""``neuromotion evaluate``: a decoder offline, on parts of its data set, on new people, or on one's own recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DATA, DecoderArgument
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

COLUMNS = ("balanced accuracy", "mean", "95 %", "chance", "people", "decisions")
OF_TARGETS = ("R², mean over targets", "within blocks", "95 %", "as a whole", "people", "windows")


def evaluate(
    decoder: DecoderArgument,
    part: Annotated[
        Literal["tune", "test", "both"] | None, typer.Option(help="Part of its data set.", show_default="test")
    ] = None,
    folds: Annotated[
        bool, typer.Option(help="Also train a decoder for each fold of whole people, kept in the cache.")
    ] = (False),
    write: Annotated[bool, typer.Option(help="Write metrics.json and card.md into the decoder's folder.")] = False,
    subject: Annotated[
        list[str] | None,
        typer.Option(help="Only this person, also one who is in no part of the data set. Several may be given."),
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Your labelled recording instead of its data set: a file, a folder, or several."),
    ] = None,
    labels: LabelsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    channels: ChannelsOption = None,
    reading: ReadingOption = None,
    resample: Annotated[bool, typer.Option("--resample", help="Resample recordings at another rate.")] = False,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Evaluate a decoder offline: balanced accuracy (of targets R²), intervals over people, and chance (clocks)."""
    from neuromotion_gym.signals.reading import Reading
    from neuromotion_gym.training.overlapping import OVERLAPPING
    from neuromotion_gym.training.report import evaluate, evaluate_recordings
    from neuromotion_gym.training.trials_aside import TRIALS_ASIDE

    said = reading_from(labels, unit, rate, channels, reading)
    if recording:
        if write or folds or subject or part is not None:
            raise NeuroMotionError("--part, --write, --folds and --subject belong to a data set, not to --recording.")
        from neuromotion_gym.decoders.zoo import load_decoder

        what: Any = recording[0] if len(recording) == 1 else recording
        loaded = load_decoder(decoder)
        figures = evaluate_recordings(loaded, what, said, resample=resample)
        _print({"recording": figures})
        say(f"{loaded.spec.name}, fitted on: {figures['fitted_on']}; intervals over people.")
        _say_seen(figures)
        return
    if said != Reading():
        raise NeuroMotionError(WITHOUT_RECORDING)
    parts = ("tune", "test") if part == "both" else (part or "test",)
    metrics = evaluate(
        decoder, parts=parts, folds=folds, subjects=subject or None, resample=resample, root=data, write=write
    )
    own = ("", "_unseen", "_new_people")
    asked = {one + suffix for one in parts for suffix in own} | {OVERLAPPING, TRIALS_ASIDE}
    names = [name for name in metrics["parts"] if name in asked]
    reports = {name: metrics["parts"][name] for name in names}
    if folds:
        whole = {"person": "people", "run": "runs"}[metrics["folds"]["of"]]
        reports[f"{metrics['folds']['count']} folds of {whole}"] = metrics["folds"]
    _print(reports)
    say(f"{metrics['decoder']}, split by {metrics['split']}; intervals over people.")
    for report in reports.values():
        _say_seen(report)


def _print(reports: dict[str, dict[str, Any]]) -> None:
    """Print the table of some reports, which are all of one decoder."""
    from neuromotion_gym.training.target_card import is_of_targets

    targets = any(map(is_of_targets, reports.values()))
    rows = _target_rows if targets else _rows
    print_table(
        OF_TARGETS if targets else COLUMNS, [row for name, report in reports.items() for row in rows(name, report)]
    )


def _target_rows(name: str, report: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row for the decoder, and one for each clock."""
    from neuromotion_gym.benchmark.shown import NONE
    from neuromotion_gym.training.target_card import WAYS, number

    rows: list[tuple[str, ...]] = []
    for way, inside in report["within_blocks"].items():
        mean, whole = number(inside["mean"], ".3f"), number(report["as_a_whole"][way]["mean"], ".3f")
        limits = NONE if inside["low"] is None else f"{number(inside['low'], '.3f')} to {number(inside['high'], '.3f')}"
        title = f"{name.replace('_', ' ')}, {WAYS[way]}"
        rows.append((title, mean, limits, whole, str(report["people"]), str(report["windows"])))
    return rows


def _rows(name: str, report: dict[str, Any]) -> list[tuple[str, ...]]:
    """Two rows of the table: figures per window and per trial."""
    from neuromotion_gym.benchmark.shown import NONE

    rows: list[tuple[str, ...]] = []
    for title, count in (("per_window", "windows"), ("per_trial", "trials")):
        rate, chance = report[title]["balanced_accuracy"], report[title]["chance"]["mean"]
        rows.append(
            (
                f"{name.replace('_', ' ')} {title.replace('_', ' ')}",
                f"{rate['mean']:.3f}",
                NONE if rate["low"] is None else f"{rate['low']:.3f} to {rate['high']:.3f}",
                f"{chance:.3f}",
                str(report[title]["people"]),
                str(report[count]),
            )
        )
    return rows


def _say_seen(report: dict[str, Any]) -> None:
    if report.get("seen_in_training"):
        say(f"The decoder was fitted on recordings of {', '.join(report['seen_in_training'])}: they are no test of it.")
