"""Euclidean alignment: makes the signals of different people comparable, from an unlabelled calibration run.

He and Wu, IEEE Trans Biomed Eng 67:399-410 (2020): the samples of each person are multiplied by the inverse square
root of that person's mean covariance, so that the mean covariance of every person becomes the identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError
from neuromotion_gym.signals.fitting import fitted
from neuromotion_gym.signals.preprocessing import causal_bandpass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

SETTLING_S = 1.0
"""Seconds left out at the start of each recording, while the filter settles."""


def euclidean_alignment(calibration: Sequence[Recording], spec: DecoderSpec) -> np.ndarray:
    """Alignment matrix of one person; aligned windows are ``matrix @ window``.

    Parameters
    ----------
    calibration : sequence of Recording
        Recordings of the calibration run; labels are not used.
    spec : DecoderSpec
        Samples are first filtered with a causal band-pass of ``adaptation.band_hz``. ``adaptation.shrinkage`` is the
        share of the identity (times the mean variance of the channels) in the covariance: without it, directions that
        have no variance after the average reference or the ocular regression would be amplified.

    Returns
    -------
    float32 array, shape (channels, channels)

    Raises
    ------
    NeuroMotionError
        If there is no calibration run, or if it is too short or does not fit the decoder.
    """
    return inverse_square_root(run_covariance(calibration, spec), spec.adaptation.shrinkage).astype(np.float32)


def run_covariance(calibration: Sequence[Recording], spec: DecoderSpec) -> np.ndarray:
    """Mean covariance of a calibration run in ``adaptation.band_hz``, float64 of shape (channels, channels).

    Raises
    ------
    NeuroMotionError
        If there is no calibration run, or if it is too short or does not fit the decoder.
    """
    assert spec.adaptation.band_hz is not None
    channels = len(spec.channels)
    covariance, count = np.zeros((channels, channels)), 0
    for recording in calibration:
        samples = fitted(recording, spec).samples.astype(np.float64)
        filtered, _ = causal_bandpass(samples, spec.rate_hz, spec.adaptation.band_hz)
        first = round(SETTLING_S * spec.rate_hz)
        settled = filtered[:, first:]
        if recording.bad_spans:
            settled = settled[:, recording.good_samples()[first:]]
        covariance += settled @ settled.T
        count += settled.shape[1]
    if count < 2 * channels:
        raise NeuroMotionError(
            f"Alignment of {spec.name!r} needs a calibration run of more than {2 * channels} samples; it has {count}."
        )
    return covariance / count


def inverse_square_root(covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    """Inverse square root of ``(1 - shrinkage) * covariance + shrinkage * mean variance * identity``.

    Parameters
    ----------
    covariance : float array, shape (channels, channels)
    shrinkage : float
        0 to 1; has to be above 0 if the covariance is singular.

    Raises
    ------
    NeuroMotionError
        If the covariance is zero, or singular with a shrinkage of 0.
    """
    variance = np.trace(covariance) / len(covariance)
    shrunk = (1 - shrinkage) * covariance + shrinkage * variance * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(shrunk)
    if not values[0] > 1e-12 * variance:
        raise NeuroMotionError(
            "The covariance of the calibration run is singular; adaptation.shrinkage has to be above 0."
        )
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)
