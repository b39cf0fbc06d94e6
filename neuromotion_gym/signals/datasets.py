"""Sessions of a data set by part: what training reads and what replay plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.parts import Part, parts_table
from neuromotion_gym.signals.preprocessing import fit_ocular
from neuromotion_gym.signals.recording import Recording, Session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

Ocular = Literal["keep", "regress"]


def load_sessions(
    dataset: str,
    part: Part,
    *,
    root: str | os.PathLike[str] | None = None,
    subjects: Sequence[str] | None = None,
    session_kind: str = "imagined",
    ocular: Ocular = "keep",
    calibration_apart: bool | None = None,
) -> list[Session]:
    """Sessions of one part of a data set, people in alphabetical order.

    Parameters
    ----------
    dataset : str
        Name of a parts table, e.g. ``"eegmmidb"``, ``"myo_armband"``.
    part : {"train", "tune", "test", "all"}
        ``"all"`` is everybody, for folds of whole people: all runs but the calibration runs.
    root : path, optional
        Data folder, else the environment variable ``NEUROMOTION_DATA``.
    subjects : sequence of str, optional
        Some people of the part alone.
    session_kind : str
        Kind of session, for data sets that have several (EEGMMIDB: ``"imagined"`` or ``"real"``).
    ocular : {"keep", "regress"}
        ``"regress"``: average reference, then Fp1, Fp2, F7 and F8 regressed out of all channels, fitted to the
        person's calibration run (`neuromotion_gym.signals.preprocessing.fit_ocular`).
    calibration_apart : bool, optional
        Whether ``recordings`` leaves out the calibration runs. The default leaves them out everywhere but in
        the train part, where a decoder may learn from them too; ``calibration`` has them always.
        ``part="all", calibration_apart=False`` is what a fold trains on.

    Returns
    -------
    list of Session

    Raises
    ------
    NeuroMotionError
        If the data set, part, person or kind is unknown, the data are not there, or a file is broken.
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
        )
    )


def iter_sessions(
    dataset: str,
    part: Part,
    *,
    root: str | os.PathLike[str] | None = None,
    subjects: Sequence[str] | None = None,
    session_kind: str = "imagined",
    ocular: Ocular = "keep",
    calibration_apart: bool | None = None,
) -> Iterator[Session]:
    """`load_sessions`, one session at a time, so that not all recordings are in memory at once."""
    table = parts_table(dataset)
    if ocular not in ("keep", "regress"):
        raise NeuroMotionError(f"ocular is {ocular!r}; it has to be 'keep' or 'regress'.")
    if ocular == "regress" and table.modality != "eeg":
        raise NeuroMotionError(f"{dataset} is {table.modality.upper()}: there are no eyes to regress out of it.")
    kind, read = table.kind(session_kind), _reader(dataset, root)
    apart = part != "train" if calibration_apart is None else calibration_apart
    chosen = table.runs(part, session_kind)
    if subjects is not None:
        foreign = [person for person in subjects if person not in chosen]
        if foreign:
            raise NeuroMotionError(
                f"Part {part!r} of {dataset} has no {', '.join(foreign)}; its people: {', '.join(chosen)}."
            )
        chosen = {person: runs for person, runs in chosen.items() if person in subjects}
    for person, runs in chosen.items():
        names = tuple(run for run in runs if run not in kind.calibration)
        if not apart:
            names = (*kind.calibration, *names)
        yield from _sessions(
            person, names, kind.calibration, read, regress=ocular == "regress", each=table.one_session_per == "run"
        )


def _sessions(
    person: str,
    runs: tuple[str, ...],
    calibration_runs: tuple[str, ...],
    read: Callable[[str, str], Recording],
    *,
    regress: bool,
    each: bool,
) -> Iterator[Session]:
    """Sessions of one person: all ``runs`` in one, or ``each`` its own."""
    calibration = {run: read(person, run) for run in calibration_runs}
    matrix = fit_ocular(list(calibration.values())) if regress else None
    if matrix is not None:
        calibration = {run: recording.transformed(matrix) for run, recording in calibration.items()}
    apart = tuple(calibration.values())

    def load(run: str) -> Recording:
        if run in calibration:
            return calibration[run]
        recording = read(person, run)
        return recording if matrix is None else recording.transformed(matrix)

    for group in [(run,) for run in runs] if each else [runs]:
        recordings = tuple(load(run) for run in group)
        yield Session(recordings[0].dataset, person, recordings[0].session, recordings, apart)


def _reader(dataset: str, root: str | os.PathLike[str] | None) -> Callable[[str, str], Recording]:
    """Function from a person and a run (of the armband: a round) to a recording."""
    if dataset == "eegmmidb":
        from neuromotion_gym.signals.readers import eegmmidb

        return lambda person, run: eegmmidb.read_run(person, int(run), root=root)
    if dataset == "myo_armband":
        from neuromotion_gym.signals.readers import myo_armband

        return lambda person, run: myo_armband.read_round(person, run, root=root)
    raise NeuroMotionError(f"Data set {dataset!r} has a parts table but no reader.")
