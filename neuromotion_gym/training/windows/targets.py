"""Windows with continuous targets, anywhere in a recording: ``data.preparation: targets``.

For decoders whose output is "targets". A window ends every ``data.stride_s``, in movements, in rests and on the way
between them, and reaches over no gap. Its targets are what the person did at its end. Its label is the movement that
this moment belongs to (`neuromotion_gym.signals.target_windows`), -1 where that is none of the decoder's labels: a
person who makes further movements is trained on in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.datasets import registry
from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.target_windows import blocks_at, targets_at, window_ends
from neuromotion_gym.training.data import CutWindows, session_adaptations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.recipe import Recipe
    from neuromotion_gym.signals.recording import Session


def training_windows(recipe: Recipe, sessions: Sequence[Session]) -> CutWindows:
    """Windows of all recordings of ``sessions``; see the module.

    Raises
    ------
    NeuroMotionError
        If the decoder gives labels or reads whole trials, an option of ``data`` does not apply, a recording does not
        fit the decoder or lacks a target, or there is no window.
    """
    spec = recipe.decoder
    data, _, _ = recipe.trainable()
    if spec.classifies or spec.pacing == "trial" or data.start_s or data.stop_s is not None:
        raise NeuroMotionError(
            "Preparation 'targets' needs decoder.output 'targets' and pacing 'sliding'; it reads whole recordings, so "
            "that it has no data.start_s and data.stop_s."
        )
    rest = registry.dataset(spec.dataset).rest if registry.is_known(spec.dataset) else None
    recordings = [fitted(recording, spec) for session in sessions for recording in session.recordings]
    people = sorted({recording.subject for recording in recordings})
    hop = max(1, round(data.stride_s * spec.rate_hz))
    where, labels, persons, trials, targets = [], [], [], [], []
    before = 0
    for index, recording in enumerate(recordings):
        ends = window_ends(recording, spec.window, hop)
        blocks = blocks_at(recording, ends, rest)
        where.append(np.stack([np.full(len(ends), index), ends - spec.window], axis=1))
        labels += [spec.labels.index(one) if one in spec.labels else -1 for one in blocks.label.tolist()]
        persons += [people.index(recording.subject)] * len(ends)
        trials.append(before + blocks.trial)
        before += len(recording.trials)
        targets.append(targets_at(recording, spec.targets, ends))
    if not labels:
        raise NeuroMotionError(
            f"No stretch of {spec.window_s:g} s, the window of {spec.name!r}, is without a gap in the recordings."
        )
    return CutWindows(
        tuple(np.ascontiguousarray(recording.samples) for recording in recordings),
        np.concatenate(where).astype(np.int64),
        np.array(labels, np.int64),
        np.array(persons, np.int64),
        np.concatenate(trials).astype(np.int64),
        spec.window,
        session_adaptations(spec, sessions),
        np.concatenate(targets),
    )
