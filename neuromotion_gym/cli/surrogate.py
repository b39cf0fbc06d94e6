"""``neuromotion surrogate``: fit a surrogate to a part of a data set, and compare surrogates with recordings."""

from __future__ import annotations

from itertools import groupby
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DATA
from neuromotion_gym.cli.tables import print_table
from neuromotion_gym.datasets.registry import dataset_names
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from neuromotion_gym.audit.fidelity import FidelityRow

app = typer.Typer(
    help="Generators fitted to recordings: what gym.make plays when it has no data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def fit(
    dataset: Annotated[str, typer.Argument(help="Data set. There are: " + ", ".join(dataset_names()))],
    part: Annotated[Literal["train", "tune", "test"], typer.Argument(help="Part of the data set that is fitted.")],
    out: Annotated[Path, typer.Option(help="File to write, .npz.")],
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Fit a surrogate; the file holds only parameters, no samples."""
    from neuromotion_gym.datasets.surrogates import fit_part

    parameters = fit_part(dataset, part, root=data)
    path = parameters.save(out.with_suffix(".npz"))
    say(
        f"{len(parameters.sessions)} sessions, {int((~parameters.calibration).sum())} trials: {path}, "
        f"{path.stat().st_size / 1e6:.1f} MB"
    )


@app.command()
def modes(
    dataset: Annotated[str, typer.Argument(help="Data set with many people. There are: " + ", ".join(dataset_names()))],
    out: Annotated[Path, typer.Option(help="File to write, .npz.")],
    every: Annotated[int, typer.Option(min=1, help="Take every n-th person of the train part.")] = 1,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Find the modes by which covariances vary among the people of the train part; surrogates are fitted with them."""
    from neuromotion_gym.datasets.surrogates import find_part_modes
    from neuromotion_gym.signals.surrogate.modes import write_modes

    path = write_modes(find_part_modes(dataset, "train", every=every, root=data), out.with_suffix(".npz"))
    say(f"{path}, {path.stat().st_size / 1e6:.1f} MB")


@app.command()
def check(
    decoder: Annotated[
        list[str] | None,
        typer.Option(
            help="Decoder by name or folder; may be given more than once. Shipped: " + ", ".join(list_decoders())
        ),
    ] = None,
    part: Annotated[Literal["train", "tune", "test", "all"], typer.Option(help="Part that is compared.")] = "test",
    subject: Annotated[list[str] | None, typer.Option(help="Only this person; may be given more than once.")] = None,
    folds: Annotated[bool, typer.Option(help="Decode every person with the decoder trained without them.")] = False,
    ocular: Annotated[
        Literal["keep", "regress"] | None,
        typer.Option(help="Whether ocular channels are regressed out.", show_default="as the decoder was trained"),
    ] = None,
    skip_cue: Annotated[
        float | None,
        typer.Option(min=0.0, help="Seconds left out after each onset.", show_default="as the data set says"),
    ] = None,
    episodes: Annotated[int, typer.Option(min=0, help="Closed-loop episodes per person and half; 0 for none.")] = 20,
    stream: Annotated[float, typer.Option(min=5.0, help="Seconds of each of the eight open-loop streams.")] = 60.0,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Models compared: default, stationary, amplitudes, trial, autoregression.", show_default="default"
        ),
    ] = None,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Fit surrogates to one half of each person's recordings and compare them with a replay of the other half."""
    from neuromotion_gym.audit.fidelity import FidelityOptions, check_surrogate
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.datasets.surrogates import model_of
    from neuromotion_gym.decoders.zoo import load_decoder
    from neuromotion_gym.signals.surrogate.models import model_variants
    from neuromotion_gym.training.folds import fold_decoder

    rows: list[FidelityRow] = []
    with Console().status("") as status:
        for name in decoder or _fitting(ocular, skip_cue):
            loaded = load_decoder(name)
            variants = model_variants(model_of(loaded.spec.dataset))
            people = subject
            if folds and not people:
                people = sorted(registry.dataset(loaded.spec.dataset).table.runs(part))
            for one in model or ["default"]:
                if one not in variants:
                    raise NeuroMotionError(f"No model is called {one!r}. Models: {', '.join(variants)}.")
                rows += check_surrogate(
                    (lambda one, name=name: fold_decoder(name, one, root=data)) if folds else loaded,  # type: ignore[misc]
                    part=part,
                    model=variants[one],
                    ocular=ocular,
                    skip_cue=skip_cue,
                    subjects=people,
                    root=data,
                    options=FidelityOptions(stream_s=stream, episodes=episodes),
                    tick=lambda subject, name=name: status.update(Text(f"{name}: {subject} done")),  # type: ignore[misc]
                )
    _print_tables(rows)


def _fitting(ocular: str | None, skip_cue: float | None) -> list[str]:
    """Shipped decoders for whose data set the options make sense."""
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.decoders.zoo import load_decoder

    facts = {name: registry.dataset(load_decoder(name).spec.dataset) for name in list_decoders()}
    return [
        name
        for name, one in facts.items()
        if (ocular != "regress" or one.ocular_channels) and (not skip_cue or one.has_onset)
    ]


def _print_tables(rows: list[FidelityRow]) -> None:
    """Print the fidelity: one table per decoder, model and condition, with one row per figure."""
    from neuromotion_gym.audit.fidelity import BARS
    from neuromotion_gym.benchmark.shown import NONE, limits, number
    from neuromotion_gym.statistics import Interval

    names = {
        "accuracy": "balanced accuracy",
        "error_run": "run of errors, s",
        "explained": "R² of the targets",
        "success": "success",
    }
    for (decoder, model, condition, people), own in groupby(
        rows, lambda row: (row.decoder, row.model, row.condition, row.people)
    ):
        shown = []
        for row in own:
            share = row.figure == "error_run"
            difference = Interval(*(100 * x for x in row.difference)) if share else row.difference
            form, unit = ("+.0f", " %") if share else ("+.3f", "")
            within = "within" if row.within else "beyond"
            bar = f"{BARS[row.figure]:.0%}" if share else f"{BARS[row.figure]}"
            shown.append(
                (
                    names[row.figure],
                    number(row.real, ".3f"),
                    number(row.surrogate, ".3f"),
                    number(difference.mean, form, unit),
                    limits(difference, form, unit),
                    NONE if isnan(difference.mean) else f"{within} {bar}",
                )
            )
        columns = ("figure", "real", "surrogate", "difference", "95 %", "bar")
        print_table(columns, shown, title=f"{decoder}, {condition}, {people} people\n{model}")
