"""``neuromotion record``: one episode of an environment as a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import EnvironmentArgument
from neuromotion_gym.errors import NeuroMotionError


def record(
    env: EnvironmentArgument,
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Decoder, or a bound such as oracle:NAME.", show_default="the environment's own", metavar="DECODER"
        ),
    ] = None,
    level: Annotated[str | None, typer.Option(help="Level of difficulty.", show_default="as in the demo")] = None,
    controller: Annotated[
        str | None, typer.Option(help="Controller that moves the limb.", show_default="as in the demo")
    ] = None,
    side: Annotated[Literal["right", "left"], typer.Option(help="Side of the body.")] = "right",
    source: Annotated[
        Literal["surrogate", "replay"],
        typer.Option(help="Generated signals, or held-out trials of the data set, read from NEUROMOTION_DATA."),
    ] = "surrogate",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same episode.")] = 0,
    speed: Annotated[
        int | None, typer.Option(min=1, max=20, help="Times as fast as real.", show_default="1 or 4")
    ] = None,
    out: Annotated[Path, typer.Option(help="The video; its name ends in .mp4.")] = Path("rollout.mp4"),
) -> None:
    """Record one episode as a video: the limb with goal, signal, decoded labels and outcome beside it."""
    from neuromotion_gym.benchmark.film import film_first
    from neuromotion_gym.benchmark.settings import film_speed, usual_setting
    from neuromotion_gym.envs.options import CONTROL_S, assemble, choose_decoder
    from neuromotion_gym.registration import environment
    from neuromotion_gym.rendering import VideoWriter, why_not

    missing = why_not()
    if missing is not None:
        raise NeuroMotionError(f"No video: {missing}")
    usual = usual_setting(choose_decoder(decoder, environment(env).decoder).spec, env)
    parts = assemble(env, decoder=decoder, source=source, level=level or usual.level, side=side, part="test")
    name = controller or usual.controller
    every = speed or film_speed(usual, parts.layout.time_limit_s)
    with VideoWriter(out, fps=1 / CONTROL_S) as video:
        verdict, seconds = film_first(parts, name, seed, video, every)
    shown = f"{parts.decoder.spec.name} on {env}, level {parts.task.facts.level}, controller {name}"
    say(f"{out}: {shown}. {verdict} after {seconds:.1f} s.")
