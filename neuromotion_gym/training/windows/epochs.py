"""One window of each labelled trial, where the decoder reads it in use: ``data.preparation: epochs``.

For decoders with ``pacing: trial``. The window is ``decoder.epoch_s``, both ends included: from 1.0 to 4.1 s at 160 Hz
are 497 samples. Trials that end before it are left out; `neuromotion_gym.signals.windows.epoch_start` says by how much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.windows import epoch_start
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
        If the decoder does not read epochs, an option of ``data`` does not apply, a recording does not fit the decoder,
        or a label has no window.
    """
    spec = recipe.decoder
    data, _, _ = recipe.trainable()
    if spec.pacing != "trial" or data.start_s or data.stop_s is not None:
        raise NeuroMotionError(
            "Preparation 'epochs' needs decoder.pacing 'trial', whose epoch_s says where the window lies; it has no "
            "data.start_s and data.stop_s."
        )
    recordings = [fitted(recording, spec) for session in sessions for recording in session.recordings]
    people = sorted({recording.subject for recording in recordings})
    found = [
        (index, start, spec.labels.index(trial.label), people.index(recording.subject))
        for index, recording in enumerate(recordings)
        for trial in recording.trials
        if trial.label in spec.labels and (start := epoch_start(trial, recording.samples.shape[1], spec)) is not None
    ]
    table = np.array(found, np.int64).reshape(-1, 4)
    if missing := [label for index, label in enumerate(spec.labels) if index not in table[:, 2]]:
        raise NeuroMotionError(f"No trial of {', '.join(missing)} is as long as the epoch from {spec.epoch_s} s.")
    return CutWindows(
        tuple(np.ascontiguousarray(recording.samples) for recording in recordings),
        table[:, :2],
        table[:, 2],
        table[:, 3],
        np.arange(len(table)),
        spec.window,
        session_adaptations(spec, sessions),
    )
