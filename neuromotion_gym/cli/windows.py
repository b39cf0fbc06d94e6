"""``neuromotion windows``: the windows that a recipe trains on, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DATA
from neuromotion_gym.cli.tables import print_table

COLUMNS = ("label", "windows", "people", "fewest of a person", "most of a person")


def windows(
    recipe: Annotated[Path, typer.Argument(help="A recipe.yaml, or the folder that holds it.")],
    out: Annotated[Path, typer.Option(help="File to write, .npz (as neuromotion audit reads it) or .tfrecord.")],
    part: Annotated[
        Literal["train", "tune", "test", "all"], typer.Option(help="Part of the recipe's data set.")
    ] = "train",
    leave_out: Annotated[list[str] | None, typer.Option(help="Leave out this person; several may be given.")] = None,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Write the windows that a recipe trains on, checked for shape, and say how many there are of each label."""
    from neuromotion_gym.decoders.recipe import load_recipe
    from neuromotion_gym.training.window_file import checked_suffix, windows_of

    checked_suffix(out)
    found = windows_of(load_recipe(recipe), part, root=data, exclude=leave_out or ())
    rows = []
    for label, own in found.counts().items():
        numbers = [number for number in own.values() if number]
        rows.append([label, *map(str, (sum(numbers), len(numbers), min(own.values()), max(numbers)))])
    print_table(COLUMNS, rows)
    say(f"{' × '.join(map(str, found.windows.shape))} windows, channels, samples: {found.save(out)}")
