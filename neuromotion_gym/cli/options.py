"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from neuromotion_gym.decoders.folders import list_decoders
from neuromotion_gym.registration import ENVIRONMENTS

DecoderArgument = Annotated[
    str, typer.Argument(help="Name of a shipped decoder, or a decoder's folder. Shipped: " + ", ".join(list_decoders()))
]
EnvironmentArgument = Annotated[str, typer.Argument(help="Environment. There are: " + ", ".join(ENVIRONMENTS))]
DATA = typer.Option(help="Folder of the data sets.", envvar="NEUROMOTION_DATA", show_default="NEUROMOTION_DATA")
