"""Runs a benchmark: every cell once, one table row per episode. Finished units of work are not run again."""

from __future__ import annotations

import csv
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromotion_gym.benchmark.backends import backend
from neuromotion_gym.benchmark.episodes import EpisodeKey, episode_keys, facts_of, play
from neuromotion_gym.benchmark.plan import decoder_name, plan
from neuromotion_gym.datasets.playing import open_source
from neuromotion_gym.decoders.bounds import BoundDecoder, parse_decoder_name
from neuromotion_gym.decoders.folders import decoder_folder
from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.files import make_folder, replacing, write_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from neuromotion_gym.benchmark.config import BenchmarkConfig, Cell
    from neuromotion_gym.benchmark.plan import Unit
    from neuromotion_gym.controllers.base import Controller
    from neuromotion_gym.datasets.playing import Playing
    from neuromotion_gym.datasets.recorded import OwnRecordings
    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.signals.sources import Cued

CELLS = "cells"
EPISODES = "episodes.csv"
TABLE = "cells.json"
CELL_COLUMNS = ("cell", "decoder", "role", "controller", "level", "split", "seed", "fitted_on")
"""Columns of an episode's row that come from its cell."""
FACTS = ("goals", "chance", "choices", "combinations", "rules", "ends", "ratios", "layout", "labels", "about")
RESULT = {*FACTS, "trials", "control", "episodes"}
"""What the file of a finished unit of work holds."""
EPISODE = {"subject", "success", "wrong_selection", "time_s"}
"""What a report needs of every episode."""
LAYOUT = ("lag_s", "hop_s", "window_s", "speed", "dwell_s", "time_limit_s", "tolerance")


def run_benchmark(
    config: BenchmarkConfig,
    out: str | os.PathLike[str],
    *,
    data_root: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    threads: int = 1,
    progress: bool = True,
    decoders: Mapping[str, Decoder] | None = None,
    recordings: Any = None,
    film: int = 0,
) -> Path:
    """Run all units of work that are not finished, and write episodes, table of cells and report.

    Parameters
    ----------
    config : BenchmarkConfig
        See `neuromotion_gym.benchmark.config.load_config`.
    out : path
        Folder for the results. Its folder ``cells/`` holds one file per finished unit of work, named by a digest of
        everything that its figures depend on (see `neuromotion_gym.benchmark.digests`), so that a benchmark that was
        stopped continues where it stopped.
    data_root : path, optional
        Folder of the data sets; ``NEUROMOTION_DATA`` when left out.
    jobs : int
        Number of processes. More than one needs joblib (extra ``bench``).
    threads : int
        Number of native threads of the physics in each process.
    progress : bool
        Whether a progress bar is shown.
    decoders : mapping of str to Decoder, optional
        Decoders that are objects, by the names that the grids of ``config`` use. Results of an object without a
        ``digest()`` are never used again: it may have been trained further.
    recordings : object, optional
        Recordings of one's own in memory, for ``source: recordings`` without a path: whatever `OwnRecordings.read`
        takes.
    film : int
        Speed, in multiples of real time, of videos of a median and of a failed episode of the first decoder with the
        first controller, ``median.mp4`` and ``failed.mp4``; 0: no videos. Where nothing can be drawn there are none.
        Those of an earlier run are removed.

    Returns
    -------
    Path of the report, ``report.md``; beside it ``report.html``, ``episodes.csv``, ``cells.json`` and, where pyarrow is
    installed, ``episodes.parquet``.

    Raises
    ------
    NeuroMotionError
        If a name is unknown, decoder and data do not fit each other, or a decoder or controller would be tested on data
        that it was trained on. All cells are checked before the first one is run.
    """
    from neuromotion_gym.benchmark.report import VIDEOS, write_report

    workers = backend(jobs)
    folder = Path(out)
    cells, units = plan(config, data_root, decoders=decoders, recordings=recordings)
    make_folder(folder / CELLS)
    for name in VIDEOS:  # those of an earlier run may show another decoder
        (folder / name).unlink(missing_ok=True)
    todo = [unit for unit in units if _finished(folder, unit) is None]
    root = None if data_root is None else str(data_root)
    done = workers.run(run_unit, [(unit, folder, config.rows, root, threads) for unit in todo])
    for _ in _shown(done, len(units) - len(todo), len(units), progress):
        pass
    _collect(folder, cells, units)
    if film:
        _film_first(folder, units, root, film)
    return write_report(folder, config)


def _film_first(folder: Path, units: Sequence[Unit], data_root: str | None, every: int) -> None:
    """Film the first unit whose decoder is no bound, if this machine can draw."""
    from neuromotion_gym.rendering import why_not

    first = next((unit for unit in units if parse_decoder_name(unit.cell.decoder)[0] is None), None)
    if first is None or why_not() is not None:
        return
    result = _finished(folder, first)
    assert result is not None
    film_unit(first, folder, result, data_root, every)


def run_unit(unit: Unit, folder: Path, rows: int, data_root: str | None = None, threads: int = 1) -> Path:
    """Play the episodes of one unit of work, write them to a file in ``folder`` and return its path."""
    cell = unit.cell
    loop, controller, keys = _opened(unit, data_root, rows, threads)
    try:
        episodes, trials = _play_seeds(loop, controller, keys, cell.all_seeds)
        about = {
            key: value for key, value in loop.about().items() if isinstance(value, (str, int, float, bool, list, tuple))
        }
    finally:
        loop.close()
    facts, candidates = facts_of(loop), loop.layout.candidates
    result = {
        "about": {**about, "playing": unit.playing.model_dump(mode="json")},
        "goals": None if candidates is None else len(candidates),
        "chance": facts.chance,
        "choices": facts.choices,
        "combinations": list(facts.combinations),
        "rules": dict(loop.parts.task.options),
        "ends": facts.ends,
        "ratios": [list(ratio) for ratio in facts.ratios],
        "trials": len(trials),
        "labels": list(unit.decoder.spec.labels),
        "layout": {name: getattr(loop.layout, name) for name in LAYOUT},
        "control": unit.decoder.spec.control,
        "episodes": episodes,
    }
    path = _result(folder, unit)
    write_text(path, json.dumps(result))
    return path


def film_unit(
    unit: Unit, folder: Path, result: Mapping[str, Any], data_root: str | None = None, every: int = 1
) -> dict[str, Path]:
    """Film two episodes of a finished unit; see `neuromotion_gym.benchmark.film.film_examples`."""
    from neuromotion_gym.benchmark.film import film_examples
    from neuromotion_gym.envs.neuro_env import VISIBLE_S

    loop, controller, keys = _opened(unit, data_root, 1, 1, VISIBLE_S)
    try:
        name, seeds = unit.cell.controller.title, unit.cell.all_seeds
        return film_examples(loop, controller, result["episodes"], keys, seeds, folder, name, every)
    finally:
        loop.close()


def _opened(
    unit: Unit, data_root: str | None, rows: int, threads: int, keep_s: float = 0.0
) -> tuple[ClosedLoop, Controller, list[EpisodeKey]]:
    """A loop that plays a unit with at most ``rows`` limbs, its controller, and the keys of its episodes."""
    from neuromotion_gym.controllers import make_controller
    from neuromotion_gym.envs.closed_loop import ClosedLoop
    from neuromotion_gym.envs.options import assemble

    cell = unit.cell
    source = _source(unit.playing, data_root, unit.data, unit.own)
    together = _source(unit.row.playing, data_root, unit.row.data, unit.row.own) if cell.row_episodes else source
    keys = episode_keys(source.sessions, cell.repetitions(len(together.sessions)))
    parts = assemble(
        cell.environment,
        decoder=_decoder(unit),
        source=source,
        level=cell.level,
        adaptation=cell.adaptation,
        **cell.task_options,
    )
    loop = ClosedLoop(parts, min(rows, len(keys)), threads=threads, keep_s=keep_s)
    try:
        return loop, make_controller(unit.controller, loop.layout, **cell.controller.options), keys
    except BaseException:
        loop.close()
        raise


def _play_seeds(
    loop: ClosedLoop, controller: Controller, keys: Sequence[EpisodeKey], seeds: Sequence[int]
) -> tuple[list[dict[str, Any]], set[tuple[str, str, int]]]:
    """All episodes with each seed, and all distinct trials that were played."""
    episodes, trials = [], set()
    for seed in seeds:
        played, more = play(loop, controller, keys, seed)
        episodes += played if len(seeds) == 1 else [{**episode, "seed": seed} for episode in played]
        trials |= more
    return episodes, trials


def _decoder(unit: Unit) -> Decoder | BoundDecoder:
    kind, _ = parse_decoder_name(unit.cell.decoder)
    return BoundDecoder(kind, unit.decoder) if kind else unit.decoder


@lru_cache(maxsize=20)  # five folds of a condition's decoder and its control; a source holds trials, not recordings
def _source(playing: Playing, root: str | None, checksum: str, own: OwnRecordings | None) -> Cued:
    """The source that plays a `Playing`; opened again if the data have another checksum."""
    return open_source(playing, root, own)


def _result(folder: Path, unit: Unit) -> Path:
    return folder / CELLS / f"{unit.digest}.json"


def _finished(folder: Path, unit: Unit) -> dict[str, Any] | None:
    """The results of a unit; None if there are none or their file is damaged, so that the unit has to be run."""
    path = _result(folder, unit)
    if not path.exists():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result.keys() >= RESULT and all(episode.keys() >= EPISODE for episode in result["episodes"]):
            return dict(result)
    except (OSError, ValueError, AttributeError, TypeError):  # not readable, not JSON, or of another shape
        pass
    warn(f"{path} is damaged; its episodes are played again.")
    return None


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
    """Write one table of all episodes, and one of all cells, from the results of their units."""
    table: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for cell in cells:
        mine = [unit for unit in units if unit.cell == cell]
        results = [json.loads(_result(folder, unit).read_text(encoding="utf-8")) for unit in mine]
        entry = _entry(cell, mine, results)
        table.append(entry)
        for unit, result in zip(mine, results, strict=True):
            shared = {key: entry[key] for key in CELL_COLUMNS} | _columns(unit.playing)
            shared |= {f"task_{name}": value for name, value in cell.task_options.items()}
            rows += [
                {**shared, **episode, "seen": _who_saw(unit, episode["subject"])} for episode in result["episodes"]
            ]
    write_text(folder / TABLE, json.dumps(table, indent=1))
    names = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(folder / EPISODES) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return
    with replacing(folder / "episodes.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(rows), temporary, compression="zstd")


def _entry(cell: Cell, units: Sequence[Unit], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The entry of one cell in ``cells.json``."""
    kind, _ = parse_decoder_name(cell.decoder)
    first = results[0]
    return {
        "cell": cell.digest(),
        "digest": hashlib.sha256(" ".join(unit.digest for unit in units).encode()).hexdigest()[:16],
        **cell.model_dump(mode="json"),
        "ocular": units[0].playing.ocular,
        "skip_cue": units[0].playing.skip_cue,
        "decoder": decoder_name(cell),
        "of_its_name": cell.folds or _is_of_its_name(units[0]),
        "role": kind or ("control" if first["control"] else "decoder"),
        "controller": cell.controller.title,
        "options": cell.controller.options,
        "split": " | ".join(dict.fromkeys(unit.split for unit in units)),
        "distinct_trials": sum(result["trials"] for result in results),
        "people_unseen": "all" if cell.folds else _unseen(first["about"].get("unseen", ()), units),
        "fitted_on": " | ".join(dict.fromkeys(unit.seen.fitted_on for unit in units)),
        "seen_by_decoder": sorted({person for unit in units for person in unit.seen.runs}),
        "seen_by_controller": sorted({person for unit in units for person in unit.heard}),
        "band_worn_otherwise": {name: how for unit in units for name, how in unit.worn.items()},
        **_wearer([result["about"] for result in results]),
        "playing": [unit.playing.model_dump(mode="json") for unit in units],
        **{key: first[key] for key in FACTS},
    }


def _is_of_its_name(unit: Unit) -> bool:
    """Whether the decoder lies in the folder that its name leads to, so that figures there are its own."""
    path = getattr(unit.decoder, "path", None)
    try:
        folder = decoder_folder(decoder_name(unit.cell))
    except NeuroMotionError:
        return False
    return path is not None and Path(path).resolve().parent == folder.resolve()


def _unseen(people: Sequence[str], units: Sequence[Unit]) -> list[str]:
    """People whom no decoder of a cell has met, not under another name either."""
    met = {person for unit in units for person in unit.seen.copies}
    return [person for person in people if person not in met]


def _wearer(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The wearer of a calibrated decoder, and whether all units of a cell play the wearer."""
    worn = [about for about in told if "wearer" in about]
    if not worn:
        return {}
    answers = [about["plays_wearer"] for about in worn]
    return {"wearer": worn[0]["wearer"], "plays_wearer": next((one for one in answers if one is not True), True)}


def _columns(playing: Playing) -> dict[str, Any]:
    """A `Playing` as columns of a table: sequences of names as one text, channels as their number."""
    return {
        "source": playing.source,
        "dataset": playing.dataset,
        "part": playing.part or "",
        "session_kind": playing.session_kind or "",
        "subjects_played": " ".join(playing.subjects or ("all",)),
        "labels": " ".join(playing.labels),
        "channels": "all" if playing.channels is None else len(playing.channels),
        "pacing": playing.pacing,
        "epoch_s": "" if playing.epoch_s is None else " ".join(f"{second:g}" for second in playing.epoch_s),
        "ocular": playing.ocular,
        "skip_cue": playing.skip_cue,
        "perturbations": " ".join(each.model_dump_json() for each in playing.perturbations),
        "resample": playing.resample,
        "recordings": "" if playing.recordings is None else playing.recordings.name,
    }


def _who_saw(unit: Unit, person: str) -> str:
    """Which of decoder and controller were trained on this person's data: one, both or (an empty text) none."""
    names = ["decoder"] * (person in unit.seen.runs) + ["controller"] * (person in unit.heard)
    return " and ".join(names)
