"""Labelled windows to train on: the protocol that trainers read, and windows cut from trials.

A recipe's ``data.preparation`` names how windows are made: ``trials`` is here (`trial_windows`); any other name is a
module ``neuromotion_gym.training.windows.<name>`` with a function ``training_windows(recipe, sessions)`` of the same
signature. Windows are cut when they are asked for: overlapping ones would take many times the memory of their
recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import DecoderSpec
    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Recording, Session


class TrainingWindows(Protocol):
    """Windows with their labels; row i of every array is window i."""

    @property
    def labels(self) -> np.ndarray:
        """Int64, shape (n,): index into ``spec.labels``."""

    @property
    def people(self) -> np.ndarray:
        """Int64, shape (n,): who."""

    @property
    def trials(self) -> np.ndarray:
        """Int64, shape (n,): which trial, numbered through."""

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """Windows of shape (m, channels, samples), float32; varied at random where a generator is given."""

    def adaptation(self, indices: np.ndarray) -> np.ndarray | None:
        """Each window's adaptation, shape (m, *spec.adaptation.shape), or None."""


@dataclass(frozen=True, eq=False)
class CutWindows:
    """Windows cut from recordings held in memory.

    Parameters
    ----------
    recordings : tuple of float32 array, shape (channels, samples)
    where : int array, shape (n, 2)
        Recording, and first sample in it, of each window.
    labels, people, trials : int array, shape (n,)
    length : int
        Samples of a window.
    adaptations : float32 array, shape (recordings, *adaptation), optional
        Adaptation of each recording's person.
    """

    recordings: tuple[np.ndarray, ...]
    where: np.ndarray
    labels: np.ndarray
    people: np.ndarray
    trials: np.ndarray
    length: int
    adaptations: np.ndarray | None = None

    def windows(self, indices: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """Windows of shape (m, channels, samples); nothing is varied here."""
        channels = self.recordings[0].shape[0]
        cut = np.empty((len(indices), channels, self.length), np.float32)
        for row, (recording, start) in enumerate(self.where[indices]):
            cut[row] = self.recordings[recording][:, start : start + self.length]
        return cut

    def adaptation(self, indices: np.ndarray) -> np.ndarray | None:
        """Each window's adaptation, or None."""
        return None if self.adaptations is None else self.adaptations[self.where[indices, 0]]


def training_windows(
    recipe: Recipe,
    part: str,
    *,
    root: str | os.PathLike[str] | None = None,
    exclude: Sequence[str] = (),
) -> TrainingWindows:
    """Windows of one part of the recipe's data set, prepared as the recipe says.

    Parameters
    ----------
    recipe : Recipe
    part : str
        "train", "tune" or "test"; "all" takes every run of everybody, calibration runs included (for folds).
    root : path, optional
        Folder of the data sets; the environment variable ``NEUROMOTION_DATA`` when left out.
    exclude : sequence of str
        Subjects left out besides the recipe's own.

    Raises
    ------
    NeuroMotionError
        If the data are missing, do not fit the decoder, or the preparation is unknown.
    """
    data, _, _ = recipe.trainable()
    sessions = sessions_of(recipe, part, root=root, exclude=(*data.exclude, *exclude), calibration_apart=False)
    if data.preparation == "trials":
        return trial_windows(recipe, sessions)
    try:
        module = import_module(f"neuromotion_gym.training.windows.{data.preparation}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.endswith(f"windows.{data.preparation}"):
            raise
        raise NeuroMotionError(
            f"data.preparation {data.preparation!r} is unknown: it is 'trials', or NAME for a module "
            "neuromotion_gym/training/windows/NAME.py."
        ) from None
    prepared: TrainingWindows = module.training_windows(recipe, sessions)
    return prepared


def preparation_options(name: str, given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """``data.options`` of preparation ``name`` with its defaults filled in.

    Raises
    ------
    NeuroMotionError
        If it has no such option.
    """
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise NeuroMotionError(
            f"Preparation {name!r} has no option {', '.join(unknown)}; its options: {', '.join(defaults)}."
        )
    return {**defaults, **given}


def sessions_of(
    recipe: Recipe,
    part: str,
    *,
    root: str | os.PathLike[str] | None = None,
    subjects: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    calibration_apart: bool | None = None,
) -> list[Session]:
    """Sessions of one part as the recipe's decoder wants them (``ocular``, channels).

    Raises
    ------
    NeuroMotionError
        If nobody is left.
    """
    from neuromotion_gym.datasets import registry
    from neuromotion_gym.datasets.sessions import load_sessions

    spec = recipe.decoder
    kind = recipe.data.session_kind if recipe.data is not None else None
    people = registry.dataset(spec.dataset).table.runs(part, kind)  # type: ignore[arg-type]
    chosen = [person for person in people if person not in exclude and (subjects is None or person in subjects)]
    if not chosen:
        raise NeuroMotionError(
            f"Nobody is left of part {part!r} of {spec.dataset}, whose people are {', '.join(people)}."
        )
    return load_sessions(
        spec.dataset,
        part,  # type: ignore[arg-type]
        root=root,
        subjects=chosen,
        session_kind=kind,
        ocular=spec.ocular,
        calibration_apart=calibration_apart if part in ("train", "all") else None,
    )


def trial_windows(recipe: Recipe, sessions: Sequence[Session]) -> CutWindows:
    """Windows inside labelled trials, ``stride_s`` apart from ``start_s`` to ``stop_s`` after the trial's start."""
    spec = recipe.decoder
    data, _, _ = recipe.trainable()
    if data.options:
        raise NeuroMotionError(f"Preparation 'trials' has no options, but was given {', '.join(data.options)}.")
    recordings = [recording for session in sessions for recording in session.recordings]
    people = sorted({recording.subject for recording in recordings})
    where, labels, persons, trials = [], [], [], []
    trial_number = 0
    for index, recording in enumerate(recordings):
        check_recording(recording, spec)
        for trial in recording.trials:
            if trial.label not in spec.labels:
                continue
            begin = trial.start + round(data.start_s * spec.rate_hz)
            end = (
                trial.stop if data.stop_s is None else min(trial.stop, trial.start + round(data.stop_s * spec.rate_hz))
            )
            starts = np.arange(begin, end - spec.window + 1, max(1, round(data.stride_s * spec.rate_hz)))
            where.append(np.stack([np.full(len(starts), index), starts], axis=1))
            labels += [spec.labels.index(trial.label)] * len(starts)
            persons += [people.index(recording.subject)] * len(starts)
            trials += [trial_number] * len(starts)
            trial_number += 1
    missing = [label for index, label in enumerate(spec.labels) if index not in labels]
    if missing:
        raise NeuroMotionError(
            f"No window of {spec.window} samples lies inside a trial of {', '.join(missing)}; "
            "check labels, data.start_s and data.stop_s."
        )
    return CutWindows(
        tuple(np.ascontiguousarray(recording.pick(spec.channels).samples) for recording in recordings),
        np.concatenate(where).astype(np.int64),
        np.array(labels, np.int64),
        np.array(persons, np.int64),
        np.array(trials, np.int64),
        spec.window,
        session_adaptations(spec, sessions),
    )


def session_adaptations(spec: DecoderSpec, sessions: Sequence[Session]) -> np.ndarray | None:
    """Unlabelled adaptation of each recording of ``sessions``, shape (recordings, ...); None where there is none."""
    if spec.adaptation.kind != "euclidean":
        return None
    from neuromotion_gym.decoders.alignment import euclidean_alignment

    rows: list[Any] = []
    for session in sessions:
        row = euclidean_alignment(session.calibration, spec)
        rows += [row] * len(session.recordings)
    return np.stack(rows).astype(np.float32)


def check_recording(recording: Recording, spec: DecoderSpec) -> None:
    """Refuse a recording that ``spec`` does not read.

    Raises
    ------
    NeuroMotionError
        If modality, rate, unit or channels differ; both sides are named.
    """
    have = recording.spec
    wrong = [
        f"{name} {ours!r} instead of {theirs!r}"
        for name, ours, theirs in (
            ("modality", have.modality, spec.modality),
            ("rate_hz", have.rate_hz, spec.rate_hz),
            ("unit", have.unit, spec.unit),
        )
        if ours != theirs
    ]
    missing = [channel for channel in spec.channels if channel not in have.channels]
    if missing:
        wrong.append(f"no channel {', '.join(missing)} (it has {', '.join(have.channels)})")
    if wrong:
        raise NeuroMotionError(f"Decoder {spec.name!r} cannot read {recording.name}: {'; '.join(wrong)}.")
