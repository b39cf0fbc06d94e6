"""Where a person's movements end: one posture a label, from labelled recordings with continuous targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording


def end_postures(recordings: Sequence[Recording], labels: Sequence[str], targets: Sequence[str]) -> np.ndarray:
    """Mean of the targets over the second half of all trials of a label.

    Parameters
    ----------
    recordings : sequence of Recording
        Of one person; in a loop the calibration run, which is never played.
    labels : sequence of str
    targets : sequence of str

    Returns
    -------
    float array, shape (labels, targets)

    Raises
    ------
    NeuroMotionError
        If a recording lacks a target, or there is no trial of a label.
    """
    ends: dict[str, list[np.ndarray]] = {label: [] for label in labels}
    for recording in recordings:
        known = () if recording.targets is None else recording.targets.names
        if lacking := [name for name in targets if name not in known]:
            raise NeuroMotionError(
                f"{recording.name} has no target {', '.join(lacking)} (it has {', '.join(known) or 'none'}): it does "
                "not tell where the movements of this person end."
            )
        assert recording.targets is not None
        values = recording.targets.values[[known.index(name) for name in targets]]
        for trial in recording.trials:
            if trial.label in ends:
                middle = (trial.start + trial.stop) // 2
                ends[trial.label].append(values[:, middle : trial.stop].mean(axis=1, dtype=np.float64))
    if missing := [label for label, found in ends.items() if not found]:
        whose = recordings[0].name if recordings else "The calibration run, which is missing,"
        raise NeuroMotionError(f"{whose} has no trial of {', '.join(missing)}: where these movements end is not known.")
    return np.array([np.mean(ends[label], axis=0) for label in labels])
