"""One window of each labelled trial, where the decoder reads it in use: ``data.preparation: epochs``.

For decoders with ``pacing: trial``. The window is ``decoder.epoch_s``, both ends included: from 1.0 to 4.1 s at 160 Hz
are 497 samples. Trials that end before the last of them are left out; a single missing sample is taken from what
follows the trial, or the window begins one sample earlier where the recording ends.
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
    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Session, Trial


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


def epoch_start(trial: Trial, length: int, spec: DecoderSpec) -> int | None:
    """First sample of the epoch of a trial in a recording of ``length`` samples; None if the trial ends before it does.

    An epoch may be one sample longer than its trial, and so reach past the end of the recording.
    """
    assert spec.epoch_s is not None
    start = trial.start + round(spec.epoch_s[0] * spec.rate_hz)
    first = min(start, length - spec.window)
    return first if first >= 0 and start + spec.window <= trial.stop + 1 else None
