"""``neuromotion train``: a decoder from its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DATA


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe.yaml, or the folder that holds it.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the decoder to.", show_default="the recipe's folder")
    ] = None,
    logger: Annotated[
        Literal["csv", "tensorboard", "wandb", "none"],
        typer.Option(help="Where the curves are written while it trains; tensorboard and wandb have to be installed."),
    ] = "csv",
    log_folder: Annotated[
        Path | None, typer.Option(help="Folder for the logs.", show_default="logs in the cache folder")
    ] = None,
    data: Annotated[Path | None, DATA] = None,
) -> None:
    """Train a decoder from its recipe. After Ctrl-C the same command continues from the last complete epoch."""
    from neuromotion_gym.training.train import train

    say(f"Decoder written to {train(recipe, out, root=data, logger=logger, log_folder=log_folder)}")
