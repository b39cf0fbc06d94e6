"""`write_mat`: a run epoch by epoch as a file of MATLAB, version 5, which GNU Octave reads too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromotion_gym.files import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from neuromotion_gym.benchmark.epoch_run import EpochRun


def write_mat(path: str | os.PathLike[str], run: EpochRun) -> None:
    """Write a run. Labels and epochs are counted from 1, as MATLAB does.

    ==================  ==========================================================================================
    variable            content
    ==================  ==========================================================================================
    ``epochs``          samples, (n, channels, samples), single
    ``channels``        names, cell; ``rate_hz``, ``unit``: of the samples
    ``labels``          names, cell; ``true_label``, ``decoded_label``: numbers of labels, (n, 1)
    ``posterior``       probability of each label, (n, labels)
    ``time_s``          time of each step of the limbs, (steps, 1); ``epoch_of_step``: the epoch that moves them
    ``joints``          names, cell
    ``decoded_joints``  positions in rad (m where a joint slides) of the limb that the decoder drives, (steps, joints)
    ``true_joints``     the same of the limb that the true labels drive
    ``subject``         the person
    ==================  ==========================================================================================
    """
    from scipy.io import savemat

    content: dict[str, Any] = {
        "epochs": run.epochs,
        "channels": _cell(run.channels),
        "rate_hz": run.rate_hz,
        "unit": run.unit,
        "labels": _cell(run.labels),
        "true_label": (run.truth + 1).astype(float),
        "decoded_label": (run.decoded + 1).astype(float),
        "posterior": run.posterior.astype(float),
        "time_s": run.time_s,
        "epoch_of_step": (run.epoch_of_step + 1).astype(float),
        "joints": _cell(run.joints),
        "decoded_joints": run.positions[0],
        "true_joints": run.positions[1],
        "subject": run.subject,
    }
    with replacing(path) as temporary:
        savemat(str(temporary), content, appendmat=False, format="5", do_compression=True, oned_as="column")


def _cell(names: Sequence[str]) -> np.ndarray:
    """A column of texts as `scipy.io.savemat` writes cells."""
    cell = np.empty((len(names), 1), dtype=object)
    cell[:, 0] = names
    return cell
