"""Labelled windows to train on: the protocol that training reads, and windows that are cut only when they are read.

Overlapping windows would need many times the memory of their recordings, so they are not stored. Preparations make
windows from sessions, see `neuromotion_gym.training.preparations`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.datasets.sessions import load_sessions
from neuromotion_gym.decoders.alignment import euclidean_alignment
from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Session


class TrainingWindows(Protocol):
    """Windows with their labels; row i of every array is window i."""

    @property
    def labels(self) -> np.ndarray:
        """Int64, shape (n,): index into ``spec.labels``."""

    @property
    def people(self) -> np.ndarray:
        """Int64, shape (n,): number of the person."""

    @property
    def trials(self) -> np.ndarray:
        """Int64, shape (n,): number of the trial, counted over all recordings."""

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """Windows of shape (m, channels, samples), float32; varied at random if a generator is given."""

    def adaptation(self, indices: np.ndarray) -> np.ndarray | None:
        """Each window's adaptation, shape (m, *spec.adaptation.shape), or None."""


@dataclass(frozen=True, eq=False)
class CutWindows:
    """Windows cut from recordings held in memory.

    Parameters
    ----------
    recordings : tuple of float32 array, shape (channels, samples)
    where : int array, shape (n, 2)
        Index of the recording, and first sample in it, of each window.
    labels, people, trials : int array, shape (n,)
    length : int
        Samples per window.
    adaptations : float32 array, shape (recordings, *adaptation), optional
        Adaptation of each recording's person.
    targets : float32 array, shape (n, targets), optional
        What the person did at the end of each window.
    """

    recordings: tuple[np.ndarray, ...]
    where: np.ndarray
    labels: np.ndarray
    people: np.ndarray
    trials: np.ndarray
    length: int
    adaptations: np.ndarray | None = None
    targets: np.ndarray | None = None

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """Windows of shape (m, channels, samples); they are not varied, even with a generator."""
        channels = self.recordings[0].shape[0]
        cut = np.empty((len(indices), channels, self.length), np.float32)
        for row, (recording, start) in enumerate(self.where[indices]):
            cut[row] = self.recordings[recording][:, start : start + self.length]
        return cut

    def adaptation(self, indices: np.ndarray) -> np.ndarray | None:
        """Each window's adaptation, or None."""
        return None if self.adaptations is None else self.adaptations[self.where[indices, 0]]


@dataclass(frozen=True, eq=False)
class ChosenWindows:
    """Some windows of others.

    Parameters
    ----------
    whole : TrainingWindows
    rows : int array, shape (n,)
        Which windows.
    """

    whole: TrainingWindows
    rows: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """Labels of the chosen windows."""
        return self.whole.labels[self.rows]

    @property
    def people(self) -> np.ndarray:
        """People of the chosen windows."""
        return self.whole.people[self.rows]

    @property
    def trials(self) -> np.ndarray:
        """Trials of the chosen windows."""
        return self.whole.trials[self.rows]

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """Windows; see `TrainingWindows`."""
        return self.whole.windows(self.rows[indices], generator)

    def adaptation(self, indices: np.ndarray) -> np.ndarray | None:
        """Adaptations; see `TrainingWindows`."""
        return self.whole.adaptation(self.rows[indices])


def samples_of(windows: TrainingWindows) -> np.ndarray:
    """All samples of the recordings that windows are cut from, each once, shape (samples, channels).

    Of `ChosenWindows` it is all samples of the whole, those of windows that were not chosen too: so published methods
    fit their preprocessing.

    Raises
    ------
    NeuroMotionError
        If the windows were not cut from recordings.
    """
    if isinstance(windows, ChosenWindows):
        return samples_of(windows.whole)
    if not isinstance(windows, CutWindows):
        raise NeuroMotionError(
            "This network is fitted to samples; use a preparation that cuts windows from recordings."
        )
    return np.concatenate(windows.recordings, axis=1).T


def targets_of(windows: TrainingWindows) -> np.ndarray:
    """Targets at the ends of windows, float32 of shape (n, targets).

    Raises
    ------
    NeuroMotionError
        If the windows have labels alone.
    """
    if isinstance(windows, ChosenWindows):
        return np.asarray(targets_of(windows.whole)[windows.rows])
    found: np.ndarray | None = getattr(windows, "targets", None)
    if found is None:
        raise NeuroMotionError(
            "A decoder of targets is trained on windows that have targets: use data.preparation 'targets', or one of "
            "your own whose windows have an attribute targets."
        )
    return found


def recordings_of(windows: TrainingWindows) -> np.ndarray:
    """Number of the recording that each window is cut from, int of shape (n,).

    Raises
    ------
    NeuroMotionError
        If the windows were not cut from recordings.
    """
    if isinstance(windows, ChosenWindows):
        return recordings_of(windows.whole)[windows.rows]
    if not isinstance(windows, CutWindows):
        raise NeuroMotionError(
            "This network tells recordings apart; use a preparation that cuts windows from recordings."
        )
    return windows.where[:, 0]


def people_of(recipe: Recipe, part: str, exclude: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Runs of each person of a part, for the recipe's kind of session and without the excluded people (or runs).

    Runs are excluded where the folds of the data set hold out runs.

    Raises
    ------
    NeuroMotionError
        If nobody is left.
    """
    kind = recipe.data.session_kind if recipe.data is not None else None
    table = registry.dataset(recipe.decoder.dataset).table
    people = table.runs(part, kind)  # type: ignore[arg-type]
    chosen = {person: runs for person, runs in people.items() if person not in exclude}
    if table.fold_of == "run":
        left = {person: tuple(run for run in runs if run not in exclude) for person, runs in chosen.items()}
        chosen = {person: runs for person, runs in left.items() if runs}
    if not chosen:
        raise NeuroMotionError(
            f"Nobody is left of part {part!r} of {recipe.decoder.dataset}, whose people are {', '.join(people)}."
        )
    return chosen


def sessions_of(
    recipe: Recipe,
    part: str,
    *,
    root: str | os.PathLike[str] | None = None,
    exclude: Sequence[str] = (),
    subjects: Sequence[str] | None = None,
    calibration_apart: bool | None = None,
    resample: bool = False,
) -> list[Session]:
    """Sessions of one part as the recipe's decoder reads them (kind of session, ocular regression).

    Parameters
    ----------
    recipe : Recipe
    part : str
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    exclude : sequence of str
        People left out; runs where the folds of the data set hold out runs.
    subjects : sequence of str, optional
        Only these people, who may also be new, see `neuromotion_gym.datasets.people.runs_of`.
    calibration_apart : bool, optional
        As in `neuromotion_gym.datasets.sessions.load_sessions`; used only for the parts "train" and "all".
    resample : bool
        As in `neuromotion_gym.datasets.sessions.load_sessions`.

    Raises
    ------
    NeuroMotionError
        If nobody is left.
    """
    spec = recipe.decoder
    people = people_of(recipe, part, exclude)
    sessions = load_sessions(
        spec.dataset,
        part,  # type: ignore[arg-type]
        root=root,
        subjects=list(people) if subjects is None else list(subjects),
        session_kind=recipe.data.session_kind if recipe.data is not None else None,
        ocular=spec.ocular,
        calibration_apart=calibration_apart if part in ("train", "all") else None,
        resample=resample,
    )
    if registry.dataset(spec.dataset).table.fold_of == "run":  # there each run is a session
        return [session for session in sessions if session.session in people.get(session.subject, ())]
    return sessions


def further_sessions(recipe: Recipe, *, root: str | os.PathLike[str] | None = None) -> list[Session]:
    """Sessions of the train parts of the further data sets that ``data.also`` names, with the same label for rest.

    Raises
    ------
    NeuroMotionError
        If a data set is unknown, or has somebody of the name of a person of another one: people are told apart by name.
    """
    data, _, _ = recipe.trainable()
    known, found = dict.fromkeys(people_of(recipe, "all"), recipe.decoder.dataset), []
    own = registry.dataset(recipe.decoder.dataset).rest
    for name in data.also:
        people = registry.dataset(name).table.people
        if both := [person for person in people if person in known]:
            raise NeuroMotionError(
                f"data.also: {name} and {known[both[0]]} both have people called {', '.join(both)}, who would be taken "
                "for the same. Data sets that are trained on together need other names of people."
            )
        known.update(dict.fromkeys(people, name))
        sessions = load_sessions(name, "train", root=root, ocular=recipe.decoder.ocular, calibration_apart=False)
        found += [_with_rest(session, registry.dataset(name).rest, own) for session in sessions]
    return found


def _with_rest(session: Session, rest: str | None, own: str | None) -> Session:
    """The session with the label for rest of another data set."""
    if own is None or rest in (None, own):
        return session
    return replace(
        session,
        recordings=tuple(
            replace(one, trials=tuple(replace(t, label=own if t.label == rest else t.label) for t in one.trials))
            for one in session.recordings
        ),
    )


def session_adaptations(spec: DecoderSpec, sessions: Sequence[Session]) -> np.ndarray | None:
    """Alignment of each recording of ``sessions``, shape (recordings, ...); None for a decoder without alignment."""
    if spec.adaptation.kind not in ("euclidean", "running"):
        return None
    rows: list[Any] = []
    for session in sessions:
        row = euclidean_alignment(session.calibration, spec)
        rows += [row] * len(session.recordings)
    return np.stack(rows).astype(np.float32)
