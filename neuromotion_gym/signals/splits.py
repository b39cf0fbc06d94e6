"""Splits between trials, runs, sessions or subjects (never between windows), and the check that parts do not overlap.

Calibration runs stay with their sessions, apart from what is split.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.recording import Recording, Session, Trial

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

Unit = Literal["trial", "run", "session", "subject"]
UNITS: tuple[Unit, ...] = ("trial", "run", "session", "subject")


class Stretch(NamedTuple):
    """Labelled samples of a recording, in seconds from its beginning (so that resampling changes nothing)."""

    start_s: float
    stop_s: float


@dataclass(frozen=True)
class Split:
    """One way to part sessions into those to learn from and those to be judged by.

    Parameters
    ----------
    unit : {"trial", "run", "session", "subject"}
        What was kept whole.
    train, test : tuple of Session
        A recording of which only some trials belong to a part appears in it with those trials alone.
    """

    unit: Unit
    train: tuple[Session, ...]
    test: tuple[Session, ...]


@dataclass(frozen=True)
class Splitter:
    """Folds of whole units, each held out once; the generator is made anew at every `split`.

    Parameters
    ----------
    unit : {"trial", "run", "session", "subject"}
        What is kept whole. Trials are dealt out label by label, so that every fold has its share of each.
    folds : int, optional
        Number of folds; one a unit (leave one out) where left out.
    seed : int
        For the order in which units are dealt out.
    """

    unit: Unit
    folds: int | None = None
    seed: int = 0

    def split(self, sessions: Sequence[Session]) -> Iterator[Split]:
        """Yield one `Split` a fold.

        Raises
        ------
        NeuroMotionError
            If the unit is unknown, or there are fewer units than folds, or than two.
        """
        if self.unit not in UNITS:
            raise NeuroMotionError(f"Sessions are split by {', '.join(UNITS)}, not by {self.unit!r}.")
        fold_of = self._deal(sessions)
        for fold in range(max(fold_of.values()) + 1):
            held_out = {key for key, number in fold_of.items() if number == fold}
            yield Split(
                self.unit,
                tuple(self._filtered(sessions, fold_of.keys() - held_out)),
                tuple(self._filtered(sessions, held_out)),
            )

    def _key(self, recording: Recording, trial: Trial) -> Hashable:
        """Unit that a trial belongs to."""
        where = (recording.dataset, recording.subject, recording.session, recording.run, trial.start)
        return where[: 2 + ("subject", "session", "run", "trial").index(self.unit)]

    def _deal(self, sessions: Sequence[Session]) -> dict[Hashable, int]:
        """Fold of every unit."""
        groups: dict[str, dict[Hashable, None]] = defaultdict(dict)  # a dict keeps order, a set of strings does not
        for session in sessions:
            for recording in session.recordings:
                for trial in recording.trials:
                    groups[trial.label if self.unit == "trial" else ""][self._key(recording, trial)] = None
        units = sum(len(group) for group in groups.values())
        folds = units if self.folds is None else self.folds
        if not 2 <= folds <= units:
            raise NeuroMotionError(f"{units} units of kind {self.unit!r} cannot be split into {folds} folds.")
        generator = np.random.default_rng(self.seed)
        dealt = [unit for group in groups.values() for unit in generator.permutation(_as_objects(group))]
        return {unit: position % folds for position, unit in enumerate(dealt)}

    def _filtered(self, sessions: Iterable[Session], wanted: set[Hashable]) -> Iterator[Session]:
        """Sessions with the trials of the wanted units alone; those without any are left out."""
        for session in sessions:
            recordings = []
            for recording in session.recordings:
                trials = tuple(trial for trial in recording.trials if self._key(recording, trial) in wanted)
                if trials:
                    recordings.append(replace(recording, trials=trials))
            if recordings:
                yield replace(session, recordings=tuple(recordings))


def group_sessions(recordings: Iterable[Recording], calibration_runs: Sequence[str] = ()) -> list[Session]:
    """Recordings of one subject and session together; those of ``calibration_runs`` apart."""
    groups: dict[tuple[str, str, str], list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[recording.dataset, recording.subject, recording.session].append(recording)
    return [
        Session(
            *key,
            recordings=tuple(one for one in group if one.run not in calibration_runs),
            calibration=tuple(one for one in group if one.run in calibration_runs),
        )
        for key, group in groups.items()
    ]


def stretches(
    sessions: Iterable[Session], *, calibration: bool = False
) -> dict[tuple[str, str, str, str], list[Stretch]]:
    """Source samples that sessions use: stretches by (data set, subject, session, run).

    Parameters
    ----------
    sessions : iterable of Session
    calibration : bool
        The calibration runs instead of the recordings; those count whole, with or without labels.
    """
    found: dict[tuple[str, str, str, str], list[Stretch]] = defaultdict(list)
    for session in sessions:
        for recording in session.calibration if calibration else session.recordings:
            key = (recording.dataset, recording.subject, recording.session, recording.run)
            rate = recording.spec.rate_hz
            if calibration or not recording.trials:
                found[key].append(Stretch(0.0, recording.duration_s))
            else:
                found[key] += [Stretch(trial.start / rate, trial.stop / rate) for trial in recording.trials]
    return dict(found)


def check_disjoint(parts: Mapping[str, Iterable[Session]]) -> None:
    """Refuse parts that share samples of a recording.

    A session's calibration runs may be another part's training data (the armband's first round is), but in a
    part that keeps them apart they are checked against its own recordings by `check_calibration_apart`.

    Raises
    ------
    NeuroMotionError
        Naming the two parts, the recording and the seconds that they share.
    """
    used = {name: stretches(sessions) for name, sessions in parts.items()}
    names = list(used)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            _refuse_shared(used[first], used[second], f"Parts {first!r} and {second!r}")


def check_calibration_apart(sessions: Iterable[Session]) -> None:
    """Refuse sessions whose calibration runs are also among the recordings of any of them.

    Raises
    ------
    NeuroMotionError
        Naming the recording and the seconds.
    """
    sessions = list(sessions)
    _refuse_shared(stretches(sessions), stretches(sessions, calibration=True), "Recordings and calibration runs")


def _refuse_shared(
    first: Mapping[tuple[str, str, str, str], list[Stretch]],
    second: Mapping[tuple[str, str, str, str], list[Stretch]],
    who: str,
) -> None:
    """Raise if any stretch of ``first`` overlaps one of ``second``."""
    for key in first.keys() & second.keys():
        for mine in first[key]:
            for theirs in second[key]:
                start, stop = max(mine.start_s, theirs.start_s), min(mine.stop_s, theirs.stop_s)
                if start < stop - 1e-9:
                    dataset, subject, session, run = key
                    raise NeuroMotionError(
                        f"{who} share {start:.2f} to {stop:.2f} s of {dataset} {subject}, session {session}, "
                        f"run {run}; they have to be disjoint."
                    )


def _as_objects(units: Iterable[Hashable]) -> np.ndarray:
    """1-D array of tuples, which NumPy would otherwise take apart."""
    listed = list(units)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
