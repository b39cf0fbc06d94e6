"""``neuromotion export``: epochs, decisions and the limb's movement as a MATLAB file, and as a video of two limbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import EnvironmentArgument
from neuromotion_gym.errors import NeuroMotionError


def export(
    env: EnvironmentArgument,
    decoder: Annotated[str, typer.Option(help="Decoder that reads whole trials (pacing: trial).", metavar="DECODER")],
    mat: Annotated[Path | None, typer.Option(help="MATLAB file to write, version 5.")] = None,
    video: Annotated[
        Path | None, typer.Option(help="Video to write: the limb that the decoder drives beside the true labels.")
    ] = None,
    source: Annotated[
        Literal["surrogate", "replay"],
        typer.Option(help="Generated signals, or held-out trials of the data set, read from NEUROMOTION_DATA."),
    ] = "surrogate",
    subject: Annotated[str | None, typer.Option(help="Person to play.", show_default="the first")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 20,
    hold: Annotated[float, typer.Option(min=0.05, help="Seconds for which each epoch moves the limb.")] = 1.0,
    side: Annotated[Literal["right", "left"], typer.Option(help="Side of the body.")] = "right",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same epochs.")] = 0,
) -> None:
    """Drive a limb epoch by epoch, in open loop, beside one driven by the true labels; write a .mat file, a video."""
    from neuromotion_gym.benchmark.epoch_run import run_epochs
    from neuromotion_gym.benchmark.mat_file import write_mat
    from neuromotion_gym.envs.options import assemble

    if mat is None and video is None:
        raise NeuroMotionError("Nothing is to be written: give --mat FILE, --video FILE or both.")
    if mat is not None and mat.suffix != ".mat":
        raise NeuroMotionError(f"A MATLAB file's name must end in .mat, not {mat.name!r}.")
    people = None if subject is None else [subject]
    parts = assemble(env, decoder=decoder, source=source, side=side, part="test", subjects=people)
    run = run_epochs(parts, epochs, hold_s=hold, seed=seed)
    right = int((run.decoded == run.truth).sum())
    what = f"{source} of {run.subject}, {len(run.truth)} epochs of {run.trials} distinct trials, {right} decoded right"
    if mat is not None:
        write_mat(mat, run)
        say(f"{mat}: {what}.")
    if video is not None:
        from neuromotion_gym.benchmark.beside import film_beside

        film_beside(video, parts.limb, run, f"{parts.decoder.spec.name} on {env}, open loop, {source} of {run.subject}")
        say(f"{video}: {what}.")
