"""`bench`: what does the limb do when these decoders drive it? One call, without a configuration's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from neuromotion_gym.benchmark.config import BenchmarkConfig
from neuromotion_gym.benchmark.figures import rate_over_people
from neuromotion_gym.benchmark.metrics import median_time
from neuromotion_gym.benchmark.report import Line, read_lines
from neuromotion_gym.benchmark.runner import run_benchmark
from neuromotion_gym.benchmark.settings import usual_setting
from neuromotion_gym.benchmark.shown import limits, number, told_onset
from neuromotion_gym.decoders.bounds import BoundDecoder, BoundKind
from neuromotion_gym.envs.kinds import check_kinds
from neuromotion_gym.envs.options import choose_decoder
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import from_mapping, shortened
from neuromotion_gym.signals.reading import Reading

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder

OUT = "neuromotion_bench"
"""Folder of the results where none is named."""
ENOUGH = 60
"""Episodes of a row that are enough for a first answer; sessions then share them equally."""
COLUMNS = ("", "controller", "success", "95 %", "wrong", "time to success", "people", "episodes", "trials")


@dataclass(frozen=True, eq=False)
class Answer:
    """What the limb did: one row for each decoder, bound and controller.

    Parameters
    ----------
    lines : list of Line
        Every row with its episodes.
    folder : path
        Folder of ``report.html``, ``report.md``, ``episodes.csv`` and, where this machine can draw, ``median.mp4`` and
        ``failed.mp4``.
    """

    lines: list[Line]
    folder: Path

    @property
    def report(self) -> Path:
        """The report for a browser."""
        return self.folder / "report.html"

    @property
    def videos(self) -> dict[str, Path]:
        """Videos of a ``median`` and of a ``failed`` episode of the first decoder, those that there are."""
        paths = {name: self.folder / f"{name}.mp4" for name in ("median", "failed")}
        return {name: path for name, path in paths.items() if path.is_file()}

    def table(self) -> list[tuple[str, ...]]:
        """Rows of text under the headings `COLUMNS`, each decoder followed by its bounds."""
        decoders = dict.fromkeys(line.cell["decoder"] for line in self.lines)
        return [_row(line) for name in decoders for line in self.lines if line.cell["decoder"] == name]

    def sentences(self) -> list[str]:
        """What the rows rest on: what was played, and what the decoders were fitted on."""
        cells = {line.cell["decoder"]: line.cell for line in reversed(self.lines) if line.cell["role"] == "decoder"}
        every = {line.cell["decoder"]: line.cell for line in self.lines}
        played = "; ".join(dict.fromkeys(_played(cell) for cell in every.values()))
        chances = {name: f"{cell['chance']:.3g}" for name, cell in every.items()}
        same = len(set(chances.values())) == 1
        chance = next(iter(chances.values())) if same else ", ".join(f"{one} ({name})" for name, one in chances.items())
        told = [f"{name}: fitted on: {cell['fitted_on']}; split: {cell['split']}." for name, cell in cells.items()]
        return [f"Played: {played}. Intervals are over people. Chance {chance}.", *told]

    def __repr__(self) -> str:
        rows = [COLUMNS, *self.table()]
        widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self.sentences(), f"Report: {self.report}"])


def _played(cell: Mapping[str, Any]) -> str:
    """What was played for a decoder."""
    about = cell["about"]
    if cell["source"] == "recordings":
        return f"{about['recordings']}, recordings of your own ({told_onset(about['onset'])})"
    kind = "generated trials" if cell["source"] == "surrogate" else "recorded trials"
    return f"{kind} of {about['dataset']}, part {cell['part']!r} ({told_onset(about['onset'])})"


def _row(line: Line) -> tuple[str, ...]:
    cell, rate = line.cell, line.rate
    bound = cell["role"] in get_args(BoundKind)
    return (
        f"{cell['role']} ({cell['decoder']})" if bound else cell["decoder"],
        cell["controller"],
        f"{rate.mean:.2f}",
        limits(rate),
        f"{rate_over_people(line.wrong, line.people).mean:.2f}",
        number(median_time(line.time_s, line.success), ".1f", " s"),
        str(len(set(line.people))),
        str(len(line.success)),
        str(cell["distinct_trials"]),
    )


def bench(
    decoder: Any,
    recording: Any = None,
    *,
    reading: Reading | Mapping[str, Any] | None = None,
    env: str | None = None,
    level: str | None = None,
    controller: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | None = None,
    episodes: int | None = None,
    seeds: int | Sequence[int] = 1,
    subjects: Sequence[str] = (),
    source: str | None = None,
    part: str | None = None,
    decoder_facts: Mapping[str, Any] | None = None,
    fitted_on: str = "",
    resample: bool = False,
    allow_seen: bool = False,
    task_options: Mapping[str, Any] | None = None,
    film: bool = True,
    out: str | os.PathLike[str] = OUT,
    data_root: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    threads: int = 1,
    progress: bool = False,
) -> Answer:
    """Drive a limb with decoders and recordings of one's own, and compare each decoder with its bounds.

    Parameters
    ----------
    decoder : str, path, object, or a list of them
        As ``decoder`` of ``gym.make``: a name, a folder, an ONNX file, an object. The bounds oracle, open loop,
        shuffled and blind of each are played, too.
    recording : path, Recording, MNE object, MOABB data set, Session, or a list of them, optional
        As ``source`` of ``gym.make``. If left out, the surrogate of the decoder's data set is played.
    reading : Reading or mapping, optional
        How the recordings are read.
    env : str, optional
        Environment; the first one if left out.
    level : str, optional
        Level of the task. If left out, the middle one or, for windows of a second and more, the easiest; of several
        decoders the first one decides, for level and controller.
    controller : str, mapping, or a list of them, optional
        Names of controllers, or mappings with ``name``, ``options`` and ``label``. If left out, ``argmax`` or, for
        windows of a second and more, ``bayes``; ``follow`` for a decoder of targets.
    episodes : int, optional
        Episodes of each session with each seed; if left out, so many that a row has 60 or more.
    seeds : int or sequence of int
        Number of seeds (0, 1, …), or the seeds.
    subjects : sequence of str
        Only these people.
    source : {"surrogate", "replay"}, optional
        Without ``recording``: generated signals, or recorded trials from the folder of the data sets; the first if left
        out.
    part : str, optional
        Part of the data set, "test" if left out; without ``recording``.
    decoder_facts : mapping, optional
        As in ``gym.make``, for every decoder. Of several, one that is an object with a specification takes only a map
        of its labels.
    fitted_on : str
        For decoders that do not say what they were fitted on: a text, a ``fitted_on.json``, or the recordings.
    resample, allow_seen, task_options
        See `BenchmarkConfig`.
    film : bool
        Whether a median and a failed episode are filmed.
    out : path
        Folder for the results; finished rows in it are not played again.
    data_root, jobs, threads, progress
        See `run_benchmark`.

    Returns
    -------
    Answer

    Raises
    ------
    NeuroMotionError
        If decoders and recordings do not fit, an option is unknown, or a decoder was fitted on what is played.
    """
    check_kinds({"level": level, "subjects": subjects})
    decoders = _decoders(decoder, decoder_facts)
    specs = [one.spec for one in decoders.values()]
    setting = usual_setting(specs[0], env)
    if recording is None and reading is not None:
        raise NeuroMotionError("reading says how a recording is read, but there is no recording.")
    if recording is None:
        played: dict[str, Any] = {"source": source or "surrogate", "part": part or "test"}
    elif source is not None or part is not None:
        raise NeuroMotionError("source and part belong to a data set; they do not apply to a recording.")
    else:
        path = str(recording) if isinstance(recording, str | Path) else None
        played = {"recordings": {"path": path, "reading": Reading.of(reading)}}
    chosen = [setting.controller] if controller is None else controller
    listed = [chosen] if isinstance(chosen, str) or not isinstance(chosen, list | tuple) else list(chosen)
    controllers = [{"name": one} if isinstance(one, str) else one for one in listed]
    conditions = [{"ocular": None, "skip_cue": None}]
    shared = {"levels": [level or setting.level], "conditions": conditions}
    driven = [bound + name for name in decoders for bound in ("", "oracle:", "open_loop:", "shuffled:")]
    config = from_mapping(
        BenchmarkConfig,
        {
            "name": "bench",
            "title": f"What does the limb do? {', '.join(decoders)}",
            "environment": setting.environment,
            **played,
            "resample": resample,
            "allow_seen": allow_seen,
            "fitted_on": dict.fromkeys(decoders, fitted_on) if fitted_on else {},
            "subjects": tuple(subjects or ()),
            **({"row_episodes": ENOUGH} if episodes is None else {"episodes": episodes}),
            "seeds": _seeds(seeds),
            "task_options": dict(task_options or {}),
            "grids": [
                {"decoders": driven, "controllers": controllers, **shared},
                {"decoders": [f"blind:{name}" for name in decoders], "controllers": ["blind"], **shared},
            ],
        },
        "bench",
    )
    run_benchmark(
        config,
        out,
        data_root=data_root,
        jobs=jobs,
        threads=threads,
        progress=progress,
        decoders=decoders,
        recordings=None if isinstance(recording, str | Path) else recording,
        film=setting.film if film else 0,
    )
    return Answer(read_lines(out), Path(out))


def _decoders(given: Any, facts: Mapping[str, Any] | None) -> dict[str, Decoder]:
    """Decoders by the names that the report gives them."""
    listed = list(given) if isinstance(given, list | tuple) else [given]
    if not listed:
        raise NeuroMotionError("Name at least one decoder.")
    found: dict[str, Decoder] = {}
    for one in listed:
        decoder = choose_decoder(one, "", facts if len(listed) == 1 else _facts_for(one, facts))
        if isinstance(decoder, BoundDecoder):
            raise NeuroMotionError(f"{one!r} is a bound. Name the decoder itself: its bounds are played, too.")
        if decoder.spec.name in get_args(BoundKind):
            raise NeuroMotionError(
                f"A decoder cannot be called {decoder.spec.name!r}, which is the name of a bound; call it otherwise, "
                "such as decoder_facts={'name': 'mine'} (--fact name=mine)."
            )
        name, copies = decoder.spec.name, 1
        while name in found:
            copies += 1
            name = f"{decoder.spec.name}_{copies}"
        found[name] = decoder
    return found


def _facts_for(decoder: Any, facts: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Those of the facts about several decoders that may be said of one."""
    if not hasattr(decoder, "spec") or not isinstance(facts, Mapping):
        return facts
    return {name: value for name, value in facts.items() if name == "labels" and isinstance(value, Mapping)}


def _seeds(given: int | Sequence[int]) -> list[Any]:
    """The seeds themselves, if their number is given."""
    wrong = isinstance(given, bool | str) or given is None
    seeds = [] if wrong else list(range(given)) if isinstance(given, int) else list(given)
    if not seeds:
        raise NeuroMotionError(f"seeds is a number of seeds, 1 or more, or a list of seeds, not {shortened(given)}.")
    return seeds
