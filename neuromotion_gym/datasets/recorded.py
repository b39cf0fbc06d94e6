"""One's own recordings as a loop plays them: their sessions in memory, and the facts about them that are one value.

A data set states its facts in its folder. Recordings of one's own have no such folder, so that what is played is known
from the samples themselves: a digest, the people and runs, the kind of signal, and whether trials begin at an onset.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.own import check_copies, own_sessions
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.schema import Checked
from neuromotion_gym.signals.modality import Modality
from neuromotion_gym.signals.readers.file_names import UNKNOWN
from neuromotion_gym.signals.reading import Reading, read_recordings
from neuromotion_gym.signals.recording import Recording, Session
from neuromotion_gym.signals.splits import check_calibration_apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from neuromotion_gym.datasets.sessions import Ocular
    from neuromotion_gym.signals.fitting import Wanted

    class Listens(Wanted, Protocol):
        """The fields of a decoder's specification that `OwnRecordings.read` reads."""

        dataset: str
        ocular: Ocular


class RecordedFacts(Checked):
    """Facts about recordings of one's own that are played, as part of a `Playing`.

    Parameters
    ----------
    name : str
        Where they come from, for messages: a file, a folder, or the kind of object.
    digest : str
        SHA-256 over samples, targets, channels, rate, unit, trials and names, 64 hexadecimal digits.
    modality, unit, rate_hz
        See `neuromotion_gym.signals.recording.SignalSpec`.
    has_onset : bool
        Whether trials begin at an onset.
    ocular_channels : tuple of str
        Channels that record the eyes; empty where none are named.
    played, calibration : dict of str to tuple of str
        Runs of each person, each as ``session/run``.
    """

    name: str
    digest: str
    modality: Modality
    unit: str
    rate_hz: float
    has_onset: bool
    ocular_channels: tuple[str, ...] = ()
    played: dict[str, tuple[str, ...]]
    calibration: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, eq=False)
class OwnRecordings:
    """Sessions in memory with the facts about them; two of the same digest are equal.

    Parameters
    ----------
    sessions : tuple of Session
    dataset : str
        Name of the data set that the recordings state.
    facts : RecordedFacts
    """

    sessions: tuple[Session, ...]
    dataset: str
    facts: RecordedFacts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnRecordings) and other.facts == self.facts

    def __hash__(self) -> int:
        return hash(self.facts)

    @classmethod
    def of(cls, sessions: Sequence[Session], name: str, ocular_channels: Sequence[str] = ()) -> OwnRecordings:
        """Recordings of one's own from their sessions.

        Parameters
        ----------
        sessions : sequence of Session
            Calibration runs apart; all of one kind of signal.
        name : str
            Where they come from, for messages.
        ocular_channels : sequence of str
            Channels that record the eyes.

        Raises
        ------
        NeuroMotionError
            If there is no session, or no recording to play, they are of several data sets, or a recording lacks one of
            ``ocular_channels``.
        """
        played = [recording for session in sessions for recording in session.recordings]
        if not played:
            raise NeuroMotionError(f"{name} holds no recording to play: all of them are calibration runs.")
        first = played[0]
        if len(datasets := dict.fromkeys(recording.dataset for recording in played)) > 1:
            raise NeuroMotionError(
                f"What is played ({name}) is of several data sets, {', '.join(datasets)}, whose people may have the "
                "same names. Play one at a time, or give all of them one name with reading={'dataset': …}."
            )
        for recording in played:
            if missing := [channel for channel in ocular_channels if channel not in recording.spec.channels]:
                raise NeuroMotionError(
                    f"{recording.name} lacks the ocular channels {', '.join(missing)}, which are regressed out; it has "
                    f"{', '.join(recording.spec.channels)}. Name others with reading={{'ocular_channels': …}}, or pass "
                    "ocular='keep'."
                )
        facts = RecordedFacts(
            name=name,
            digest=_digest(sessions),
            modality=first.spec.modality,
            unit=first.spec.unit,
            rate_hz=first.spec.rate_hz,
            has_onset=any(trial.has_onset for recording in played for trial in recording.trials),
            ocular_channels=tuple(ocular_channels),
            played=_runs(played),
            calibration=_runs([recording for session in sessions for recording in session.calibration]),
        )
        return cls(tuple(sessions), first.dataset, facts)

    @classmethod
    def read(
        cls,
        what: Any,
        reading: Reading | Mapping[str, Any] | None,
        spec: Listens,
        *,
        adapted: bool = False,
        ocular: Ocular | None = None,
        resample: bool = False,
    ) -> OwnRecordings:
        """Read recordings of one's own for a decoder.

        Parameters
        ----------
        what : Recording, MNE object, path, MOABB data set, Session, or a list of them
            See `neuromotion_gym.signals.reading.read_recordings`.
        reading : Reading or mapping, optional
            How they are read. Where it names no ocular channels, those of the decoder's data set are meant.
        spec : DecoderSpec
        adapted : bool
            Whether the decoder is adapted to each person from a calibration run.
        ocular : {"keep", "regress"}, optional
            As the decoder was trained if left out. Regression needs a calibration run, too.
        resample : bool
            Same as ``resample`` of the reading.

        Raises
        ------
        NeuroMotionError
            If something cannot be read, or does not fit the decoder.
        """
        reading = Reading.of(reading)
        if resample:
            reading = reading.model_copy(update={"resample": True})
        regresses, name = (ocular or spec.ocular) == "regress", _name(what)
        if regresses and not reading.ocular_channels:
            usual = registry.dataset(spec.dataset).ocular_channels if registry.is_known(spec.dataset) else ()
            if not usual:
                raise NeuroMotionError(
                    f"{name} has no ocular channels that are named: name them with reading={{'ocular_channels': …}}, "
                    "or pass ocular='keep'."
                )
            reading = reading.model_copy(update={"ocular_channels": usual})
        sessions = _sessions(what, reading, spec, needs_calibration=adapted or regresses)
        return cls.of(sessions, name, reading.ocular_channels if regresses else ())

    def of_people(self, people: Sequence[str]) -> OwnRecordings:
        """The recordings of some people alone.

        Raises
        ------
        NeuroMotionError
            If one of them has no recording; the message lists those who have.
        """
        known = self.facts.played
        if unknown := [person for person in people if person not in known]:
            raise NeuroMotionError(
                f"{self.facts.name} has no recordings of {', '.join(map(str, unknown))}; its people: "
                f"{', '.join(known)}."
            )
        chosen = [session for session in self.sessions if session.subject in people]
        return OwnRecordings.of(chosen, self.facts.name, self.facts.ocular_channels)


def _sessions(what: Any, reading: Reading, spec: Wanted, *, needs_calibration: bool) -> list[Session]:
    given = list(what) if isinstance(what, list | tuple) else [what]
    if given and all(isinstance(one, Session) for one in given):
        return _read_sessions(given, reading, spec)
    return own_sessions(read_recordings(what, reading, spec), reading, needs_calibration=needs_calibration)


def _read_sessions(given: Sequence[Session], reading: Reading, spec: Wanted) -> list[Session]:
    """Sessions that say themselves what is played and what calibrates; no sample may be both."""
    if said := [name for name in ("calibration", "play") if getattr(reading, name) is not None]:
        raise NeuroMotionError(
            f"A Session says itself which recordings calibrate and which are played, so {' and '.join(said)} in the "
            "reading cannot be used; leave that out, or pass the recordings alone."
        )
    for session in given:
        for one in (*session.recordings, *session.calibration):
            if (one.dataset, one.subject) != (session.dataset, session.subject):
                raise NeuroMotionError(
                    f"The session of {session.dataset} {session.subject} holds a recording of another person, "
                    f"{one.name}."
                )
    # A run of the usual name may be any run: only its samples tell whether it is one that is played
    named = [
        replace(session, calibration=tuple(one for one in session.calibration if one.run != UNKNOWN))
        for session in given
    ]
    check_calibration_apart(named)
    sessions = [
        replace(
            session,
            recordings=read_recordings(list(session.recordings), reading, spec),
            calibration=read_recordings(list(session.calibration), reading, spec) if session.calibration else (),
        )
        for session in given
    ]
    check_copies(
        [one for session in sessions for one in session.recordings],
        [one for session in sessions for one in session.calibration],
    )
    return sessions


def _name(what: Any) -> str:
    """Where recordings come from, for messages and reports: no folders, which may name people."""
    if isinstance(what, str | os.PathLike):
        return Path(what).name or str(what)
    if isinstance(what, list | tuple):
        return f"{len(what)} recordings" if len(what) != 1 else _name(what[0])
    return what.name if isinstance(what, Recording) else type(what).__name__


def run_name(recording: Recording) -> str:
    """Session and run of a recording as one text."""
    return f"{recording.session}/{recording.run}"


def _runs(recordings: Sequence[Recording]) -> dict[str, tuple[str, ...]]:
    """Names of the runs of each person."""
    found: dict[str, dict[str, None]] = {}
    for recording in recordings:
        found.setdefault(recording.subject, {})[run_name(recording)] = None
    return {person: tuple(runs) for person, runs in sorted(found.items())}


def _digest(sessions: Sequence[Session]) -> str:
    digest = hashlib.sha256()
    for session in sessions:
        for role, recordings in (("played", session.recordings), ("calibration", session.calibration)):
            for recording in recordings:
                for part in _parts(recording):
                    digest.update(f"{role}\0{part}\n".encode())
                digest.update(recording.samples.tobytes())
                if recording.targets is not None:
                    digest.update(f"{recording.targets.names}\n".encode())
                    digest.update(recording.targets.values.tobytes())
    return digest.hexdigest()


def _parts(recording: Recording) -> Iterator[str]:
    """Everything of a recording but its samples and targets, as texts."""
    spec = recording.spec
    yield repr((recording.dataset, recording.subject, recording.session, recording.run))
    yield repr((spec.modality, spec.unit, float(spec.rate_hz), spec.channels))
    yield repr([(trial.label, trial.start, trial.stop, trial.has_onset) for trial in recording.trials])
    yield repr(recording.bad_spans)
