"""``neuromotion demo``: a limb driven by decoded signals, beside the bounds of each decoder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.tables import print_table
from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.files import make_folder
from neuromotion_gym.registration import ENVIRONMENTS

if TYPE_CHECKING:
    from neuromotion_gym.cli.demo_episodes import Played


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
    episodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Episodes of each row of the table.",
            show_default="15, or 4 where one may last longer than a minute",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Episodes of the same seed have the same goals and people.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the video and the episodes.")] = Path("neuromotion_demo"),
) -> None:
    """Drive a limb with decoded signals, and compare each decoder with its bounds: a table, a video, the episodes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from neuromotion_gym.cli import demo_episodes as show
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
    for name in dict.fromkeys(row.show for row in rows):
        _print_shown([row for row in played if row.entry.show == name])
    show.write_episodes(played, out / "episodes.csv")
    say(f"Video:    {out / 'rollout.mp4'}" if missing is None else f"No video: {missing}")
    say(f"Episodes: {out / 'episodes.csv'}")


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
        ("", "success", "95 %", "wrong", "time to success", "trials"),
        rows,
        title=f"{first.entry.show} on {setting.environment}, level {setting.level}, controller {setting.controller}",
        bold=[index for index, row in enumerate(played) if row.entry.role == "decoder"],
    )
    say(
        f"{about['kind'].capitalize()} of the {about['part']} part of {about['dataset']}; decoder split by "
        f"{about['decoder_split']}. A row is {count(len(first.episodes), 'episode', 'episodes')} of "
        f"{count(first.people, 'person', 'people')}, {over}. Chance {about['chance']:.3g}.\n"
    )
