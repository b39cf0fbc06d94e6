"""Runs a benchmark: every cell once, every episode a row, and what is finished is never run again."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import neuromotion_gym
from neuromotion_gym.benchmark.config import BenchmarkConfig, Cell, expand
from neuromotion_gym.benchmark.episodes import episode_keys, play
from neuromotion_gym.controllers.learned import PREFIX, policy_path, read_policy, stranger
from neuromotion_gym.datasets.playing import open_source, playing_for
from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.zoo import load_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.registration import ENVIRONMENTS
from neuromotion_gym.resources import assets_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.decoders.onnx_decoder import OnnxDecoder
    from neuromotion_gym.signals.sources import Cued

CELLS = "cells"
EPISODES = "episodes.csv"
TABLE = "cells.json"
PIPELINE = ("intents.py", "operators.py", "benchmark/episodes.py", "controllers", "envs", "limbs", "signals", "tasks")
"""Code that can move a figure; a decoder's own is in its graph."""
CELL_COLUMNS = (
    "cell",
    "decoder",
    "role",
    "controller",
    "level",
    "ocular",
    "skip_cue",
    "source",
    "part",
    "split",
    "seed",
)


class Unit(NamedTuple):
    """What is run in one go: a cell, for the people that one decoder drives for."""

    cell: Cell
    model: str
    """Folder of the decoder; of the fold's where there are folds."""
    subjects: tuple[str, ...]
    """Empty for everybody of the part."""
    digest: str
    controller: str
    """Name of the controller; of learned ones that which never saw these people's signals."""


def run_benchmark(
    config: BenchmarkConfig,
    out: str | os.PathLike[str],
    *,
    data_root: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    threads: int = 1,
    progress: bool = True,
) -> Path:
    """Run what has not been run yet, and write episodes, table of cells and report.

    Parameters
    ----------
    config : BenchmarkConfig
        See `neuromotion_gym.benchmark.config.load_config`.
    out : path
        Folder of the results. ``cells/`` in it holds what is finished, one file a unit of work, keyed by a digest of
        configuration, model and the library's code: a run that was stopped goes on where it was.
    data_root : path, optional
        Folder of the data sets; ``NEUROMOTION_DATA`` when left out.
    jobs : int
        Processes (joblib, the extra ``bench``, where more than one).
    threads : int
        Native threads of the physics in each process.
    progress : bool
        Whether a bar is shown.

    Returns
    -------
    Path of the report, ``report.md``; beside it ``report.html``, ``episodes.csv``, ``cells.json`` and, where pyarrow is
    installed, ``episodes.parquet``.

    Raises
    ------
    NeuroMotionError
        If a decoder, controller or data set is unknown, or they do not fit.
    """
    from neuromotion_gym.benchmark.report import write_report

    folder = Path(out)
    (folder / CELLS).mkdir(parents=True, exist_ok=True)
    cells = expand(config)
    units = [unit for cell in cells for unit in _units(cell, data_root)]
    todo = [unit for unit in units if not _result(folder, unit).is_file()]
    root = None if data_root is None else str(data_root)
    work = ((unit, folder, config.rows, root, threads) for unit in todo)
    if jobs == 1:
        done: Iterator[Path] = (run_unit(*arguments) for arguments in work)
    else:
        try:
            from joblib import Parallel, delayed
        except ImportError as error:
            raise NeuroMotionError("More than one job needs joblib: pip install neuromotion-gym[bench].") from error
        done = Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(run_unit)(*each) for each in work)
    for _ in _shown(done, len(units) - len(todo), len(units), progress):
        pass
    _collect(folder, cells, units)
    return write_report(folder, config)


def run_unit(unit: Unit, folder: Path, rows: int, data_root: str | None = None, threads: int = 1) -> Path:
    """Play the episodes of one unit of work; the file in ``folder`` that they were written to."""
    from neuromotion_gym.controllers import make_controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.options import assemble

    cell = unit.cell
    decoder = _decoder(unit)
    spec = decoder.spec
    playing = playing_for(
        spec,
        source=cell.source,
        part=cell.part,
        subjects=unit.subjects or None,
        ocular=cell.ocular,
        skip_cue=cell.skip_cue,
    )
    source = _source(playing, data_root)
    keys = episode_keys(source.sessions, cell.episodes)
    parts = assemble(
        cell.environment, decoder=decoder, source=source, level=cell.level, wrong_selection=cell.wrong_selection
    )
    loop = ClosedLoop(parts, min(rows, len(keys)), threads=threads)
    try:
        controller = make_controller(unit.controller, loop.layout, **cell.controller.options)
        episodes, trials = play(loop, controller, keys, cell.seed)
    finally:
        loop.close()
    about = {key: value for key, value in loop.about().items() if isinstance(value, (str, int, float, bool, tuple))}
    candidates = loop.layout.candidates
    result = {
        "about": about,
        "goals": None if candidates is None else len(candidates),
        "chance": parts.task.facts.chance,
        "trials": len(trials),
        "labels": list(spec.labels),
        "layout": {
            name: getattr(loop.layout, name)
            for name in ("lag_s", "hop_s", "window_s", "speed", "dwell_s", "time_limit_s", "tolerance")
        },
        "control": spec.control,
        "episodes": episodes,
    }
    path = _result(folder, unit)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_text(json.dumps(result), encoding="utf-8")
    temporary.replace(path)
    return path


def _units(cell: Cell, data_root: str | os.PathLike[str] | None) -> list[Unit]:
    _, inner = parse_decoder_name(cell.decoder)
    name = inner or ENVIRONMENTS[cell.environment].decoder
    controller = cell.controller.name
    if not cell.folds:
        model = str(load_decoder(name).path.parent)
        digest = cell.digest(model=_model_digest(model), code=library_digest(), **_policy_digest(controller))
        return [Unit(cell, model, cell.subjects, digest, controller)]
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.decoders.recipe import load_recipe
    from neuromotion_gym.decoders.zoo import decoder_folder
    from neuromotion_gym.training.folds import fold_folder, train_fold

    recipe = load_recipe(Path(name) if Path(name).is_dir() else decoder_folder(name))
    units = []
    for fold in registry.dataset(recipe.decoder.dataset).table.folds:
        people = tuple(person for person in fold if not cell.subjects or person in cell.subjects)
        if people:
            folder = fold_folder(recipe, fold, data_root)
            if not (folder / "model.onnx").is_file():
                train_fold(recipe, fold, root=data_root)
            if cell.controller.name.startswith(PREFIX):
                controller = PREFIX + stranger(cell.controller.name.removeprefix(PREFIX), people)
            digest = cell.digest(
                model=_model_digest(str(folder)),
                code=library_digest(),
                people=" ".join(people),
                **_policy_digest(controller),
            )
            units.append(Unit(cell, str(folder), people, digest, controller))
    return units


@lru_cache(maxsize=1)
def library_digest(root: Path | None = None) -> str:
    """Digest of all code and models of limbs that an episode runs through.

    A released version would do for those who install one; in a checkout, results of other code must not be taken up.
    """
    root = Path(neuromotion_gym.__file__).parent if root is None else root
    digest = hashlib.sha256(neuromotion_gym.__version__.encode())
    for name in PIPELINE:
        path = root / name
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    limbs = assets_root()
    for file in sorted(limbs.rglob("*.xml")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1000)
def _model_digest(folder: str) -> str:
    digest = hashlib.sha256()
    for name in ("recipe.yaml", "model.onnx"):
        digest.update((Path(folder) / name).read_bytes())
    return digest.hexdigest()


def _policy_digest(controller: str) -> dict[str, str]:
    """Digest of a learned controller's file, under ``policy``; nothing for hand-written ones."""
    if not controller.startswith(PREFIX):
        return {}
    path = policy_path(controller.removeprefix(PREFIX))
    read_policy(path)  # says what is wrong with it, should anything be
    return {"policy": hashlib.sha256(path.read_bytes()).hexdigest()}


def _decoder(unit: Unit) -> OnnxDecoder | BoundDecoder:
    kind, _ = parse_decoder_name(unit.cell.decoder)
    decoder = load_decoder(Path(unit.model))
    return BoundDecoder(kind, decoder) if kind else decoder


@lru_cache(maxsize=20)  # five folds of one condition's decoder and its control; a source holds trials, not recordings
def _source(playing: Playing, root: str | None) -> Cued:
    return open_source(playing, root)


def _result(folder: Path, unit: Unit) -> Path:
    return folder / CELLS / f"{unit.digest}.json"


def _shown(done: Iterator[Path], before: int, total: int, progress: bool) -> Iterator[Path]:
    if not progress:
        yield from done
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("benchmark", total=total, completed=before)
        for item in done:
            bar.advance(task)
            yield item


def _collect(folder: Path, cells: Sequence[Cell], units: Sequence[Unit]) -> None:
    """One table of all episodes, and one of all cells, from the results of their units."""
    table: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for cell in cells:
        kind, inner = parse_decoder_name(cell.decoder)
        results = [json.loads(_result(folder, unit).read_text(encoding="utf-8")) for unit in units if unit.cell == cell]
        first = results[0]
        name = inner or ENVIRONMENTS[cell.environment].decoder
        role = kind or ("control" if first["control"] else "decoder")
        split = "subject" if cell.folds else first["about"]["decoder_split"]
        entry = {
            "cell": cell.digest(),
            **cell.model_dump(mode="json"),
            "decoder": name,
            "role": role,
            "controller": cell.controller.title,
            "options": cell.controller.options,
            "split": split,
            "distinct_trials": sum(result["trials"] for result in results),
            "people_unseen": "all" if cell.folds else first["about"].get("unseen", ()),
            **{key: first[key] for key in ("goals", "chance", "layout", "labels", "about")},
        }
        table.append(entry)
        for result in results:
            rows += [
                {
                    **{key: entry[key] for key in CELL_COLUMNS},
                    "wrong_selection_mode": cell.wrong_selection,
                    **episode,
                }
                for episode in result["episodes"]
            ]
    _write(folder / TABLE, json.dumps(table, indent=1))
    temporary = folder / f"{EPISODES}.part"
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(folder / EPISODES)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return
    temporary = folder / "episodes.parquet.part"
    pq.write_table(pa.Table.from_pylist(rows), temporary, compression="zstd")
    temporary.replace(folder / "episodes.parquet")


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
