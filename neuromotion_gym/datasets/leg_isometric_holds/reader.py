"""Reader of the leg muscle set one channel at a time: the electrode of the muscle that each task is named after.

Of each isometric task (10 s, no onset) only that electrode is taken, at 1000 Hz (every other sample after an
anti-aliasing filter, forward and backward). The label is the muscle. Files, people, runs and unit are those of
`neuromotion_gym.datasets.leg_isometric_elderly.reader`, which also says that the published channel LG is no raw signal
but an envelope: by its spectrum alone it is told from the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import resample_poly

from neuromotion_gym.datasets.leg_isometric_elderly.reader import RATE_HZ as PUBLISHED_HZ
from neuromotion_gym.datasets.leg_isometric_elderly.reader import read_contractions
from neuromotion_gym.signals.joined import joined
from neuromotion_gym.signals.recording import SignalSpec

if TYPE_CHECKING:
    import os

    from neuromotion_gym.signals.recording import Recording

DATASET = "leg_isometric_holds"
DOWN = 2
SPEC = SignalSpec("emg", ("muscle",), PUBLISHED_HZ / DOWN, "µV")


def read_holds(person: str, run: str, *, root: str | os.PathLike[str] | None = None) -> Recording:
    """Four trials of one channel, one for each task: the electrode of the task's own muscle.

    Parameters
    ----------
    person, run, root
        See `neuromotion_gym.datasets.leg_isometric_elderly.reader.read_contractions`.
    """
    whole = read_contractions(person, run, root=root)
    stretches, labels = [], []
    for trial, samples in whole.trial_samples():
        own = samples[whole.spec.channels.index(trial.label)].astype(np.float64)
        stretches.append(resample_poly(own, 1, DOWN, padtype="line")[None])
        labels.append(trial.label)
    found = joined(stretches, labels, SPEC, dataset=DATASET, subject=person, session=run)
    return replace(found, run=whole.run)
