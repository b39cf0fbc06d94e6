"""Windows that end at instants drawn at random from labelled trials, in folds: ``data.preparation: instants``.

A network of single instants learns little from neighbours: the instants of a trial are drawn without replacement
(``per_trial``; all of them if left out). Folds keep trials, runs, sessions or people whole (``split_by``). With
``split_by: instant`` single instants are dealt into folds, so that neighbours of one contraction, a millisecond apart,
are trained on and tested: this is how figures of single instants are usually published, and no test. Its folds are
those of the source: instants are divided into ``folds + 1`` slices, of which each but the last is held out once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.splits import Splitter
from neuromotion_gym.training.data import CutWindows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session

SplitBy = Literal["instant", "trial", "run", "session", "subject"]


def training_windows(
    recipe: Recipe,
    sessions: Sequence[Session],
    *,
    per_trial: int | None = None,
    split_by: SplitBy = "trial",
    folds: int | None = None,
    fold: int = 0,
    held_out: bool = False,
    seed: int = 0,
) -> CutWindows:
    """Windows of one fold; see the module.

    Parameters
    ----------
    recipe : Recipe
    sessions : sequence of Session
    per_trial : int, optional
        Instants drawn from each trial.
    split_by : {"instant", "trial", "run", "session", "subject"}
        What is kept whole.
    folds : int, optional
        Number of folds; without it nothing is held out.
    fold : int
        Which of them is left out, counted from 0.
    held_out : bool
        Return what is left out, for a test, instead of the rest.
    seed : int
        Seed of the instants and of the order in which units are dealt.

    Raises
    ------
    NeuroMotionError
        If there is no such fold, a recording does not fit the decoder, or nothing is left.
    """
    spec = recipe.decoder
    if folds is not None and not 0 <= fold < folds:
        raise NeuroMotionError(f"data.options: fold is {fold}; it lies between 0 and {folds - 1}.")
    if held_out and folds is None:
        raise NeuroMotionError("data.options: held_out needs folds.")
    if per_trial is not None and per_trial < 1:
        raise NeuroMotionError(f"data.options: per_trial is {per_trial}; it has to be 1 or more.")
    fitting = [
        replace(session, recordings=tuple(fitted(recording, spec) for recording in session.recordings))
        for session in sessions
    ]
    if folds is not None and split_by != "instant":
        split = list(Splitter(split_by, folds, seed).split(fitting))[fold]
        fitting = list(split.test if held_out else split.train)
    cut = _cut(spec.labels, spec.window, fitting, per_trial, seed)
    if folds is not None and split_by == "instant":
        cut = _dealt(cut, folds, fold, held_out, seed)
    missing = [label for index, label in enumerate(spec.labels) if index not in cut.labels]
    if missing if not held_out else not len(cut.labels):
        raise NeuroMotionError(f"No instant of {', '.join(missing)} is left for {spec.name!r}.")
    return cut


def _cut(
    labels: tuple[str, ...], window: int, sessions: Sequence[Session], per_trial: int | None, seed: int
) -> CutWindows:
    """Windows that end at instants of all trials."""
    recordings = [recording for session in sessions for recording in session.recordings]
    people = sorted({recording.subject for recording in recordings})
    where, found, persons, trials = [], [], [], []
    for index, recording in enumerate(recordings):
        for trial in recording.trials:
            count = trial.stop - trial.start - window + 1
            if trial.label not in labels or count < 1:
                continue
            # A trial has the same instants whatever else is read, so that parts of one recording never share any
            generator = np.random.default_rng([seed, trial.start])
            starts = np.arange(count)
            if per_trial is not None and per_trial < count:
                starts = np.sort(generator.choice(count, per_trial, replace=False))
            where.append(np.stack([np.full(len(starts), index), trial.start + starts], axis=1))
            found += [labels.index(trial.label)] * len(starts)
            persons += [people.index(recording.subject)] * len(starts)
            trials += [len(where) - 1] * len(starts)
    return CutWindows(
        tuple(np.ascontiguousarray(recording.samples) for recording in recordings),
        np.concatenate(where).astype(np.int64) if where else np.zeros((0, 2), np.int64),
        np.array(found, np.int64),
        np.array(persons, np.int64),
        np.array(trials, np.int64),
        window,
    )


def _dealt(cut: CutWindows, folds: int, fold: int, held_out: bool, seed: int) -> CutWindows:
    """Single instants of a fold, or all others."""
    order = np.random.default_rng(seed).permutation(len(cut.labels))
    size = len(order) // (folds + 1)
    inside = np.zeros(len(order), bool)
    inside[order[fold * size : (fold + 1) * size]] = True
    kept = inside if held_out else ~inside
    return replace(
        cut, where=cut.where[kept], labels=cut.labels[kept], people=cut.people[kept], trials=cut.trials[kept]
    )
