"""Sessions of recordings of one's own: grouped by subject and session, calibration runs apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.reading import Reading
from neuromotion_gym.signals.reading_options import matches, names_of_field
from neuromotion_gym.signals.recording import Recording, Session, Trial
from neuromotion_gym.signals.splits import check_calibration_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neuromotion_gym.signals.reading_options import Names

CALIBRATION_SHARE = 0.25
"""Share of the trials of each label that calibrate where a session has one run."""
RUN = 32
"""Samples in a row, on all channels, by which shared samples are found."""


def own_sessions(
    recordings: Iterable[Recording],
    reading: Reading | Mapping[str, Any] | None = None,
    *,
    needs_calibration: bool = False,
) -> list[Session]:
    """Sessions of recordings, with the calibration runs apart from what is played.

    Calibration runs are those that ``reading.calibration`` names. Without it there are none, unless
    ``needs_calibration``: then they are the first run of each session or, where a session has one run, its first
    trials of each label; a warning says which. A session without a calibration run of its own takes those of the same
    person.

    Parameters
    ----------
    recordings : iterable of Recording
    reading : Reading or mapping of its fields, optional
        Its ``calibration`` and ``play`` are used; what calibrates is not played, even if ``play`` names it.
    needs_calibration : bool
        Whether a decoder, or ocular regression, needs a calibration run.

    Returns
    -------
    list of Session
        In the order in which the recordings name them. No sample is in both ``recordings`` and ``calibration``.

    Raises
    ------
    NeuroMotionError
        If no recording has the names, nothing is left to play, or what is to be played has no trials.
    """
    reading = Reading.of(reading)
    found = list(recordings)
    chosen = found if reading.play is None else named_recordings(found, reading.play, "play")
    calibration: list[Recording] = []
    if reading.calibration is not None:
        calibration = named_recordings(found, reading.calibration, "calibration")
    elif needs_calibration:
        chosen, calibration = _first_ones(found, chosen)
    played = [one for one in chosen if not any(one is other for other in calibration)]
    unlabelled = [one.name for one in played if not one.trials]
    if unlabelled:
        raise NeuroMotionError(
            f"What is played needs trials with labels; there are none in {', '.join(unlabelled)}. "
            "A run without labels can be a calibration run (calibration= in the reading)."
        )
    if not played:
        raise NeuroMotionError(f"Nothing is left to play: all that is chosen of {_list(found)} are calibration runs.")
    check_copies(played, calibration)
    sessions = _grouped(played, calibration)
    check_calibration_apart(sessions)
    return sessions


def named_recordings(recordings: Sequence[Recording], wanted: Names, what: str) -> list[Recording]:
    """The recordings that have one of the wanted names in each field; every name has to be there.

    Parameters
    ----------
    recordings : sequence of Recording
    wanted : map of field to names
    what : str
        Field of the `Reading` that asks for them, for messages.

    Raises
    ------
    NeuroMotionError
        If no recording has one of the names, or none has all of them.
    """
    for field, names in wanted.items():
        known = set().union(*(names_of_field(one, field) for one in recordings))
        if missing := [name for name in names if name not in known]:
            there = list(dict.fromkeys(getattr(one, field) for one in recordings))
            raise NeuroMotionError(
                f"{what} asks for {field} {', '.join(missing)}, but the recordings have {', '.join(there)}."
            )
    found = [one for one in recordings if matches(one, wanted)]
    if not found:
        raise NeuroMotionError(f"No recording fits {what}={dict(wanted)}; there are {_list(recordings)}.")
    return found


def _first_ones(
    recordings: Sequence[Recording], chosen: Sequence[Recording]
) -> tuple[list[Recording], list[Recording]]:
    """What is left of the chosen recordings to be played, and what calibrates: first runs, or first trials."""
    groups: dict[tuple[str, str, str], list[Recording]] = defaultdict(list)
    for one in recordings:
        groups[one.dataset, one.subject, one.session].append(one)
    played: list[Recording] = []
    calibration: list[Recording] = []
    first_runs, cut_runs, sharing = 0, 0, 0
    for group in groups.values():
        ours = [one for one in group if any(one is other for other in chosen)]
        files_of_runs: dict[str, list[Recording]] = defaultdict(list)  # a run may be several files, a label in each
        for one in group:
            files_of_runs[min(names_of_field(one, "run"), key=len)].append(one)
        if ours and len(files_of_runs) > 1:
            first_runs += 1
            played += ours
            calibration += next(iter(files_of_runs.values()))
        elif ours and len(group) > 1:
            raise NeuroMotionError(
                f"{_list(group)} are one run, so that no run is left for calibration; say which recordings calibrate "
                "(calibration= in the reading)."
            )
        elif ours:
            cut_runs += 1
            first, rest, left_out = _cut(group[0])
            sharing += left_out
            played += rest
            calibration += first
    said = [f"the first run of {first_runs} sessions"] if first_runs else []
    said += [f"the first trials of each label in {cut_runs} sessions that have one run"] if cut_runs else []
    warn(
        f"Calibration runs are not named (calibration= in the reading), so {' and '.join(said)} calibrate and are not "
        f"played{f'; trials that share samples with those before the cut are left out ({sharing})' if sharing else ''}."
    )
    return played, calibration


def _cut(recording: Recording) -> tuple[list[Recording], list[Recording], int]:
    """Stretches of a single run with the first trials of each label, and with the others; how many are in neither."""
    total: dict[str, int] = defaultdict(int)
    for trial in recording.trials:
        total[trial.label] += 1
    alone = [label for label, count in total.items() if count < 2]
    if alone or not total:
        found = f"one trial of {', '.join(alone)}" if alone else "no trials"
        raise NeuroMotionError(
            f"{recording.name} is the only run of its session and has {found}, so that nothing can be taken for "
            "calibration; give a run of its own for it (calibration= in the reading)."
        )
    share = {label: max(1, round(CALIBRATION_SHARE * count)) for label, count in total.items()}
    seen: dict[str, int] = defaultdict(int)
    blocks: list[tuple[bool, list[Trial]]] = []
    for trial in sorted(recording.trials, key=lambda trial: trial.start):
        seen[trial.label] += 1
        first = seen[trial.label] <= share[trial.label]
        if not blocks or blocks[-1][0] != first:
            blocks.append((first, []))
        blocks[-1][1].append(trial)
    parts: dict[bool, list[Recording]] = {True: [], False: []}
    begin, left_out = 0, 0
    for index, (first, trials) in enumerate(blocks):
        end = max(trial.stop for trial in trials) if index + 1 < len(blocks) else recording.samples.shape[1]
        kept = [trial for trial in trials if trial.start >= begin]
        left_out += len(trials) - len(kept)
        if kept:
            name = f"{recording.run} ({'calibration' if first else 'played'} {len(parts[first]) + 1})"
            parts[first].append(_stretch(recording, begin, end, kept, name))
            begin = end
    return parts[True], parts[False], left_out


def _stretch(recording: Recording, begin: int, end: int, trials: Iterable[Trial], run: str) -> Recording:
    """Samples from ``begin`` to ``end`` of a recording as a recording of its own, with these trials."""
    spans = tuple(
        (max(start, begin) - begin, min(stop, end) - begin)
        for start, stop in recording.bad_spans
        if start <= end and stop >= begin
    )
    moved = tuple(replace(trial, start=trial.start - begin, stop=trial.stop - begin) for trial in trials)
    targets = recording.targets
    if targets is not None:
        targets = replace(targets, values=targets.values[:, begin:end])
    samples = recording.samples[:, begin:end]
    return replace(recording, samples=samples, trials=moved, bad_spans=spans, run=run, targets=targets)


def _grouped(played: Sequence[Recording], calibration: Sequence[Recording]) -> list[Session]:
    """Sessions of what is played, each with its calibration runs, or else with those of its person."""
    groups: dict[tuple[str, str, str], list[Recording]] = defaultdict(list)
    for one in played:
        groups[one.dataset, one.subject, one.session].append(one)
    sessions = []
    for (dataset, subject, session), group in groups.items():
        of_person = [one for one in calibration if (one.dataset, one.subject) == (dataset, subject)]
        own = [one for one in of_person if one.session == session]
        sessions.append(Session(dataset, subject, session, tuple(group), tuple(own or of_person)))
    return sessions


def check_copies(played: Sequence[Recording], calibration: Sequence[Recording]) -> None:
    """Refuse samples that are there to be played and, in another recording, for calibration; say what is there twice.

    Warns
    -----
    NeuroMotionWarning
        If two recordings that are played have the same samples.

    Raises
    ------
    NeuroMotionError
        If a recording is played that has samples of a calibration run; the message has both names.
    """
    digests = {_digest(one): one.name for one in calibration}
    runs = {one.name: _runs(one) for one in calibration}
    seen: dict[bytes, str] = {}
    for one in played:
        digest = _digest(one)
        if (name := digests.get(digest)) is not None:
            raise NeuroMotionError(
                f"{one.name} has the same samples as the calibration run {name}; give each one once."
            )
        mine = _runs(one) if calibration else np.zeros(0, np.uint64)
        for name, theirs in runs.items():
            if np.isin(theirs, mine).any():
                raise NeuroMotionError(
                    f"{one.name} shares samples with the calibration run {name}, but what calibrates is never played: "
                    "cut one of them, or name another calibration run (calibration= in the reading)."
                )
        if (name := seen.setdefault(digest, one.name)) != one.name:
            warn(f"{one.name} has the same samples as {name}: both are played, and count as two.")


def _runs(recording: Recording) -> np.ndarray:
    """Hashes of all runs of `RUN` samples that are not nearly constant, uint64; they do not come twice by chance."""
    generator = np.random.default_rng(RUN)
    by_channel, by_place = (
        generator.integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        for count in (recording.samples.shape[0], RUN)
    )
    column = np.zeros(recording.samples.shape[1], np.uint64)
    for channel, factor in zip(recording.samples, by_channel, strict=True):  # one by one, to need little memory
        bits = np.ascontiguousarray(channel + np.float32(0)).view(np.uint32)  # -0.0 and 0.0 are equal
        column += bits.astype(np.uint64) * factor
    column ^= column >> np.uint64(29)
    count = len(column) - RUN + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for place, factor in enumerate(by_place):
        hashes += column[place : place + count] * factor
    moves = np.convolve(column[1:] != column[:-1], np.ones(RUN - 1), "valid")
    return hashes[moves >= RUN / 2]


def _digest(recording: Recording) -> bytes:
    return blake2b(recording.samples.tobytes(), digest_size=16).digest()


def _list(recordings: Sequence[Recording]) -> str:
    """Names of recordings, for messages."""
    return ", ".join(one.name for one in recordings[:8]) + (" …" if len(recordings) > 8 else "")
