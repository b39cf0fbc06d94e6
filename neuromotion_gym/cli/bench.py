"""``neuromotion bench``: what does the limb do? A benchmark from a file, or decoders and recordings in the call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from neuromotion_gym.cli.facts import FactOption, facts_from
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
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS

OF_CALL = "Decoder and recording"
OF_FILE = ("config", "decoder", "out", "jobs", "threads", "data")
"""Parameters of the command that a benchmark's file leaves open; ``decoder`` is refused apart."""


def bench(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Argument(help="A benchmark's YAML file, such as those in benchmarks/; or name --decoder.")
    ] = None,
    decoder: Annotated[
        list[str] | None,
        typer.Option(help="Decoder: a name, a folder or an ONNX file. Several may be given.", rich_help_panel=OF_CALL),
    ] = None,
    recording: Annotated[
        list[Path] | None,
        typer.Option(
            help="Your recording: a file, a folder of files, or a BIDS root. Several may be given. Without it "
            "generated signals of the decoder's data set are played.",
            rich_help_panel=OF_CALL,
        ),
    ] = None,
    labels: LabelsOption = None,
    unit: UnitOption = None,
    rate: RateOption = None,
    channels: ChannelsOption = None,
    reading: ReadingOption = None,
    env: Annotated[
        str | None,
        typer.Option(
            help="Environment. There are: " + ", ".join(ENVIRONMENTS), show_default="the first", rich_help_panel=OF_CALL
        ),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            help="Level of the task.", show_default="by the window of the first decoder", rich_help_panel=OF_CALL
        ),
    ] = None,
    controller: Annotated[
        list[str] | None,
        typer.Option(
            help="Controller: a name, or '{name: bayes, options: {threshold: 0.8}}'. Several may be given.",
            show_default="by the window of the first decoder",
            rich_help_panel=OF_CALL,
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(min=1, help="Episodes of each session.", show_default="as give a row 60", rich_help_panel=OF_CALL),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds.", rich_help_panel=OF_CALL)] = 1,
    subject: Annotated[
        list[str] | None, typer.Option(help="Play only this person. Several may be given.", rich_help_panel=OF_CALL)
    ] = None,
    source: Annotated[
        Literal["surrogate", "replay"] | None,
        typer.Option(
            help="Without --recording: generated signals, or recordings of the data set.",
            show_default="surrogate",
            rich_help_panel=OF_CALL,
        ),
    ] = None,
    part: Annotated[
        Literal["tune", "test"] | None,
        typer.Option(help="Without --recording: part of the data set.", show_default="test", rich_help_panel=OF_CALL),
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Resample recordings at another rate.", rich_help_panel=OF_CALL)
    ] = False,
    fitted_on: Annotated[
        str,
        typer.Option(
            help="What a decoder was fitted on that does not say so: a text, a fitted_on.json, or the recordings.",
            rich_help_panel=OF_CALL,
        ),
    ] = "",
    allow_seen: Annotated[
        bool,
        typer.Option(
            "--allow-seen", help="Play what a decoder was fitted on; its rows are marked.", rich_help_panel=OF_CALL
        ),
    ] = False,
    video: Annotated[bool, typer.Option(help="Film a median and a failed episode.", rich_help_panel=OF_CALL)] = True,
    fact: FactOption = None,
    layout: Annotated[
        str | None,
        typer.Option(help="Axes of the decoder's input, such as '(n, samples, channels)': short for --fact layout=…"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the results.", show_default="results/NAME beside the file, or neuromotion_bench"),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; more than one needs the extra bench.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the physics in each process.")] = 1,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """What does the limb do? Drive it with decoders and your recording, or run a benchmark's file.

    neuromotion bench --decoder my_model.onnx --recording my_recordings/

    Prints each decoder beside its bounds, and writes a report, all episodes, and two videos. A run that was stopped
    continues.
    """
    if (config is None) == (not decoder):
        raise NeuroMotionError(
            "Name what is to be run: a benchmark's YAML file, or one --decoder or more, but not both."
        )
    if config is not None:
        _refuse_options_of_call(ctx)
        _run_file(config, out, data, jobs, threads)
        return
    from neuromotion_gym.benchmark.one_call import COLUMNS, OUT, bench
    from neuromotion_gym.cli.tables import print_table
    from neuromotion_gym.signals.reading import Reading

    facts = facts_from(fact)
    if layout is not None:
        facts = {**facts, "layout": layout}
    said = reading_from(labels, unit, rate, channels, reading)
    if not recording and said != Reading():
        raise NeuroMotionError(WITHOUT_RECORDING)
    answer = bench(
        decoder or [],
        None if not recording else recording[0] if len(recording) == 1 else recording,
        reading=said if recording else None,
        env=env,
        level=level,
        controller=[_controller(one) for one in controller] if controller else None,
        episodes=episodes,
        seeds=seeds,
        subjects=tuple(subject or ()),
        source=source,
        part=part,
        decoder_facts=facts,
        fitted_on=fitted_on,
        resample=resample,
        allow_seen=allow_seen,
        film=video,
        out=out or OUT,
        data_root=data,
        jobs=jobs,
        threads=threads,
        progress=True,
    )
    first = answer.lines[0].cell
    rows = answer.table()
    bold = [index for index, row in enumerate(rows) if "(" not in row[0]]
    print_table(COLUMNS, rows, title=f"{first['environment']}, level {first['level']}", bold=bold)
    for sentence in answer.sentences():
        say(sentence)
    say(f"Report: {answer.report}")
    for name, path in answer.videos.items():
        say(f"Video of a {name} episode: {path}")
    if video and not answer.videos:
        say(f"No video: {_why_no_video()}")


def _refuse_options_of_call(ctx: typer.Context) -> None:
    """Refuse options that a file does not take: it says these things itself."""
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params if name not in OF_FILE}
    given = [
        f"--{name.replace('_', '-')}"
        for name, source in sources.items()
        if source is not None and source.name != "DEFAULT"
    ]
    if given:
        raise NeuroMotionError(f"{', '.join(given)} belong to --decoder. A benchmark's file says all of it itself.")


def _run_file(config: Path, out: Path | None, data: Path | None, jobs: int, threads: int) -> None:
    from neuromotion_gym.benchmark.config import load_config
    from neuromotion_gym.benchmark.runner import run_benchmark

    loaded = load_config(config)
    folder = out or config.parent / "results" / loaded.name
    report = run_benchmark(loaded, folder, data_root=data, jobs=jobs, threads=threads)
    say(f"Report: {report}")


def _controller(given: str) -> Any:
    """A controller: its name, or a table with name and options."""
    from neuromotion_gym.plain_yaml import parse_yaml

    return parse_yaml(given, "--controller") if given.startswith("{") else given


def _why_no_video() -> str:
    from neuromotion_gym.rendering import why_not

    return why_not() or "no episode ended in the same way when it was played again."
