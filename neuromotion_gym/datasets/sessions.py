"""Sessions of a data set by part, for training and for replay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.people import runs_of
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.resources import data_root
from neuromotion_gym.signals.preprocessing import fit_ocular
from neuromotion_gym.signals.recording import Recording, Session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from neuromotion_gym.datasets.parts import Kind, Part

Ocular = Literal["keep", "regress"]


def load_sessions(
    dataset: str,
    part: Part,
    *,
    root: str | os.PathLike[str] | None = None,
    subjects: Sequence[str] | None = None,
    session_kind: str | None = None,
    ocular: Ocular = "keep",
    calibration_apart: bool | None = None,
    resample: bool = False,
) -> list[Session]:
    """Sessions of one part of a data set, people in alphabetical order.

    Parameters
    ----------
    dataset : str
        Name of a data set, see `neuromotion_gym.datasets.registry.dataset_names`.
    part : {"train", "tune", "test", "all"}
        ``"all"``: all people, for folds of whole people, with all runs except the calibration runs.
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` if left out.
    subjects : sequence of str, optional
        Only these people of the part; people who are in no part may be named too if the folder holds their files.
    session_kind : str, optional
        Kind of session, for data sets with several kinds; the first of the table if left out.
    ocular : {"keep", "regress"}
        ``"regress"``: average reference, then the data set's ocular channels regressed out of all channels, fitted to
        the person's calibration run (`neuromotion_gym.signals.preprocessing.fit_ocular`).
    calibration_apart : bool, optional
        Whether ``recordings`` leaves out the calibration runs. By default they are left out in all parts except the
        train part, where a decoder may learn from them too; ``calibration`` always has them. A fold is trained on
        ``part="all", calibration_apart=False``.
    resample : bool
        Whether runs that were recorded at another rate than the data set are resampled, with a warning; otherwise they
        are refused.

    Returns
    -------
    list of Session

    Raises
    ------
    NeuroMotionError
        If the data set, part, person or kind is unknown, or files are missing or corrupt.
    """
    return list(
        iter_sessions(
            dataset,
            part,
            root=root,
            subjects=subjects,
            session_kind=session_kind,
            ocular=ocular,
            calibration_apart=calibration_apart,
            resample=resample,
        )
    )


def iter_sessions(
    dataset: str,
    part: Part,
    *,
    root: str | os.PathLike[str] | None = None,
    subjects: Sequence[str] | None = None,
    session_kind: str | None = None,
    ocular: Ocular = "keep",
    calibration_apart: bool | None = None,
    resample: bool = False,
) -> Iterator[Session]:
    """Like `load_sessions`, but one session at a time, so that not all recordings are in memory at once."""
    facts = registry.dataset(dataset)
    table = facts.table
    if ocular not in ("keep", "regress"):
        raise NeuroMotionError(f"ocular is {ocular!r}; it has to be 'keep' or 'regress'.")
    if ocular == "regress" and not facts.ocular_channels:
        raise NeuroMotionError(f"{dataset} has no ocular channels that could be regressed out.")
    kind, folder = table.kind(session_kind), data_root(root)

    def read(person: str, run: str) -> Recording:
        return facts.recording(person, run, folder, resample=resample)

    apart = part != "train" if calibration_apart is None else calibration_apart
    for person, runs in runs_of(dataset, part, session_kind, subjects, folder).items():
        names = tuple(run for run in runs if run not in kind.calibration)
        own = kind.calibration_for(runs)
        if not apart:
            names = (*own, *names)
        found = _sessions(person, names, kind, read, each=table.one_session_per == "run")
        yield from (regressed(session, facts.ocular_channels) for session in found) if ocular == "regress" else found


def regressed(session: Session, ocular_channels: Sequence[str]) -> Session:
    """The session with its ocular channels regressed out; the weights are fitted to its calibration run."""
    matrix = fit_ocular(session.calibration, ocular_channels)
    return replace(
        session,
        recordings=tuple(recording.transformed(matrix) for recording in session.recordings),
        calibration=tuple(recording.transformed(matrix) for recording in session.calibration),
    )


def _sessions(
    person: str,
    runs: tuple[str, ...],
    kind: Kind,
    read: Callable[[str, str], Recording],
    *,
    each: bool,
) -> Iterator[Session]:
    """Sessions of one person: all ``runs`` in one session or, with ``each``, one session per run; none without runs."""
    calibration = {run: read(person, run) for run in kind.calibration_for(runs)}
    for group in [(run,) for run in runs] if each else [runs][: len(runs)]:
        recordings = tuple(calibration[run] if run in calibration else read(person, run) for run in group)
        first, own = recordings[0], kind.calibration_for(group)
        yield Session(first.dataset, person, first.session, recordings, tuple(calibration[run] for run in own))
