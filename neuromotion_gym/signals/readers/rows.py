"""Recordings from samples that each have a label of their own, as tables and MAT files have them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.made import Found, recording_from
from neuromotion_gym.signals.stretches import Faults, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from neuromotion_gym.signals.readers.file_names import Origin
    from neuromotion_gym.signals.reading_options import Reading
    from neuromotion_gym.signals.recording import Recording

GAP = 1.5
"""A step of time longer than this many usual steps is a gap."""
IRREGULAR = 0.01
"""Largest share of steps that may differ from the usual one by more than a half."""
SLOWEST_HZ = 5.0
"""Times that give fewer samples a second than this are in another unit: envelopes are recorded at 10 Hz or more."""
WHOLE = 0.002
"""Largest relative difference of a measured rate from a whole number of hertz that counts as rounding of the times."""
NO_LABEL = ("", "nan", "n/a")
"""Names, in lower case, of samples that belong to no trial."""


class Rows(NamedTuple):
    """Samples of shape (channels, rows), and what is known of each row.

    ``time_s`` and ``labels`` have shape (rows,); ``whose`` has, for some of subject, session and run, the name of each
    row, shape (rows,). Labels and names are as `names_of` returns them.
    """

    samples: np.ndarray
    channels: tuple[str, ...]
    rate_hz: float | None = None
    time_s: np.ndarray | None = None
    labels: np.ndarray | None = None
    whose: Mapping[str, np.ndarray] = {}


def recordings_of_rows(rows: Rows, reading: Reading, origin: Origin, faults: Faults) -> Iterator[Recording]:
    """A recording for each combination of subject, session and run; a trial is a run of equal labels.

    Raises
    ------
    NeuroMotionError
        If the times of the rows are not regular, or as `recording_from`.
    """
    labels = None if reading.labels == {} else rows.labels
    for whose, taken in _groups(rows):
        everything = len(taken) == rows.samples.shape[1]
        joins = np.flatnonzero(np.diff(taken) != 1) + 1
        rate, gaps = (rows.rate_hz, np.array([], int)) if rows.time_s is None else _rate(rows.time_s[taken], joins)
        found = Found(
            rows.samples if everything else rows.samples[:, taken],
            rows.channels,
            rate,
            None,
            [] if labels is None else _stretches(labels[taken], joins),
            tuple((int(at), int(at)) for at in sorted({*joins, *gaps})),
        )
        yield recording_from(found, reading, origin._replace(**whose), faults)
        faults = Faults()  # what was wrong with the file is said once


def names_of(texts: np.ndarray) -> np.ndarray:
    """Texts as names: whole numbers without a decimal point, whatever wrote them; empty where nothing is named."""
    values, where = np.unique(texts, return_inverse=True)
    plain = [re.sub(r"^(-?[0-9]+)\.0*$", r"\1", str(value).strip()) for value in values]
    return np.array(["" if value.lower() in NO_LABEL else value for value in plain], dtype=np.str_)[where]


def _groups(rows: Rows) -> list[tuple[dict[str, str], np.ndarray]]:
    """Names of subject, session and run, and the rows of each combination, in the order of the rows."""
    count = rows.samples.shape[1]
    if not rows.whose:
        return [({}, np.arange(count))]
    combined = np.zeros(count, np.int64)
    for names in rows.whose.values():
        values, where = np.unique(names, return_inverse=True)
        combined = combined * len(values) + where
    _, first, where = np.unique(combined, return_index=True, return_inverse=True)
    return [
        ({use: str(names[first[group]]) for use, names in rows.whose.items()}, np.flatnonzero(where == group))
        for group in np.argsort(first)
    ]


def _stretches(labels: np.ndarray, joins: np.ndarray) -> list[Stretch]:
    """Runs of equal labels; a run also ends where rows are joined that are not neighbours in the table."""
    changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    edges = np.unique([0, *changes, *joins, len(labels)])
    return [
        Stretch(str(labels[start]), int(start), int(stop)) for start, stop in pairwise(edges) if labels[start] != ""
    ]


def _rate(time: np.ndarray, joins: np.ndarray) -> tuple[float, np.ndarray]:
    """Rows per second, and the rows before which time is missing.

    Raises
    ------
    NeuroMotionError
        If times do not rise, their steps are not regular, or their unit cannot be the one that is said.
    """
    help_text = "if the rate was constant, say rate_hz= and name no column for time"
    steps = np.diff(time)
    inside = np.ones(len(steps), bool)
    inside[joins - 1] = False
    if not inside.any() or not np.isfinite(time).all():
        raise NeuroMotionError(f"the column for time does not give a rate; {help_text}")
    if (steps[inside] <= 0).any():
        row = int(np.flatnonzero(inside & (steps <= 0))[0]) + 2
        raise NeuroMotionError(f"the column for time does not rise at row {row}; {help_text}")
    usual = float(np.median(steps[inside]))
    gaps = inside & (steps > GAP * usual)
    regular = steps[inside & ~gaps]
    odd = int(gaps.sum() + (regular < usual / 2).sum())
    if odd > max(1, IRREGULAR * len(regular)):
        raise NeuroMotionError(
            f"the times of the rows are irregular: {odd} of {len(steps)} steps differ from {usual:g} s by half and "
            f"more; {help_text}"
        )
    rate = 1 / float(regular.mean())
    if rate < SLOWEST_HZ:
        raise NeuroMotionError(
            f"the column for time gives {rate:g} rows per second, which is no rate of EEG or EMG: times of rows are in "
            "seconds unless time_unit= in columns says 'ms' or 'us'"
        )
    whole = round(rate)
    return (float(whole) if whole and abs(rate - whole) <= WHOLE * whole else rate), np.flatnonzero(gaps) + 1
