"""Windows that run on from trial to trial, as in a table without trials: ``data.preparation: joined_trials``.

The recordings of a person are taken as stretches of one table: the first trials of all recordings, one after the other,
then all second trials, and so on. Windows begin at every sample. A window has the label of the sample after it, so that
some windows reach over a change of the label. Neighbouring windows share all samples but one.

This is how tables of samples are often cut in publications. In a figure, a random share of such windows
(``data.overlapping``) is no test; the preparation `trials` keeps windows inside trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.training.data import CutWindows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session


def training_windows(recipe: Recipe, sessions: Sequence[Session]) -> CutWindows:
    """Windows of the joined trials of ``sessions``; see the module.

    Raises
    ------
    NeuroMotionError
        If a decoder needs an alignment, an option of ``data`` does not apply, the recordings of a person have other
        labels than each other, the decoder lacks one of them, or there is no window.
    """
    spec = recipe.decoder
    data, _, _ = recipe.trainable()
    if spec.adaptation.kind != "none" or data.start_s or data.stop_s is not None:
        raise NeuroMotionError("Preparation 'joined_trials' has no adaptation, data.start_s and data.stop_s.")
    stride = max(1, round(data.stride_s * spec.rate_hz))
    people = sorted({session.subject for session in sessions})
    tables, where, labels, persons = [], [], [], []
    for index, person in enumerate(people):
        recordings = [
            fitted(one, spec) for session in sessions if session.subject == person for one in session.recordings
        ]
        order = [tuple(trial.label for trial in recording.trials) for recording in recordings]
        if len(set(order)) > 1 or not set(order[0]) <= set(spec.labels):
            raise NeuroMotionError(
                f"Preparation 'joined_trials' needs recordings with the same trials, all with labels of "
                f"{', '.join(spec.labels)}; those of {person} have {' and '.join(map(str, dict.fromkeys(order)))}."
            )
        pieces = [
            recording.samples[:, recording.trials[number].start : recording.trials[number].stop]
            for number in range(len(order[0]))
            for recording in recordings
        ]
        names = [label for label in order[0] for _ in recordings]
        truth = np.repeat([spec.labels.index(label) for label in names], [piece.shape[1] for piece in pieces])
        starts = np.arange(0, len(truth) - spec.window, stride)
        tables.append(np.ascontiguousarray(np.concatenate(pieces, axis=1)))
        where.append(np.stack([np.full(len(starts), index), starts], axis=1))
        labels.append(truth[starts + spec.window])
        persons.append(np.full(len(starts), index))
    places, found = np.concatenate(where).astype(np.int64), np.concatenate(labels).astype(np.int64)
    if missing := [label for index, label in enumerate(spec.labels) if index not in found]:
        raise NeuroMotionError(f"No window of {spec.window} samples comes before a sample of {', '.join(missing)}.")
    # Stretches of one label, in which windows overlap, count as trials
    changes = np.flatnonzero((np.diff(found) != 0) | (np.diff(places[:, 0]) != 0)) + 1
    trials = np.zeros(len(found), np.int64)
    trials[changes] = 1
    return CutWindows(tuple(tables), places, found, np.concatenate(persons), np.cumsum(trials), spec.window)
