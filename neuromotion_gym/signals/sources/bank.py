"""The stretches of trials that a replay plays, joined in one array, so that reading is one indexing operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.intents import map_offer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuromotion_gym.signals.recording import Recording, Session, SignalSpec, Trial
    from neuromotion_gym.signals.sources.pieces import PieceRule


class TrialKey(NamedTuple):
    """Identity of a trial; ``start`` is counted in samples of the recording as it was read."""

    subject: str
    session: str
    run: str
    label: str
    start: int


@dataclass(frozen=True, eq=False)
class TrialBank:
    """Playable trials, sorted by session and label.

    Parameters
    ----------
    samples : float32 array, shape (total, channels)
        Stretches of all trials, one after the other.
    begin : int array, shape (trials,)
        First sample of each trial's stretch.
    room : int array, shape (trials,)
        Number of samples of the stretch at which a piece may begin; 1 for trials with an onset.
    first, count : int array, shape (sessions, labels)
        Trials of a session and label are ``first`` to ``first + count - 1``.
    keys : tuple of TrialKey
        One per trial.
    target_names : tuple of str
        Names of the continuous targets; empty where the recordings have none.
    targets : float32 array, shape (total, targets)
        Their values at every sample of ``samples``.
    """

    spec: SignalSpec
    sessions: tuple[tuple[str, str], ...]
    samples: np.ndarray
    begin: np.ndarray
    room: np.ndarray
    first: np.ndarray
    count: np.ndarray
    keys: tuple[TrialKey, ...]
    target_names: tuple[str, ...]
    targets: np.ndarray
    longest: int
    """Longest piece in samples, after it was shortened to fit into the trials."""
    left_out: int
    """Number of trials that are too short to be played."""
    has_onset: bool


class _Stretch(NamedTuple):
    key: TrialKey
    begin: int  # in the samples kept
    length: int
    session: int
    label: int
    has_onset: bool


class _Samples:
    """An array of samples that grows in place, so that it is never in memory twice."""

    def __init__(self, channels: int) -> None:
        self._array = np.empty((0, channels), np.float32)
        self.length = 0

    def append(self, samples: np.ndarray) -> None:
        """Add ``samples``, shape (length, channels)."""
        stop = self.length + len(samples)
        if stop > len(self._array):
            self._array.resize((max(stop, len(self._array) * 9 // 8), self._array.shape[1]), refcheck=False)
        self._array[self.length : stop] = samples
        self.length = stop

    def whole(self) -> np.ndarray:
        """All samples, shape (total, channels)."""
        self._array.resize((self.length, self._array.shape[1]), refcheck=False)
        return self._array


def build_bank(
    sessions: Iterable[Session], labels: Sequence[str], rule_of: Callable[[SignalSpec], PieceRule]
) -> TrialBank:
    """Cut the trials of ``labels`` out of ``sessions``.

    Parameters
    ----------
    sessions : iterable of Session
        Taken one at a time; only the stretches of trials are kept. Recordings that are also calibration runs are left
        out.
    labels : sequence of str
        Labels to play.
    rule_of : callable
        Function from the spec (rate and modality) to the rule of pieces.

    Raises
    ------
    NeuroMotionError
        If there is no session, sessions differ in spec, trials with and without onset are mixed, no piece fits into
        the trials, or a session has no playable trial of a label.
    """
    index = {label: i for i, label in enumerate(labels)}
    names: list[tuple[str, str]] = []
    found: list[_Stretch] = []
    others: dict[str, None] = {}
    spec: SignalSpec | None = None
    target_names: tuple[str, ...] = ()
    for session in sessions:
        names.append((session.subject, session.session))
        apart = {(recording.session, recording.run) for recording in session.calibration}
        for recording in session.recordings:
            if (recording.session, recording.run) in apart:
                continue
            if spec is None:
                spec, rule, kept = recording.spec, rule_of(recording.spec), _Samples(len(recording.spec.channels))
                target_names = _target_names(recording)
                made = _Samples(len(target_names))
            if recording.spec != spec:
                raise NeuroMotionError(
                    f"A replay needs one spec, but {recording.name} has {recording.spec} and others {spec}."
                )
            if _target_names(recording) != target_names:
                raise NeuroMotionError(
                    f"A replay needs the same targets everywhere, but {recording.name} has "
                    f"{', '.join(_target_names(recording)) or 'none'} and others {', '.join(target_names) or 'none'}."
                )
            found += [
                _cut(recording, trial, rule, kept, made, len(names) - 1, index[trial.label])
                for trial in recording.trials
                if trial.label in index
            ]
            others |= dict.fromkeys(trial.label for trial in recording.trials if trial.label not in index)
    if spec is None:
        raise NeuroMotionError("Nothing to replay: no session has a recording that is not a calibration run.")
    if len({stretch.has_onset for stretch in found}) > 1:
        raise NeuroMotionError("Trials with and without an onset cannot be mixed in one replay.")
    longest = _longest(found, rule, spec)
    needed = longest + rule.fade
    playable = [stretch for stretch in found if stretch.length >= needed]
    playable.sort(key=lambda stretch: (stretch.session, stretch.label))
    count = _counted(playable, names, labels, tuple(others))
    return TrialBank(
        spec=spec,
        sessions=tuple(names),
        samples=kept.whole(),
        begin=np.array([stretch.begin for stretch in playable]),
        room=np.array([1 if stretch.has_onset else stretch.length - needed + 1 for stretch in playable]),
        first=(np.cumsum(count) - count.ravel()).reshape(count.shape),
        count=count,
        keys=tuple(stretch.key for stretch in playable),
        target_names=target_names,
        targets=made.whole(),
        longest=longest,
        left_out=len(found) - len(playable),
        has_onset=playable[0].has_onset,
    )


def _target_names(recording: Recording) -> tuple[str, ...]:
    return () if recording.targets is None else recording.targets.names


def _cut(
    recording: Recording, trial: Trial, rule: PieceRule, kept: _Samples, made: _Samples, session: int, label: int
) -> _Stretch:
    """Keep the part of a trial that may be played, and its targets in ``made``."""
    start = trial.start + (rule.skip if trial.has_onset else 0)
    stop = trial.stop
    if trial.has_onset:
        breaks = [begin for begin, _ in recording.bad_spans if begin >= trial.stop]
        end = min(breaks, default=recording.samples.shape[1])
        stop = min(stop + rule.beyond, end, start + rule.longest + rule.fade)
    key = TrialKey(recording.subject, recording.session, recording.run, trial.label, trial.start)
    begin = kept.length
    kept.append(recording.samples[:, start : max(start, stop)].T)
    if recording.targets is not None:
        made.append(recording.targets.values[:, start : max(start, stop)].T)
    return _Stretch(key, begin, kept.length - begin, session, label, trial.has_onset)


def _longest(found: list[_Stretch], rule: PieceRule, spec: SignalSpec) -> int:
    """Longest piece that fits into nine of ten trials of every label (unchanged, if pieces must not be shortened)."""
    longest = rule.longest
    if rule.shrink:
        for label in {stretch.label for stretch in found}:
            lengths = sorted(stretch.length for stretch in found if stretch.label == label)
            longest = min(longest, lengths[len(lengths) // 10] - rule.fade)
    if longest < rule.shortest:
        rate = spec.rate_hz
        raise NeuroMotionError(
            f"Trials leave {max(longest, 0) / rate:.2f} s for a piece after {rule.skip / rate:g} s of cue and a fade "
            f"of {rule.fade / rate:g} s, but the shortest piece lasts {rule.shortest / rate:.2f} s: "
            "lower skip_cue or pieces_s."
        )
    return longest


def _counted(
    playable: list[_Stretch], names: list[tuple[str, str]], labels: Sequence[str], others: Sequence[str]
) -> np.ndarray:
    """Playable trials of each session and label, int array of shape (sessions, labels); a count of 0 is an error."""
    count = np.zeros((len(names), len(labels)), np.int64)
    for stretch in playable:
        count[stretch.session, stretch.label] += 1
    lacking = [
        f"{' '.join(names[s])}: {', '.join(label for label, n in zip(labels, count[s], strict=True) if n == 0)}"
        for s in np.flatnonzero((count == 0).any(axis=1))
    ]
    if lacking:
        offer = f" Other labels there are {', '.join(others)}. {map_offer(others, labels)}" if others else ""
        raise NeuroMotionError(
            f"Every session needs playable trials of {', '.join(labels)}, but some have none ({'; '.join(lacking)})."
            f"{offer}"
        )
    return count
