"""The picture of a card, from its figures alone: confusion matrix and calibration plot of every report in it.

For a decoder of targets: R² of every target and person, and beside the clocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.files import replacing
from neuromotion_gym.training.target_card import draw_targets, is_of_targets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

BLUE, GREY = "#0072B2", "#6B7580"
INCHES, DPI = (8.0, 3.4), 80
"""Size of the picture of one report, and pixels an inch."""
MANY = 8
"""Labels for which this size is enough: more make a confusion matrix larger, which leaves out shares of 0.00."""


def write_picture(path: Path, reports: Mapping[str, dict[str, Any]]) -> None:
    """Draw reports below each other: shares of the row's windows on the left, confidence and accuracy on the right.

    For a decoder of targets see `neuromotion_gym.training.target_card.draw_targets`.

    Parameters
    ----------
    path : path
        A ``.png``.
    reports : mapping of title to report
        As in ``metrics.json``, see `neuromotion_gym.training.evaluation.report` and
        `neuromotion_gym.training.target_evaluation.target_report`; one or more.
    """
    from matplotlib.figure import Figure

    larger = max(1.0, max(columns_of(report) for report in reports.values()) / MANY)
    size = INCHES[0] * (1 + larger) / 2, INCHES[1] * larger * len(reports)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(reports), 2, squeeze=False, width_ratios=(larger, 1))
    for (left, right), (title, report) in zip(panels, reports.items(), strict=True):
        if is_of_targets(report):
            draw_targets(left, right, title, report)
            continue
        _confusion(left, title, report)
        _calibration(right, title, report)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, metadata={"Software": None})


def columns_of(report: Mapping[str, Any]) -> int:
    """Number of labels or targets of a report, on which the size of its picture depends."""
    return len(report["targets" if is_of_targets(report) else "labels"])


def _confusion(axes: Axes, title: str, report: dict[str, Any]) -> None:
    """Shares of the windows of each label that are decoded as each label."""
    counts, labels = np.array(report["confusion"], float), [label.replace("_", " ") for label in report["labels"]]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right", fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    for row, column in np.ndindex(*shares.shape):
        value = shares[row, column]
        if len(labels) > MANY and value < 0.005:
            continue
        axes.text(
            column,
            row,
            f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if value > 0.6 else "black",
        )
    axes.set_title(f"confusion, {title}", fontsize=9)
    axes.set_xlabel("decoded", fontsize=8)
    axes.set_ylabel("shown", fontsize=8)


def _calibration(axes: Axes, title: str, report: dict[str, Any]) -> None:
    """Share of right decisions against confidence, a point a bin; its area is the bin's share of the windows."""
    bins = report["reliability"]
    windows = np.array([one["windows"] for one in bins], float)
    confidence, right = ([one[name] for one in bins] for name in ("confidence", "accuracy"))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as sure as right")
    axes.plot(confidence, right, color=BLUE, linewidth=1)
    axes.scatter(confidence, right, s=12 + 300 * windows / windows.sum(), color=BLUE, alpha=0.7, label="windows")
    axes.set_xlim(0, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_aspect("equal")
    axes.set_title(f"calibration, {title}: error {report['expected_calibration_error']:.3f}", fontsize=9)
    axes.set_xlabel("confidence", fontsize=8)
    axes.set_ylabel("share right", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, loc="upper left")
