"""``neuromotion bench``: run a benchmark, or continue one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuromotion_gym.cli.messages import say
from neuromotion_gym.cli.options import DATA


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
    say(f"Report: {report}")
