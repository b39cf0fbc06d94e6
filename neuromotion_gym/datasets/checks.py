"""`check_dataset`: the rules that every data set has to fulfil, shipped or from another package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.parts import PARTS
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.splits import check_calibration_apart, check_disjoint

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.datasets.parts import Part
    from neuromotion_gym.datasets.registry import Dataset
    from neuromotion_gym.signals.recording import Session


def check_dataset(
    name: str, *, root: str | os.PathLike[str] | None = None, subjects: Sequence[str] | None = None
) -> None:
    """Read a data set and compare it with the facts that it states in its `Dataset`.

    Parameters
    ----------
    name : str
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` if left out.
    subjects : sequence of str, optional
        Check only these people, for data sets that take long to read.

    Raises
    ------
    NeuroMotionError
        If a rule is broken; the message names the first one. The rules: parts and calibration runs share no samples;
        rate, unit, modality and onsets agree with the facts; every session has trials of two labels or more, and of
        rest where the data set has such a label; each recording names the right data set and person and has the ocular
        channels; the files that the data set names exist.
    """
    facts = registry.dataset(name)
    parts: dict[Part, list[Session]] = {}
    for part in PARTS:
        people = [one for one in facts.table.runs(part) if subjects is None or one in subjects]
        if people:
            parts[part] = load_sessions(name, part, root=root, subjects=people, calibration_apart=True)
    unknown = sorted(set(subjects or ()) - set(facts.table.runs("all")))
    _require(bool(parts) and not unknown, f"{name} has no recordings of {', '.join(unknown) or 'anybody'}.")
    check_disjoint({part: sessions for part, sessions in parts.items() if part != "all"})
    for name_of_part, sessions in parts.items():
        check_calibration_apart(sessions)
        for session in sessions:
            _check_session(facts, name_of_part, session)
    folder = data_root(root)
    for person, runs in facts.table.runs("all").items():
        if subjects is None or person in subjects:
            for run in runs:
                missing = [path for path in facts.files(person, run, folder) if not path.is_file()]
                _require(not missing, f"{name} names files of {person}, run {run}, that do not exist: {missing[:1]}.")


def _check_session(facts: Dataset, part: str, session: Session) -> None:
    name = facts.name
    for recording in (*session.recordings, *session.calibration):
        spec = recording.spec
        ours = (facts.table.modality, facts.rate_hz, facts.unit)
        _require(
            (spec.modality, spec.rate_hz, spec.unit) == ours,
            f"{recording.name} is {spec.modality} at {spec.rate_hz:g} Hz in {spec.unit}, but {name} says "
            f"{ours[0]} at {ours[1]:g} Hz in {ours[2]}.",
        )
        _require(recording.dataset == name, f"{recording.name} says that it is of {recording.dataset!r}, not {name!r}.")
        _require(recording.subject == session.subject, f"{recording.name} was read as a run of {session.subject!r}.")
        onsets = {trial.has_onset for trial in recording.trials}
        _require(
            onsets <= {facts.has_onset},
            f"{recording.name} has trials with has_onset={not facts.has_onset}, but {name} says {facts.has_onset}.",
        )
        lacking = [channel for channel in facts.ocular_channels if channel not in spec.channels]
        _require(not lacking, f"{recording.name} lacks the ocular channels {', '.join(lacking)}.")
    found = {trial.label for recording in session.recordings for trial in recording.trials}
    who = f"{name} {session.subject} of part {part!r}"
    _require(len(found) > 1, f"{who} has trials of {', '.join(found) or 'no label'}; it needs two labels or more.")
    _require(facts.rest is None or facts.rest in found, f"{who} has no trial of {facts.rest!r}, its label of rest.")


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise NeuroMotionError(message)
