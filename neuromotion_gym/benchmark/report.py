"""Builds the tables and pictures of a report from the episodes."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from neuromotion_gym.benchmark.config import expand
from neuromotion_gym.benchmark.figures import (
    compare,
    compare_all,
    person_means,
    rank_correlation,
    rate_of_information,
    rate_over_people,
    throughput_over_people,
)
from neuromotion_gym.benchmark.markup import Section, markdown, page
from neuromotion_gym.benchmark.metrics import median_time, throughput_over_combinations
from neuromotion_gym.benchmark.pictures import Bar, Scatter, offline_picture, success_picture, time_picture
from neuromotion_gym.benchmark.shown import NONE, count, mean_and_limits, number, told_onset
from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.bounds import BoundKind, parse_decoder_name
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.files import write_text
from neuromotion_gym.registration import environment
from neuromotion_gym.statistics import is_widened
from neuromotion_gym.tasks.task import FIRST_SELECTION
from neuromotion_gym.training.metrics_file import current_metrics

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from neuromotion_gym.benchmark.config import BenchmarkConfig
    from neuromotion_gym.statistics import Interval

REFERENCE = "argmax"
"""Controller that the others are compared with."""
HEADER = (
    "decoder",
    "controller",
    "success [95 %]",
    "wrong selections",
    "median time, s",
    "ITR, bit/min [95 %]",
    "shuffled → oracle",
    f"against {REFERENCE} [95 %], p",
    "episodes",
    "people",
    "distinct trials",
)
OFFLINE_HEADER = ("decoder", "controller", "level", "played: ocular, left out", "people", "Spearman's rho")
CONTROL_HEADER = ("decoders", "controller", "level", "played: ocular, left out", "difference [95 %]", "p")
THROUGHPUT_HEADER = (
    "decoder",
    "controller",
    "level",
    "throughput, bit/s [95 %]",
    "combinations",
    "episodes",
    "people",
)
RATIO_HEADER = ("decoder", "controller", "level", "figure", "over all episodes", "episodes", "people")
MOVEMENT = ("travelled", "along")
"""Columns of an episode from which the throughput of a condition is computed."""
SEEN = "trained on what it plays"
VIDEOS = {"median.mp4": "A success of median length", "failed.mp4": "An episode that failed"}
"""Videos that `neuromotion_gym.benchmark.film` writes beside the report, and what they show."""
WIDENED = "*"
"""Mark after an interval near 0 or 1, which also contains the interval of a Beta-binomial model."""
FEWEST = 5
"""Fewest people over whom a rank correlation is given."""
NOT_RECORDED = "not recorded in these results"
"""What a decoder was fitted on, in results of a time when cells did not have it."""
ROLES = ("decoder", "control", *get_args(BoundKind))


@dataclass(frozen=True, eq=False)
class Line:
    """One cell with its episodes.

    Parameters
    ----------
    cell : dict
        An entry of ``cells.json``.
    success, wrong : bool array, shape (episodes,)
    time_s : float array, shape (episodes,)
    people : sequence of str, shape (episodes,)
    combinations : float array, shape (episodes, k)
        What is told apart in a test of speed, such as distance and width of the goal; no columns in other tests.
    movement : float array, shape (episodes, 2)
        The columns `MOVEMENT` of a test of speed.
    ratios : mapping of str to float
        The task's own figures of all episodes, see `neuromotion_gym.tasks.task.Ratio`; NaN where there is nothing to
        divide by.
    """

    cell: dict[str, Any]
    success: np.ndarray
    wrong: np.ndarray
    time_s: np.ndarray
    people: Sequence[str]
    combinations: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    movement: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    ratios: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> Interval:
        """Success rate over people."""
        return rate_over_people(self.success, self.people)

    @property
    def key(self) -> tuple[str, str, float, str, int | None, float, tuple[str, ...]]:
        """Level and condition, number of goals, chance and rules, which all lines of a table share."""
        cell = self.cell
        condition = cell["level"], cell["ocular"], cell["skip_cue"], self.perturbed
        return *condition, cell["goals"], cell["chance"], self.rules

    @property
    def rules(self) -> tuple[str, ...]:
        """Options of the task that were played, each as text; those that are None say nothing."""
        options = {**self.cell.get("task_options", {}), **self.cell.get("rules", {})}
        return tuple(f"{option}: {value}" for option, value in options.items() if value is not None)

    @property
    def perturbed(self) -> str:
        """Perturbations of the samples, as text; empty if there are none."""
        told = []
        for one in self.cell.get("perturbations", ()):
            options = ", ".join(f"{name}: {value}" for name, value in one["options"].items())
            told.append(f"{one['name']} ({options})" if options else one["name"])
        return ", ".join(told)


def read_lines(folder: str | os.PathLike[str]) -> list[Line]:
    """All cells of a folder of results with their episodes.

    Raises
    ------
    NeuroMotionError
        If the folder holds no results, or the episodes of a cell are missing.
    """
    try:
        table = json.loads((Path(folder) / "cells.json").read_text(encoding="utf-8"))
        with (Path(folder) / "episodes.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise NeuroMotionError(f"{folder} holds no results of a benchmark: {error}.") from error
    by_cell: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_cell.setdefault(row["cell"], []).append(row)
    if missing := [cell["cell"] for cell in table if cell["cell"] not in by_cell]:
        raise NeuroMotionError(f"{folder}/episodes.csv has no episodes of {', '.join(missing)}. Run it again.")
    return [_line(cell, by_cell[cell["cell"]]) for cell in table]


def _line(cell: dict[str, Any], rows: list[dict[str, str]]) -> Line:
    combinations = cell.get("combinations", ())
    return Line(
        cell,
        np.array([row["success"] == "True" for row in rows]),
        np.array([row["wrong_selection"] == "True" for row in rows]),
        np.array([float(row["time_s"]) for row in rows]),
        [row["subject"] for row in rows],
        np.array([[float(row[name]) for name in combinations] for row in rows]),
        np.array([[float(row[name]) for name in MOVEMENT] for row in rows if combinations]),
        {name: factor * _ratio(rows, over, under) for name, over, under, factor in cell.get("ratios", ())},
    )


def _ratio(rows: list[dict[str, str]], over: str, under: str) -> float:
    """Sum of one column over the sum of another."""
    total = sum(float(row[under]) for row in rows)
    return sum(float(row[over]) for row in rows) / total if total else float("nan")


def share_closed(line: Line, lines: Sequence[Line]) -> float:
    """Share of the distance from shuffled to oracle that a decoder closes; NaN where a bound is missing.

    Bounds with the same controller are used if there are any, otherwise those with the reference controller.
    """
    bounds = (_bound("shuffled", line, lines), _bound("oracle", line, lines))
    if bounds[0] is None or bounds[1] is None:
        return float("nan")
    shuffled, oracle = bounds[0].rate.mean, bounds[1].rate.mean
    return (line.rate.mean - shuffled) / (oracle - shuffled) if oracle > shuffled else float("nan")


def _bound(role: str, line: Line, lines: Sequence[Line]) -> Line | None:
    """A bound of a decoder: with the same controller, else with the reference controller, else with its own."""
    same = [
        other
        for other in lines
        if (other.cell["role"], other.cell["decoder"], other.key) == (role, line.cell["decoder"], line.key)
    ]
    for controller in (line.cell["controller"], REFERENCE, role):
        for other in same:
            if other.cell["controller"] == controller:
                return other
    return None


def tables(lines: Sequence[Line]) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Title and rows of every table: one table per level and condition.

    Parameters
    ----------
    lines : sequence of Line

    Returns
    -------
    list of (title, rows), each row as long as `HEADER`
    """
    found = []
    for key in dict.fromkeys(line.key for line in lines):
        members = [line for line in lines if line.key == key]
        rows = []
        for role in ROLES:
            for decoder in dict.fromkeys(line.cell["decoder"] for line in members if line.cell["role"] == role):
                group = [line for line in members if (line.cell["role"], line.cell["decoder"]) == (role, decoder)]
                rows += _rows(role, group, members)
        found.append((_title(members), rows))
    return found


def _rows(role: str, group: Sequence[Line], members: Sequence[Line]) -> list[tuple[str, ...]]:
    """Rows of one decoder with all its controllers."""
    compared = {}
    reference = next((line for line in group if line.cell["controller"] == REFERENCE), None)
    if reference is not None and role in ("decoder", "control"):
        others = {line.cell["controller"]: line for line in group if line is not reference}
        compared = compare_all(
            (reference.success, reference.people),
            {name: (line.success, line.people) for name, line in others.items()},
        )
    rows: list[tuple[str, ...]] = []
    for line in group:
        cell = line.cell
        choices = cell["choices"] if "choices" in cell else 1 / cell["chance"]
        information = NONE
        if choices is not None:
            information = mean_and_limits(rate_of_information(line.success, line.time_s, line.people, choices))
        share = share_closed(line, members) if role in ("decoder", "control") else float("nan")
        difference = NONE
        if cell["controller"] in compared:
            comparison, p = compared[cell["controller"]]
            difference = mean_and_limits(comparison.difference, "+.2f") + f", {p:.3f}"
        name = cell["decoder"] if role in ("decoder", "control") else f"{role} ({cell['decoder']})"
        rate = line.rate
        rows.append(
            (
                _marked(f"{name} (control)" if role == "control" else name, cell.get("seen_by_decoder")),
                _marked(cell["controller"], cell.get("seen_by_controller")),
                mean_and_limits(rate) + (WIDENED if is_widened(person_means(line.success, line.people)[0]) else ""),
                f"{rate_over_people(line.wrong, line.people).mean:.2f}",
                number(median_time(line.time_s, line.success), ".1f"),
                information,
                number(share, ".2f"),
                difference,
                str(len(line.success)),
                str(len(set(line.people))),
                str(cell["distinct_trials"]),
            )
        )
    return rows


def _marked(name: str, seen: Sequence[str] | None) -> str:
    """A name, with a remark if the decoder or controller was trained on people that it is tested on."""
    return f"{name} ({SEEN}: {', '.join(seen)})" if seen else name


def _title(lines: Sequence[Line]) -> str:
    """Title of a table: the settings that all its rows share; times that depend on a decoder from least to most."""
    line = lines[0]
    cell = line.cell
    about = cell["about"]
    goals = f"{cell['goals']} goals" if cell["goals"] else "a continuum of goals"
    parts = [f"{cell['level']}: {goals}, chance {cell['chance']:.3f}"]
    name = about.get("dataset")
    eyes = name is not None and registry.is_known(name) and bool(registry.dataset(name).ocular_channels)
    if eyes or cell["ocular"] == "regress" or cell["skip_cue"]:
        ocular = {"keep": "as recorded", "regress": "ocular channels regressed out"}[cell["ocular"]]
        skip = f", {cell['skip_cue']:g} s after the cue left out" if cell["skip_cue"] else ""
        parts.append(ocular + skip)
    limit, dwell = _seconds(lines, "time_limit_s"), _seconds(lines, "dwell_s")
    parts.append(f"{limit} at most, dwell {dwell}, lag {_seconds(lines, 'lag_s', '.2f')}")
    parts += [f"perturbed: {line.perturbed}"] if line.perturbed else []
    parts += line.rules
    return "; ".join(parts)


def _seconds(lines: Sequence[Line], name: str, form: str = "g") -> str:
    """A time of the layouts of some lines: ``2 s``, or ``2 to 3 s`` where they differ."""
    times = [line.cell["layout"][name] for line in lines]
    return " to ".join(dict.fromkeys(f"{time:{form}}" for time in (min(times), max(times)))) + " s"


def control_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Every decoder against the control with the same level, condition and controller, paired over people."""
    rows: list[tuple[str, ...]] = []
    for line in lines:
        cell = line.cell
        for other in lines:
            same = other.key == line.key and other.cell["controller"] == cell["controller"]
            if cell["role"] == "decoder" and other.cell["role"] == "control" and same:
                found = compare(line.success, line.people, other.success, other.people)
                condition = f"{cell['ocular']}, {cell['skip_cue']:g} s"
                names = f"{cell['decoder']} − {other.cell['decoder']}"
                difference = mean_and_limits(found.difference, "+.2f")
                rows.append((names, cell["controller"], cell["level"], condition, difference, f"{found.p:.3f}"))
    return rows


def offline_accuracy(decoder: str, part: str | None = None) -> dict[str, float]:
    """Balanced accuracy per window of each person, from a decoder's ``metrics.json``.

    Empty if the file is missing, or has figures of another graph than the one that lies beside it.

    Parameters
    ----------
    decoder : str
        Name or folder.
    part : str, optional
        Part of its data set; the folds of whole people if left out.
    """
    from neuromotion_gym.decoders.folders import decoder_folder

    try:
        folder = Path(decoder) if Path(decoder).is_dir() else decoder_folder(decoder)
        metrics = current_metrics(folder)
        found = metrics["folds"] if part is None else metrics["parts"][part]
        return dict(found["per_window"]["by_person"])
    except (OSError, ValueError, KeyError):  # a NeuroMotionError is a ValueError
        return {}


def offline_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Rank correlation over people of offline accuracy and task success, one row per decoder's line with folds."""
    rows: list[tuple[str, ...]] = []
    for line in lines:
        if line.cell["role"] != "decoder" or not line.cell["folds"]:
            continue
        offline = offline_accuracy(line.cell["decoder"])
        rates, names = person_means(line.success, line.people)
        shared = [index for index, name in enumerate(names) if name in offline]
        if len(shared) < FEWEST:
            continue
        rho = rank_correlation(np.array([offline[names[index]] for index in shared]), rates[shared])
        condition = f"{line.cell['ocular']}, {line.cell['skip_cue']:g} s"
        cell = line.cell
        rows.append(
            (cell["decoder"], cell["controller"], cell["level"], condition, str(len(shared)), number(rho, ".2f"))
        )
    return rows


def throughput_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """Throughput of every line of a test of speed; see `throughput_over_people`.

    Where some people have too few episodes, the figure is that of all episodes together, without an interval.
    """
    rows: list[tuple[str, ...]] = []
    for line in lines:
        if not line.combinations.size:
            continue
        travelled, along = line.movement.T
        found, combinations = throughput_over_combinations(line.combinations, travelled, along, line.time_s)
        figure, people = number(found, ".2f"), len(set(line.people))
        each = throughput_over_people(line.combinations, travelled, along, line.time_s, line.people)
        told = f"pooled over {count(people, 'person', 'people')}"
        if each is not None:
            figure, told = mean_and_limits(each), str(people)
        rows.append((*_names(line), figure, str(combinations), str(len(line.success)), told))
    return rows


def ratio_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """The figures that tasks state of many episodes, of every line."""
    return [
        (*_names(line), name, number(value, ".2f"), str(len(line.success)), str(len(set(line.people))))
        for line in lines
        for name, value in line.ratios.items()
    ]


def _names(line: Line) -> tuple[str, str, str]:
    """Decoder, or bound with its decoder; controller; level."""
    cell, role = line.cell, line.cell["role"]
    name = cell["decoder"] if role in ("decoder", "control") else f"{role} ({cell['decoder']})"
    return name, cell["controller"], cell["level"]


def _ends(lines: Sequence[Line]) -> str:
    """How episodes end before the time limit, as their tasks say it; with the levels where they differ."""
    told: dict[str, list[str]] = {}
    for line in lines:
        told.setdefault(line.cell.get("ends", FIRST_SELECTION), []).append(line.cell["level"])
    if len(told) == 1:
        return next(iter(told))
    return " ".join(f"{', '.join(dict.fromkeys(levels))}: {sentence}" for sentence, levels in told.items())


def report_text(lines: Sequence[Line], config: BenchmarkConfig) -> tuple[str, list[str]]:
    """Title and introductory sentences of a report."""
    first = lines[0].cell
    abouts = [line.cell["about"] for line in lines]
    sources = dict.fromkeys(
        f"{about.get('recordings') or about.get('dataset')} ({told_onset(about['onset'])})" for about in abouts
    )
    decoders = dict.fromkeys(line.cell["decoder"] for line in lines)
    unseen = first["people_unseen"]
    people = (
        "everybody, each person driven by the decoder of the fold that was trained without them"
        if unseen == "all"
        else _played_part(first) + (f" ({', '.join(unseen)} were never seen in training)" if unseen else "")
    )
    recorded = first["source"] in ("replay", "recordings")
    played = "replayed trials" if recorded else "generated trials"
    if recorded and all(_is_unseen(line) for line in lines):
        played = "replayed trials that no decoder was trained on"
    splits = ", ".join(dict.fromkeys(line.cell["split"] for line in lines))
    sentences = [
        (
            f"{config.environment}; {played} of {' and '.join(sources)}; {people}. "
            f"Split: {splits}. Decoders: {', '.join(decoders)}."
        ),
        (
            "Success is the mean over people, its 95 % interval a studentised bootstrap over them. Near 0 and 1, and "
            f"where all people are alike, a bootstrap is too narrow: the interval (marked {WIDENED}) holds that of a "
            f"Beta-binomial model over people, too. {_ends(lines)} What has not succeeded at the time limit is no "
            "success. ITR is Wolpaw's rate in which such an episode counts as an error that took the whole time. "
            "Oracle, open_loop, shuffled and blind are bounds: a decoder that is always right after its own lag, the "
            "same decoder with an operator who chooses all labels at the start and never sees the limb again, the same "
            "decoder on labels drawn at random, and a decoder that says nothing, with a controller that goes to one of "
            "the best constant places where it is called blind. 'shuffled → oracle' is the share of "
            f"that distance a decoder closes. Differences against {REFERENCE} are paired over people on the same "
            "episodes; p by permutation, after Holm."
        ),
    ]
    sentences += _fitted_on(lines) + _not_played(lines, config)
    if config.notes:
        sentences.append(config.notes)
    return config.title or config.name, sentences


def _not_played(lines: Sequence[Line], config: BenchmarkConfig) -> list[str]:
    """A sentence about decoders of the configuration that results of an earlier configuration lack."""
    bounds = get_args(BoundKind)
    there = {
        (line.cell["role"] if line.cell["role"] in bounds else None, line.cell["decoder"], line.cell["level"])
        for line in lines
    }
    default = environment(config.environment).decoder
    lacking: dict[str, list[str]] = {}
    for cell in expand(config):
        kind, inner = parse_decoder_name(cell.decoder)
        if (kind, inner or default, cell.level) not in there:
            lacking.setdefault(cell.decoder, []).append(cell.level)
    if not lacking:
        return []
    told = "; ".join(f"{decoder} ({', '.join(dict.fromkeys(levels))})" for decoder, levels in lacking.items())
    before = f"These results were made before the configuration had all its rows. Not played: {told}."
    return [f"{before} 'neuromotion bench' with the file of this benchmark plays them."]


def _played_part(cell: dict[str, Any]) -> str:
    return "recordings of one's own" if cell["source"] == "recordings" else f"part {cell['part']!r}"


def _reads_signals(line: Line) -> bool:
    return line.cell["role"] not in ("oracle", "blind")


def _is_unseen(line: Line) -> bool:
    """Whether the decoder is known to be trained on none of the played data, or reads no signals."""
    if not _reads_signals(line):
        return True
    told = line.cell.get("fitted_on", NOT_RECORDED)
    known = not any(doubt in told for doubt in (NOT_RECORDED, "not known", "not checked"))
    return known and not line.cell["seen_by_decoder"]


def _fitted_on(lines: Sequence[Line]) -> list[str]:
    """Sentences about the data that the decoders were fitted on."""
    told = {line.cell["decoder"]: line.cell.get("fitted_on", NOT_RECORDED) for line in lines if _reads_signals(line)}
    sentences = [" ".join(f"{decoder}: fitted on: {what}." for decoder, what in told.items())] if told else []
    bands = {name: how for line in lines for name, how in line.cell.get("band_worn_otherwise", {}).items()}
    if bands:
        worn = "; ".join(f"{name}: {how}" for name, how in bands.items())
        sentences.append(f"Bands that may be worn otherwise than a decoder expects: {worn}.")
    others = {line.cell["decoder"]: line.cell for line in lines if line.cell.get("plays_wearer", True) is not True}
    for decoder, cell in others.items():
        who = "it is not known whether the wearer is played" if cell["plays_wearer"] else "other people are played"
        sentences.append(f"{decoder} is calibrated to one wearer ({cell['wearer']}), but {who}.")
    if any(line.cell.get("seen_by_decoder") or line.cell.get("seen_by_controller") for line in lines):
        sentences.append(
            f"Rows marked '{SEEN}' are no test: their decoder or controller was trained on the people named there."
        )
    return sentences


def bars(lines: Sequence[Line]) -> list[Bar]:
    """What the pictures show of the decoders and controls of one table."""
    found = []
    for line in lines:
        cell = line.cell
        if cell["role"] not in ("decoder", "control"):
            continue
        bounds = {role: bound for role in get_args(BoundKind) if (bound := _bound(role, line, lines))}
        medians = [
            float(np.median(line.time_s[mine]))
            for person in dict.fromkeys(line.people)
            if (mine := line.success & (np.asarray(line.people) == person)).any()
        ]
        oracle = bounds.get("oracle")
        found.append(
            Bar(
                decoder=cell["decoder"],
                controller=_marked(cell["controller"], cell.get("seen_by_decoder") or cell.get("seen_by_controller")),
                control=cell["role"] == "control",
                success=line.rate,
                rates=person_means(line.success, line.people)[0],
                bounds={**{role: bound.rate.mean for role, bound in bounds.items()}, "chance": cell["chance"]},
                times_s=line.time_s[line.success],
                person_times_s=np.array(medians),
                oracle_time_s=float("nan") if oracle is None else median_time(oracle.time_s, oracle.success),
            )
        )
    return found


def scatters(lines: Sequence[Line]) -> list[Scatter]:
    """Success of each person against their offline accuracy, for each decoder that has it and was played."""
    found = []
    for line in lines:
        cell = line.cell
        if cell["role"] not in ("decoder", "control") or cell["controller"] != REFERENCE:
            continue
        if not cell.get("of_its_name", True):
            continue
        offline = offline_accuracy(cell["decoder"], None if cell["folds"] else cell["part"])
        rates, names = person_means(line.success, line.people)
        shared = [index for index, name in enumerate(names) if name in offline]
        if len(shared) < FEWEST:
            continue
        accuracy = np.array([offline[names[index]] for index in shared])
        rho = rank_correlation(accuracy, rates[shared])
        found.append(
            Scatter(cell["decoder"], cell["controller"], cell["role"] == "control", accuracy, rates[shared], rho)
        )
    return found


def _pictures(lines: Sequence[Line]) -> list[str]:
    """Pictures of one table; none where no decoder was played."""
    shown = bars(lines)
    if not shown:
        return []
    limit_s = max(line.cell["layout"]["time_limit_s"] for line in lines)
    panels = scatters(lines)
    return [success_picture(shown), time_picture(shown, limit_s), *([offline_picture(panels)] if panels else [])]


def write_report(folder: str | os.PathLike[str], config: BenchmarkConfig) -> Path:
    """Write ``report.md`` and ``report.html`` from the results in ``folder``; return the path of ``report.md``.

    The page begins with pictures; see `neuromotion_gym.benchmark.pictures`.
    """
    lines = read_lines(folder)
    title, sentences = report_text(lines, config)
    sections = []
    for (name, rows), key in zip(tables(lines), dict.fromkeys(line.key for line in lines), strict=True):
        sections.append(Section(name, HEADER, rows, _pictures([line for line in lines if line.key == key])))
    sections.append(Section("Against the control: is it more than the eyes?", CONTROL_HEADER, control_rows(lines)))
    sections.append(Section("Throughput after ISO 9241-411", THROUGHPUT_HEADER, throughput_rows(lines)))
    sections.append(Section("The task's own figures", RATIO_HEADER, ratio_rows(lines)))
    offline = "Does offline accuracy tell task success? Over people, folds"
    sections.append(Section(offline, OFFLINE_HEADER, offline_rows(lines)))
    path = Path(folder) / "report.md"
    videos = {what: name for name, what in VIDEOS.items() if (path.parent / name).is_file()}
    write_text(path, markdown(title, sentences, sections, videos))
    write_text(path.with_suffix(".html"), page(title, sentences, sections, videos))
    return path
