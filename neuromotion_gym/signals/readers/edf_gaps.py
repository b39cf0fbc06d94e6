r"""Gaps between the records of EDF+D and BDF+D files, and annotations at their right samples.

In such a file every record has a time of its own. MNE joins the records and puts annotations where they would be
without the gaps, so that all trials after a gap are late, or after the end. Format: Kemp and Olivan, Clin.
Neurophysiol. 114:1755-1761, 2003: annotations are lists ``+onset \x15 duration \x14 text \x14 \0`` in a signal of
their own; the first list of each record has an empty text and gives the record's time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.readers.edf_header import ANNOTATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from neuromotion_gym.signals.readers.edf_header import EdfHeader

_LIST = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14([^\x00]*)\x14\x00")
TOLERANCE_S = 1e-3
"""Largest difference between the end of a record and the time of the next one that is no gap; times are rounded."""


class Mark(NamedTuple):
    """An annotation in seconds of the joined records."""

    onset_s: float
    duration_s: float
    text: str


class Joined(NamedTuple):
    """Annotations of a file whose records are joined."""

    gaps_s: tuple[float, ...]
    """Times in the joined records before which time is missing."""
    missing_s: float
    """Seconds that are missing in all gaps."""
    marks: tuple[Mark, ...]
    unplaced: tuple[str, ...]
    """Annotations that begin in a gap, or outside the recording."""


def joined_annotations(path: Path, header: EdfHeader) -> Joined:
    """Read all annotations and place them in the joined records.

    Durations stay: an annotation that ends in a gap or after it crosses the gap in the joined records, too.

    Raises
    ------
    NeuroMotionError
        If a record does not state its time, or the times do not rise.
    """
    content = np.memmap(path, np.uint8, "r")
    per_record = [signal.samples * header.width for signal in header.signals]
    starts = np.cumsum([0, *per_record])
    places = [(starts[i], starts[i + 1]) for i, one in enumerate(header.signals) if one.name in ANNOTATIONS]
    times, found = [], []
    for record in range(header.records):
        first = header.offset + record * int(starts[-1])
        lists = [mark for a, b in places for mark in _LIST.findall(content[first + a : first + b].tobytes())]
        if not lists or lists[0][2].strip(b"\x14"):
            raise NeuroMotionError(
                f"{path} may have gaps (EDF+D), but its record {record + 1} does not state its time."
            )
        times.append(float(lists[0][0]))
        found += [(float(a), float(b or 0), text) for a, b, texts in lists for text in texts.split(b"\x14") if text]
    begin = np.array(times) - times[0]
    waits = np.diff(begin) - header.record_s
    if (waits < -TOLERANCE_S).any():
        raise NeuroMotionError(f"{path} cannot be read: the times of its records overlap or fall (EDF+D).")
    gaps = np.flatnonzero(waits > TOLERANCE_S) + 1
    marks, unplaced = [], []
    for onset, duration, raw in found:
        text, time = _decoded(raw), onset - times[0]
        record = int(np.searchsorted(begin, time + TOLERANCE_S, side="right")) - 1
        inside = time - begin[record] if record >= 0 else -1.0
        if not -TOLERANCE_S <= inside < header.record_s:
            unplaced.append(f"{text} at {onset:g} s")
            continue
        placed = record * header.record_s + max(inside, 0.0)
        marks.append(Mark(placed, duration, text))
    return Joined(
        tuple(float(gap * header.record_s) for gap in gaps),
        float(waits[gaps - 1].sum()),
        tuple(marks),
        tuple(unplaced),
    )


def _decoded(text: bytes) -> str:
    """Text of an annotation: UTF-8 as the format says, or Latin-1 as some programs write."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
