"""The ``neuromotion`` command. Every command imports what it needs when it runs, so that ``--help`` answers at once.

Bad input ends with one line on standard error and exit code 2; Ctrl-C ends with exit code 130.
"""

from __future__ import annotations

import sys
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from neuromotion_gym.cli.surrogate import app as surrogate_app
from neuromotion_gym.decoders.zoo import list_decoders
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS

if TYPE_CHECKING:
    from neuromotion_gym.cli.demo import Played

# Packages of the extras; if one is missing, the error message names the extra that installs it.
EXTRAS = {
    "torch": "train",
    "lightning": "train",
    "onnx": "train",
    "onnxscript": "train",
    "sklearn": "train",
    "stable_baselines3": "train",
    "sb3_contrib": "train",
    "joblib": "bench",
    "pyarrow": "bench",
}

DecoderArgument = Annotated[
    str, typer.Argument(help="Name of a shipped decoder, or a decoder's folder. Shipped: " + ", ".join(list_decoders()))
]
DATA = typer.Option(help="Folder of the data sets.", envvar="NEUROMOTION_DATA", show_default="NEUROMOTION_DATA")

WIDEST_LABEL = 17

app = typer.Typer(
    help="What does a limb do when this decoder drives it?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(surrogate_app, name="surrogate")


@app.command()
def decoders() -> None:
    """Show the shipped decoders: labels, input signals, data set, split and licence."""
    from neuromotion_gym.decoders.recipe import load_spec
    from neuromotion_gym.decoders.zoo import decoder_folder

    names = list_decoders()
    if not names:
        raise NeuroMotionError("No decoders are installed: neuromotion_gym.classifiers holds no folder with a model.")
    table = _table("name", "labels", "reads", "data: split, licence")
    for name in names:
        spec = load_spec(decoder_folder(name))
        every = f"every {spec.hop_s:g} s" if spec.pacing == "sliding" else "once per trial"
        table.add_row(
            name,
            ", ".join(spec.labels),
            f"{spec.modality.upper()}{', control' if spec.control else ''}: {len(spec.channels)} channels at "
            f"{spec.rate_hz:g} Hz, the last {spec.window_s:g} s {every}",
            f"{spec.dataset}: {spec.split}, {spec.licence}",
        )
    console = Console()
    console.print(table)
    console.print(f"Cards and models: {decoder_folder(names[0]).parent}", soft_wrap=True, highlight=False)


@app.command()
def envs() -> None:
    """Show the environments: limb, task and default decoder."""
    table = _table("id", "what it is", "default decoder")
    for name, row in ENVIRONMENTS.items():
        table.add_row(name, row.summary, row.decoder)
    Console().print(table)


@app.command()
def demo(
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of one decoder. Shipped: " + ", ".join(list_decoders()),
            show_default="those that the environment names",
        ),
    ] = None,
    env: Annotated[
        str | None, typer.Option(help="Environment. There are: " + ", ".join(ENVIRONMENTS), show_default="the first")
    ] = None,
    source: Annotated[
        Literal["surrogate", "replay"],
        typer.Option(help="Generated signals, or held-out trials of the data set, read from NEUROMOTION_DATA."),
    ] = "surrogate",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes of each row of the table.")] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Episodes of the same seed have the same goals and people.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the video and the episodes.")] = Path("neuromotion_demo"),
) -> None:
    """Drive a limb with decoded signals, and compare each decoder with its bounds: a table, a video, the episodes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from neuromotion_gym.cli import demo as show
    from neuromotion_gym.rendering import why_not

    console = Console()
    rows = show.entries(decoder, env)
    missing = why_not()
    film = out / "rollout.mp4" if missing is None else None
    out.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("playing", total=len(rows))
        played, failure = show.run(
            rows, source, episodes, seed, film, lambda what: progress.update(task, advance=1, description=what)
        )
    missing = missing or failure
    show.write_episodes(played, out / "episodes.csv")
    for name in dict.fromkeys(row.show for row in rows):
        _print_shown(console, [row for row in played if row.entry.show == name])
    if missing is None:
        console.print(f"Video:    {out / 'rollout.mp4'}", soft_wrap=True, highlight=False)
    else:
        console.print(f"No video: {escape(missing)}", soft_wrap=True, highlight=False)
    console.print(f"Episodes: {out / 'episodes.csv'}", soft_wrap=True, highlight=False)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe.yaml, or the folder that holds it.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the decoder to.", show_default="the recipe's folder")
    ] = None,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Train a decoder from its recipe. After Ctrl-C the same command continues from the last complete epoch."""
    from neuromotion_gym.training.train import train

    Console().print(f"Decoder written to {train(recipe, out, root=data)}", soft_wrap=True, highlight=False)


@app.command()
def evaluate(
    decoder: DecoderArgument,
    part: Annotated[Literal["tune", "test", "both"], typer.Option(help="Part of its data set.")] = "test",
    folds: Annotated[
        bool, typer.Option(help="Also train a decoder for each fold of whole people, kept in the cache.")
    ] = (False),
    write: Annotated[bool, typer.Option(help="Write metrics.json and card.md into the decoder's folder.")] = False,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Evaluate a decoder offline: balanced accuracy per window and per trial, intervals over people, and chance."""
    from neuromotion_gym.training.report import evaluate

    parts = ("tune", "test") if part == "both" else (part,)
    metrics = evaluate(decoder, parts=parts, folds=folds, root=data, write=write)
    reports = {name: report for name, report in metrics["parts"].items() if name.removesuffix("_unseen") in parts}
    if folds:
        reports[f"{metrics['folds']['count']} folds of people"] = metrics["folds"]
    table = _table("balanced accuracy", "mean", "95 %", "chance", "people", "decisions")
    for name, report in reports.items():
        for title, count in (("per_window", "windows"), ("per_trial", "trials")):
            rate, chance = report[title]["balanced_accuracy"], report[title]["chance"]["mean"]
            table.add_row(
                f"{name} {title.replace('_', ' ')}",
                f"{rate['mean']:.3f}",
                "-" if rate["low"] is None else f"{rate['low']:.3f} to {rate['high']:.3f}",
                f"{chance:.3f}",
                str(report[title]["people"]),
                str(report[count]),
            )
    console = Console()
    console.print(table)
    console.print(f"{metrics['decoder']}, split by {metrics['split']}; intervals over people.", highlight=False)


@app.command()
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
    Console().print(f"Decoder written to {calibrate(decoder, read, out)}", soft_wrap=True, highlight=False)


@app.command()
def bench(
    config: Annotated[Path, typer.Argument(help="A benchmark's YAML file, such as those in benchmarks/.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the results.", show_default="results/NAME beside the file")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; more than one needs the extra bench.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the physics in each process.")] = 1,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Run a benchmark, or continue one that was stopped; writes a table with one row per episode, and a report."""
    from neuromotion_gym.benchmark.config import load_config
    from neuromotion_gym.benchmark.runner import run_benchmark

    loaded = load_config(config)
    folder = out or config.parent / "results" / loaded.name
    report = run_benchmark(loaded, folder, data_root=data, jobs=jobs, threads=threads)
    Console().print(f"Report: {report}", soft_wrap=True, highlight=False)


def main() -> None:
    """Run the command; errors of the library are printed as one line."""
    try:
        app()
    except NeuroMotionError as error:
        sys.exit(_complain(str(error)))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        sys.exit(_complain(f"This command needs {error.name}: pip install 'neuromotion-gym[{extra}]'."))


def _table(*columns: str) -> Table:
    """Table that stays readable on 80 columns: the first column is never broken."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(
            column, no_wrap=index == 0, overflow="fold", min_width=WIDEST_LABEL if column == "labels" else None
        )
    return table


def _print_shown(console: Console, played: list[Played]) -> None:
    """Print the table of one decoder and its bounds, and a few words about source, split and chance."""
    first = played[0]
    about, setting = first.about, first.entry.setting
    console.print(
        f"[bold]{escape(first.entry.show)}[/] on {setting.environment}, level {setting.level}, "
        f"controller {setting.controller}",
        soft_wrap=True,
        highlight=False,
    )
    table = _table("", "success", "95 %", "wrong", "time to selection", "trials")
    for row in played:
        rate = row.success
        table.add_row(
            f"[bold]{row.entry.role}[/]" if row.entry.role == "decoder" else row.entry.role,
            f"{rate.mean:.2f}",
            f"{rate.low:.2f} to {rate.high:.2f}",
            f"{row.wrong:.2f}",
            "-" if isnan(row.time_s) else f"{row.time_s:.1f} s",
            str(row.trials),
        )
    console.print(table)
    console.print(
        f"{about['kind'].capitalize()} of the {about['part']} part of {about['dataset']}; decoder split by "
        f"{about['decoder_split']}. A row is {len(first.episodes)} episodes of {first.people} people, with an "
        f"interval over people. Chance {about['chance']:.3g}.\n",
        highlight=False,
    )


def _complain(message: str) -> int:
    Console(stderr=True).print(f"[bold red]neuromotion:[/] {escape(message)}", soft_wrap=True, highlight=False)
    return 2
