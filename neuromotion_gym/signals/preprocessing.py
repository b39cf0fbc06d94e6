"""Ocular regression and causal filters, which are applied to recordings before they are played.

Every operation on played samples is causal; fitted parameters come from calibration runs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.errors import NeuroMotionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.signals.recording import Recording

OCULAR_BAND_HZ = (0.3, 8.0)


def fit_ocular(
    calibration: Sequence[Recording],
    channels: Sequence[str],
    band_hz: tuple[float, float] = OCULAR_BAND_HZ,
) -> np.ndarray:
    """Matrix that applies the average reference and then regresses the ocular channels out of all channels.

    Every channel is regressed on the ocular ones in ``band_hz`` of the calibration run, as
    `mne.preprocessing.EOGRegression` does, following Gratton, Coles and Donchin (Electroencephalogr. Clin.
    Neurophysiol. 55:468-484, 1983). The filter is zero-phase: the calibration run is complete before the fit.
    Both steps are linear and instantaneous, so one matrix does both, causally: ``recording.transformed(matrix)``.
    Afterwards the rank is that of the recording minus one, minus the number of ocular channels; the ocular
    channels themselves are zero except for rounding errors.

    Parameters
    ----------
    calibration : sequence of Recording
        Calibration runs of one person, all with the same spec; labels are not used.
    channels : sequence of str
        Ocular channels.
    band_hz : (float, float)
        Band of eye movements.

    Returns
    -------
    float64 array, shape (channels, channels)

    Raises
    ------
    NeuroMotionError
        If there is no calibration run, an ocular channel is missing, or the ocular channels are not independent.
    """
    if not calibration:
        raise NeuroMotionError("Ocular regression is fitted to a calibration run, and there is none.")
    spec = calibration[0].spec
    missing = [name for name in channels if name not in spec.channels]
    if missing:
        raise NeuroMotionError(
            f"Ocular regression needs channels {', '.join(channels)}; {calibration[0].name} lacks {', '.join(missing)}."
        )
    count = len(spec.channels)
    reference = np.eye(count) - 1.0 / count
    picks = [spec.channels.index(name) for name in channels]
    cross = np.zeros((count, count))
    for recording in calibration:
        if recording.spec != spec:
            raise NeuroMotionError(f"Calibration runs differ in channels, rate or unit: {recording.name} has its own.")
        slow = _zero_phase(reference @ recording.samples.astype(np.float64), spec.rate_hz, band_hz)
        if recording.bad_spans:
            slow = slow[:, recording.good_samples()]
        slow -= slow.mean(axis=1, keepdims=True)
        cross += slow @ slow.T
    ocular = cross[np.ix_(picks, picks)]
    if np.linalg.matrix_rank(ocular, hermitian=True) < len(picks):
        raise NeuroMotionError(f"Channels {', '.join(channels)} of {calibration[0].name} are not independent.")
    weights = np.linalg.solve(ocular, cross[picks]).T
    matrix = reference - weights @ reference[picks]
    return np.asarray(matrix)


def causal_bandpass(
    samples: np.ndarray, rate_hz: float, band_hz: tuple[float, float], order: int = 4, state: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Causal Butterworth band-pass; long signals can be filtered in several calls.

    Parameters
    ----------
    samples : float array, shape (..., samples)
    rate_hz : float
        Sampling rate.
    band_hz : (float, float)
        Lower and upper edge (-3 dB).
    order : int
        Order of the filter at each edge.
    state : float array, shape (sections, ..., 2), optional
        The state that the previous call returned. Without it the filter starts as if all earlier samples had been
        equal to the first one.

    Returns
    -------
    filtered : float64 array, shape (..., samples)
    state : float64 array, shape (sections, ..., 2)
    """
    from scipy.signal import sosfilt

    low, high = band_hz
    sections, settled = _sections(rate_hz, (low, high), order)
    if state is None:
        state = settled.reshape(len(sections), *(1,) * (samples.ndim - 1), 2) * samples[..., :1]
    filtered, state = sosfilt(sections, samples, axis=-1, zi=state)
    return filtered, state


@cache  # to design a filter takes longer than to filter a few seconds
def _sections(rate_hz: float, band_hz: tuple[float, float], order: int) -> tuple[np.ndarray, np.ndarray]:
    """Second-order sections of a Butterworth band-pass, and their state after a long signal of ones."""
    from scipy.signal import butter, sosfilt_zi

    low, high = band_hz
    if not 0 < low < high < rate_hz / 2:
        raise NeuroMotionError(
            f"Band {low:g} to {high:g} Hz has to lie between 0 and half the sampling rate of {rate_hz:g} Hz."
        )
    sections = np.asarray(butter(order, band_hz, "bandpass", fs=rate_hz, output="sos"))
    return sections, np.asarray(sosfilt_zi(sections))


def _zero_phase(samples: np.ndarray, rate_hz: float, band_hz: tuple[float, float]) -> np.ndarray:
    """Band-pass filter run forward and backward; for fitting only."""
    from scipy.signal import sosfiltfilt

    low, high = band_hz
    return np.asarray(sosfiltfilt(_sections(rate_hz, (low, high), 2)[0], samples, axis=1))
