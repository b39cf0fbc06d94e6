"""Adaptation of kind "running": Euclidean alignment that goes on with the run, and the balance of the two sides.

The covariance of the calibration run counts as `CALIBRATION_S` seconds. Every window that follows adds the covariance
of its new samples, so that the alignment belongs to the whole of the run so far. In the same way goes on the mean by
which the decoder prefers a label of one side to its twin on the other side (``right_fist`` to ``left_fist``), over all
windows, rest too: a preference that lasts is no intent, and is subtracted. No label is read, and nothing depends on
when somebody was asked for what.

Sources: He and Wu, IEEE Trans Biomed Eng 67:399-410 (2020), alignment; Satti et al., J Neural Eng 7:066009 (2010) and
Vidaurre et al., IEEE Trans Biomed Eng 58:587-597 (2011), bias and mean that follow the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neuromotion_gym.decoders.alignment import inverse_square_root, run_covariance
from neuromotion_gym.decoders.unlabelled import unlabelled_windows
from neuromotion_gym.signals.labels import mirrored_labels
from neuromotion_gym.signals.preprocessing import causal_bandpass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuromotion_gym.decoders.decoder import Decoder
    from neuromotion_gym.signals.recording import Recording

CALIBRATION_S = 60.0
"""Seconds of the run for which the calibration run counts."""
PERIOD_S = 4.0
"""Seconds of windows that are added at once."""
LEAST = 1e-6
"""Probability below which a label counts as this, so that no single window decides the mean."""


class Run:
    """What is known of one run: the mean covariance, and by how much each label is preferred to its twin.

    Parameters
    ----------
    decoder : Decoder
    calibration : sequence of Recording

    Raises
    ------
    NeuroMotionError
        If the calibration run is missing, too short, or does not fit the decoder.
    """

    def __init__(self, decoder: Decoder, calibration: Sequence[Recording]) -> None:
        self._decoder, self._twins = decoder, mirrored_labels(decoder.spec.labels)
        self._covariance = run_covariance(calibration, decoder.spec)
        self._preference: np.ndarray = np.zeros(len(self._twins))
        self._seconds = CALIBRATION_S
        windows = unlabelled_windows(calibration, decoder.spec)
        if len(windows):
            self._preference = self._preferred(windows)

    @property
    def values(self) -> np.ndarray:
        """The adaptation, float32 of shape (channels + 1, channels)."""
        shrinkage = self._decoder.spec.adaptation.shrinkage
        found = np.zeros((len(self._covariance) + 1, len(self._covariance)), np.float32)
        found[:-1] = inverse_square_root(self._covariance, shrinkage)
        found[-1, : len(self._twins)] = -0.5 * self._preference
        return found

    def copy(self) -> Run:
        """The same state, which goes on apart."""
        other = object.__new__(Run)
        other.__dict__.update(self.__dict__)  # arrays are replaced, never changed
        return other

    def add(self, windows: np.ndarray) -> None:
        """Go on with successive windows, shape (n, channels, samples), a hop apart."""
        spec = self._decoder.spec
        assert spec.adaptation.band_hz is not None
        hop = max(1, round(spec.hop_s * spec.rate_hz))
        later = windows[1:, :, -hop:].transpose(1, 0, 2).reshape(windows.shape[1], -1)
        joined = np.concatenate([windows[0], later], axis=1).astype(np.float64)
        new = causal_bandpass(joined, spec.rate_hz, spec.adaptation.band_hz)[0][:, -hop * len(windows) :]
        seconds = spec.hop_s * len(windows)
        share = seconds / (self._seconds + seconds)
        preference = self._preferred(windows)  # as the alignment was when they were decoded
        self._covariance = (1 - share) * self._covariance + share * (new @ new.T / new.shape[1])
        self._preference = (1 - share) * self._preference + share * preference
        self._seconds += seconds

    def _preferred(self, windows: np.ndarray) -> np.ndarray:
        """Mean logarithm of how much more probable each label is than its twin; 0 for a label without one."""
        values = self.values
        values[-1] = 0
        posterior = self._decoder.decode(windows, np.broadcast_to(values, (len(windows), *values.shape)))[0]
        logarithm = np.log(np.maximum(posterior, LEAST, dtype=np.float64))
        return np.asarray((logarithm - logarithm[:, self._twins]).mean(axis=0))
