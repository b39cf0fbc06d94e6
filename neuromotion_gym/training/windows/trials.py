"""Windows inside labelled trials: ``data.preparation: trials``.

The first window of a trial begins ``data.start_s`` after the trial's start, the next one ``data.stride_s`` later, and
the last one ends at ``data.stop_s`` or at the end of the trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.training.data import CutWindows, session_adaptations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session


def training_windows(recipe: Recipe, sessions: Sequence[Session]) -> CutWindows:
    """Windows of all labelled trials of ``sessions``; see the module.

    Raises
    ------
    NeuroMotionError
        If the decoder gives targets, a recording does not fit it, or a label has no window.
    """
    spec = recipe.decoder
    if not spec.classifies:
        raise NeuroMotionError(
            f"Decoder {spec.name!r} gives targets, but preparation 'trials' gives labels alone: use data.preparation "
            "'targets'."
        )
    data, _, _ = recipe.trainable()
    recordings = [fitted(recording, spec) for session in sessions for recording in session.recordings]
    people = sorted({recording.subject for recording in recordings})
    where, labels, persons, trials = [], [], [], []
    trial_number = 0
    for index, recording in enumerate(recordings):
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
        tuple(np.ascontiguousarray(recording.samples) for recording in recordings),
        np.concatenate(where).astype(np.int64),
        np.array(labels, np.int64),
        np.array(persons, np.int64),
        np.array(trials, np.int64),
        spec.window,
        session_adaptations(spec, sessions),
    )
