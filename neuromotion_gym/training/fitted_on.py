"""Recording in a decoder's folder what it was fitted on; it is read by `neuromotion_gym.decoders.fitted_on`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuromotion_gym.datasets import registry
from neuromotion_gym.decoders.fitted_on import FittedOn, write_fitted_on
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neuromotion_gym.signals.recording import Recording, Session


def record_fitted_on(
    folder: Path, sessions: Sequence[Session], *, part: str | None = None, excluded: Sequence[str] = ()
) -> None:
    """Write ``fitted_on.json`` of a decoder that was fitted on all recordings of ``sessions``.

    Parameters
    ----------
    folder : path
        The decoder's folder.
    sessions : sequence of Session
        Of one data set.
    part : str, optional
        Part of the data set that they are.
    excluded : sequence of str
        People of the part who were left out.
    """
    recordings = [recording for session in sessions for recording in session.recordings]
    write_fitted_on(folder, fitted_on_of(recordings, part=part, excluded=excluded))


def fitted_on_of(recordings: Sequence[Recording], *, part: str | None = None, excluded: Sequence[str] = ()) -> FittedOn:
    """What to record of a decoder that was fitted on ``recordings``.

    Raises
    ------
    NeuroMotionError
        If the recordings are of several data sets, or there are none.
    """
    datasets = sorted({recording.dataset for recording in recordings})
    if len(datasets) != 1:
        raise NeuroMotionError(
            f"What a decoder was fitted on has to be of one data set, not of {', '.join(datasets) or 'none'}."
        )
    runs: dict[str, dict[str, None]] = {}
    for recording in recordings:
        runs.setdefault(recording.subject, {})[run_of(recording)] = None
    return FittedOn(
        dataset=datasets[0],
        part=part,
        people=tuple(sorted(runs)),
        runs={person: tuple(sorted(runs[person])) for person in sorted(runs)},
        excluded=tuple(sorted(excluded)),
    )


def run_of(recording: Recording) -> str:
    """Name of a recording's run as the table of parts has it: where each run is a session, the name of the session."""
    known = registry.is_known(recording.dataset)
    each = known and registry.dataset(recording.dataset).table.one_session_per == "run"
    return recording.session if each else recording.run
