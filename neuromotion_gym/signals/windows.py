"""Windows of labelled trials as arrays, for decoders that other libraries fit."""

from __future__ import annotations

from collections import Counter
from numbers import Real
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from neuromotion_gym.errors import NeuroMotionError, warn
from neuromotion_gym.signals.fitting import Wanted, fitted
from neuromotion_gym.signals.recording import Recording, Session
from neuromotion_gym.signals.splits import UNITS, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neuromotion_gym.signals.recording import Trial


class Windowed(Wanted, Protocol):
    """The fields of a decoder's specification that say what its windows are."""

    labels: tuple[str, ...]
    hop_s: float
    pacing: Literal["sliding", "trial"]
    epoch_s: tuple[float, float] | None


def windows(
    sessions: Iterable[Session | Recording],
    spec: Windowed,
    *,
    hop_s: float | None = None,
    skip_s: float = 0.0,
    group: Unit = "trial",
    resample: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows inside the labelled trials of sessions, as the decoder of ``spec`` would read them.

    For ``pacing: sliding`` the first window of a trial begins ``skip_s`` after its start, the next one ``hop_s`` later;
    for ``pacing: trial`` there is one, from ``epoch_s`` (`epoch_start`). No window reaches over the ends of its trial,
    so none is in two groups; an epoch may take one sample more. Calibration runs of sessions are left out.

    Parameters
    ----------
    sessions : iterable of Session or Recording
        From `neuromotion_gym.datasets.sessions.load_sessions`, `neuromotion_gym.datasets.own.own_sessions` or
        `neuromotion_gym.signals.reading.read_recordings`.
    spec : DecoderSpec
        Channels, rate, unit, length of the windows, and labels: trials with other labels are left out, with a warning.
    hop_s : float, optional
        Seconds between the beginnings of two windows of a trial; ``spec.hop_s`` if left out. Not for ``pacing: trial``.
    skip_s : float
        Seconds left out at the beginning of each trial. Not for ``pacing: trial``.
    group : {"trial", "run", "session", "subject"}
        What ``groups`` tells apart.
    resample : bool
        Whether recordings at another rate are converted, with a warning.

    Returns
    -------
    X : float32 array, shape (n, channels, samples)
        In ``spec.unit``.
    y : str array, shape (n,)
        Labels.
    groups : str array, shape (n,)
        Names such as ``"anna/1/2/400"`` (subject, session, run, first sample of the trial). With scikit-learn's
        ``GroupKFold`` no group is in the training and in the test part of a fold.

    Raises
    ------
    NeuroMotionError
        If an option is wrong, a recording does not fit the decoder, or no window lies inside a trial.
    """
    if group not in UNITS:
        raise NeuroMotionError(f"group is {group!r}; it has to be one of {', '.join(UNITS)}.")
    hop = spec.hop_s if hop_s is None else hop_s
    for name, value, lowest in (("hop_s", hop, "above 0"), ("skip_s", skip_s, "0 or more")):
        number = isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(float(value))
        if not number or value < 0 or (name == "hop_s" and value == 0):
            raise NeuroMotionError(f"{name} is {value!r}; it has to be a number of seconds, {lowest}.")
    if spec.pacing == "trial" and (hop_s is not None or skip_s):
        said = "hop_s" if hop_s is not None else "skip_s"
        raise NeuroMotionError(
            f"{said} is for decoders that read window after window; {spec.name!r} reads one window of each trial "
            "(pacing: trial), where its epoch_s says."
        )
    recordings = [fitted(recording, spec, resample=resample) for recording in _recordings(sessions)]
    several = len({recording.dataset for recording in recordings}) > 1
    where: list[tuple[int, int, str, str]] = []
    other: Counter[str] = Counter()
    short = 0
    for index, recording in enumerate(recordings):
        for trial in recording.trials:
            if spec.labels and trial.label not in spec.labels:
                other[trial.label] += 1
                continue
            parts = (recording.subject, recording.session, recording.run, str(trial.start))
            name = "/".join(parts[: len(UNITS) - UNITS.index(group)])
            name = f"{recording.dataset}/{name}" if several else name
            starts = _starts(trial, recording.samples.shape[1], spec, hop, skip_s)
            short += not starts
            where += [(index, start, trial.label, name) for start in starts]
    _report(other, short, where, spec)
    found = np.empty((len(where), len(spec.channels), spec.window), np.float32)
    for row, (index, start, _, _) in enumerate(where):
        found[row] = recordings[index].samples[:, start : start + spec.window]
    return found, np.array([label for _, _, label, _ in where]), np.array([name for _, _, _, name in where])


def _recordings(sessions: Iterable[Session | Recording]) -> Iterator[Recording]:
    """Recordings that are played, of sessions or given themselves."""
    for one in [sessions] if isinstance(sessions, Session | Recording) else sessions:
        if isinstance(one, Recording):
            yield one
        elif isinstance(one, Session):
            yield from one.recordings
        else:
            raise NeuroMotionError(f"Windows are cut from sessions and recordings, not from {type(one).__name__}.")


def epoch_start(trial: Trial, length: int, spec: Windowed) -> int | None:
    """First sample of the epoch of a trial; None if the trial ends before the epoch does.

    A window of ``epoch_s`` with both ends included has one sample more than the seconds between them: a trial of 4.1 s
    at 160 Hz has samples 0 to 655, and its epoch up to 4.1 s ends with sample 656. This one sample may lie past the
    trial; where the recording ends there, the window begins one sample earlier.

    Parameters
    ----------
    trial : Trial
    length : int
        Samples of the recording.
    spec : DecoderSpec
        With ``epoch_s``.
    """
    assert spec.epoch_s is not None
    begin, end = spec.epoch_s
    start = trial.start + round(begin * spec.rate_hz)
    both_ends = spec.window == round((end - begin) * spec.rate_hz) + 1
    first = min(start, length - spec.window) if both_ends else start
    return first if first >= 0 and start + spec.window <= trial.stop + both_ends else None


def _starts(trial: Trial, length: int, spec: Windowed, hop_s: float, skip_s: float) -> list[int]:
    """First samples of the windows of a trial."""
    if spec.pacing == "trial" and spec.epoch_s is not None:
        first = epoch_start(trial, length, spec)
        return [] if first is None else [first]
    start, step = trial.start + round(skip_s * spec.rate_hz), max(1, round(hop_s * spec.rate_hz))
    return list(range(start, trial.stop - spec.window + 1, step))


def _report(other: Counter[str], short: int, where: list[tuple[int, int, str, str]], spec: Windowed) -> None:
    """Say what has no window; an error if nothing has one."""
    said = [f"trials with labels that the decoder does not have ({', '.join(sorted(other))})"] if other else []
    said += [f"{short} trials shorter than its windows ({spec.window / spec.rate_hz:g} s)"] if short else []
    missing = sorted(set(spec.labels) - {label for _, _, label, _ in where})
    if not where:
        reason = f"; there are {' and '.join(said)}" if said else "; there are no trials"
        raise NeuroMotionError(f"No window of decoder {spec.name!r} lies inside a trial{reason}.")
    if said:
        warn(f"Left out: {' and '.join(said)}.")
    if missing:
        warn(f"No window has the label {', '.join(missing)}.")
