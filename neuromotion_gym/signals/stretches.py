"""Labelled stretches as a reader finds them, and the check that leaves out or counts those that cannot be meant.

A file may hold markers after its end, the same marker twice, or one stretch under two labels. What is found is counted
in one line: a warning, or with ``strict=True`` an error.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from neuromotion_gym.errors import NeuroMotionError, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMED = 3
"""Largest number of trials that a message names for each kind of fault."""


class Stretch(NamedTuple):
    """A labelled stretch: label, first sample, sample after the last, and whether the first is an onset."""

    label: str
    start: int
    stop: int
    has_onset: bool = True


@dataclass
class Faults:
    """What is wrong with a recording that can still be used, counted for one line of warnings."""

    found: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, what: str, example: str = "", times: int = 1) -> None:
        """Count ``times`` cases of ``what``; ``example`` says which, if it can be said."""
        self.counts[what] += times
        examples = self.found.setdefault(what, [])
        if example:
            examples.append(example)

    def text(self) -> str:
        """All faults in one line; empty if there are none."""
        return "; ".join(f"{what} ({_some(self.counts[what], examples)})" for what, examples in self.found.items())

    def report(self, name: str, *, strict: bool) -> None:
        """Warn of the faults, or refuse the recording.

        Parameters
        ----------
        name : str
            Name of the recording or file, which the message begins with.
        strict : bool
            Whether a fault is an error.

        Raises
        ------
        NeuroMotionError
            If ``strict`` is true and there are faults.
        """
        if not self.found:
            return
        if strict:
            raise NeuroMotionError(f"{name}: {self.text()}. With strict=True a recording has to be without faults.")
        warn(f"{name}: {self.text()}.")


def sound_stretches(
    stretches: Iterable[Stretch], length: int, bad_spans: Sequence[tuple[int, int]], faults: Faults
) -> tuple[Stretch, ...]:
    """The stretches that can be used, in order of time; all others are noted in ``faults``.

    Left out are stretches that begin before the first sample or after the last one, repeat another one, have the same
    samples as one with another label (both are left out), or overlap a bad span. A stretch that continues after the
    end is shortened, and noted if more than one sample (rounding) is missing. Stretches with different labels that
    share some samples are kept and noted.

    Parameters
    ----------
    stretches : iterable of Stretch
    length : int
        Number of samples of the recording.
    bad_spans : sequence of (int, int)
        First sample and sample after the last; a span without samples (a gap) lies before its sample.
    faults : Faults
        Where faults are noted.
    """
    ordered = sorted(stretches, key=lambda one: (one.start, one.stop))
    inside = [one._replace(stop=min(one.stop, length)) for one in ordered]
    labels: dict[tuple[int, int], Counter[str]] = {}
    for one in inside:
        labels.setdefault((one.start, one.stop), Counter())[one.label] += 1
    kept: list[Stretch] = []
    for one, found in zip(inside, ordered, strict=True):
        names = labels[one.start, one.stop]
        where = f"{one.label} at sample {one.start}"
        if one.start < 0:
            faults.note("trials that begin before the first sample are left out", where)
        elif one.start >= length:
            faults.note("trials that begin after the last sample are left out", where)
        elif one.stop <= one.start:
            faults.note("trials without samples are left out", where)
        elif len(names) > 1:
            faults.note("trials with the same samples and different labels are left out", where)
        elif kept and kept[-1][:3] == one[:3]:
            faults.note("repeated trials are counted once", where)
        elif any(overlaps(one.start, one.stop, *span) for span in bad_spans):
            faults.note("trials in bad spans or across gaps are left out", where)
        else:
            if found.stop > length + 1:
                faults.note("trials that continue after the last sample are shortened", where)
            kept.append(one)
    going_on: list[Stretch] = []
    for one in kept:
        going_on = [before for before in going_on if before.stop > one.start + 1]
        if sharing := [before.label for before in going_on if before.label != one.label]:
            faults.note("trials with different labels share samples", f"{sharing[-1]} and {one.label} at {one.start}")
        going_on.append(one)
    return tuple(kept)


def overlaps(start: int, stop: int, bad_start: int, bad_stop: int) -> bool:
    """Whether the samples from ``start`` to ``stop`` touch a bad span, or cross it if it has no samples."""
    if bad_start == bad_stop:
        return start < bad_start < stop
    return start < bad_stop and bad_start < stop


def _some(count: int, examples: Sequence[str]) -> str:
    """How many there are, and the first of them."""
    more = count - NAMED
    named = ", ".join(examples[:NAMED])
    return f"{count}: {named}{f' and {more} more' if more > 0 else ''}" if examples else str(count)
