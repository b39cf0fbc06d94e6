"""The ``neuromotion`` command. Every command imports what it needs when it runs, so that ``--help`` answers at once.

Bad input ends with one line on standard error and exit code 2; Ctrl-C ends with exit code 130, SIGTERM with 143.
"""

from __future__ import annotations

import signal
import sys
import warnings
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console

from neuromotion_gym.cli.bench import bench
from neuromotion_gym.cli.calibrate import calibrate
from neuromotion_gym.cli.check import check
from neuromotion_gym.cli.evaluate import evaluate
from neuromotion_gym.cli.messages import complain, say
from neuromotion_gym.cli.options import DATA
from neuromotion_gym.cli.surrogate import app as surrogate_app
from neuromotion_gym.cli.tables import print_table
from neuromotion_gym.decoders.zoo import list_decoders
from neuromotion_gym.errors import NeuroMotionError, NeuroMotionWarning
from neuromotion_gym.files import make_folder
from neuromotion_gym.registration import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

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

END = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end the command with code 128 + their number; Windows has no SIGHUP."""

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
    rows = []
    for name in names:
        spec = load_spec(decoder_folder(name))
        kind = spec.modality.upper() + (", control" if spec.control else "")
        every = f"every {spec.hop_s:g} s" if spec.pacing == "sliding" else "once per trial"
        rows.append(
            (
                name,
                ", ".join(spec.labels),
                f"{kind}: {len(spec.channels)} channels at {spec.rate_hz:g} Hz, the last {spec.window_s:g} s {every}",
                f"{spec.dataset} ({spec.split}, {spec.licence})",
            )
        )
    print_table(("name", "labels", "reads", "data (split, licence)"), rows)
    say(f"Cards and models: {decoder_folder(names[0]).parent}")


@app.command()
def envs() -> None:
    """Show the environments: limb, task and default decoder."""
    rows = [(name, row.summary, row.decoder) for name, row in ENVIRONMENTS.items()]
    print_table(("id", "what it is", "default decoder"), rows)


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

    rows = show.entries(decoder, env)
    missing = why_not()
    film = out / "rollout.mp4" if missing is None else None
    make_folder(out)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task("playing", total=len(rows))
        played, failure = show.run(
            rows, source, episodes, seed, film, lambda what: progress.update(task, advance=1, description=what)
        )
    missing = missing or failure
    show.write_episodes(played, out / "episodes.csv")
    for name in dict.fromkeys(row.show for row in rows):
        _print_shown([row for row in played if row.entry.show == name])
    say(f"Video:    {out / 'rollout.mp4'}" if missing is None else f"No video: {missing}")
    say(f"Episodes: {out / 'episodes.csv'}")


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

    say(f"Decoder written to {train(recipe, out, root=data)}")


app.command()(evaluate)
app.command()(calibrate)
app.command()(check)
app.command()(bench)


def main() -> None:
    """Run the command; errors and warnings of the library are printed as one line."""
    for number in END:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, _end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a letter that the terminal does not have is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = partial(_warn, warnings.showwarning)
        try:
            app()
        except KeyboardInterrupt:  # a second one, while the first was dealt with
            sys.exit(128 + signal.SIGINT)
        except NeuroMotionError as error:
            complain(str(error))
        except OSError as error:  # a full disk, a file that may not be read: nothing that a traceback would explain
            with suppress(OSError):
                complain(f"{error.filename or 'Standard output'}: {error.strerror or error}.")
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").split(".")[0])
            if extra is None:
                raise
            complain(f"This command needs {error.name}: pip install 'neuromotion-gym[{extra}]'.")
    sys.exit(2)


def _warn(
    others: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """Print the library's own warnings as one line, without a place in its code."""
    if issubclass(category, NeuroMotionWarning):
        complain(str(message), kind="warning")
    else:
        others(message, category, *where, **more)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """End as after an error, so that processes are ended and temporary files deleted; a second signal ends at once."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def _print_shown(played: list[Played]) -> None:
    """Print the table of one decoder and its bounds, and a few words about source, split and chance."""
    from neuromotion_gym.benchmark.shown import count, limits, number

    first = played[0]
    about, setting = first.about, first.entry.setting
    rows = [
        (
            row.entry.role,
            f"{row.success.mean:.2f}",
            limits(row.success),
            f"{row.wrong:.2f}",
            number(row.time_s, ".1f", " s"),
            str(row.trials),
        )
        for row in played
    ]
    over = "with an interval over people" if first.people > 1 else "too few for an interval"
    print_table(
        ("", "success", "95 %", "wrong", "time to selection", "trials"),
        rows,
        title=f"{first.entry.show} on {setting.environment}, level {setting.level}, controller {setting.controller}",
        bold=[index for index, row in enumerate(played) if row.entry.role == "decoder"],
    )
    say(
        f"{about['kind'].capitalize()} of the {about['part']} part of {about['dataset']}; decoder split by "
        f"{about['decoder_split']}. A row is {count(len(first.episodes), 'episode', 'episodes')} of "
        f"{count(first.people, 'person', 'people')}, {over}. Chance {about['chance']:.3g}.\n"
    )
