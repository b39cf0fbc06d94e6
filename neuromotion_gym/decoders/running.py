"""Adaptation of kind "running": Euclidean alignment that goes on with the run.

The covariance of the calibration run counts as `CALIBRATION_S` seconds. Every window that follows adds the covariance
of its new samples, rest too, so that the alignment belongs to the whole of the run so far. No label is read, and
nothing depends on when somebody was asked for what.

Sources: He and Wu, IEEE Trans Biomed Eng 67:399-410 (2020), alignment; Satti et al., J Neural Eng 7:066009 (2010),
statistics that follow the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.decoders.alignment import inverse_square_root, run_covariance
from neuromotion_gym.signals.preprocessing import causal_bandpass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.spec import DecoderSpec
    from neuromotion_gym.signals.recording import Recording

CALIBRATION_S = 60.0
"""Seconds of the run for which the calibration run counts."""
PERIOD_S = 4.0
"""Seconds of windows that are added at once."""


class Run:
    """What is known of one run: its mean covariance.

    Parameters
    ----------
    spec : DecoderSpec
    calibration : sequence of Recording

    Raises
    ------
    NeuroMotionError
        If the calibration run is missing, too short, or does not fit the decoder.
    """

    def __init__(self, spec: DecoderSpec, calibration: Sequence[Recording]) -> None:
        self._spec = spec
        self._covariance = run_covariance(calibration, spec)
        self._seconds = CALIBRATION_S

    @property
    def values(self) -> np.ndarray:
        """The adaptation, float32 of shape (channels, channels)."""
        return inverse_square_root(self._covariance, self._spec.adaptation.shrinkage).astype(np.float32)

    def copy(self) -> Run:
        """The same state, which goes on apart."""
        other = object.__new__(Run)
        other.__dict__.update(self.__dict__)  # arrays are replaced, never changed
        return other

    def add(self, windows: np.ndarray) -> None:
        """Go on with successive windows, shape (n, channels, samples), a hop apart."""
        spec = self._spec
        assert spec.adaptation.band_hz is not None
        hop = max(1, round(spec.hop_s * spec.rate_hz))
        later = windows[1:, :, -hop:].transpose(1, 0, 2).reshape(windows.shape[1], -1)
        joined = np.concatenate([windows[0], later], axis=1).astype(np.float64)
        new = causal_bandpass(joined, spec.rate_hz, spec.adaptation.band_hz)[0][:, -hop * len(windows) :]
        seconds = spec.hop_s * len(windows)
        share = seconds / (self._seconds + seconds)
        self._covariance = (1 - share) * self._covariance + share * (new @ new.T / new.shape[1])
        self._seconds += seconds
