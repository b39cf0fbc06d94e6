"""The figures of a decoder of continuous targets in its card: tables of R² and lag, and their picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matplotlib.axes import Axes

WAYS = {
    "decoder": "the decoder",
    "block": "clock: mean of the movement",
    "phase": "clock: mean of the time since it began",
    "block and phase": "clock: mean of both",
}
"""Rows of the table: the decoder, and clocks without a signal (`neuromotion_gym.training.target_evaluation`)."""
EXPLAINED = (
    "Mean over targets, then over people, with its 95 % interval (bootstrap-t over people). Windows slide through "
    "whole recordings, rests and ways between movements too. *Within blocks*: targets, and what is said of them, are "
    "counted from their means over all windows of one person and movement. Clocks have no signal and know when a "
    "movement begins: means over the person's calibration run. No decoder has such a clock."
)
BLUE, GREY = "#0072B2", "#6B7580"


def is_of_targets(report: Mapping[str, Any]) -> bool:
    """Whether a report is that of a decoder of targets."""
    return "within_blocks" in report


def target_sections(found: Mapping[str, dict[str, Any]], picture: str) -> list[str]:
    """Lines of Markdown for the reports of a card.

    Parameters
    ----------
    found : mapping of title to report
        From `neuromotion_gym.training.target_evaluation.target_report`.
    picture : str
        File name of the picture.
    """
    lines = [
        "## R² of the targets",
        "",
        EXPLAINED,
        "",
        *table(("on", "people", "windows", "from", "within blocks", "as a whole"), _explained(found)),
        "",
        "## Lag",
        "",
        "Time by which what is said comes after what was done: where the two are most alike, up to a second.",
        "",
        *table(("on", "lag, s"), ((title, in_text(report["lag_s"], ".2f")) for title, report in found.items())),
        "",
        "## Targets",
        "",
        "R² of each target within blocks, mean over people.",
        "",
        *_targets(found),
        "",
        f"![R² of each target and person, and beside the clocks]({picture})",
        "",
        "## People",
        "",
        "R² within blocks, mean over targets.",
        "",
        *_people(found),
        "",
    ]
    return lines


def target_limits(found: Mapping[str, dict[str, Any]]) -> list[str]:
    """What the figures do not say."""
    lines = []
    for title, report in found.items():
        inside = report["within_blocks"]["decoder"]
        if (inside["mean"] if inside["low"] is None else inside["low"]) <= 0:
            lines.append(f"On {title} it is not shown to explain anything within blocks.")
        clock = report["within_blocks"].get("block and phase")
        if clock is not None and clock["mean"] >= inside["mean"]:
            lines.append(
                f"On {title} a clock without a signal that knows movement and time explains more "
                f"({clock['mean']:.3f}). In use nothing knows these two."
            )
    return lines


def _explained(found: Mapping[str, dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    for title, report in found.items():
        for way, words in WAYS.items():
            if way in report["within_blocks"]:
                both = (in_text(report[kind][way], ".3f") for kind in ("within_blocks", "as_a_whole"))
                yield title, str(report["people"]), str(report["windows"]), words, *both


def _targets(found: Mapping[str, dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for report in found.values() for name in report["by_target"])
    rows = (
        (name, *(in_text(one, ".3f") if (one := report["by_target"].get(name)) else "" for report in found.values()))
        for name in names
    )
    return table(("target", *found), rows)


def _people(found: Mapping[str, dict[str, Any]]) -> list[str]:
    people = sorted({person for report in found.values() for person in report["within_blocks"]["decoder"]["by_person"]})
    rows = []
    for person in people:
        scores = (report["within_blocks"]["decoder"]["by_person"].get(person) for report in found.values())
        rows.append((person, *("" if score is None else number(score, ".3f") for score in scores)))
    return table(("person", *found), rows)


def in_text(value: Mapping[str, Any], form: str) -> str:
    """Mean and interval; the mean alone where there is one person."""
    mean, low, high = (value[key] for key in ("mean", "low", "high"))
    if low is None or high is None:
        return number(mean, form)
    return f"{number(mean, form)} [{number(low, form)}, {number(high, form)}]"


def number(value: float, form: str) -> str:
    """A number without a minus before a zero."""
    text = f"{value:{form}}"
    return text.lstrip("-") if float(text) == 0 else text


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of a table in Markdown."""
    return [
        f"| {' | '.join(header)} |",
        f"| {' | '.join('---' for _ in header)} |",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def draw_targets(left: Axes, right: Axes, title: str, report: Mapping[str, Any]) -> None:
    """R² within blocks: of each target, a dot a person, on the left; beside the clocks on the right."""
    of_target = {name.replace("_", " "): one["by_person"] for name, one in report["by_target"].items()}
    ways = {WAYS[way]: one["by_person"] for way, one in report["within_blocks"].items()}
    for axes, rows in ((left, of_target), (right, ways)):
        for place, by_person in enumerate(rows.values()):
            values = np.sort(list(by_person.values()))
            axes.plot(values, place + np.linspace(-0.2, 0.2, len(values)), "o", color=BLUE, alpha=0.6, markersize=3)
            axes.plot([values.mean()] * 2, [place - 0.35, place + 0.35], color="black", linewidth=1)
        axes.axvline(0, color=GREY, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(rows)), list(rows), fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(min(-0.2, axes.get_xlim()[0]), 1)
        axes.set_xlabel("R² within blocks; a dot a person, black: mean", fontsize=8)
        axes.tick_params(labelsize=7)
    left.set_title(f"targets, {title}", fontsize=9)
    right.set_title(f"beside clocks, {title}", fontsize=9)
