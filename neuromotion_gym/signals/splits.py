"""Splits between trials, runs, sessions or subjects (never between windows), and the check that parts do not overlap.

Calibration runs stay with their sessions and are not split.
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
    """A stretch of a recording, in seconds from its beginning, so that resampling does not change it."""

    start_s: float
    stop_s: float


@dataclass(frozen=True)
class Split:
    """Sessions divided into those for training and those for testing.

    Parameters
    ----------
    unit : {"trial", "run", "session", "subject"}
        The unit that was kept whole.
    train, test : tuple of Session
        If only some trials of a recording belong to a part, the recording appears there with only those trials.
    """

    unit: Unit
    train: tuple[Session, ...]
    test: tuple[Session, ...]


@dataclass(frozen=True)
class Splitter:
    """Folds of whole units, each held out once; every call of `split` starts again from ``seed``.

    Parameters
    ----------
    unit : {"trial", "run", "session", "subject"}
        The unit that is kept whole. Trials are assigned to folds label by label, so that every fold gets its share
        of each label.
    folds : int, optional
        Number of folds; by default one per unit (leave-one-out).
    seed : int
        Seed of the random order in which units are assigned to folds.
    """

    unit: Unit
    folds: int | None = None
    seed: int = 0

    def split(self, sessions: Sequence[Session]) -> Iterator[Split]:
        """Yield one `Split` per fold.

        Raises
        ------
        NeuroMotionError
            If the unit is unknown, there are fewer than two folds, or there are fewer units than folds.
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
        """Sessions with only the trials of the wanted units; sessions without such trials are left out."""
        for session in sessions:
            recordings = []
            for recording in session.recordings:
                trials = tuple(trial for trial in recording.trials if self._key(recording, trial) in wanted)
                if trials:
                    recordings.append(replace(recording, trials=trials))
            if recordings:
                yield replace(session, recordings=tuple(recordings))


def group_sessions(recordings: Iterable[Recording], calibration_runs: Sequence[str] = ()) -> list[Session]:
    """Group recordings by subject and session; runs named in ``calibration_runs`` become calibration runs."""
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
    """Stretches of recordings that sessions use, by (data set, subject, session, run).

    Parameters
    ----------
    sessions : iterable of Session
    calibration : bool
        Return the calibration runs instead of the recordings, each as one stretch, with or without labels.
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

    Calibration runs are not compared here: they may be training data of another part, as the armband's first
    round is. `check_calibration_apart` compares them with the recordings of their own part.

    Raises
    ------
    NeuroMotionError
        If they do; the message names the two parts, the recording and the shared seconds.
    """
    used = {name: stretches(sessions) for name, sessions in parts.items()}
    names = list(used)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            _refuse_shared(used[first], used[second], f"Parts {first!r} and {second!r}")


def check_calibration_apart(sessions: Iterable[Session]) -> None:
    """Refuse sessions whose calibration runs overlap the recordings of any of the sessions.

    Raises
    ------
    NeuroMotionError
        If they do; the message names the recording and the shared seconds.
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
    """1-D array of tuples; NumPy would otherwise turn them into a 2-D array."""
    listed = list(units)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array
